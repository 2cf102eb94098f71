"""IMAP on a disk that is full or fails: NO, nothing acknowledged is lost, reading goes on, and the
session is as good as before when there is room again (P4)."""
import os
import pathlib
import sys

import pytest
from imap import Imap
from picture import KINDS, Picture

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from faults import EIO, ENOSPC, SYNC, TORN, WRITE, Faults  # noqa: E402

LETTER = b"Subject: x\r\n\r\n" + b"y" * 70 + b"\r\n"
LARGE = LETTER + (b"z" * 70 + b"\r\n") * 3000
CHANGES = ["APPEND INBOX {}", "APPEND INBOX (\\Seen) {large}", "STORE 1 +FLAGS (\\Flagged)",
           "STORE 2 +FLAGS (new.keyword)", "COPY 1:2 Archive", "COPY 1:* INBOX",
           "MOVE 1 Archive", "EXPUNGE", "UID EXPUNGE 3", "CREATE New", "RENAME Work Play",
           "DELETE Work", "SUBSCRIBE Else", "CLOSE"]


@pytest.fixture(scope="module")
def office(make_office):
    office = make_office(start=False)
    office.faults = Faults(os.path.dirname(office.folder), office.folder)
    office.start(env=office.faults.environment)
    office.pid = office.worker()
    yield office
    assert office.worker() == office.pid, "the worker died"


@pytest.fixture
def user(office):
    user = office.new_user()
    with Imap(user) as box:
        box.ok("CREATE Work")
        for flags in ("", "", "(\\Deleted) ", "(\\Answered) "):
            box.append(LETTER, options=flags)
    yield user
    office.faults.clear()


def change(picture, text):
    literal = [LARGE] if "{large}" in text else [LETTER] if "{}" in text else []
    result, _ = picture.do(text.replace("{large}", "{}"), *literal)
    return result


def state(user):
    """Everything, as a new session sees it."""
    with Imap(user) as box:
        names = sorted(box.ok('LIST "" * RETURN (SUBSCRIBED STATUS (MESSAGES UNSEEN DELETED SIZE))'))
        box.ok("EXAMINE INBOX")
        return names, box.ok("FETCH 1:* (UID FLAGS RFC822.SIZE EMAILID)")


@pytest.mark.parametrize("kind", KINDS[:3])
@pytest.mark.parametrize("what, error", [(WRITE, ENOSPC), (SYNC, EIO), (TORN, ENOSPC)])
def test_what_cannot_be_written_is_refused_and_leaves_no_trace(office, user, kind, what, error):
    picture = Picture(user, kind)
    picture.learn()
    before = state(user)
    for text in CHANGES:
        office.faults.set(what, 1, error, always=True)
        result = change(picture, text)
        office.faults.clear()
        assert result.startswith("NO"), (text, result)
        if text.startswith("DELETE"):  # removed or not, but not half
            continue
        assert state(user) == before, text
    picture.settle()
    for text in CHANGES[:-1]:
        if "UID EXPUNGE" not in text and not text.startswith("DELETE"):
            assert change(picture, text).startswith("OK"), text
    picture.settle()
    fresh = Picture(user)
    fresh.learn()
    assert picture.seen() == fresh.seen()


def test_reading_goes_on_while_nothing_can_be_written(office, user):
    with Imap(user) as box:
        box.ok("SELECT INBOX")
        office.faults.set(WRITE, 1, ENOSPC, always=True)
        whole, = box.ok("FETCH 1 BODY[]")
        assert "y" * 70 in whole and "\\Seen" not in whole
        assert box.ok("SEARCH ALL") == ["* SEARCH 1 2 3 4"]
        box.ok("NOOP")
        office.faults.clear()
        assert "FLAGS (\\Seen)" in box.ok("FETCH 1 BODY[]")[0]


@pytest.mark.parametrize("nth", [1, 2, 3, 4, 6, 9])
@pytest.mark.parametrize("what", [WRITE, SYNC, TORN])
def test_a_copy_of_many_is_whole_or_not_there(office, user, what, nth):
    """Some hundreds are more than one job (RFC 9051 6.4.7)."""
    with Imap(user) as box:
        box.count += 1
        for _ in range(3):
            box.send(b"m APPEND INBOX" + b" {%d+}\r\n%s" % (len(LETTER), LETTER) * 250 + b"\r\n")
            assert box.tagged("m")[0].startswith("OK")
        box.ok("SELECT INBOX")
        office.faults.set(what, nth, ENOSPC)
        result, _ = box.command("COPY 1:* Archive")
        struck = office.faults.hits
        office.faults.clear()
        status, = box.ok("STATUS Archive (MESSAGES)")
        assert f"MESSAGES {754 if result.startswith('OK') else 0})" in status, (result, struck)
        if not result.startswith("OK"):
            assert struck
            box.ok("COPY 1:* Archive")
            assert "MESSAGES 754)" in box.ok("STATUS Archive (MESSAGES)")[0]
