"""IMAP as a client sees it: commands, exact bytes, several sessions on one mailbox."""
import imaplib
import poplib
import re
import smtplib

import pytest
from imap import Imap
from office import OFFSET, unverified

PLAIN = (b"From: Anna <anna@far.test>\r\nTo: bob@example.test\r\nDate: Wed, 25 Nov 2026 10:00:00 +0100"
         b"\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@far.test>\r\n\r\nHello World\r\n")
MIXED = (b"From: a@far.test\r\nSubject: mixed\r\nMIME-Version: 1.0\r\n"
         b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
         b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable"
         b"\r\n\r\nGr=C3=BC=C3=9Fe\r\n--b\r\nContent-Type: application/octet-stream; name=x\r\n"
         b"Content-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n--b\r\n"
         b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninside\r\n--b--\r\n")


@pytest.fixture(scope="module")
def office(make_office):
    return make_office()


@pytest.fixture
def bob(office):
    return office.new_user()


@pytest.fixture
def box(bob):
    with Imap(bob) as box:
        yield box


def selected(user, mailbox="INBOX"):
    box = Imap(user)
    box.ok(f"SELECT {mailbox}")
    return box


# --- logging in

def test_the_clear_port_wants_tls_first(office, bob):
    with Imap(bob, 143, login=False) as box:
        assert "LOGINDISABLED" in box.greeting and "STARTTLS" in box.greeting
        assert "PRIVACYREQUIRED" in box.no(f"LOGIN {bob.address} x")
        box.ok("STARTTLS")
        box.wire.socket = unverified().wrap_socket(box.wire.socket)
        capabilities, = box.ok("CAPABILITY")
        assert "AUTH=SCRAM-SHA-256-PLUS" in capabilities and "STARTTLS" not in capabilities
        box.ok(f'LOGIN "{bob.address}" {{}}', bob.password.encode())


def test_this_machine_may_log_in_without_tls_where_the_operator_says_so(make_office):
    office = make_office(config="cleartext-login-from-loopback = true")
    anna = office.new_user()
    with Imap(anna, 143) as box:
        assert "LOGINDISABLED" not in box.greeting and "STARTTLS" in box.greeting
        assert box.ok("STATUS INBOX (MESSAGES)") == ['* STATUS "INBOX" (MESSAGES 0)']
    pop3 = poplib.POP3(office.address, 110 + OFFSET)
    pop3.user(anna.address)
    assert pop3.pass_(anna.password).startswith(b"+OK")
    pop3.quit()
    with smtplib.SMTP(office.address, 587 + OFFSET) as smtp:
        assert smtp.login(anna.address, anna.password)[0] == 235


def test_commands_behind_starttls_are_not_believed(office, bob):
    with Imap(bob, 143, login=False) as box:
        box.send("a STARTTLS\r\nb NOOP\r\n")
        assert box.answer().startswith(b"* BYE")


def test_wrong_passwords_look_alike_and_end_the_session(office, bob):
    with Imap(bob, login=False) as box:
        told = {box.no(f"LOGIN {name} wrong") for name in (bob.address, "nobody@example.test")}
        assert len(told) == 1 and "AUTHENTICATIONFAILED" in told.pop()
        box.send("x LOGIN a b\r\n")
        assert box.answer().startswith(b"x NO") and box.answer().startswith(b"* BYE")


def test_python_s_own_client(office, bob):
    client = imaplib.IMAP4_SSL(office.address, 993 + OFFSET, ssl_context=unverified())
    client.authenticate("PLAIN", lambda _: f"\0{bob.address}\0{bob.password}".encode())
    assert client.select() == ("OK", [b"0"])
    client.append("INBOX", "\\Flagged", None, PLAIN)
    assert client.search(None, "FLAGGED") == ("OK", [b"1"])
    assert client.fetch("1", "(BODY.PEEK[])")[1][0][1] == PLAIN
    client.logout()


# --- mailboxes

def test_folders_are_there_from_the_start(box):
    listed = box.ok('LIST "" *')
    assert [re.search(r'"([^"]*)"$', line)[1] for line in listed] == [
        "Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"]
    assert "\\Sent" in listed[4] and "\\Trash" in listed[5]


def test_making_renaming_removing(box):
    box.ok("CREATE Work/Projects/One")
    assert len(box.ok('LIST "" Work*')) == 3
    assert box.ok('LIST "" %') and not [n for n in box.ok('LIST "" %') if "Projects" in n]
    assert "ALREADYEXISTS" in box.no("CREATE Work")
    box.ok("RENAME Work Play")
    assert [line.split()[-1] for line in box.ok('LIST "" Play*')] == [
        '"Play"', '"Play/Projects"', '"Play/Projects/One"']
    box.ok("DELETE Play/Projects")
    assert "\\Noselect" in box.ok('LIST "" Play/Projects')[0]
    assert "NONEXISTENT" in box.no("DELETE Play/Projects")
    assert "CANNOT" in box.no("DELETE INBOX")
    for name in ('"a//b"', '" a"', '"a\\"', '""'):
        result, _ = box.command(f"CREATE {name}")
        assert not result.startswith("OK"), name


def test_names_in_other_scripts(box, bob):
    box.ok("CREATE &ANw-bung/&ZeVnLIqe-")
    assert '"&ANw-bung/&ZeVnLIqe-"' in box.ok('LIST "" "&ANw-*"')[-1]
    box.ok("ENABLE UTF8=ACCEPT")
    assert '"Übung/日本語"' in box.ok('LIST "" "Übung/%"')[0]


def test_inbox_in_any_case(box):
    box.append(PLAIN, "inBox")
    assert "MESSAGES 1" in box.ok("STATUS Inbox (MESSAGES)")[0]
    box.ok("RENAME INBOX Old")
    assert "MESSAGES 0" in box.ok("STATUS INBOX (MESSAGES)")[0]
    assert "MESSAGES 1" in box.ok("STATUS Old (MESSAGES)")[0]


def test_uidvalidity_is_never_given_twice(box):
    seen = set()
    for _ in range(4):
        box.ok("CREATE Again")
        seen.add(box.ok("STATUS Again (UIDVALIDITY)")[0])
        box.ok("DELETE Again")
    assert len(seen) == 4


def test_subscriptions_and_special_uses(box):
    box.ok("SUBSCRIBE Not/There")
    box.ok("CREATE Bin (USE (\\Junk))")
    assert any("Not/There" in line for line in box.ok('LSUB "" *'))
    found = box.ok('LIST (SUBSCRIBED) "" * RETURN (CHILDREN STATUS (MESSAGES))')
    assert any("\\NonExistent" in line and "Not/There" in line for line in found)
    assert any(line.startswith("* STATUS") for line in found)
    box.ok("UNSUBSCRIBE Not/There")
    assert not any("Not/There" in line for line in box.ok('LSUB "" *'))
    assert [line for line in box.ok('LIST (SPECIAL-USE) "" Bin') if "\\Junk" in line]


def listed(box, command):
    return [line.split('"/" ')[1] for line in box.ok(command)]


def test_all_that_is_selected_by_is_true_of_what_is_listed(box):
    """RFC 5258 3.1, RFC 6154 2: SUBSCRIBED and SPECIAL-USE together are both."""
    box.ok("UNSUBSCRIBE Drafts")
    box.ok("CREATE Below/Bin (USE (\\Junk))")
    box.ok("CREATE Below/Plain")
    for name in ("Below/Bin", "Below/Plain", "Not/There"):
        box.ok(f"SUBSCRIBE {name}")
    both = ['"Archive"', '"Below/Bin"', '"Junk"', '"Sent"', '"Trash"']
    assert listed(box, 'LIST (SUBSCRIBED SPECIAL-USE) "" "*"') == both
    assert listed(box, 'LIST (SPECIAL-USE SUBSCRIBED) "" "*"') == both
    assert '"Drafts"' in listed(box, 'LIST (SPECIAL-USE) "" "*"')
    assert '"INBOX"' in listed(box, 'LIST (SUBSCRIBED) "" "*"')
    assert listed(box, 'LIST (SUBSCRIBED SPECIAL-USE RECURSIVEMATCH) "" Below') == [
        '"Below" ("CHILDINFO" ("SUBSCRIBED" "SPECIAL-USE"))']
    assert listed(box, 'LIST (SPECIAL-USE RECURSIVEMATCH) "" Below') == [
        '"Below" ("CHILDINFO" ("SPECIAL-USE"))']
    assert listed(box, 'LIST (SUBSCRIBED SPECIAL-USE RECURSIVEMATCH) "" Not') == []
    assert listed(box, 'LIST (SUBSCRIBED RECURSIVEMATCH) "" Not') == [
        '"Not" ("CHILDINFO" ("SUBSCRIBED"))']
    box.no('LIST (RECURSIVEMATCH) "" "*"', how="BAD")


# --- letters

def test_a_delivered_letter_is_exact(office, bob, box):
    office.send(bob.address, PLAIN)
    box.ok("SELECT INBOX")
    fetched, = box.ok("FETCH 1 (RFC822.SIZE BODY.PEEK[])")
    body = fetched.split("}\r\n", 1)[1][:-1]
    assert bob.letter().decode() == body and f"RFC822.SIZE {len(body.encode())} " in fetched
    header, = box.ok("FETCH 1 BODY.PEEK[HEADER]")
    text, = box.ok("FETCH 1 BODY.PEEK[TEXT]")
    assert header.split("}\r\n", 1)[1][:-1] + text.split("}\r\n", 1)[1][:-1] == body


def test_envelope_and_structure(box):
    box.append(PLAIN)
    box.append(MIXED)
    box.ok("SELECT INBOX")
    first, second = box.ok("FETCH 1:2 (ENVELOPE BODYSTRUCTURE)")
    assert ('ENVELOPE ("Wed, 25 Nov 2026 10:00:00 +0100" "=?utf-8?q?Gr=C3=BC=C3=9Fe?="'
            ' (("Anna" NIL "anna" "far.test"))') in first
    assert '"<1@far.test>")' in first
    assert ('("TEXT" "PLAIN" ("CHARSET" "utf-8") NIL NIL "QUOTED-PRINTABLE" 15 0' in second
            and '"MESSAGE" "RFC822"' in second and '"MIXED"' in second)


@pytest.mark.parametrize("section, wanted", [
    ("1", "Gr=C3=BC=C3=9Fe"), ("2", "AAECAw=="), ("3.1", "inside"), ("3.HEADER", "Subject: inner\r\n\r\n"),
    ("3.TEXT", "inside"), ("2.MIME", "Content-Type: application/octet-stream; name=x\r\n"
                           "Content-Transfer-Encoding: base64\r\n\r\n"),
    ("HEADER.FIELDS (SUBJECT X-None)", "Subject: mixed\r\n\r\n"),
    ("HEADER.FIELDS.NOT (FROM SUBJECT CONTENT-TYPE)", "MIME-Version: 1.0\r\n\r\n"),
    ("1]<2.4", "=C3="), ("4", None), ("1.2", None),
])
def test_sections(box, section, wanted):
    box.append(MIXED)
    box.ok("SELECT INBOX")
    partial = ">" if "<" in section else ""
    fetched, = box.ok(f"FETCH 1 BODY.PEEK[{section}{partial or ']'}")
    if wanted is None:
        assert fetched.endswith(" NIL)"), fetched
    else:
        assert fetched.endswith("{%d}\r\n%s)" % (len(wanted), wanted)), fetched


def test_binary(box):
    box.append(MIXED)
    box.ok("SELECT INBOX")
    fetched, = box.ok("FETCH 1 (BINARY.SIZE[2] BINARY.PEEK[2] BINARY.PEEK[1])")
    assert "BINARY.SIZE[2] 4" in fetched and "BINARY[2] ~{4}\r\n\0\1\2\3" in fetched
    assert fetched.endswith("BINARY[1] {7}\r\nGrüße)")


def test_reading_marks_as_seen(box):
    box.append(PLAIN)
    box.ok("SELECT INBOX")
    assert "\\Seen" not in box.ok("FETCH 1 (FLAGS BODY.PEEK[])")[0].split("BODY")[0]
    assert "FLAGS (\\Seen)" in box.ok("FETCH 1 BODY[]")[0]
    assert "UNSEEN 0" in box.ok("STATUS INBOX (UNSEEN)")[0]
    box.append(PLAIN)
    box.ok("EXAMINE INBOX")
    assert "\\Seen" not in box.ok("FETCH 2 BODY[]")[0]


def test_many_messages_in_one_append(box):
    box.count += 1
    box.send(b"m APPEND INBOX (\\Seen) {%d}\r\n" % len(PLAIN))
    assert box.answer().startswith(b"+")
    box.send(PLAIN + b' (\\Flagged) " 1-Jan-2020 00:00:00 +0000" {%d+}\r\n' % len(MIXED) + MIXED +
             b"\r\n")
    result, _ = box.tagged("m")
    assert re.match(r"OK \[APPENDUID \d+ 1:2\]", result), result
    box.ok("SELECT INBOX")
    assert '" 1-Jan-2020 00:00:00 +0000"' in box.ok("FETCH 2 INTERNALDATE")[0]


def test_appends_that_are_refused(box):
    assert "TRYCREATE" in box.no("APPEND Nowhere {}", PLAIN)
    assert "TOOBIG" in box.no("APPEND INBOX {99999999}")
    assert "CANNOT" in box.no("APPEND INBOX {}", b"a\0b\r\n")
    box.append(b"From: a@b.c\n\nlines of Unix\n")
    box.ok("SELECT INBOX")
    assert box.ok("FETCH 1 BODY[TEXT]")[0].endswith("{15}\r\nlines of Unix\r\n)")


# --- flags, copies, moves

def test_flags_and_keywords(box):
    box.append(PLAIN)
    box.ok("SELECT INBOX")
    assert "FLAGS (\\Flagged $Forwarded mine)" in box.ok("STORE 1 FLAGS (\\Flagged $Forwarded Mine)")[
        -1].replace("Mine", "mine")
    assert box.ok("STORE 1 +FLAGS.SILENT (\\Deleted)") == []
    assert "(\\Deleted $Forwarded" in box.ok("STORE 1 -FLAGS \\Flagged")[-1]
    assert "* SEARCH 1" in box.ok("SEARCH KEYWORD mine DELETED")[0]
    box.no("STORE 1 FLAGS (\\Nonsense)", how="BAD")
    box.ok("EXAMINE INBOX")
    assert "READ-ONLY" in box.no("STORE 1 +FLAGS \\Seen")


def test_copy_keeps_keywords_and_move_takes_away(box):
    for _ in range(3):
        box.append(PLAIN, options="(own) ")
    box.ok("SELECT INBOX")
    box.ok("COPY 1:2 Archive")
    assert re.match(r"OK \[COPYUID \d+ 1:2 1:2\]", box.result)
    moved = box.ok("UID MOVE 2:3 Trash")
    assert re.match(r"\* OK \[COPYUID \d+ 2:3 1:2\]", moved[0])
    assert moved[1:] == ["* 2 EXPUNGE", "* 2 EXPUNGE"]
    box.ok("SELECT Archive")
    assert "own" in box.ok("FETCH 1 FLAGS")[0]
    assert "TRYCREATE" in box.no("COPY 1 Nowhere")


def test_expunge_by_uid(box):
    for _ in range(4):
        box.append(PLAIN, options="(\\Deleted) ")
    box.ok("SELECT INBOX")
    assert box.ok("UID EXPUNGE 2:3") == ["* 2 EXPUNGE", "* 2 EXPUNGE"]
    assert box.ok("EXPUNGE") == ["* 1 EXPUNGE", "* 1 EXPUNGE"]
    assert "MESSAGES 0 DELETED 0 SIZE 0" in box.ok("STATUS INBOX (MESSAGES DELETED SIZE)")[0]


# --- several sessions

def test_sessions_see_each_other(bob):
    with selected(bob) as one, selected(bob) as two:
        one.append(PLAIN)
        one.append(MIXED)
        assert two.ok("NOOP") == ["* 2 EXISTS"]
        one.ok("STORE 1 +FLAGS \\Flagged")
        assert two.ok("NOOP") == ["* 1 FETCH (FLAGS (\\Flagged))"]
        one.ok("STORE 1 +FLAGS.SILENT \\Deleted")
        one.ok("EXPUNGE")
        assert not [line for line in two.ok("FETCH 1:2 FLAGS") if "EXPUNGE" in line]
        assert not [line for line in two.ok("STORE 2 +FLAGS \\Seen") if "EXPUNGE" in line]
        assert two.ok("NOOP")[-1] == "* 1 EXPUNGE"
        assert "UID 2" in two.ok("FETCH 1 UID")[0]


def test_idle_wakes(office, bob):
    with selected(bob) as one, selected(bob) as two:
        one.idle()
        office.send(bob.address, PLAIN)
        assert one.answer() == b"* 1 EXISTS"
        two.ok("NOOP")
        two.ok("STORE 1 +FLAGS (\\Deleted)")
        assert one.answer() == b"* 1 FETCH (FLAGS (\\Deleted))"
        two.ok("EXPUNGE")
        assert one.answer() == b"* 1 EXPUNGE"
        assert one.done()[0].startswith("OK")


def test_idle_with_the_next_command_already_sent(bob):
    with selected(bob) as box:
        box.send("a IDLE\r\nDONE\r\nb NOOP\r\n")
        assert box.answer().startswith(b"+")
        assert box.tagged("a")[0].startswith("OK") and box.tagged("b")[0].startswith("OK")
        box.send("c IDLE\r\n")
        assert box.answer().startswith(b"+")
        box.send("d NOOP\r\n")
        assert box.tagged("c")[0].startswith("OK") and box.tagged("d")[0].startswith("OK")


def test_a_removed_mailbox_ends_its_sessions(bob):
    with selected(bob) as one:
        one.ok("CREATE Going")
        with selected(bob, "Going") as two:
            one.ok("DELETE Going")
            two.send("x NOOP\r\n")
            assert two.answer().startswith(b"* BYE")


def test_deleting_the_mailbox_that_is_open(bob):
    with selected(bob) as box:
        box.ok("CREATE Mine")
        box.ok("SELECT Mine")
        assert box.ok("DELETE Mine") == ["* OK [CLOSED] It is deleted"]
        box.no("FETCH 1 UID", how="BAD")
        box.ok("SELECT INBOX")


def test_renaming_keeps_what_clients_know(box):
    box.ok("CREATE Before")
    box.append(PLAIN, "Before")
    known = box.ok("STATUS Before (UIDVALIDITY UIDNEXT)")[0].split("(")[1]
    box.ok("RENAME Before After")
    assert box.ok("STATUS After (UIDVALIDITY UIDNEXT)")[0].split("(")[1] == known


def test_a_mailbox_has_room_for_47_keywords(bob):
    with selected(bob) as box:
        box.append(PLAIN)
        for number in range(47):
            box.ok(f"STORE 1 +FLAGS (k{number})")
        assert "LIMIT" in box.no("STORE 1 +FLAGS (one.too.many)")
        assert "k0 k1" in box.ok("FETCH 1 FLAGS")[0]


# --- CONDSTORE and QRESYNC (RFC 7162)

def modseq(box):
    return int(re.search(r"HIGHESTMODSEQ (\d+)", box.ok("STATUS INBOX (HIGHESTMODSEQ)")[0])[1])


def test_condstore(bob):
    with selected(bob) as box:
        for _ in range(3):
            box.append(PLAIN)
        before = modseq(box)
        box.ok("UID STORE 2 +FLAGS \\Seen")
        changed = box.ok(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {before})")
        assert len(changed) == 1 and "UID 2" in changed[0] and "MODSEQ (" in changed[0]
        box.ok(f"STORE 1:3 (UNCHANGEDSINCE {before}) +FLAGS.SILENT \\Flagged")
        assert "[MODIFIED 2]" in box.result
        found, = box.ok(f"SEARCH MODSEQ {before + 1}")
        assert re.match(r"\* SEARCH 1 2 3 \(MODSEQ \d+\)", found)


def test_qresync(bob):
    with selected(bob) as box:
        for _ in range(5):
            box.append(PLAIN)
        validity = re.search(r"UIDVALIDITY (\d+)", box.ok("STATUS INBOX (UIDVALIDITY)")[0])[1]
        known = modseq(box)
        box.ok("UID STORE 2,4 +FLAGS.SILENT \\Deleted")
        box.ok("EXPUNGE")
        box.ok("STORE 1 +FLAGS \\Seen")
        box.append(PLAIN)
    with Imap(bob) as box:
        box.ok("ENABLE QRESYNC")
        said = box.ok(f"SELECT INBOX (QRESYNC ({validity} {known} 1:5))")
        assert "* VANISHED (EARLIER) 2,4" in said
        assert [line for line in said if line.startswith("* 1 FETCH (UID 1 FLAGS (\\Seen)")]
        with selected(bob) as other:
            other.ok("UID STORE 1 +FLAGS \\Deleted")
            other.ok("EXPUNGE")
        assert "* VANISHED 1" in box.ok("NOOP")


# --- searching

@pytest.mark.parametrize("program, found", [
    ("ALL", "1 2"), ("SUBJECT grüße", "1"), ("SUBJECT GRÜSSE", ""), ("TEXT world", "1"),
    ("BODY inside", "2"), ("BODY Grüße", "2"), ("FROM anna", "1"),
    ("NOT FROM anna", "2"), ("OR FROM anna SUBJECT mixed", "1 2"), ("(FROM a) SUBJECT mixed", "2"),
    ("UNSEEN FLAGGED", "2"), ("LARGER 300", "2"), ("SMALLER 300", "1"), ("UID 2:*", "2"),
    ("SENTON 25-Nov-2026", "1"), ("SENTSINCE 26-Nov-2026", ""), ("SINCE 1-Jan-2020", "1 2"),
    ("BEFORE 1-Jan-2020", ""), ("HEADER Message-ID 1@far", "1"), ("HEADER MIME-Version \"\"", "2"),
    ("YOUNGER 3600", "1 2"), ("OLDER 3600", ""), ("1", "1"), ("KEYWORD none", ""),
    ("CHARSET UTF-8 SUBJECT grüße", "1"),
])
def test_search(box, program, found):
    box.append(PLAIN)
    box.append(MIXED, options="(\\Flagged) ")
    box.ok("SELECT INBOX")
    text = program.encode()
    literal = re.search(rb"(\S*[\x80-\xff]\S*)", text)
    answers = (box.ok(text.replace(literal[1], b"{}").join([b"SEARCH ", b""]), literal[1])
               if literal else box.ok("SEARCH " + program))
    assert answers == ["* SEARCH" + (" " + found if found else "")]


def test_esearch_and_its_saved_result(box):
    for number in range(5):
        box.append(PLAIN, options="(\\Flagged) " if number % 2 else "")
    box.ok("SELECT INBOX")
    answer, = box.ok("UID SEARCH RETURN (MIN MAX COUNT ALL SAVE) FLAGGED")
    assert re.match(r'\* ESEARCH \(TAG "t\d+"\) UID MIN 2 MAX 4 COUNT 2 ALL 2,4$', answer)
    assert len(box.ok("FETCH $ UID")) == 2
    box.ok("STORE $ +FLAGS.SILENT \\Deleted")
    assert len(box.ok("UID EXPUNGE $")) == 2
    assert "BADCHARSET" in box.no("SEARCH CHARSET KOI8-R TEXT x")


# --- limits and bad input

@pytest.mark.parametrize("line", [
    b"", b"\x00", b"a", b"a b c", b"a FETCH", b"a NOOP x", b"* NOOP", b"a+ NOOP", b"a LOGIN \"x",
    b"a SEARCH " + b"(" * 100, b"a FETCH 1 BODY[1.", b"a FETCH 0 UID", b"a FETCH 4294967296 UID",
    b"a STATUS INBOX (NONSENSE)", b"a LIST \"\" (((", b"a STORE 1 FLAGS (", b"a \r x", b"a ID (" +
    b'"a" "b" ' * 40 + b")", b"a APPEND INBOX (", b"a SEARCH NOT", b"a SEARCH OR ALL",
    b"a ENABLE", b"a UID NOOP", b"a CREATE a\xff", b"a FETCH 1:* (FLAGS) (CHANGEDSINCE x)"])
def test_bad_commands_are_answered(bob, line):
    with selected(bob) as box:
        box.send(line + b"\r\n")
        answer = box.answer()
        assert re.match(rb"(\*|a\+?) (BAD|NO) ", answer), answer
        assert box.ok("NOOP") == []


def test_long_lines_and_literals(bob):
    with selected(bob) as box:
        box.send(b"a NOOP " + b"x" * 100000 + b"\r\n")
        assert b" BAD " in box.answer()
        assert "TOOBIG" in box.no("CREATE {70000}")
        box.send(b"b CREATE {5000+}\r\n" + b"x" * 5000 + b"\r\n")
        assert b"b NO [TOOBIG]" in box.answer()
        assert box.ok("NOOP") == []
    with Imap(bob, login=False) as box:
        box.send(b"a LOGIN {2000}\r\n")
        assert b"TOOBIG" in box.answer()


def test_twenty_mistakes_are_too_many(bob):
    with Imap(bob) as box:
        box.send(b"a NONSENSE\r\n" * 20)
        answers = [box.answer() for _ in range(21)]
        assert answers[-1].startswith(b"* BYE")


def test_wildcards_take_no_time(box):
    box.ok("CREATE " + "a" * 200)
    assert box.ok('LIST "" "' + "*a" * 60 + '*b"') == []


def test_nothing_is_injected_by_names_and_flags(box):
    result, _ = box.command("CREATE {}", b"x\r\n* BYE")
    assert not result.startswith("OK")
    box.ok('CREATE "q\\"uote"')
    assert '"q\\"uote"' in box.ok('LIST "" q*')[0]



def test_removing_a_user_takes_the_letters(office):
    user = office.new_user()
    with Imap(user) as box:
        box.append(PLAIN, "Archive")
    office.run("user", "remove", user.address)
    with Imap(office.new_user(user.local)) as box:
        assert "MESSAGES 0" in box.ok("STATUS Archive (MESSAGES)")[0]
