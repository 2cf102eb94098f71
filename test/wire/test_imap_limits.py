"""What an IMAP session refuses, before login and after: floods, literals, injections."""
import re

import pytest
from imap import Imap
from office import unverified

LETTER = b"From: a@far.test\r\nSubject: x\r\n\r\nbody\r\n"


@pytest.fixture
def user(office):
    return office.new_user()


@pytest.fixture
def box(user):
    with Imap(user) as box:
        box.ok("SELECT INBOX")
        yield box


@pytest.fixture
def stranger(user):
    with Imap(user, login=False) as box:
        yield box


# --- before login

def test_a_line_of_nine_kilobytes_is_too_long_before_login(stranger):
    stranger.send(b"a NOOP " + b"x" * 9000 + b"\r\n")
    assert b" BAD " in stranger.answer()
    assert stranger.ok("NOOP") == []


def test_four_thousand_brackets_before_login(stranger):
    stranger.send(b"a NOOP " + b"(" * 4000 + b"\r\n")
    assert stranger.answer().startswith(b"a BAD ")
    stranger.send(b"b ID " + b"(" * 4000 + b"\r\n")
    assert stranger.answer().startswith(b"b BAD ")


def test_three_mistakes_before_login(stranger):
    stranger.send("a X\r\nb X\r\nc X\r\n")
    answers = [stranger.answer() for _ in range(4)]
    assert answers[-1].startswith(b"* BYE") and stranger.wire.closed()


def test_no_append_before_login(stranger):
    stranger.send("a APPEND INBOX {100000}\r\n")
    assert stranger.answer().startswith(b"a NO [TOOBIG]")
    stranger.send(b"b APPEND INBOX {20+}\r\n" + b"c LOGOUT\r\nxxxxxxxxxx" + b"\r\n")
    assert stranger.answer().startswith(b"b NO [TOOBIG]")
    assert stranger.ok("NOOP") == []


@pytest.mark.parametrize("number", ["-1", "1x", "99999999999999999999999999", "0x10", " 5", "+"])
def test_literals_that_are_none(box, number):
    box.send(f"a CREATE {{{number}}}\r\n")
    answer = box.answer()
    assert re.match(rb"a (BAD|NO) ", answer), answer
    assert box.ok("NOOP") == []


@pytest.mark.parametrize("size", [5000, 70000])
def test_what_follows_a_literal_that_is_too_large_is_not_a_command(box, size):
    """The second literal of a refused command belongs to it, too."""
    inner = b"\r\nx CREATE Injected\r\n"
    box.send(b"a SEARCH SUBJECT {%d+}\r\n" % size + b"y" * size + b" BODY {%d+}\r\n" % len(inner)
             + inner + b"\r\n")
    assert box.answer().startswith(b"a NO [TOOBIG]")
    assert box.ok("NOOP") == []
    assert box.ok('LIST "" Injected') == []


def test_what_follows_a_line_that_is_too_long_is_not_a_command(box):
    inner = b"\r\nx CREATE Injected\r\n"
    box.send(b"a SEARCH SUBJECT " + b"y" * 70000 + b" BODY {%d+}\r\n" % len(inner) + inner + b"\r\n")
    assert b" BAD " in box.answer()
    assert box.ok("NOOP") == []
    assert box.ok('LIST "" Injected') == []


@pytest.mark.parametrize("options", [
    "INBOX (\\Nonsense) ", "INBOX (" + "k" * 300 + ") ", "INBOX nonsense ", "Nowhere ", "&Jjo! ",
    'INBOX "no date" ', "INBOX (a ", ""])
def test_the_letter_of_a_refused_append_is_not_run(box, options):
    letter = b"Subject: x\r\n\r\nx CREATE Injected\r\n"
    box.send(f"a APPEND {options}{{{len(letter)}+}}\r\n".encode() + letter + b"\r\n")
    assert re.match(rb"a (NO|BAD)", box.answer())
    assert box.ok("NOOP") == []
    assert box.ok('LIST "" Injected') == []


def test_nor_is_the_second_letter(box):
    letter = b"Subject: x\r\n\r\nx CREATE Injected\r\n"
    box.send(b"a APPEND INBOX {%d+}\r\n" % len(letter) + letter + b" (\\Nonsense) {%d+}\r\n"
             % len(letter) + letter + b"\r\n")
    assert re.match(rb"a (NO|BAD)", box.answer())
    box.send(b"b APPEND INBOX {%d+}\r\n" % len(letter) + letter + b" nonsense {%d+}\r\n"
             % len(letter) + letter + b"\r\n")
    assert re.match(rb"b (NO|BAD)", box.answer())
    assert box.ok("NOOP") == []
    assert box.ok('LIST "" Injected') == []


def test_a_literal_ends_where_it_says(box):
    box.ok("CREATE {}", b"{5}")
    assert box.ok('LIST "" "{*"') == ['* LIST (\\HasNoChildren) "/" "{5}"']


def test_id_has_limits(stranger):
    pair = '"{}" "{}"'
    stranger.ok(f"ID ({' '.join(pair.format(f'n{n}', 'v') for n in range(30))})")
    stranger.no(f"ID ({' '.join(pair.format(f'n{n}', 'v') for n in range(31))})", how="BAD")
    stranger.no(f"ID ({pair.format('n' * 31, 'v')})", how="BAD")


@pytest.mark.parametrize("line", [b"!!!", b"a\tb", b"AGEAYg", b"=", b"A" * 20000, b"*"])
def test_sasl_answers_that_are_no_base64(stranger, line):
    stranger.send(b"a AUTHENTICATE PLAIN\r\n")
    assert stranger.answer().startswith(b"+")
    stranger.send(line + b"\r\n")
    assert re.match(rb"(a|\*) (BAD|NO|BYE)", stranger.answer())


def test_a_tag_of_126_octets_and_no_more(stranger):
    assert stranger.wire.send("t" * 126 + " NOOP\r\n") is None
    assert stranger.answer() == b"t" * 126 + b" OK Done"
    stranger.send("t" * 127 + " NOOP\r\n")
    assert b" BAD " in stranger.answer()


def test_state_before_starttls_is_forgotten(user):
    with Imap(user, 143, login=False) as box:
        box.send("a STARTTLS\r\nb CAPABILITY\r\n")
        answers = []
        while (line := box.wire.line()) is not None:
            answers.append(line)
        assert not [line for line in answers if line.startswith("b ")]


def test_no_cleartext_passwords(user):
    with Imap(user, 143, login=False) as box:
        assert "AUTH=" not in box.ok("CAPABILITY")[0]
        assert "PRIVACYREQUIRED" in box.no("AUTHENTICATE PLAIN AGEAYg==")
        assert "PRIVACYREQUIRED" in box.no(f'LOGIN {user.address} "{user.password}"')


# --- after login

def test_an_append_that_is_too_large_is_refused_before_it_comes(box):
    limit = int(re.search(r"APPENDLIMIT=(\d+)", box.ok("CAPABILITY")[0])[1])
    box.send(f"a APPEND INBOX {{{limit + 1}}}\r\n")
    assert box.answer().startswith(b"a NO [TOOBIG]")
    box.send("b APPEND INBOX {18446744073709551616}\r\n")
    assert re.match(rb"b (NO|BAD) ", box.answer())
    assert box.ok("NOOP") == []


@pytest.mark.parametrize("name", [b"a\r\n* BYE", b"a\nb", b"a\x00b", b"\xff\xfe", b"\xc3", b"&Jjo!",
                                  b"../../etc/passwd", b"a\xe2\x80\xa8b"])
def test_names_never_split_an_answer(box, name):
    for command in ("CREATE", "SELECT", "SUBSCRIBE", "STATUS"):
        tail = " (MESSAGES)" if command == "STATUS" else ""
        result, answers = box.command(f"{command} {{}}{tail}", name)
        assert re.match("OK|NO|BAD", result) and "\n" not in result
        for line in box.command('LIST "" *')[1] + answers:
            assert line.startswith(b"* "), line
        if box.command("NOOP")[0].startswith("OK"):
            continue


@pytest.mark.parametrize("flag", ["\\Nonsense", "a(b", "a]b", 'a"b', "a%b", "x" * 500, "\xff", "\\"])
def test_flags_never_split_an_answer(box, flag):
    box.append(LETTER)
    box.command(f"STORE 1 +FLAGS ({flag})".encode("latin-1"))
    answer, = box.ok("FETCH 1 FLAGS")
    assert re.fullmatch(r"\* 1 FETCH \(FLAGS \([\x21\x23-\x27\x2b-\x7e ]*\)\)", answer), answer


def test_search_keys_have_a_limit(box):
    box.append(LETTER)
    for program in ("(" * 5000 + "ALL" + ")" * 5000, "NOT " * 5000 + "ALL",
                    "OR " * 5000 + "ALL " * 5001, "TEXT x " * 5000):
        result, _ = box.command("SEARCH " + program.strip())
        assert re.match("NO|BAD", result), (program[:20], result)
    assert box.ok("SEARCH ALL") == ["* SEARCH 1"]


def test_stars_and_percents(box):
    box.ok("CREATE " + "/".join(["aaaaaaaaaa"] * 20))
    for pattern in ("*a" * 400 + "b", "%a" * 400 + "b", "*%" * 400 + "b", "*/%a" * 200 + "b"):
        assert box.ok(f'LIST "" "{pattern[:900]}"') == []


def test_deep_letters_are_read(box):
    deep = b""
    for level in range(300):
        deep += b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
    box.append(b"Subject: deep\r\nMIME-Version: 1.0\r\n" + deep + b"\r\nend\r\n")
    assert box.ok("FETCH 1 (BODYSTRUCTURE ENVELOPE RFC822.SIZE)")[0].startswith("* 1 FETCH")
    assert len(box.ok("FETCH 1 BODY.PEEK[]")[0]) > len(deep)
    path = ".".join(["1"] * 200)
    assert box.command(f"FETCH 1 BODY.PEEK[{path}]")[0][:2] in ("OK", "NO", "BA")
    assert box.ok("NOOP") == []


def test_a_header_of_many_addresses(box):
    addresses = b",\r\n ".join(b"Name %d <n%d@far.test>" % (n, n) for n in range(20000))
    box.append(b"Subject: crowd\r\nTo: " + addresses + b"\r\n\r\nx\r\n")
    answer, = box.ok("FETCH 1 ENVELOPE")
    assert answer.startswith("* 1 FETCH (ENVELOPE (")
    assert box.ok('SEARCH TO "Name 77 "') == ["* SEARCH 1"]


def test_a_part_that_cannot_be_decoded_does_not_break_the_answers(box):
    """The answers before it are whole, and the session goes on or ends; nothing is half."""
    box.append(LETTER)
    big = b"x" * 76 + b"\r\n"
    box.append(b"Subject: odd\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"
               b"\r\n--b\r\n\r\n" + big * 5000 + b"\r\n--b\r\nContent-Type: text/plain\r\n"
               b"Content-Transfer-Encoding: x-odd\r\n\r\nodd\r\n--b--\r\n")
    result, answers = box.command("FETCH 1:2 (UID BINARY.PEEK[2])")
    assert "UNKNOWN-CTE" in result and all(re.match(rb"\* 1 FETCH .*\)$", a, re.S) for a in answers)
    box.send("a FETCH 2 (BODY.PEEK[1] BINARY.PEEK[2])\r\n")
    box.send("b NOOP\r\n")
    got = b""
    while more := box.wire.socket.recv(65536):
        got += more
        if got.endswith(b"b OK Done\r\n"):
            break
    assert not re.search(rb"x\r\n(a|b|\*) |[^)\r]a NO", got), got[-200:]


def test_changedsince_marks_as_seen_only_what_it_tells(box):
    for _ in range(2):
        box.append(LETTER)
    box.ok("ENABLE CONDSTORE")
    box.ok("STORE 2 +FLAGS (\\Flagged)")
    modseqs = [int(re.search(r"MODSEQ \((\d+)\)", line)[1])
               for line in box.ok("FETCH 1:2 (MODSEQ)")]
    lines = box.ok(f"FETCH 1:2 (BODY[TEXT]) (CHANGEDSINCE {modseqs[0]})")
    assert len(lines) == 1 and lines[0].startswith("* 2 FETCH")
    assert box.ok("SEARCH SEEN") == ["* SEARCH 2"]
