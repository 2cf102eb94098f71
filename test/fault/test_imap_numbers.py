"""UIDVALIDITY, UIDs, MODSEQs and EMAILIDs are given once, whatever happens to the clock; what is
forgotten of expunged messages after a month is made up for (RFC 7162 3.2.5.2)."""
import contextlib
import pathlib
import re
import sqlite3
import sys
import time

import pytest
from imap import Imap
from office import until
from picture import Picture

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from clocks import DAY, Clocks  # noqa: E402

LETTER = b"Subject: x\r\n\r\nx\r\n"


@pytest.fixture
def office(make_office, tmp_path):
    office = make_office(start=False)
    office.clocks = Clocks(tmp_path)
    return office.start(env=office.clocks.environment)


def restart(office, wall=0):
    office.stop()
    office.clocks.move(wall=wall)
    office.start(env=office.clocks.environment)


def status(box, name, item):
    line, = box.ok(f'STATUS "{name}" ({item})')
    return int(re.search(item + r" (\d+)", line)[1])


def selected(user, how="QRESYNC", option=""):
    box = Imap(user)
    box.ok(f"ENABLE {how}")
    return box, box.ok("SELECT INBOX" + option)


def expunge(box, uids):
    box.ok(f"UID STORE {uids} +FLAGS.SILENT (\\Deleted)")
    box.ok("EXPUNGE")


# --- what is forgotten

def forget(office, days=31):
    """A month passes, and the office is opened again: it sweeps."""
    restart(office, wall=days * DAY)
    until(lambda: remembered(office) == 0)


def remembered(office):
    with contextlib.closing(sqlite3.connect(f"{office.folder}/postamt.db")) as db:
        return db.execute("SELECT COUNT(*) FROM expunged").fetchone()[0]


@pytest.fixture
def forgetful(office):
    """A mailbox of ten letters from which 2, 4 and 10 went, known by (validity, modseq) since before
    that; all of it is long ago. Then 6 went, too."""
    user = office.new_user()
    box, _ = selected(user)
    for _ in range(10):
        box.append(LETTER)
    user.known = status(box, "INBOX", "UIDVALIDITY"), status(box, "INBOX", "HIGHESTMODSEQ")
    expunge(box, "2,4,10")
    user.later = status(box, "INBOX", "HIGHESTMODSEQ")
    forget(office)
    box, _ = selected(user)
    expunge(box, "6")
    return user


def vanished(lines):
    return [line for line in lines if "VANISHED" in line]


@pytest.mark.parametrize("known, told", [
    ("", "2,4,6,10"), (" 1:10", "2,4,6,10"), (" 3:5", "4"), (" 1,3,5", None), (" 9:20", "10"),
    (" 1:2,6:7", "2,6")])
def test_select_tells_all_that_is_not_there(forgetful, known, told):
    _, said = selected(forgetful, option=f" (QRESYNC ({forgetful.known[0]} {forgetful.known[1]}{known}))")
    assert vanished(said) == ([f"* VANISHED (EARLIER) {told}"] if told else [])


@pytest.mark.parametrize("asked, told", [("1:*", "2,4,6,10"), ("3:5", "4"), ("9:*", "10"),
                                         ("1:1", None)])
def test_fetch_tells_all_that_is_not_there(forgetful, asked, told):
    box, _ = selected(forgetful)
    said = box.ok(f"UID FETCH {asked} (FLAGS) (CHANGEDSINCE {forgetful.known[1]} VANISHED)")
    assert vanished(said) == ([f"* VANISHED (EARLIER) {told}"] if told else [])


def test_who_knows_the_rest_is_told_what_is_remembered(forgetful):
    option = f" (QRESYNC ({forgetful.known[0]} {forgetful.later} 1,3,5:9))"
    _, said = selected(forgetful, option=option)
    assert vanished(said) == ["* VANISHED (EARLIER) 6"]


def test_nothing_is_told_where_nothing_went(office):
    user = office.new_user()
    box, _ = selected(user)
    box.append(LETTER)
    known = status(box, "INBOX", "UIDVALIDITY"), status(box, "INBOX", "HIGHESTMODSEQ")
    forget(office)
    _, said = selected(user, option=f" (QRESYNC ({known[0]} {known[1]} 1:9))")
    assert not vanished(said)


def test_a_thousand_gaps(office):
    """More than a page of them, and of runs between."""
    user = office.new_user()
    box, _ = selected(user)
    box.count += 1
    for _ in range(4):
        box.send(b"m APPEND INBOX" + b" {%d+}\r\n%s" % (len(LETTER), LETTER) * 250 + b"\r\n")
        assert box.tagged("m")[0].startswith("OK")
    known = status(box, "INBOX", "UIDVALIDITY"), status(box, "INBOX", "HIGHESTMODSEQ")
    odd = range(1, 1001, 2)
    expunge(box, ",".join(map(str, odd)))
    forget(office)
    _, said = selected(user, option=f" (QRESYNC ({known[0]} {known[1]}))")
    line, = vanished(said)
    assert line.split()[-1] == ",".join(map(str, odd))


def test_a_session_that_slept_through_it_all(office):
    """It cannot be told any more: it is sent away, and finds the truth when it comes back."""
    user = office.new_user()
    with Imap(user) as box:
        for _ in range(3):
            box.append(LETTER)
    sleeper, picture = Picture(user), Picture(user, "QRESYNC")
    sleeper.learn()
    box, _ = selected(user)
    expunge(box, "2")
    office.clocks.move(wall=31 * DAY, mono=61)  # when it is swept
    until(lambda: remembered(office) == 0)
    for each in (sleeper, picture):
        with pytest.raises(ConnectionError):
            each.do("NOOP")
        each.drop()
        each.open()
        each.learn()
        assert each.uids == [1, 3]


# --- what is given once

def test_names_that_come_again_have_new_numbers(office):
    """Made and removed, renamed away and made again, after a restart, with the clock set back."""
    user = office.new_user()
    seen = set()

    def note(box, name):
        number = status(box, name, "UIDVALIDITY")
        assert number not in seen and 0 < number < 1 << 32
        seen.add(number)

    for days in (0, -3, 1, -400):
        with Imap(user) as box:
            for name in ("A", "B/C"):
                box.ok(f"CREATE {name}")
                note(box, name)
                box.ok(f"DELETE {name}")
                box.ok(f"CREATE {name}")
                note(box, name)
                box.ok(f"RENAME {name} Away{days}{name}")
                box.ok(f"CREATE {name}")
                note(box, name)
                box.ok(f"DELETE {name}")
            note(box, "INBOX")
            box.append(LETTER)
            box.ok(f"RENAME INBOX Old{days}")
        restart(office, wall=days * DAY)


@pytest.mark.parametrize("years", [60, 100, -60])
def test_a_uidvalidity_is_of_32_bits_in_every_year(make_office, tmp_path, years):
    office = make_office(start=False)
    office.clocks = Clocks(tmp_path)
    office.clocks.move(wall=years * 365 * DAY)
    office.start(env=office.clocks.environment)
    with Imap(office.new_user()) as box:
        box.ok("CREATE A")
        numbers = [status(box, name, "UIDVALIDITY") for name in ("A", "INBOX", "Archive")]
        assert len(set(numbers)) == 3 and all(0 < number < 1 << 32 for number in numbers)


def test_a_user_who_is_made_again_has_new_numbers(office):
    seen = set()
    for days in (0, -1, -30, 2):
        user = office.new_user("again")
        with Imap(user) as box:
            names = [re.search(r'"([^"]*)"$', line)[1] for line in box.ok('LIST "" *')]
            numbers = {(name, status(box, name, "UIDVALIDITY")) for name in names}
        assert not numbers & seen
        seen |= numbers
        office.clocks.move(wall=days * DAY)
        office.run("user", "remove", user.address)


def test_uids_and_modseqs_grow_over_everything(office):
    user = office.new_user()
    last = 0, 0
    for days in (0, -2, 5, -40):
        with Imap(user) as box:
            box.ok("SELECT INBOX")
            uid = box.append(LETTER)
            told, = box.ok(f"UID FETCH {uid} (MODSEQ)")
            modseq = int(re.search(r"MODSEQ \((\d+)\)", told)[1])
            assert uid > last[0] and modseq > last[1]
            box.ok("STORE 1:* +FLAGS (\\Deleted)")
            box.ok("EXPUNGE")
            assert status(box, "INBOX", "MESSAGES") == 0
            last = uid, status(box, "INBOX", "HIGHESTMODSEQ")
            assert last[1] > modseq and status(box, "INBOX", "UIDNEXT") == uid + 1
        restart(office, wall=days * DAY)


def test_emailids_are_given_once_where_a_time_comes_again(office):
    """The same seconds three times over, as busy as can be; the letters before are removed."""
    user, seen = office.new_user(), set()
    many = (b" {%d+}\r\n%s" % (len(LETTER), LETTER)) * 50
    for _ in range(3):
        began, count = time.time(), 0
        with Imap(user) as box:
            box.ok("SELECT INBOX")
            while time.time() < began + 2:
                box.send(b"m APPEND INBOX" + many + b"\r\n")
                assert box.tagged("m")[0].startswith("OK")
                count += 50
            told = box.ok("FETCH 1:* (EMAILID)")
            ids = {line.split("EMAILID (")[1].split(")")[0] for line in told if "EMAILID" in line}
            assert len(ids) == count and not ids & seen
            seen |= ids
            box.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)")
            box.ok("EXPUNGE")
        restart(office, wall=-round(time.time() - began + 0.5))
