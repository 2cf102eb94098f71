"""A data folder of the first version that kept letters (box 1): the program brings it up to date, every
letter is read as before, and POP3 clients find the same UIDL, for ever."""
import contextlib
import pathlib
import re
import shutil
import sqlite3

import pytest
from imap import Imap
from office import ROOT, User, until

ANN = [("0an73hhnc0004-1", 377), ("0an73hhnc0004-2", 357), ("0an73hhnc0004-3", 645),
       ("0an73hhnc0004-4", 100866), ("0an73hhnc0004-6", 376)]
BOB = [("0an73hhnm0004-1", 357)]
SECRET = "b502df2b1318953993bac3d744e9af5e6e2d0c9af5bb1064be8698c9a7415507"
LARGE = ("blobs/0a/0an73hhp00000", b"".join([
    b"Received: from [127.0.0.1] ([127.0.0.1])\r\n\tby mail.example.test (Postamt) with ESMTP id"
    b" 0an73hhnw0000\r\n\tfor <ann@example.test>;\r\n\tThu, 26 Nov 2026 03:22:20 +0000\r\n",
    b"From: Carl <carl@far.test>\r\nTo: ann@example.test\r\nSubject: letter 4\r\nMessage-ID:"
    b" <4@far.test>\r\nDate: Tue, 3 Nov 2026 10:00:04 +0100\r\n\r\n",
    *(b"line %05d of a large letter, larger than what the database keeps\r\n" % n
      for n in range(1500))]))


@pytest.fixture(scope="module")
def office(make_office):
    """The folder as that version left it: its database, its secret, its one large body."""
    office = make_office(start=False)
    folder = pathlib.Path(office.folder)
    for file in folder.glob("postamt.db*"):
        file.unlink()
    with contextlib.closing(sqlite3.connect(folder / "postamt.db")) as db:
        db.execute("PRAGMA page_size = 8192")
        db.executescript((ROOT / "test/data/folder-1.sql").read_text())
    (folder / "secret.key").write_bytes(bytes.fromhex(SECRET))
    (folder / LARGE[0]).parent.mkdir(parents=True)
    (folder / LARGE[0]).write_bytes(LARGE[1])
    owner = folder.stat()
    for path in [folder / "postamt.db", folder / "secret.key", *folder.glob("blobs/**/*"),
                 folder / "blobs"]:
        shutil.chown(path, owner.st_uid, owner.st_gid)
    return office.start()


@pytest.fixture
def ann(office):
    return User(office, "ann@example.test", "secret of this user")


def versions(office):
    with contextlib.closing(sqlite3.connect(f"{office.folder}/postamt.db")) as db:
        return dict(db.execute("SELECT room, version FROM schema_version"))


def listed(user):
    box = user.pop3()
    uidls = [line.split()[1].decode() for line in box.uidl()[1]]
    sizes = [int(line.split()[1]) for line in box.list()[1]]
    box.quit()
    return list(zip(uidls, sizes))


def test_all_rooms_are_of_this_version(office, make_office):
    assert versions(office) == versions(make_office())


def test_pop3_clients_find_the_same_letters(office, ann):
    """Whoever leaves letters on the server knows them by UIDL: another one, and all come again."""
    bob = User(office, "bob@example.test", ann.password)
    assert listed(ann) == ANN and listed(bob) == BOB
    letters = ann.letters()
    assert [len(letter) for letter in letters] == [size for _, size in ANN]
    assert [re.search(rb"Subject: letter (\d)\r\n", letter)[1] for letter in letters] == [
        b"1", b"2", b"3", b"4", b"6"]
    assert letters[3].endswith(LARGE[1]) and letters[4].endswith(b"\r\n\r\nthe last\r\n")
    with Imap(ann) as box:  # and after everything that IMAP does to them
        box.ok("SELECT INBOX")
        box.ok("STORE 1:* +FLAGS (\\Flagged own)")
        box.ok("FETCH 1:* (ENVELOPE BODYSTRUCTURE)")
        box.ok("STORE 1:* FLAGS ()")
    assert listed(ann) == ANN


def test_a_restart_changes_nothing(office, ann):
    office.stop()
    office.start()
    assert listed(ann) == ANN


def test_imap_reads_all_of_it(office, ann):
    with Imap(ann) as box:
        status, = box.ok("STATUS INBOX (MESSAGES UNSEEN DELETED SIZE UIDNEXT UIDVALIDITY)")
        sizes = [size for _, size in ANN]
        assert status.endswith(f"(MESSAGES 5 UIDNEXT 7 UIDVALIDITY 1795663340 UNSEEN 5 DELETED 0"
                               f" SIZE {sum(sizes)})")
        box.ok("SELECT INBOX")
        told = box.ok("FETCH 1:* (UID RFC822.SIZE MODSEQ EMAILID SAVEDATE INTERNALDATE)")
        assert [int(re.search(r"UID (\d+)", line)[1]) for line in told] == [1, 2, 3, 4, 6]
        assert [int(re.search(r"SIZE (\d+)", line)[1]) for line in told] == sizes
        assert len({re.search(r"EMAILID \((\w+)\)", line)[1] for line in told}) == 5
        assert all('"26-Nov-2026 ' in line for line in told)
        for number, size in enumerate(sizes):
            body, = box.ok(f"FETCH {number + 1} BODY.PEEK[]")
            assert "{%d}\r\n" % size in body
        assert box.ok('SEARCH TEXT "to both"') == ["* SEARCH 2"]


def test_summaries_are_made_when_asked(office, ann):
    with Imap(ann) as box:
        box.ok("SELECT INBOX")
        told = box.ok("FETCH 1:* (ENVELOPE)")
        assert [re.search(r'"letter (\d)"', line)[1] for line in told] == list("12346")
        assert '(("Carl" NIL "carl" "far.test"))' in told[0] and '"<6@far.test>")' in told[4]
        structure, = box.ok("FETCH 3 (BODYSTRUCTURE)")
        assert '"MIXED"' in structure and '"QUOTED-PRINTABLE"' in structure
        binary, = box.ok("FETCH 3 BINARY.PEEK[1]")
        assert binary.endswith("{7}\r\nGrüße)")
        assert "Subject: letter 4" in box.ok("FETCH 4 BODY.PEEK[HEADER]")[0]


def test_life_goes_on(office, ann):
    with Imap(ann) as box:
        names = {re.search(r'"([^"]*)"$', line)[1] for line in box.ok('LIST "" *')}
        assert names == {"INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"}
        assert any("INBOX" in line for line in box.ok('LSUB "" *'))
        box.ok("ENABLE QRESYNC")
        box.ok("SELECT INBOX")
        assert box.append(b"Subject: new\r\n\r\nx\r\n") == 7
        box.ok("STORE 1:5 +FLAGS.SILENT (\\Deleted)")
        assert box.ok("EXPUNGE") == ["* VANISHED 1:4,6"]
    with Imap(ann) as box:
        box.ok("ENABLE QRESYNC")
        said = box.ok("SELECT INBOX (QRESYNC (1795663340 1 1:6))")
        assert "* VANISHED (EARLIER) 1:4,6" in said
    office.stop()
    office.start()  # which sweeps
    body = pathlib.Path(office.folder, LARGE[0])
    until(lambda: not body.exists())  # its last letter went
    assert listed(User(office, "bob@example.test", ann.password)) == BOB
