"""What clients that synchronise rely on: MODSEQ codes, VANISHED, INBOX that becomes another."""
import re

import pytest
from imap import Closed, Imap

LETTER = b"Subject: x\r\n\r\nx\r\n"


@pytest.fixture
def user(office):
    return office.new_user()


def selected(user, enable="QRESYNC", mailbox="INBOX", letters=0):
    box = Imap(user)
    box.ok(f"ENABLE {enable}")
    for _ in range(letters):
        box.append(LETTER)
    box.ok(f"SELECT {mailbox}")
    return box


def highest(box):
    status, = box.ok("STATUS INBOX (HIGHESTMODSEQ)")
    return int(re.search(r"HIGHESTMODSEQ (\d+)", status)[1])


@pytest.mark.parametrize("command", ["EXPUNGE", "UID EXPUNGE 2"])
def test_expunge_says_the_modseq_up_to_which_all_is_told(user, command):
    """RFC 7162 3.2.7: also what another client did meanwhile."""
    box = selected(user, letters=3)
    box.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
    with selected(user) as other:
        other.ok("STORE 1 +FLAGS (\\Seen)")
    lines, result = box.ok(command), box.result
    assert "* VANISHED 2" in lines and any("UID 1 FLAGS (\\Seen)" in line for line in lines)
    assert f"[HIGHESTMODSEQ {highest(box)}]" in result


def test_the_last_that_went_is_told_to_who_asks_for_all(user):
    """"1:*" names more than what is there (RFC 7162 3.2.6)."""
    box = selected(user, letters=5)
    known = highest(box)
    box.ok("STORE 4:5 +FLAGS.SILENT (\\Deleted)")
    box.ok("EXPUNGE")
    said = box.ok(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {known} VANISHED)")
    assert said == ["* VANISHED (EARLIER) 4:5"]


def test_what_has_a_number_still_does_not_go_as_earlier(user):
    """EARLIER counts nothing down (RFC 7162 3.2.10): told twice, a client would lose count."""
    box = selected(user, letters=5)
    known = highest(box)
    with selected(user) as other:
        other.ok("STORE 3:4 +FLAGS.SILENT (\\Deleted)")
        other.ok("EXPUNGE")
    said = box.ok(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {known} VANISHED)")
    assert said == ["* VANISHED 3:4"]
    assert box.ok("SEARCH RETURN (COUNT) ALL")[0].endswith("COUNT 3")


def test_an_empty_saved_result_does_not_ask_for_all_that_went(user):
    box = selected(user, letters=5)
    known = highest(box)
    box.ok("STORE 3:4 +FLAGS.SILENT (\\Deleted)")
    box.ok("EXPUNGE")
    box.ok("SEARCH RETURN (SAVE) FLAGGED")
    assert box.ok(f"UID FETCH $ (FLAGS) (CHANGEDSINCE {known} VANISHED)") == []


def test_who_has_inbox_open_is_not_left_in_another_mailbox(office, user):
    """A phone waiting on INBOX would never hear of a letter again."""
    phone, other = selected(user, letters=1), selected(user)
    phone.idle()
    other.ok("UNSELECT")
    other.ok("RENAME INBOX Old")
    assert phone.answer().startswith(b"* BYE")
    phone = selected(user)
    phone.idle()
    office.send(user.address, LETTER)
    assert phone.answer() == b"* 1 EXISTS"


def test_who_renames_the_inbox_that_is_open(user):
    box = selected(user, letters=1)
    assert box.ok("RENAME INBOX Old") == ["* OK [CLOSED] INBOX is another mailbox now"]
    assert "* 0 EXISTS" in box.ok("SELECT INBOX")
    assert "* 1 EXISTS" in box.ok("SELECT Old")


def test_who_has_another_mailbox_open_stays_in_it(user):
    box = selected(user)
    box.ok("CREATE Work")
    with selected(user, mailbox="Work") as one:
        box.ok("RENAME Work Play")
        box.append(LETTER, "Play")
        assert "* 1 EXISTS" in one.ok("NOOP")
        one.ok("STORE 1 +FLAGS (\\Seen)")
    assert "UNSEEN 0" in box.ok("STATUS Play (UNSEEN)")[0]


def test_a_letter_for_a_mailbox_that_is_removed_meanwhile_is_refused(user):
    box, other = selected(user), selected(user)
    box.ok("CREATE Going")
    box.send(b"a APPEND Going {%d}\r\n" % len(LETTER))
    assert box.answer().startswith(b"+")
    other.ok("DELETE Going")
    box.send(LETTER + b"\r\n")
    assert "TRYCREATE" in box.tagged("a")[0]
    with pytest.raises(Closed):
        with selected(user) as third:
            third.ok("CREATE Going")
            third.ok("SELECT Going")
            other.ok("DELETE Going")
            third.ok("NOOP")
