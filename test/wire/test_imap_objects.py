"""What is made of a letter once: PREVIEW (RFC 8970), ids of letters, conversations and mailboxes
(RFC 8474); also of letters that came before there was such a thing, and of large ones."""
import contextlib
import pathlib
import re
import sqlite3

import pytest
from imap import Imap


@pytest.fixture(scope="module")
def office(make_office):
    return make_office()


@pytest.fixture
def bob(office):
    return office.new_user()


@pytest.fixture
def box(bob):
    with Imap(bob) as box:
        box.ok("SELECT INBOX")
        yield box


def letter(text="Hello", head="", kind="text/plain; charset=utf-8"):
    return (f"From: a@far.test\r\nSubject: x\r\n{head}MIME-Version: 1.0\r\nContent-Type: {kind}\r\n"
            f"\r\n{text}\r\n").encode()


def conversation(own, references=(), answers=None):
    head = f"Message-ID: {own}\r\n" if own else ""
    if references:
        head += "References: " + "\r\n ".join(references) + "\r\n"
    return letter(head=head + (f"In-Reply-To: {answers}\r\n" if answers else ""))


def ids(box, uid, item="THREADID"):
    answer, = box.ok(f"UID FETCH {uid} ({item})")
    return re.search(item + r" \(([A-Za-z0-9_-]{1,255})\)", answer)[1]


# --- previews

def preview(box, made, how="PREVIEW"):
    uid = box.append(made)
    answer, = box.ok(f"UID FETCH {uid} ({how})")
    found = re.search(r'PREVIEW (?:"((?:[^"\\]|\\.)*)"|\{(\d+)\}\r\n(.*))\)$', answer, re.S)
    assert found, answer
    if found[2] is None:
        return re.sub(r"\\(.)", r"\1", found[1])
    assert int(found[2]) == len(found[3].encode())
    return found[3]


def test_a_preview_is_the_first_words(box):
    assert preview(box, letter("Hello\r\n  World,\r\n\r\nhow are you?")) == "Hello World, how are you?"
    assert preview(box, letter("Grüße"), "PREVIEW (LAZY)") == "Grüße"
    assert preview(box, letter('a "quoted" \\ word'), "FLAGS PREVIEW (LAZY)") == 'a "quoted" \\ word'


def test_a_preview_holds_no_markup_and_no_quotation(box):
    html = letter("<html><head><style>p{}</style><title>T</title></head><body><p>Dear <b>Bob</b>,"
                  "</p><p>news &amp; more</p></body></html>", kind="text/html")
    assert preview(box, html) == "Dear Bob, news & more"
    assert preview(box, letter("> what you said\r\n\r\nwhat I say")) == "what I say"


def test_a_preview_has_two_hundred_characters_at_most(box):
    assert len(preview(box, letter("ü" * 5000))) == 200


def test_a_preview_of_no_text_is_empty_and_not_nil(box):
    assert preview(box, letter("AAECAw==", kind="application/octet-stream")) == ""
    assert preview(box, letter("")) == ""


def test_preview_reads_nothing_as_seen_and_wants_the_right_words(box):
    uid = box.append(letter())
    box.ok(f"UID FETCH {uid} PREVIEW")
    assert "\\Seen" not in box.ok(f"UID FETCH {uid} FLAGS")[0]
    assert "PREVIEW" in box.ok(f"UID FETCH {uid} PREVIEW (CHANGEDSINCE 1)")[0]
    assert "PREVIEW" in box.ok(f"UID FETCH {uid} PREVIEW (LAZY) (CHANGEDSINCE 1)")[0]
    box.no(f"UID FETCH {uid} (PREVIEW (EAGER))", how="BAD")
    box.no(f"UID FETCH {uid} (PREVIEW (LAZY)", how="BAD")


# --- conversations

def test_a_conversation_has_one_threadid(box):
    first = box.append(conversation("<1@a>"))
    second = box.append(conversation("<2@a>", ["<1@a>"]))
    third = box.append(conversation("<3@a>", ["<1@a>", "<2@a>"]))
    other = box.append(conversation("<9@a>", ["<8@a>"]))
    answer = box.append(conversation("<4@a>", answers="Your letter <1@a> of today"))
    quoted = box.append(conversation('<5@a>', ['<"1"@a>']))
    thread = ids(box, first)
    assert thread.startswith("T")
    assert {ids(box, uid) for uid in (second, third, answer, quoted)} == {thread}
    assert ids(box, other) != thread


def test_letters_without_ids_are_conversations_of_their_own(box):
    uids = [box.append(conversation(None)) for _ in range(3)]
    assert len({ids(box, uid) for uid in uids}) == 3


def test_copies_keep_their_ids(box):
    uid = box.append(conversation("<c@a>", ["<b@a>"]))
    before = ids(box, uid), ids(box, uid, "EMAILID")
    box.ok("CREATE Other")
    box.ok(f"UID COPY {uid} Other")
    box.ok(f"UID MOVE {uid} Other")
    box.ok("SELECT Other")
    assert [(ids(box, uid), ids(box, uid, "EMAILID")) for uid in (1, 2)] == [before] * 2
    assert box.ok("UID FETCH 1 PREVIEW") == ['* 1 FETCH (UID 1 PREVIEW "Hello")']


def test_delivery_gives_the_same_ids_to_all_who_are_in_it(office, bob, box):
    anna = office.new_user()
    office.send([anna.address, bob.address], conversation("<d@a>", ["<s@a>"]).decode())
    uid = box.append(conversation("<s@a>"))
    with Imap(anna) as hers:
        hers.ok("SELECT INBOX")
        assert ids(hers, 1) == ids(box, uid)
    box.ok("NOOP")
    assert box.ok(f"SEARCH THREADID {ids(box, uid)}") == ["* SEARCH 1 2"]


def test_search_finds_by_id(box):
    uids = [box.append(made) for made in (conversation("<1@s>"), conversation("<2@s>"),
                                          conversation("<3@s>", ["<1@s>"]))]
    assert box.ok(f"UID SEARCH THREADID {ids(box, uids[0])}") == [f"* SEARCH {uids[0]} {uids[2]}"]
    assert box.ok(f"UID SEARCH NOT THREADID {ids(box, uids[0])}") == [f"* SEARCH {uids[1]}"]
    assert box.ok(f"UID SEARCH EMAILID {ids(box, uids[1], 'EMAILID')}") == [f"* SEARCH {uids[1]}"]
    for nobodys in ("THREADID Tzzzz", "EMAILID x", f"EMAILID {ids(box, uids[0])}"):
        assert box.ok(f"SEARCH {nobodys}") == ["* SEARCH"]


def test_a_mailbox_has_an_id_that_renaming_keeps(box):
    box.ok("CREATE Made")
    made = re.search(r"\[MAILBOXID \((F[a-z0-9]+)\)\]", box.result)[1]
    assert box.ok("STATUS Made (MAILBOXID MESSAGES)") == [
        f"* STATUS \"Made\" (MESSAGES 0 MAILBOXID ({made}))"]
    box.ok("RENAME Made Renamed")
    assert any(f"[MAILBOXID ({made})]" in line for line in box.ok("SELECT Renamed"))
    assert not any(made in line for line in box.ok("EXAMINE INBOX"))
    assert {"OBJECTID", "PREVIEW"} <= set(box.ok("CAPABILITY")[0].split())


# --- large letters, old letters

def test_a_large_letter_is_not_read_again_for_its_summary(make_office):
    office = make_office()
    bob = office.new_user()
    office.send(bob.address, letter("large words\r\n" * 20000, "Message-ID: <l@a>\r\n").decode())
    with Imap(bob) as box:
        box.ok("SELECT INBOX")
        box.append(letter("appended words\r\n" * 20000, "Message-ID: <m@a>\r\n"))
        files = [path for path in pathlib.Path(office.folder, "blobs").rglob("*") if path.is_file()]
        assert len(files) == 2
        for path in files:
            path.rename(path.with_suffix(".away"))
        first, second = box.ok("FETCH 1:2 (ENVELOPE BODYSTRUCTURE PREVIEW THREADID)")
        assert '"<l@a>"' in first and "large words large" in first and " 20001 " in first
        assert '"<m@a>"' in second and "appended words" in second
        for path in files:
            path.with_suffix(".away").rename(path)
        assert "large words" in box.ok("FETCH 1 BODY.PEEK[TEXT]<0.20>")[0]


def go_back(office):
    """The data folder as the version before left it."""
    with contextlib.closing(sqlite3.connect(f"{office.folder}/postamt.db")) as db, db:
        db.execute("ALTER TABLE message DROP COLUMN thread")
        db.execute("ALTER TABLE summary DROP COLUMN preview")
        db.execute("ALTER TABLE summary DROP COLUMN ids")
        db.execute("DELETE FROM summary WHERE uid = 2")
        db.execute("ALTER TABLE mailbox DROP COLUMN indexed")
        db.execute("DROP TABLE search_index")
        db.execute("ALTER TABLE mailbox DROP COLUMN deleted_octets")
        db.execute("ALTER TABLE box_user DROP COLUMN messages")
        db.execute("ALTER TABLE box_user DROP COLUMN octets")
        db.execute("UPDATE schema_version SET version = 2 WHERE room = 'box'")


def test_letters_from_before_get_what_they_lack_when_asked(make_office):
    office = make_office()
    bob = office.new_user()
    with Imap(bob) as box:
        box.ok("SELECT INBOX")
        box.append(conversation("<1@o>"))
        box.append(conversation("<2@o>", ["<1@o>"]))
        box.append(letter("large words\r\n" * 20000, "Message-ID: <3@o>\r\nReferences: <1@o>\r\n"))
        box.append(conversation(None))
        ask = "FETCH 1:4 (THREADID EMAILID PREVIEW ENVELOPE BODYSTRUCTURE)"
        before = box.ok(ask)
    office.stop()
    go_back(office)
    office.start()
    with Imap(bob) as box:
        box.ok("SELECT INBOX")
        thread = re.search(r"THREADID \((\w+)\)", before[0])[1]
        box.ok("COPY 1:4 Archive")
        assert box.ok(f"SEARCH THREADID {thread}") == ["* SEARCH 1 2 3"]
        assert box.ok(ask) == before
        box.ok("SELECT Archive")
        assert box.ok(ask) == before
    office.stop()
    for path in pathlib.Path(office.folder, "blobs").rglob("*"):
        if path.is_file():
            path.unlink()
    office.start()
    with Imap(bob) as box:
        box.ok("EXAMINE INBOX")
        assert box.ok(ask) == before, "it was kept"
