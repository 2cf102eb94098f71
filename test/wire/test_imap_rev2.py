"""IMAP4rev2 (RFC 9051), once it is enabled: what is different from IMAP4rev1, and what it has of its
own without an extension."""
import re

import pytest
from imap import Imap

LETTER = b"From: a@far.test\r\nSubject: x\r\n\r\nbody\r\n"
BINARY = (b"Subject: mixed\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
          b"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
          b"quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n--b\r\nContent-Type: application/octet-stream\r\n"
          b"Content-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n--b--\r\n")


@pytest.fixture
def user(office):
    return office.new_user()


@pytest.fixture
def box(user):
    with Imap(user) as box:
        assert box.ok("ENABLE IMAP4rev2") == ["* ENABLED IMAP4rev2"]
        box.ok("SELECT INBOX")
        yield box


def fill(box, count, options=""):
    for _ in range(count):
        box.append(LETTER, options=options)
    box.ok("NOOP")


# --- opening a mailbox

def test_select_tells_all_that_it_must_and_nothing_recent(box):
    fill(box, 2)
    lines = box.ok("SELECT INBOX")
    assert box.result.startswith("OK [READ-WRITE]")
    assert lines[:2] == ["* OK [CLOSED] The one before is closed", "* 2 EXISTS"]
    assert '* LIST () "/" "INBOX"' in lines
    for wanted in (r"\* FLAGS \(.*\\Seen.*\)", r"\* OK \[PERMANENTFLAGS \(.*\\\*\)\]",
                   r"\* OK \[UIDVALIDITY \d+\]", r"\* OK \[UIDNEXT 3\]"):
        assert [line for line in lines if re.match(wanted, line)], wanted
    assert not [line for line in lines if re.search("recent|UNSEEN", line, re.I)]


def test_who_enables_nothing_is_told_of_the_recent_ones(user):
    with Imap(user) as box:
        lines = box.ok("SELECT INBOX")
        assert "* 0 RECENT" in lines and not [line for line in lines if line.startswith("* LIST")]
        assert box.ok("STATUS INBOX (RECENT)") == ['* STATUS "INBOX" (RECENT 0)']
        assert box.ok("SEARCH ALL") == ["* SEARCH"]


@pytest.mark.parametrize("command", ["SELECT", "EXAMINE"])
def test_list_in_select_tells_the_use(box, command):
    assert '* LIST (\\Trash) "/" "Trash"' in box.ok(f"{command} Trash")


@pytest.mark.parametrize("command", ["SELECT", "EXAMINE"])
def test_a_name_that_is_another_is_told_as_the_old_one(box, command):
    box.ok("CREATE Work")
    box.ok('CREATE "Übung"')
    for given, name in (("inbox", "INBOX"), ("iNbOx", "INBOX"), ("Work/", "Work"),
                        ('"Übung/"', "Übung")):
        old = given.strip('"')
        assert f'* LIST () "/" "{name}" ("OLDNAME" ("{old}"))' in box.ok(f"{command} {given}")
    for given in ("INBOX", '"INBOX"', "Work", '"Übung"'):
        assert not [line for line in box.ok(f"{command} {given}") if "OLDNAME" in line]


def test_a_mailbox_that_cannot_be_opened_closes_the_one_before(box):
    result, lines = box.command("SELECT Nowhere")
    assert result.startswith("NO [NONEXISTENT]") and lines == [b"* OK [CLOSED] The one before is closed"]
    box.no("FETCH 1 UID", how="BAD")
    assert not [line for line in box.ok("SELECT INBOX") if "CLOSED" in line]


def test_unselect(box):
    fill(box, 1, "(\\Deleted) ")
    assert box.ok("UNSELECT") == []
    box.no("FETCH 1 UID", how="BAD")
    box.no("SEARCH ALL", how="BAD")
    assert box.ok("STATUS INBOX (MESSAGES)") == ['* STATUS "INBOX" (MESSAGES 1)']
    assert not [line for line in box.ok("SELECT INBOX") if "CLOSED" in line]


def test_noop_and_check_tell_what_is_new(box, user):
    with Imap(user) as other:
        other.append(LETTER)
        assert box.ok("NOOP") == ["* 1 EXISTS"]
        other.append(LETTER)
        assert box.ok("CHECK") == ["* 2 EXISTS"]
        other.ok("SELECT INBOX")
        other.ok("STORE 2 +FLAGS (\\Seen)")
        assert box.ok("NOOP") == ["* 2 FETCH (UID 2 FLAGS (\\Seen))"]


# --- searching

def test_search_is_answered_by_esearch(box):
    assert box.ok("SEARCH ALL") == [f'* ESEARCH (TAG "t{box.count}")']
    fill(box, 5)
    assert box.ok("SEARCH ALL") == [f'* ESEARCH (TAG "t{box.count}") ALL 1:5']
    assert box.ok("UID SEARCH 2,4") == [f'* ESEARCH (TAG "t{box.count}") UID ALL 2,4']
    assert box.ok("SEARCH RETURN () 2") == [f'* ESEARCH (TAG "t{box.count}") ALL 2']
    assert box.ok("SEARCH RETURN (COUNT MIN MAX) 2:*") == [
        f'* ESEARCH (TAG "t{box.count}") MIN 2 MAX 5 COUNT 4']
    assert box.ok("SEARCH RETURN (ALL COUNT) SEEN") == [f'* ESEARCH (TAG "t{box.count}") COUNT 0']
    assert box.ok('SEARCH CHARSET UTF-8 SUBJECT "x" 5')[0].endswith(" ALL 5")


def test_a_saved_result(box):
    fill(box, 4)
    assert box.ok("SEARCH RETURN (SAVE) 2:3") == []
    assert box.ok("FETCH $ UID") == ["* 2 FETCH (UID 2)", "* 3 FETCH (UID 3)"]
    assert box.ok("SEARCH $ 3:4")[0].endswith(" ALL 3")
    box.ok("UID MOVE $ Archive")
    assert box.ok("SEARCH $") == [f'* ESEARCH (TAG "t{box.count}")']


# --- what came to be part of it: STATUS, LIST, NAMESPACE

def test_status_has_size_and_deleted(box):
    fill(box, 3)
    box.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    assert box.ok("STATUS INBOX (MESSAGES UIDNEXT UNSEEN DELETED SIZE)") == [
        f'* STATUS "INBOX" (MESSAGES 3 UIDNEXT 4 UNSEEN 3 DELETED 1 SIZE {3 * len(LETTER)})']


@pytest.mark.parametrize("command", ["STATUS INBOX (RECENT)", "STATUS INBOX (MESSAGES RECENT)",
                                     'LIST "" * RETURN (STATUS (RECENT))'])
def test_nobody_asks_for_recent(box, command):
    box.no(command, how="BAD")


def test_list_tells_children_and_status(box):
    box.ok("CREATE Work/One")
    fill(box, 1)
    assert box.ok('LIST "" (INBOX Work*) RETURN (STATUS (MESSAGES))') == [
        '* LIST (\\HasNoChildren) "/" "INBOX"', '* STATUS "INBOX" (MESSAGES 1)',
        '* LIST (\\HasChildren) "/" "Work"', '* STATUS "Work" (MESSAGES 0)',
        '* LIST (\\HasNoChildren) "/" "Work/One"', '* STATUS "Work/One" (MESSAGES 0)']


def test_what_has_only_others_below_it_does_not_exist(box):
    box.ok("CREATE Work/One")
    box.ok("DELETE Work")
    assert box.ok('LIST "" Work') == ['* LIST (\\NonExistent \\Noselect \\HasChildren) "/" "Work"']


def test_namespace(box):
    assert box.ok("NAMESPACE") == ['* NAMESPACE (("" "/")) NIL NIL']


# --- names in UTF-8

def test_names_are_utf8_both_ways(box, user):
    box.ok('CREATE "Übung/日本語"')
    assert [line.split('"/" ')[1] for line in box.ok('LIST "" Ü*')] == ['"Übung"', '"Übung/日本語"']
    assert box.ok('STATUS "Übung" (MESSAGES)') == ['* STATUS "Übung" (MESSAGES 0)']
    assert '* LIST () "/" "Übung/日本語"' in box.ok("SELECT {}", "Übung/日本語".encode())
    box.ok('RENAME "Übung" "Fête"')
    with Imap(user) as old:
        assert [line.split('"/" ')[1] for line in old.ok('LIST "" F*')] == [
            '"F&AOo-te"', '"F&AOo-te/&ZeVnLIqe-"']


def test_an_ampersand_begins_nothing(box):
    box.ok('CREATE "&ZeVnLIqe-"')
    box.ok('CREATE "Tom & Jerry"')
    assert [line.split('"/" ')[1] for line in box.ok('LIST "" ("&*" Tom*)')] == [
        '"&ZeVnLIqe-"', '"Tom & Jerry"']
    assert [line.split('"/" ')[1] for line in box.ok('LIST "" &ZeVnLIqe-')] == ['"&ZeVnLIqe-"']


@pytest.mark.parametrize("name", [b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"\xc0\xaf"])
def test_names_that_are_no_utf8(box, name):
    assert not box.command(b"CREATE {}", name)[0].startswith("OK")
    assert not box.command(b"SELECT {}", name)[0].startswith("OK")


# --- letters

def test_flags_come_with_the_uid(box):
    fill(box, 1)
    assert box.ok("STORE 1 FLAGS (\\Seen $Forwarded)") == [
        "* 1 FETCH (UID 1 FLAGS (\\Seen $Forwarded))"]


@pytest.mark.parametrize("keyword", ["$Forwarded", "$MDNSent", "$Junk", "$NotJunk", "$Phishing"])
def test_the_keywords_that_it_names(box, keyword):
    fill(box, 2)
    box.ok(f"STORE 2 +FLAGS.SILENT ({keyword})")
    assert box.ok("FETCH 2 FLAGS") == [f"* 2 FETCH (FLAGS ({keyword}))"]
    assert box.ok(f"SEARCH KEYWORD {keyword.upper()}")[0].endswith(" ALL 2")
    assert box.ok(f"SEARCH UNKEYWORD {keyword}")[0].endswith(" ALL 1")
    assert [line for line in box.ok("SELECT INBOX") if line.startswith("* FLAGS") and keyword in line]


def test_peek_does_not_mark_as_seen(box):
    box.append(BINARY)
    for item in ("BODY.PEEK[]", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]", "BODY.PEEK[1]<0.2>",
                 "BINARY.PEEK[1]", "BINARY.SIZE[2]", "BODYSTRUCTURE", "ENVELOPE"):
        box.ok(f"FETCH 1 {item}")
        assert box.ok("FETCH 1 FLAGS") == ["* 1 FETCH (FLAGS ())"], item
    assert "\\Seen" in " ".join(box.ok("FETCH 1 BODY[1]<0.2>"))


def test_binary(box):
    box.append(BINARY)
    assert box.ok("FETCH 1 (BINARY.SIZE[1] BINARY.SIZE[2])") == [
        "* 1 FETCH (BINARY.SIZE[1] 7 BINARY.SIZE[2] 4)"]
    assert box.ok("FETCH 1 BINARY.PEEK[2]") == ["* 1 FETCH (BINARY[2] ~{4}\r\n\0\1\2\3)"]
    assert box.ok("FETCH 1 BINARY.PEEK[2]<1.2>") == ["* 1 FETCH (BINARY[2]<1> {2}\r\n\1\2)"]
    answer = " ".join(box.ok("FETCH 1 BINARY[1]"))
    assert "BINARY[1] {7}\r\nGrüße" in answer and "\\Seen" in answer


def test_append_tells_the_uid(box):
    validity = re.search(r"UIDVALIDITY (\d+)", box.ok("STATUS Archive (UIDVALIDITY)")[0])[1]
    for uid in (1, 2):
        box.ok("APPEND Archive (\\Seen $Forwarded) {}", LETTER)
        assert box.result.startswith(f"OK [APPENDUID {validity} {uid}]")
    assert "[TRYCREATE]" in box.no("APPEND Nowhere {}", LETTER)
    assert box.ok("APPEND INBOX {}", LETTER) == ["* 1 EXISTS"]


def test_copy_and_move_tell_the_uids(box):
    fill(box, 4)
    validity = re.search(r"UIDVALIDITY (\d+)", box.ok("STATUS Archive (UIDVALIDITY)")[0])[1]
    assert box.ok("COPY 2:3 Archive") == []
    assert box.result.startswith(f"OK [COPYUID {validity} 2:3 1:2]")
    for command, gone, there, number in (("MOVE 1", 1, 3, 1), ("UID MOVE 3:4", "3:4", "4:5", 2)):
        lines = box.ok(f"{command} Archive")
        assert lines[0].startswith(f"* OK [COPYUID {validity} {gone} {there}]")
        assert set(lines[1:]) == {f"* {number} EXPUNGE"}
    assert "[TRYCREATE]" in box.no("MOVE 1 Nowhere")
    assert box.ok("FETCH 1:* UID") == ["* 1 FETCH (UID 2)"]


def test_uid_expunge(box):
    fill(box, 3, "(\\Deleted) ")
    assert box.ok("UID EXPUNGE 2,7") == ["* 2 EXPUNGE"]
    assert box.ok("SEARCH ALL")[0].endswith(" ALL 1:2")


def test_savedate(box):
    box.append(LETTER, options='"01-Jan-2001 00:00:00 +0000" ')
    assert re.fullmatch(r'\* 1 FETCH \(SAVEDATE "[ \d]\d-\w{3}-20\d\d \d\d:\d\d:\d\d \+0000"\)',
                        box.ok("FETCH 1 SAVEDATE")[0])
    assert box.ok("SEARCH SAVEDSINCE 2-Jan-2001")[0].endswith(" ALL 1")


def test_idle_tells_the_same(box, user):
    box.idle()
    with Imap(user) as other:
        other.append(LETTER)
        assert box.answer() == b"* 1 EXISTS"
        other.ok("SELECT INBOX")
        other.ok("STORE 1 +FLAGS (\\Flagged)")
        assert box.answer() == b"* 1 FETCH (UID 1 FLAGS (\\Flagged))"
    assert box.done() == ("OK Done", [])


def test_it_goes_together_with_qresync(user):
    with Imap(user) as box:
        assert box.ok("ENABLE IMAP4rev2 QRESYNC") == ["* ENABLED IMAP4rev2 QRESYNC"]
        box.ok("SELECT INBOX")
        fill(box, 2, "(\\Deleted) ")
        assert box.ok("UID EXPUNGE 2") == ["* VANISHED 2"]
        answer, = box.ok("SEARCH MODSEQ 1")
        assert re.fullmatch(rf'\* ESEARCH \(TAG "t{box.count}"\) ALL 1 MODSEQ \d+', answer)
