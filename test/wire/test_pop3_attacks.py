"""What is tried against POP3; the rules and their table are in test_imap_attacks.py."""
import base64
import re
import resource

import pytest
from imap import Imap
from office import OFFSET, Wire, in_parallel, unverified, until
from test_imap_attacks import BOMBS, ODD, kilobytes
from test_pop3 import fill, fresh, logged_in

ONE = b"Subject: one\r\n\r\nfirst line\r\n.\r\n..\r\n.a dot\r\n"


@pytest.fixture
def user(office):
    user = office.new_user()
    fill(user, ONE, b"Subject: two\r\n\r\nx\r\n")
    return user


@pytest.mark.parametrize("said", [b"USER " + b"x" * 2000, b"(" * 8000, b"AUTH PLAIN\r\n" + b"A" * 8000],
                         ids=["line", "brackets", "base64"])
def test_rule_1_a_thousand_strangers_with_half_a_command_each(make_office, said):
    count = 1000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    office = make_office()
    user = office.new_user()
    before = kilobytes(office)
    wires = [office.wire(110) for _ in range(count)]
    for wire in wires:
        wire.send(said)
    logged_in(user).socket.close()
    each = (kilobytes(office) - before) / count
    print(f"{each:.1f} KiB for a connection with what it said")
    assert each < 64
    for wire in wires:
        wire.socket.close()


@pytest.mark.parametrize("before", ["", "USER ", "PASS ", "AUTH PLAIN ", "AUTH PLAIN\r\n", "STLS ",
                                    "LANG ", "nonsense ", "USER x\r\nPASS "])
def test_rule_2_a_line_without_end_before_login(office, before):
    with fresh(office) as wire:
        most = kilobytes(office, "VmHWM")
        wire.send(before.encode() + b"x" * 2_000_000 + b"\r\n")
        line = wire.line()
        while line.startswith("+"):
            line = wire.line()
        assert line.startswith("-ERR")
        assert kilobytes(office, "VmHWM") - most < 4_000
        assert wire.answer("CAPA", "+OK") and wire.dotted()


@pytest.mark.parametrize("before", ["RETR ", "LIST ", "TOP 1 ", "UIDL ", "DELE ", ""])
def test_rule_2_a_line_without_end_after_login(user, before):
    with logged_in(user) as wire:
        wire.send(before.encode() + b"1" * 2_000_000 + b"\r\n")
        assert wire.line().startswith("-ERR")
        wire.answer("STAT", "+OK 2 ")


def test_rule_4_mistakes(office):
    with fresh(office) as wire:
        lines = []
        wire.send("nonsense\r\n" * 30)
        while (line := wire.line()) is not None:
            lines.append(line)
        assert 15 <= len(lines) <= 25 and all(line.startswith("-ERR") for line in lines)


@pytest.mark.parametrize("behind", ["CAPA\r\n", "USER a\r\nPASS b\r\n", "\r\n", "x"])
def test_rule_5_nothing_behind_stls_is_read(office, behind):
    with office.wire(110) as wire:
        wire.send("STLS\r\n" + behind)
        if wire.line().startswith("+OK"):  # it came too late to be seen: then it is no handshake
            assert wire.closed()
        else:
            assert wire.closed()


def test_rule_5_what_was_said_in_the_clear_is_forgotten(office):
    user = office.new_user()
    with office.wire(110) as wire:
        wire.answer(f"USER {user}", "-ERR")
        wire.answer("STLS", "+OK")
        wire.start_tls()
        wire.answer(f"PASS {user.password}", "-ERR")
        wire.answer(f"USER {user}", "+OK")
        wire.answer(f"PASS {user.password}", "+OK")


def test_rule_10_broken_logins_hurt_no_other(office):
    user_names = [office.new_user() for _ in range(8)]
    bad = ["!!!", "=", "\t", "AA", base64.b64encode(b"\0" * 300).decode(), "A" * 8000, "*", ""]

    def one(number):
        with fresh(office) as wire:
            wire.answer("AUTH PLAIN", "+ ")
            wire.answer(bad[number], "-ERR")
            wire.answer(f"USER {user_names[number]}", "+OK")
            wire.answer(f"PASS {user_names[number].password}", "+OK")
            wire.answer("QUIT", "+OK")

    in_parallel(8, one)


@pytest.mark.parametrize("bomb", ["multiparts in multiparts", "fields", "megabytes of header", "comments"])
def test_rule_11_bombs_are_letters(office, bomb):
    user = office.new_user()
    letter = b"Subject: bomb\r\nMIME-Version: 1.0\r\n" + BOMBS[bomb]()
    with Imap(user) as box:
        box.append(letter)
    with logged_in(user) as wire:
        assert int(wire.answer("LIST 1", "+OK").split()[2]) == len(letter)
        wire.answer("TOP 1 0", "+OK")
        wire.dotted()
        wire.answer("RETR 1", "+OK")
        lines = wire.dotted()
        assert sum(len(line) + 2 for line in lines) == len(letter)


@pytest.mark.parametrize("name", ODD)
def test_rule_18_logins(office, name):
    user = office.new_user()
    with fresh(office) as wire:
        if re.fullmatch(r"[ -~]{1,200}", name):
            wire.answer(f"USER {name}", "+OK")
            wire.answer("PASS x", "-ERR [AUTH]")
        wire.answer(f"USER {user}", "+OK")
        wire.answer(f"PASS {user.password}", "+OK")


@pytest.mark.parametrize("command", ["nonsense\x1b[31m", "RETR 1 +OK", "USER %s%n", "LANG ../../x",
                                     "LANG en\u2028+OK", "CAPA x", "UIDL 1 2 3", "XTND XMIT"])
def test_rule_19_nothing_said_comes_back_as_an_answer(user, command):
    with logged_in(user) as wire:
        wire.answer(command, "-ERR")
        wire.answer("NOOP", "+OK")


def test_rule_21_a_session_keeps_only_other_pop3_sessions_out(user):
    """The maildrop's lock is not the mailbox's: IMAP goes on beside it, and changes what it wants."""
    with logged_in(user) as wire, Imap(user) as box:
        box.ok("SELECT INBOX")
        box.append(b"Subject: three\r\n\r\nx\r\n")
        box.ok("STORE 1 +FLAGS (\\Deleted)")
        assert box.ok("EXPUNGE")[0].endswith("1 EXPUNGE")
        wire.answer("STAT", "+OK 2 ")  # as it was at login
        wire.answer("RETR 1", "-ERR")  # gone: refused, and the session goes on
        wire.answer("RETR 2", "+OK")
        wire.dotted()
        wire.answer("DELE 1", "")
        wire.answer("DELE 2", "+OK")
        assert box.ok("SEARCH ALL") == ["* SEARCH 1 2"]  # nothing goes before QUIT
        wire.answer("QUIT", "+OK")
        assert wire.closed()
        until(lambda: box.ok("NOOP") == ["* 1 EXPUNGE"])


@pytest.mark.parametrize("smuggled", [b"RETR 1\rDELE 1\r\n", b"NOOP\r\rDELE 1\r\n", b"\rDELE 1\r\n",
                                      b"NOOP\x00\rDELE 1\r\n", b"DELE 1\r\r\n", b"DELE 1\n"])
def test_rule_21_a_bare_cr_ends_no_line(user, smuggled):
    """CVE-2026-33604."""
    with logged_in(user) as wire:
        wire.send(smuggled + b"STAT\r\n")
        while not (line := wire.line()).startswith("+OK 2 "):
            assert line.startswith("-ERR"), line
        wire.answer("QUIT", "+OK")
    assert len(user.letters()) == 2
