"""POP3 (RFC 1939, 2449, 2595, 5034), command by command, and exact bytes."""
import base64
import poplib

import pytest

from office import OFFSET, PATIENCE, Wire, unverified


def logged_in(user):
    wire = Wire(user.office.address, 995 + OFFSET)
    wire.start_tls()
    assert wire.line().startswith("+OK")
    wire.answer(f"USER {user}", "+OK")
    wire.answer(f"PASS {user.password}", "+OK")
    return wire


def fill(user, *letters):
    for letter in letters:
        user.office.send(user.address, letter)


ONE = b"Subject: one\r\n\r\nfirst line\r\nsecond line\r\n\r\n.a dot\r\n"
TWO = b"Subject: two\r\n\r\nbody of two\r\n"


@pytest.fixture
def user(office):
    user = office.new_user()
    fill(user, ONE, TWO)
    return user


def test_no_login_in_the_clear(office):
    user = office.new_user()
    with office.wire(110) as wire:
        assert wire.greeting.startswith("+OK")
        wire.answer(f"USER {user}", "-ERR")
        wire.answer("AUTH PLAIN", "-ERR")
        wire.answer("CAPA", "+OK")
        capabilities = wire.dotted()
        assert "STLS" in capabilities
        assert not any(line.startswith(("USER", "SASL")) for line in capabilities)


def test_stls_then_login(office):
    user = office.new_user()
    with office.wire(110) as wire:
        wire.answer("STLS", "+OK")
        wire.start_tls()
        wire.answer("STLS", "-ERR")
        wire.answer("CAPA", "+OK")
        capabilities = wire.dotted()
        for capability in ("USER", "UIDL", "TOP", "PIPELINING", "SASL PLAIN", "RESP-CODES"):
            assert capability in capabilities
        wire.answer(f"USER {user}", "+OK")
        wire.answer(f"PASS {user.password}", "+OK")
        wire.answer("STLS", "-ERR")
        wire.answer("QUIT", "+OK")
        assert wire.closed()


def test_commands_injected_before_tls_are_refused(office):
    with office.wire(110) as wire:
        wire.send("STLS\r\nUSER evil@example.test\r\n")
        assert wire.line().startswith("-ERR")
        assert wire.closed()


def test_stat_list_uidl(user):
    with logged_in(user) as wire:
        sizes = []
        for number in (1, 2):
            _, octets = wire.answer(f"LIST {number}", "+OK").split()[1:3]
            sizes.append(int(octets))
        assert wire.answer("STAT", "+OK") == f"+OK 2 {sum(sizes)}"
        wire.answer("LIST", "+OK")
        assert wire.dotted() == [f"1 {sizes[0]}", f"2 {sizes[1]}"]
        wire.answer("UIDL", "+OK")
        uidls = wire.dotted()
        assert [line.split()[0] for line in uidls] == ["1", "2"]
        assert len({line.split()[1] for line in uidls}) == 2
        assert wire.answer("UIDL 2", "+OK") == "+OK " + uidls[1]
        for number, size in enumerate(sizes, 1):
            wire.answer(f"RETR {number}", "+OK")
            lines = wire.dotted()
            octets = sum(len(line[line.startswith("."):]) + 2 for line in lines)
            assert octets == size  # what LIST promised


def test_retr_gives_the_exact_bytes(user):
    with logged_in(user) as wire:
        wire.answer("RETR 1", "+OK")
        lines = wire.dotted()
        assert lines[-1] == "..a dot"
    assert user.letters()[0].endswith(ONE) and user.letters()[1].endswith(TWO)


def test_top(user):
    with logged_in(user) as wire:
        wire.answer("RETR 1", "+OK")
        whole = wire.dotted()
        header = whole[:whole.index("") + 1]
        wire.answer("TOP 1 0", "+OK")
        assert wire.dotted() == header  # the header and the blank line
        wire.answer("TOP 1 1", "+OK")
        assert wire.dotted() == header + ["first line"]
        wire.answer("TOP 1 3", "+OK")
        assert wire.dotted() == header + ["first line", "second line", ""]
        wire.answer("TOP 1 4000000000", "+OK")
        assert wire.dotted() == whole
        for wrong in ("TOP 1", "TOP", "TOP 3 0", "TOP 0 0", "TOP 1 -1", "TOP 1 x", "TOP x 1"):
            wire.answer(wrong, "-ERR")


def test_top_of_a_large_letter(office):
    user = office.new_user()
    fill(user, b"Subject: large\r\n" + b"X-Filler: y\r\n" * 5000 + b"\r\n" + b"line\r\n" * 50000)
    with logged_in(user) as wire:
        wire.answer("TOP 1 0", "+OK")
        assert wire.dotted()[-1] == ""
        wire.answer("TOP 1 2", "+OK")
        assert wire.dotted()[-3:] == ["", "line", "line"]


def test_dele_takes_effect_at_quit(user):
    with logged_in(user) as wire:
        wire.answer("DELE 1", "+OK")
        wire.answer("DELE 1", "-ERR")
        wire.answer("RETR 1", "-ERR")
        wire.answer("LIST 1", "-ERR")
        wire.answer("UIDL 1", "-ERR")
        assert wire.answer("STAT", "+OK").startswith("+OK 1 ")
        wire.answer("LIST", "+OK")
        assert [line.split()[0] for line in wire.dotted()] == ["2"]
    assert len(user.letters()) == 2  # the connection was lost: nothing went
    with logged_in(user) as wire:
        wire.answer("DELE 1", "+OK")
        wire.answer("RSET", "+OK")
        wire.answer("RETR 1", "+OK")
        wire.dotted()
        wire.answer("DELE 2", "+OK")
        wire.answer("QUIT", "+OK")
        assert wire.closed()
    assert user.letter().endswith(ONE)


def test_uidls_are_never_reused(office):
    user = office.new_user()
    seen = []
    for _ in range(4):
        fill(user, ONE)
        with logged_in(user) as wire:
            seen.append(wire.answer("UIDL 1", "+OK").split()[2])
            wire.answer("DELE 1", "+OK")
            wire.answer("QUIT", "+OK")
    assert len(set(seen)) == 4
    fill(user, ONE, TWO)
    with logged_in(user) as wire:
        wire.answer("UIDL", "+OK")
        kept = wire.dotted()[1].split()[1]
        wire.answer("DELE 1", "+OK")
        wire.answer("QUIT", "+OK")
    with logged_in(user) as wire:
        assert wire.answer("UIDL 1", "+OK").split()[2] == kept  # and stay the same


def test_letters_that_come_later_are_seen_at_the_next_login(user):
    with logged_in(user) as wire:
        fill(user, TWO)
        assert wire.answer("STAT", "+OK").startswith("+OK 2 ")
        wire.answer("RETR 3", "-ERR")
    assert len(user.letters()) == 3


def test_two_sessions_on_one_mailbox(user):
    with logged_in(user) as one, logged_in(user) as two:
        one.answer("DELE 1", "+OK")
        one.answer("QUIT", "+OK")
        two.answer("RETR 1", "-ERR")  # gone, and said so
        two.answer("RETR 2", "+OK")
        two.dotted()
        two.answer("DELE 1", "+OK")
        two.answer("QUIT", "+OK")
    assert len(user.letters()) == 1


def test_pipelining(user):
    with logged_in(user) as wire:
        wire.send("STAT\r\nRETR 1\r\nTOP 2 0\r\nNOOP\r\nnonsense\r\nDELE 1\r\nQUIT\r\n")
        assert wire.line().startswith("+OK 2 ")
        for _ in range(2):
            assert wire.line().startswith("+OK")
            wire.dotted()
        assert [wire.line()[:3] for _ in range(4)] == ["+OK", "-ER", "+OK", "+OK"]
        assert wire.closed()
    assert len(user.letters()) == 1


def test_auth_plain(office):
    user, other = office.new_user(), office.new_user()

    def plain(name, password, act_as=""):
        return base64.b64encode(f"{act_as}\0{name}\0{password}".encode()).decode()

    def fresh():
        wire = Wire(office.address, 995 + OFFSET)
        wire.start_tls()
        wire.line()
        return wire

    with fresh() as wire:
        wire.answer("AUTH", "+OK")
        assert wire.dotted() == ["PLAIN"]
        wire.answer("AUTH CRAM-MD5", "-ERR")
        wire.answer("AUTH PLAIN !!!", "-ERR")
        wire.answer("AUTH PLAIN " + plain(user, user.password, other), "-ERR")
        wire.answer("AUTH PLAIN", "+ ")
        wire.answer("*", "-ERR")
        wire.answer("AUTH PLAIN " + plain(user, user.password), "+OK")
    with fresh() as wire:
        wire.answer("AUTH PLAIN", "+ ")
        wire.answer(plain(user, user.password), "+OK")
        wire.answer("STAT", "+OK")


def test_wrong_passwords(office):
    user = office.new_user()
    with Wire(office.address, 995 + OFFSET) as wire:
        wire.start_tls()
        wire.line()
        wire.answer("PASS early", "-ERR")
        wire.answer(f"USER {user}", "+OK")
        known = wire.answer("PASS wrong", "-ERR [AUTH]")
        wire.answer("USER nobody@example.test", "+OK")
        assert wire.answer("PASS wrong", "-ERR [AUTH]") == known  # P8
        wire.answer(f"USER {user}", "+OK")
        wire.answer("PASS wrong", "-ERR")
        assert wire.closed()


def test_a_key_has_no_mailbox(office):
    import json
    key = json.loads(office.run("key", "add", "--dialect", "native", "--json"))
    with Wire(office.address, 995 + OFFSET) as wire:
        wire.start_tls()
        wire.line()
        wire.answer(f"USER {key['id']}", "+OK")
        wire.answer(f"PASS {key['secret']}", "-ERR")


def test_before_login_nothing_is_answered(office):
    with Wire(office.address, 995 + OFFSET) as wire:
        wire.start_tls()
        wire.line()
        for command in ("STAT", "LIST", "RETR 1", "UIDL", "TOP 1 1", "DELE 1", "RSET", "NOOP"):
            wire.answer(command, "-ERR")
        wire.answer("QUIT", "+OK")


def test_broken_commands(user):
    with logged_in(user) as wire:
        for command in ("RETR", "RETR 0", "RETR 3", "RETR -1", "RETR 1x", "RETR 99999999999999999999",
                        "DELE", "LIST 9", "UIDL x", "USER again", "nonsense", "", "x" * 1000):
            wire.answer(command, "-ERR")
        wire.answer("noop", "+OK")
        wire.answer("stat", "+OK 2")


@pytest.mark.parametrize("bad", ["NOOP\n", "NO\0OP\r\n", "NO\rOP\r\n"])
def test_bare_line_ends_are_no_commands(user, bad):
    with logged_in(user) as wire:
        wire.send(bad)
        assert wire.line().startswith("-ERR")
        wire.answer("NOOP", "+OK")


def test_an_empty_mailbox(office):
    user = office.new_user()
    box = user.pop3()
    assert box.stat() == (0, 0)
    assert box.list()[1] == [] and box.uidl()[1] == []
    box.quit()


def test_a_large_mailbox(office):
    user = office.new_user()
    with office.mx() as wire:
        for number in range(600):
            wire.send(f"MAIL FROM:<>\r\nRCPT TO:<{user}>\r\nDATA\r\n")
            for code in (250, 250, 354):
                wire.expect(code)
            wire.say(f"Subject: {number}\r\n\r\nx\r\n.", 250)
    letters = user.letters()
    assert [int(letter.split(b"Subject: ")[1].split(b"\r\n")[0]) for letter in letters] == \
        list(range(600))


def test_stls_with_poplib(office):
    user = office.new_user()
    box = poplib.POP3(office.address, 110 + OFFSET, timeout=PATIENCE)
    box.stls(context=unverified())
    box.user(user.address)
    box.pass_(user.password)
    box.quit()
