"""What mail programs in the field do to a server, each by its name, and what keeps them content.

The list of them, and where else their tests are:

 1  IDLE with more behind it     ios_18_*, ios_starts_*
 2  LIST with SPECIAL-USE        apple_list_*, apple_pipelines_*, iphone_*
 3  Apple Mail's empty INBOX     apple_searches_*, apple_is_told_*, apple_copies_*, apple_moves_*, ios_26_*
 4  Outlook and UIDONLY          outlook_finds_*, who_says_*; test_imap_hidden
 5  Dovecot's workarounds        thunderbird_ends_*, _reads_flags_*, outlook_express_*, nothing_that_*;
                                 test_pop3: a_nul_in_the_store_never_leaves
 6  many connections             thunderbird_opens_*, a_device_too_many_*; test_imap_attacks: rule_22
 7  INBOX                        roundcube_*, fairemail_*
 8  special folders              special_folders_*, apple_pipelines_*
 9  imapsync, K-9                imapsync_*, k9_*
10  huge sets                    a_set_of_sixty_thousand_octets*
11  ID, STATUS (APPENDLIMIT)     id_before_select_*, macos_*
12  names                        outlook_is_broken_*, ampersands_*
"""
import re

import pytest
from imap import Imap
from office import until

LETTER = b"From: a@far.test\r\nSubject: quirk\r\nMessage-ID: <q@far.test>\r\n\r\nbody\r\n"


@pytest.fixture
def box(office):
    with Imap(office.new_user()) as box:
        box.ok("SELECT INBOX")
        yield box


def folders(lines):
    return [re.search(r'"/" "?(.*?)"?$', line)[1] for line in lines if line.startswith("* LIST")]


def test_ios_18_sends_done_with_idle(box):
    box.send("a IDLE\r\nDONE\r\n")
    assert box.answer().startswith(b"+")
    assert box.tagged("a")[0].startswith("OK")


def test_ios_18_sends_done_in_pieces(box):
    box.send("a IDLE\r\n")
    assert box.answer().startswith(b"+")
    for piece in ("D", "o", "NE", "\r", "\n"):
        box.send(piece)
    assert box.tagged("a")[0].startswith("OK")
    assert box.ok("NOOP") == []


def test_ios_starts_a_command_instead_of_done(box):
    box.send("a IDLE\r\nb STATUS INBOX (MESSAGES)\r\nc IDLE\r\nd NOOP\r\n")
    assert box.answer().startswith(b"+")
    assert box.tagged("a")[0].startswith("OK")
    assert box.tagged("b")[1] == [b'* STATUS "INBOX" (MESSAGES 0)']
    assert box.answer().startswith(b"+")
    assert box.tagged("c")[0].startswith("OK") and box.tagged("d")[0].startswith("OK")


def test_apple_list_line_comes_before_its_status(box):
    lines = box.ok('LIST "" "*" RETURN (SPECIAL-USE STATUS (UNSEEN))')
    for first, second in zip(lines[::2], lines[1::2]):
        name = folders([first])[0]
        assert re.match(rf'\* STATUS "?{name}"? \(UNSEEN 0\)', second), (first, second)


def test_iphone_expects_special_uses_in_a_plain_list(box):
    lines = "\n".join(box.ok('LIST "" "*"'))
    for use in ("\\Sent", "\\Drafts", "\\Junk", "\\Trash", "\\Archive"):
        assert use in lines


def test_apple_pipelines_namespace_and_list(box):
    box.send('a NAMESPACE\r\nb LIST "" "*" RETURN (SPECIAL-USE)\r\nc SELECT INBOX (CONDSTORE)\r\n')
    assert box.tagged("a")[1] == [b'* NAMESPACE (("" "/")) NIL NIL']
    assert len(box.tagged("b")[1]) >= 6
    assert "READ-WRITE" in box.tagged("c")[0]


def test_apple_searches_by_uid_with_return(box):
    assert " ESEARCH " in box.ok("CAPABILITY")[0]
    assert box.ok("UID SEARCH RETURN (ALL) 1:*") == [f'* ESEARCH (TAG "t{box.count}") UID']
    box.append(LETTER)
    assert box.ok("UID SEARCH RETURN (ALL) 1:*")[-1] == f'* ESEARCH (TAG "t{box.count}") UID ALL 1'


def test_apple_is_told_the_same_capabilities_everywhere(office):
    """Whatever moment it asks in, and what it is told is there."""
    user = office.new_user()
    with Imap(user, login=False) as box:
        greeted = box.greeting.partition("[CAPABILITY ")[2].partition("]")[0]
        assert box.ok("CAPABILITY") == ["* CAPABILITY " + greeted]
        box.ok(f'LOGIN {user.address} "{user.password}"')
        logged_in = box.result.partition("[CAPABILITY ")[2].partition("]")[0]
        assert box.ok("CAPABILITY") == ["* CAPABILITY " + logged_in]
        box.ok("SELECT INBOX")
        assert box.ok("CAPABILITY") == ["* CAPABILITY " + logged_in]


def test_apple_searches_in_one_breath(box):
    """Each answer names the command that it is for."""
    for _ in range(3):
        box.append(LETTER)
    box.ok("STORE 2 +FLAGS (\\Deleted)")
    box.send("a UID SEARCH RETURN (ALL) 1:*\r\nb UID SEARCH RETURN (ALL) UNDELETED\r\n"
             "c UID SEARCH RETURN (COUNT) 4:*\r\nd UID SEARCH UNDELETED\r\n"
             "e UID SEARCH RETURN (ALL) UID 4711\r\n")
    assert box.tagged("a")[1] == [b'* ESEARCH (TAG "a") UID ALL 1:3']
    assert box.tagged("b")[1] == [b'* ESEARCH (TAG "b") UID ALL 1,3']
    assert box.tagged("c")[1] == [b'* ESEARCH (TAG "c") UID COUNT 1']  # the last is in "4:*"
    assert box.tagged("d")[1] == [b"* SEARCH 1 3"]
    assert box.tagged("e")[1] == [b'* ESEARCH (TAG "e") UID']


def test_apple_copies_what_is_there_already(box):
    """Told the UID each time; without it macOS tries again for ever."""
    box.append(LETTER)
    for there in (1, 2):
        box.ok("UID COPY 1 Trash")
        assert re.match(rf"OK \[COPYUID \d+ 1 {there}\]", box.result)
    moved = box.ok("UID MOVE 1 Trash")
    assert re.match(r"\* OK \[COPYUID \d+ 1 3\]", moved[0]) and moved[1] == "* 1 EXPUNGE"
    assert box.ok("UID MOVE 1 Trash") == [] and box.result.startswith("OK")
    assert "MESSAGES 0" in box.ok("STATUS INBOX (MESSAGES)")[0]


def test_apple_copies_into_the_mailbox_itself(box):
    box.append(LETTER)
    assert box.ok("UID COPY 1 INBOX") == ["* 2 EXISTS"]
    assert re.match(r"OK \[COPYUID \d+ 1 2\]", box.result)
    lines = box.ok("UID MOVE 1 INBOX")
    assert re.match(r"\* OK \[COPYUID \d+ 1 3\]", lines[0])
    assert sorted(lines[1:]) == ["* 1 EXPUNGE", "* 3 EXISTS"]
    assert box.ok("UID SEARCH ALL") == ["* SEARCH 2 3"]


@pytest.mark.parametrize("command", ["COPY", "MOVE"])
def test_apple_moves_uids_that_are_gone(box, command):
    assert box.ok(f"UID {command} 4711 Trash") == []
    box.append(LETTER)
    box.append(LETTER, "Trash")
    box.ok(f"UID {command} 1,4711 Trash")
    said = box.result + " ".join(box.ok("NOOP")) if command == "COPY" else "COPYUID"
    assert "COPYUID" in said
    assert "MESSAGES 2" in box.ok("STATUS Trash (MESSAGES)")[0]


def test_ios_26_authenticates_without_initial_response(office):
    import base64
    user = office.new_user()
    with Imap(user, login=False) as box:
        box.send("a AUTHENTICATE PLAIN\r\n")
        assert box.answer() in (b"+ ", b"+")
        box.send(base64.b64encode(f"\0{user.address}\0{user.password}".encode()) + b"\r\n")
        result, _ = box.tagged("a")
        assert result.startswith("OK [CAPABILITY ")
        box.ok("SELECT INBOX")


def test_who_says_it_is_outlook_is_offered_the_same(box):
    before = box.ok("CAPABILITY")
    box.ok('ID ("name" "Microsoft Office 365" "vendor" "Microsoft")')
    assert box.ok("CAPABILITY") == before


def test_outlook_finds_uidonly_neither_offered_nor_enabled(box):
    assert "UIDONLY" not in box.ok("CAPABILITY")[0]
    assert box.ok("ENABLE UIDONLY") == ["* ENABLED"]
    box.append(LETTER)
    assert box.ok("FETCH 1 UID") == ["* 1 FETCH (UID 1)"]


def test_thunderbird_ends_names_with_the_separator(box):
    box.ok("CREATE Projects/")
    assert "Projects" in folders(box.ok('LIST "" "Projects/"'))
    box.ok("SUBSCRIBE Projects/")
    box.ok("SELECT Projects/")
    box.ok("STATUS Projects/ (MESSAGES)")
    box.ok("EXAMINE Projects/")


def test_thunderbird_ends_names_with_the_separator_in_every_command(box):
    box.ok("CREATE Projects/")
    box.ok("UNSUBSCRIBE Projects/")
    assert box.ok('LSUB "" Projects/') == []
    box.ok("SUBSCRIBE Projects/")
    assert box.ok('LSUB "" Projects/') == ['* LSUB () "/" "Projects"']
    box.append(LETTER, "Projects/")
    box.append(LETTER)
    box.ok("NOOP")
    box.ok("COPY 1 Projects/")
    box.ok("MOVE 1 Projects/")
    assert "MESSAGES 3" in box.ok("STATUS Projects/ (MESSAGES)")[0]
    assert box.ok("GETQUOTAROOT Projects/")[0] == '* QUOTAROOT "Projects"'
    box.ok("RENAME Projects/ Plans/")
    assert folders(box.ok('LIST "" P*')) == ["Plans"]
    box.ok("DELETE Plans/")
    assert folders(box.ok('LIST "" P*')) == []


def test_thunderbird_reads_flags_in_lsub(box):
    box.ok("CREATE Work/Lists")
    box.ok("SUBSCRIBE Work/Lists")
    box.ok("UNSUBSCRIBE Work")
    box.ok("DELETE Work")
    answers = [line for line in box.ok('LSUB "" %') if "Work" in line]
    assert answers == ['* LSUB (\\Noselect) "/" "Work"']
    answers = [line for line in box.ok('LSUB "" *') if "Work" in line]
    assert answers == ['* LSUB () "/" "Work/Lists"']
    box.no("SELECT Work")


def test_outlook_express_loses_no_message_while_it_reads(office):
    """It says that a message is not there any more where numbers change, or mail is announced, in the
    middle: numbers stay until NOOP, and EXISTS comes behind what was asked for."""
    user = office.new_user()
    with Imap(user) as box, Imap(user) as other:
        for one in (box, other):
            one.ok("SELECT INBOX")
        for _ in range(3):
            other.append(LETTER)
        for command in ("NOOP", "CHECK"):
            assert box.ok(command) == (["* 3 EXISTS"] if command == "NOOP" else [])
        other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
        other.ok("EXPUNGE")
        other.append(LETTER)
        lines = box.ok("FETCH 2:3 (UID BODY.PEEK[TEXT])")
        assert [re.match(r"\* (\d) FETCH \(UID (\d)", line).groups() for line in lines[:2]] == [
            ("2", "2"), ("3", "3")]
        assert lines[2:] == ["* 4 EXISTS"], "the one that went is counted still"
        assert box.ok("STORE 4 +FLAGS.SILENT (\\Seen)") == []
        assert box.ok("CHECK") == ["* 1 EXPUNGE"]
        assert box.ok("FETCH 1:* UID") == [f"* {n} FETCH (UID {n + 1})" for n in (1, 2, 3)]


def test_nothing_that_is_shown_holds_a_nul(box):
    """Not even where a letter spells it."""
    box.append(b"Subject: =?utf-8?q?a=00b?= =?utf-8?b?AAA=?=\r\nFrom: =?utf-8?q?=00?= <a@far.test>\r\n"
               b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8; name*=utf-8''%00x\r\n"
               b"Content-Transfer-Encoding: quoted-printable\r\n\r\nzero=00zero\r\n")
    box.append(b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<p>a&#0;b&#x0;c\r\n")
    answers = box.ok("FETCH 1:2 (ENVELOPE BODY BODYSTRUCTURE PREVIEW BODY.PEEK[])")
    assert len(answers) == 2 and not [line for line in answers if "\0" in line]
    assert "BINARY[1] ~{" in box.ok("FETCH 1 BINARY.PEEK[1]")[0], "which says that there may be one"


def test_outlook_express_sees_no_nul_and_the_end_of_the_header(office):
    user = office.new_user()
    with Imap(user) as box:
        box.send(b"a APPEND INBOX ~{3+}\r\na\0b\r\n")
        assert box.tagged("a")[0].startswith("NO ")
        for letter in (b"Subject: one\r\n", b"Subject: two", b"Subject: three\r\n\r\n"):
            box.append(letter)
    box = user.pop3()
    assert [box.top(number, 0)[1] for number in (1, 2, 3)] == [
        [b"Subject: one", b""], [b"Subject: two", b""], [b"Subject: three", b""]]
    assert box.retr(1)[1] == [b"Subject: one"]  # the octets that LIST counts
    box.quit()


def test_thunderbird_opens_many_connections(office):
    user = office.new_user()
    boxes = [Imap(user) for _ in range(20)]
    for box in boxes:
        box.ok("SELECT INBOX")
    boxes[0].append(LETTER)
    for box in boxes:
        assert box.ok("NOOP") in (["* 1 EXISTS"], [])
        assert box.ok("SEARCH ALL") == ["* SEARCH 1"]
        box.__exit__()


def test_a_device_too_many_is_told_so_and_not_that_its_password_is_wrong(make_office):
    office = make_office(config="connections-max = 10")
    user = office.new_user()
    boxes = [Imap(user) for _ in range(10)]
    with office.wire(143) as wire:
        assert wire.greeting.startswith("* BYE [UNAVAILABLE] ") and wire.closed(), wire.greeting
    boxes.pop().__exit__()
    until(lambda: admitted(user))
    for box in boxes:
        assert box.ok("NOOP") == []
        box.__exit__()


def admitted(user):
    with user.office.wire(143) as wire:
        return wire.greeting.startswith("* OK ")


def test_thunderbird_lists_subscribed_with_special_uses(box):
    lines = box.ok('list (subscribed) "" "*" return (special-use)')
    assert any("\\Subscribed" in line and "\\Trash" in line for line in lines)


def test_roundcube_wants_inbox_in_capitals(box):
    for pattern in ("*", "%", "inbox", "InBox", "INBOX"):
        assert "INBOX" in folders(box.ok(f'LIST "" {pattern}'))
    assert all(name == "INBOX" for name in folders(box.ok('LIST "" *'))
               if name.upper() == "INBOX")
    box.ok("SELECT iNbOx")
    box.no("CREATE inbox")


def test_fairemail_wants_inbox_in_capitals_whatever_it_says(box):
    box.ok("UNSUBSCRIBE INBOX")
    assert "INBOX" not in folders(box.ok('LIST (SUBSCRIBED) "" *'))
    box.ok("SUBSCRIBE Inbox")
    assert '* LSUB () "/" "INBOX"' in box.ok('LSUB "" *')
    assert "INBOX" in folders(box.ok('LIST (SUBSCRIBED) "" *'))
    assert box.ok("STATUS inBOX (MESSAGES)") == ['* STATUS "INBOX" (MESSAGES 0)']
    box.ok("CREATE inbox/Lists")
    assert folders(box.ok('LIST "" iNBox/*')) == folders(box.ok('LIST inbox/ %')) == ["INBOX/Lists"]
    box.no("RENAME Archive InBox")
    box.no("DELETE inbox")


def test_special_folders_have_names_that_clients_translate(box):
    assert {"Sent", "Drafts", "Junk", "Trash", "Archive"} <= set(folders(box.ok('LIST "" *')))


def test_imapsync_creates_below_what_is_not_there(box):
    box.ok("CREATE INBOX/Lists/Debian")
    box.ok("CREATE New/Deep/Deeper")
    names = folders(box.ok('LIST "" *'))
    assert "INBOX/Lists/Debian" in names and "New/Deep" in names and "New/Deep/Deeper" in names
    box.ok("APPEND New/Deep/Deeper {}", LETTER)


def test_k9_expunges_only_what_it_moved(box):
    for _ in range(3):
        box.append(LETTER)
    box.ok("STORE 1,3 +FLAGS (\\Deleted)")
    box.ok("UID EXPUNGE 3")
    assert box.ok("UID SEARCH ALL") == ["* SEARCH 1 2"]


def test_k9_moves_and_leaves_nothing_behind(box):
    for _ in range(2):
        box.append(LETTER)
    assert box.ok("UID MOVE 1 Archive")[-1] == "* 1 EXPUNGE"
    assert box.ok("UID SEARCH ALL") == ["* SEARCH 2"]
    box.ok("SELECT Archive")
    assert box.ok("FETCH 1 (FLAGS)") == ["* 1 FETCH (FLAGS ())"]


def test_a_set_of_sixty_thousand_octets(box):
    for _ in range(3):
        box.append(LETTER)
    uids = ",".join(str(uid) for uid in range(1, 22000, 2))
    assert 55_000 < len(uids) < 65_000
    assert box.ok(f"UID FETCH {uids} UID") == ["* 1 FETCH (UID 1)", "* 3 FETCH (UID 3)"]


@pytest.mark.parametrize("command, answer", [
    ("UID STORE {} +FLAGS.SILENT (\\Seen)", []), ("UID COPY {} Trash", []),
    ("UID SEARCH UID {}", ["* SEARCH 1 3"]), ("UID EXPUNGE {}", [])])
def test_a_set_of_sixty_thousand_octets_for_other_commands(box, command, answer):
    for _ in range(3):
        box.append(LETTER)
    box.ok("NOOP")
    assert box.ok(command.format(",".join(str(uid) for uid in range(1, 22000, 2)))) == answer


def test_macos_asks_for_the_appendlimit_of_all(box):
    """A NIL and it asks again for ever."""
    answers = [line for line in box.ok('LIST "" * RETURN (STATUS (APPENDLIMIT))')
               if line.startswith("* STATUS")]
    assert len(answers) == 6
    assert all(re.fullmatch(r'\* STATUS "\w+" \(APPENDLIMIT [1-9]\d*\)', line) for line in answers)


def test_id_before_select_and_appendlimit(office):
    with Imap(office.new_user()) as box:
        assert box.ok('ID ("name" "test" "version" NIL)')[0].startswith("* ID (")
        limit = int(re.search(r"APPENDLIMIT=(\d+)", box.ok("CAPABILITY")[0])[1])
        assert box.ok("STATUS INBOX (APPENDLIMIT)") == [f'* STATUS "INBOX" (APPENDLIMIT {limit})']


@pytest.mark.parametrize("name", ["", " ", "a ", " a", "a//b", "a/ /b", "/", "/a", "a\x7fb", "a\tb"])
def test_outlook_is_broken_by_such_names(box, name):
    before = folders(box.ok('LIST "" *'))
    assert not box.command(f'CREATE "{name}"')[0].startswith("OK")
    assert not box.command(f'RENAME Archive "{name}"')[0].startswith("OK")
    assert not box.command(f'RENAME "{name}" There')[0].startswith("OK")
    assert folders(box.ok('LIST "" *')) == before


def test_ampersands_in_names(box):
    box.ok('CREATE "Tom &- Jerry"')
    assert folders(box.ok('LIST "" Tom*')) == ["Tom &- Jerry"]
    box.ok("ENABLE UTF8=ACCEPT")
    assert folders(box.ok('LIST "" Tom*')) == ["Tom & Jerry"]
    box.ok('SELECT "Tom & Jerry"')


def test_ampersands_of_who_does_not_encode_them(box):
    box.ok('CREATE "Tom & Jerry"')
    assert folders(box.ok('LIST "" Tom*')) == ["Tom &- Jerry"]
    for name in ("Tom & Jerry", "Tom &- Jerry"):
        assert "ALREADYEXISTS" in box.no(f'CREATE "{name}"')
        box.ok(f'STATUS "{name}" (MESSAGES)')


def test_commands_in_any_case_and_flags_sent_back(box):
    box.append(LETTER, options="(\\Recent \\Seen) ")
    box.ok("store 1 flags (\\SEEN \\recent $Forwarded)")
    assert box.ok("fetch 1 (flags)") == ["* 1 FETCH (FLAGS (\\Seen $Forwarded))"]
