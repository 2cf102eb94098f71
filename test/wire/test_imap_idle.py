"""IDLE (RFC 2177): who waits hears at once what others do, by any door, and of its own mailbox alone.
What phones do with IDLE: test_imap_quirks; its end by time: unit test timeouts."""
import re
import smtplib
import socket

import pytest
from imap import Imap
from office import OFFSET, PATIENCE

LETTER = b"From: a@far.test\r\nSubject: x\r\n\r\nbody\r\n"


@pytest.fixture
def user(office):
    return office.new_user()


class Waiting(Imap):
    """A session in IDLE on a mailbox."""

    def __init__(self, user, mailbox="INBOX", enable="", compressed=False, port=993):
        super().__init__(user, port)
        self.wire.socket.settimeout(PATIENCE)
        if enable:
            self.ok(f"ENABLE {enable}")
        if compressed:
            self.compress()
        self.ok(f"SELECT {mailbox}")
        self.idle()

    def hears(self, *starts):
        for start in starts:
            answer = self.answer()
            assert re.match(start.encode(), answer), (start, answer)

    def has_heard_all(self):
        result, told = self.done()
        assert result.startswith("OK") and told == [], (result, told)


@pytest.fixture
def other(user):
    with Imap(user) as other:
        other.ok("SELECT INBOX")
        yield other


@pytest.fixture(params=["tls", "compressed", "QRESYNC", "IMAP4rev2"])
def waiting(request, user):
    how = request.param
    with Waiting(user, compressed=how == "compressed",
                 enable=how if how[0] in "QI" else "") as waiting:
        waiting.vanishes = how == "QRESYNC"
        yield waiting


def test_a_letter_by_append(waiting, other):
    other.append(LETTER)
    waiting.hears(r"\* 1 EXISTS$")
    waiting.has_heard_all()


def test_a_letter_by_smtp(office, user, waiting):
    with smtplib.SMTP(office.address, 25 + OFFSET, timeout=PATIENCE) as client:
        client.sendmail("a@far.test", [user.address], LETTER)
    waiting.hears(r"\* 1 EXISTS$")


def test_a_letter_by_lmtp(office, user, waiting):
    with smtplib.LMTP(office.address, 24 + OFFSET) as client:
        client.sendmail("a@far.test", [user.address], LETTER)
    waiting.hears(r"\* 1 EXISTS$")


def test_flags(waiting, other):
    other.append(LETTER)
    waiting.hears(r"\* 1 EXISTS$")
    other.ok("STORE 1 +FLAGS (\\Flagged blue)")
    waiting.hears(r"\* FLAGS \(.*blue", r"\* 1 FETCH \(.*\\Flagged blue")
    other.ok("STORE 1 FLAGS ()")
    waiting.hears(r"\* 1 FETCH \(.*FLAGS \(\)")
    waiting.has_heard_all()


@pytest.mark.parametrize("how", ["EXPUNGE", "MOVE", "POP3"])
def test_what_goes(user, waiting, other, how):
    other.append(LETTER)
    waiting.hears(r"\* 1 EXISTS$")
    if how == "POP3":
        box = user.pop3()
        box.dele(1)
        box.quit()
    elif how == "MOVE":
        other.ok("MOVE 1 Archive")
    else:
        other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
        waiting.hears(r"\* 1 FETCH")
        other.ok("EXPUNGE")
    waiting.hears(r"\* VANISHED 1$" if waiting.vanishes else r"\* 1 EXPUNGE$")
    waiting.has_heard_all()


def test_each_hears_of_its_own_mailbox(user, other):
    with Waiting(user) as inbox, Waiting(user, "Archive") as archive:
        other.append(LETTER, "Archive")
        archive.hears(r"\* 1 EXISTS$")
        inbox.has_heard_all()


def test_another_user_hears_nothing(office, user, other):
    with Waiting(office.new_user()) as stranger, Waiting(user) as own:
        other.append(LETTER)
        own.hears(r"\* 1 EXISTS$")
        stranger.has_heard_all()


def test_a_hundred_hear_it(make_office):
    office = make_office(config="imap-sessions-per-user-max = 200")
    user = office.new_user()
    waiting = [Waiting(user) for _ in range(100)]
    with Imap(user) as other:
        other.append(LETTER)
    for each in waiting:
        each.hears(r"\* 1 EXISTS$")
        each.has_heard_all()


def test_without_a_mailbox_nothing_comes(user, other):
    with Imap(user) as box:
        box.idle()
        other.append(LETTER)
        assert box.done() == ("OK Done", [])


def test_the_mailbox_is_removed(user, other):
    other.ok("CREATE Going")
    with Waiting(user, "Going") as waiting:
        other.ok("DELETE Going")
        waiting.hears(r"\* BYE")
        assert waiting.wire.closed()


@pytest.mark.parametrize("letters", [0, 1])
def test_the_user_is_removed(office, user, other, letters):
    for _ in range(letters):
        other.append(LETTER)
    with Waiting(user) as inbox, Waiting(user, "Archive") as empty:
        office.run("user", "remove", user.address)
        inbox.hears(r"\* BYE")
        empty.hears(r"\* BYE")


def test_the_mailbox_is_renamed_and_stays_open(user, other):
    other.ok("CREATE Before")
    with Waiting(user, "Before") as waiting:
        other.ok("RENAME Before After")
        other.append(LETTER, "After")
        waiting.hears(r"\* 1 EXISTS$")


def test_commands_sent_with_done(user, other):
    other.append(LETTER)
    with Waiting(user) as waiting:
        waiting.send("DONE\r\nx FETCH 1 UID\r\ny NOOP\r\n")
        assert waiting.tagged(f"t{waiting.count}")[0].startswith("OK")
        assert waiting.tagged("x")[1] == [b"* 1 FETCH (UID 1)"]
        assert waiting.tagged("y")[0].startswith("OK")


def test_who_goes_without_a_word(user, other):
    waiting = Waiting(user)
    waiting.wire.socket.close()
    other.append(LETTER)
    with Waiting(user) as again:
        other.append(LETTER)
        again.hears(r"\* 2 EXISTS$")


def test_the_office_closes(make_office):
    office = make_office()
    with Waiting(office.new_user()) as waiting:
        office.stop()
        waiting.hears(r"\* BYE")


@pytest.mark.parametrize("wrong", ["IDLE now", "IDLE "])
def test_idle_has_no_arguments(user, wrong):
    with Imap(user) as box:
        box.no(wrong, how="BAD")


def test_before_login_there_is_none(user):
    with Imap(user, login=False) as box:
        box.no("IDLE", how="BAD")
