"""POP3 (RFC 1939, 2449, 2595, 5034), command by command, and exact bytes."""
import base64
import pathlib
import poplib
import sqlite3

import pytest

from office import OFFSET, PATIENCE, Wire, unverified, until


def fresh(office):
    """A connection on 995, greeted."""
    wire = Wire(office.address, 995 + OFFSET)
    wire.start_tls()
    assert wire.line().startswith("+OK")
    return wire


def try_login(user):
    wire = fresh(user.office)
    wire.answer(f"USER {user}", "+OK")
    line = wire.answer(f"PASS {user.password}", "")
    if line.startswith("-ERR [IN-USE]"):
        wire.socket.close()
        return None
    assert line.startswith("+OK")
    return wire


def logged_in(user):
    """When a session whose connection was lost has ended."""
    return until(lambda: try_login(user))


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
        for capability in ("USER", "UIDL", "TOP", "PIPELINING", "RESP-CODES", "AUTH-RESP-CODE", "UTF8", "LANG",
                           "EXPIRE NEVER"):
            assert capability in capabilities
        assert not any(line.startswith("LOGIN-DELAY") for line in capabilities)
        assert any(line.startswith("SASL SCRAM-SHA-256") for line in capabilities)
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


def test_one_session_on_one_mailbox(user, office):
    other = office.new_user()
    with logged_in(user) as one, fresh(office) as two:
        for _ in range(4):  # the password is right: nothing to count against guessing
            two.answer(f"USER {user}", "+OK")
            two.answer(f"PASS {user.password}", "-ERR [IN-USE]")
        two.answer("AUTH PLAIN " + base64.b64encode(f"\0{user}\0{user.password}".encode()).decode(),
                   "-ERR [IN-USE]")
        two.answer("STAT", "-ERR")
        logged_in(other).socket.close()
        fill(user, TWO)  # arriving letters are not kept out
        one.answer("DELE 1", "+OK")
        one.answer("QUIT", "+OK")
        two.answer(f"USER {user}", "+OK")
        two.answer(f"PASS {user.password}", "+OK 2 messages")  # with the word of farewell it is free


def test_a_lost_connection_frees_the_mailbox(user):
    logged_in(user).socket.close()
    with logged_in(user) as wire:
        wire.answer("STAT", "+OK 2 ")


def test_login_delay_and_expire(make_office):
    office = make_office(config="pop3-login-delay-seconds = 3600\npop3-expire-days = 60")
    user, other = office.new_user(), office.new_user()
    with fresh(office) as wire:
        wire.answer("CAPA", "+OK")
        capabilities = wire.dotted()
        assert "LOGIN-DELAY 3600" in capabilities and "EXPIRE 60" in capabilities
        wire.answer(f"USER {user}", "+OK")
        wire.answer(f"PASS {user.password}", "+OK")
        wire.answer("QUIT", "+OK")
    with fresh(office) as wire:
        wire.answer(f"USER {user}", "+OK")
        wire.answer("PASS wrong password", "-ERR [AUTH]")
        wire.answer(f"USER {user}", "+OK")
        wire.answer(f"PASS {user.password}", "-ERR [LOGIN-DELAY]")
        wire.answer(f"USER {other}", "+OK")
        wire.answer(f"PASS {other.password}", "+OK")


def test_utf8(user):
    fill(user, "Subject: Grüße\r\n\r\nSchöne Grüße\r\n".encode())
    with user.office.wire(110) as wire:
        wire.answer("UTF8 now", "-ERR")
        wire.answer("UTF8", "+OK")
        wire.answer("CAPA", "+OK")
        assert "STLS" not in wire.dotted()
        wire.answer("STLS", "-ERR")  # RFC 6856 2.1
    with fresh(user.office) as wire:
        wire.answer("UTF8", "+OK")
        wire.answer(f"USER {user}", "+OK")
        wire.answer(f"PASS {user.password}", "+OK")
        wire.answer("UTF8", "-ERR")  # only before login
        wire.answer("RETR 3", "+OK")
        assert wire.dotted()[-3:] == ["Subject: Grüße", "", "Schöne Grüße"]


def test_lang(user):
    with logged_in(user) as after, fresh(user.office) as before:
        for wire in (after, before):
            wire.answer("LANG", "+OK")
            assert wire.dotted() == ["en English", "i-default Default language"]
            assert wire.answer("LANG en", "+OK en ")
            assert wire.answer("LANG EN-GB", "+OK en ")
            assert wire.answer("LANG *", "+OK i-default ")
            wire.answer("LANG tlh", "-ERR")
            wire.answer("LANG eng", "-ERR")


def test_dots_wherever_they_stand(office):
    user = office.new_user()
    filler = b"x" * 997 + b"\r\n"
    letter = b"Subject: dots\r\n\r\n.\r\n..\r\n...\r\n.x\r\nx.\r\n \r\n" + filler * 64
    for shift in range(4):  # a dot at the start of the next piece that is read, or nearby
        letter += b"." * (shift + 1) + b"\r\n" + filler * 65 + b".y" * shift + b"\r\n"
    with office.mx() as wire:
        wire.say("MAIL FROM:<x@example.net>", 250)
        wire.say(f"RCPT TO:<{user}>", 250)
        wire.say("DATA", 354)
        wire.send(b"".join(b"." * line.startswith(b".") + line for line in letter.splitlines(True)))
        wire.say(".", 250)
    assert user.letter().endswith(letter)


def test_a_nul_in_the_store_never_leaves(make_office):
    """No door lets one in; another protocol or a restored store could."""
    office = make_office()
    user = office.new_user()
    fill(user, b"Subject: nul\r\n\r\nhere: NUL-HERE\r\n")
    office.stop()
    database, = pathlib.Path(office.folder).glob("*.db")
    db = sqlite3.connect(database)
    table, column = next(
        (table, column[1]) for (table,) in db.execute("SELECT name FROM sqlite_master"
                                                      " WHERE type = 'table'").fetchall()
        for column in db.execute(f"PRAGMA table_info({table})").fetchall()
        if db.execute(f"SELECT 1 FROM {table} WHERE instr({column[1]}, 'NUL-HERE')").fetchone())
    key, bytes_ = db.execute(f"SELECT rowid, {column} FROM {table}"
                             f" WHERE instr({column}, 'NUL-HERE')").fetchone()
    db.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?",
               (bytes_.replace(b"NUL-HERE", b"NUL\0HERE"), key))
    db.commit()
    db.close()
    office.start()
    assert user.letter().endswith(b"\r\n\r\nhere: NUL\x80HERE\r\n")


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

    with fresh(office) as wire:
        wire.answer("AUTH", "+OK")
        assert wire.dotted()[-2:] == ["PLAIN", "LOGIN"]
        wire.answer("AUTH CRAM-MD5", "-ERR")
        wire.answer("AUTH PLAIN !!!", "-ERR")
        wire.answer("AUTH PLAIN " + plain(user, user.password, other), "-ERR")
        wire.answer("AUTH PLAIN", "+ ")
        wire.answer("*", "-ERR")
        wire.answer("AUTH PLAIN " + plain(user, user.password), "+OK")
        wire.answer("QUIT", "+OK")
    with fresh(office) as wire:
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
