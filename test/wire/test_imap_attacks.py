"""What is tried against servers that people read mail from, rule by rule.

Each rule is what holes of other servers taught (CVE numbers in the tests). Where its tests are:

 1  memory before login        test_rule_1_*; test_imap_limits: line, brackets, tag; test_pop3_attacks
 2  every state has the limits test_rule_2_*; test_pop3_attacks
 3  literals of any size       test_rule_3_*; test_imap_limits: no_append_before_login, literals_that_are_none
 4  lines, arguments, mistakes test_rule_4_*; test_imap_limits: three_mistakes; test_pop3_attacks
 5  STARTTLS, STLS             test_rule_5_*; test_imap_limits: state_before_starttls; test_pop3:
                               injected_before_tls; test_smtp_security; test_pop3_attacks
 6  no cleartext logins        test_imap_limits: no_cleartext_passwords; test_pop3: no_login_in_the_clear
 7  guessing, enumeration      test_guessing (all protocols); test_sasl: three_failures, salts
 8  time, slow readers         test_rule_8_*; unit tests timeouts, stream
 9  ID                         test_rule_9_*; test_imap_limits: id_has_limits
10  AUTHENTICATE               test_rule_10_*; test_imap_limits: sasl_answers; test_sasl: garbage
11  header and MIME bombs      test_rule_11_*; test_imap_bombs; test_imap_limits: deep_letters, many_addresses
12  THREAD, SORT               test_imap_sort, where those commands are
13  LIST wildcards             test_rule_13_*; test_imap_limits: stars_and_percents
14  SEARCH                     test_rule_14_*; test_imap_limits: search_keys_have_a_limit
15  COMPRESS                   test_imap_compress
16  one gate to mailboxes      test_rule_16_*
17  OAuth, caches              test_rule_17_*; test_sasl: a_password_changed_in_the_middle
18  names are never more       test_rule_18_*
19  response injection         test_rule_19_*; test_imap_limits: names_, flags_never_split_an_answer
20  secrets in constant time   test_rule_20_*
21  POP3                       test_pop3_attacks
22  caps on connections        test_rule_22_*; test_guessing: connections_of_one_address
"""
import base64
import os
import pathlib
import re
import resource
import threading

import pytest
from imap import Imap
from office import OFFSET, PATIENCE, Wire, in_parallel, unverified, until

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
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


def kilobytes(office, what="VmRSS"):
    status = pathlib.Path(f"/proc/{office.worker()}/status").read_text()
    return int(re.search(rf"{what}:\s+(\d+)", status)[1])


def alive(user):
    with Imap(user) as other:
        other.ok("SELECT INBOX")


# --- 1: memory before login


@pytest.mark.parametrize("said", [b"a NOOP " + b"(" * 4000, b"a ID " + b"(" * 8000, b"a" * 8000,
                                  b"a LOGIN {1024+}\r\n" + b"x" * 1000, b"\x16\x03\x01" + b"\0" * 8000],
                         ids=["brackets", "id", "tag", "literal", "tls"])
def test_rule_1_a_thousand_strangers_with_half_a_command_each(make_office, said):
    """CVE-2026-27857, CVE-2026-42006: a megabyte each of them held elsewhere."""
    count = 1000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    office = make_office()
    user = office.new_user()
    before = kilobytes(office)
    wires = [office.wire(143) for _ in range(count)]
    greeted = kilobytes(office)
    for wire in wires:
        wire.send(said)
    alive(user)
    each = (kilobytes(office) - before) / count
    print(f"{(greeted - before) / count:.1f} KiB for a connection, {each:.1f} with what it said")
    assert each < 64
    for wire in wires:
        wire.socket.close()


# --- 2: every state has the limits


LONG = b"x" * 2_000_000


@pytest.mark.parametrize("before", [b"a NOOP ", b"", b"a LOGIN ", b"a LOGIN {3+}\r\nbob ",
                                    b"a AUTHENTICATE PLAIN ", b"a AUTHENTICATE PLAIN\r\n",
                                    b"a ID (\"name\" \"", b"a STARTTLS "])
def test_rule_2_a_line_without_end_before_login(stranger, user, before):
    """CVE-2025-61600: a limit in most states is none."""
    office, most = user.office, kilobytes(user.office, "VmHWM")
    try:
        stranger.send(before + LONG + b"\r\n")
        answer = stranger.answer()
        while answer.startswith(b"+"):
            answer = stranger.answer()
        assert re.match(rb"(a|\*) (BAD|NO|BYE)", answer), answer
    except (AssertionError, OSError) as error:  # sent away while it still talks
        assert "closed" in str(error) or isinstance(error, OSError)
    assert kilobytes(office, "VmHWM") - most < 8_000
    alive(user)


@pytest.mark.parametrize("before", [
    b"a NOOP ", b"a SELECT ", b"a SELECT \"", b"a SEARCH (", b"a SEARCH SUBJECT {3+}\r\nabc ",
    b"a FETCH 1 (BODY[HEADER.FIELDS (", b"a FETCH 1:", b"a STORE 1 +FLAGS (", b"a LIST \"\" ",
    b"a ENABLE ", b"a STATUS INBOX (", b"a APPEND INBOX (", b"a APPEND INBOX {3+}\r\nabc ",
    b"a IDLE\r\n", b"a UID COPY 1,", b"a RENAME x ", b"a COMPRESS ", b"a ID ("])
def test_rule_2_a_line_without_end_after_login(box, user, before):
    office, most = user.office, kilobytes(user.office, "VmHWM")
    box.send(before + LONG + b"\r\n")
    answer = box.answer()
    while answer.startswith(b"+") or answer.startswith(b"a OK"):  # IDLE, which the line ended
        answer = box.answer()
    assert re.match(rb"(a|\*|x+) (BAD|NO)", answer), answer[:100]
    assert kilobytes(office, "VmHWM") - most < 8_000
    box.ok("NOOP")


# --- 3: literals of any size


SIZES = [0, 1, 1024, 1025, 4096, 4097, 8192, 65536, 1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63,
         1 << 64, 10 ** 40]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("command", ["LOGIN", "NOOP", "ID", "APPEND INBOX", "AUTHENTICATE PLAIN",
                                     "SELECT", "NONSENSE"])
def test_rule_3_literals_before_login(user, command, size):
    """Asked for, refused, or the end: by size, before they come; and never taken for commands."""
    for plus in ("", "+"):
        with Imap(user, login=False) as box:
            box.send(f"a {command} {{{size}{plus}}}\r\n")
            sent = 0
            if plus and size <= 65536:
                box.send((b"\r\nb LOGOUT\r\n" * size)[:size] + b"\r\n")
            elif plus:
                box.send(b"b LOGOUT\r\n" * 100)
            answer = box.answer()
            if answer.startswith(b"+") and command != "AUTHENTICATE PLAIN":
                assert command == "LOGIN" and not plus and size <= 1024
                box.send(b"x" * size + b"\r\n")
                answer = box.answer()
            assert re.match(rb"(a|\*) (NO|BAD|BYE)|a OK|\+", answer), answer
            if not answer.startswith((b"* BYE", b"+")):
                if size <= 65536 or not plus:
                    box.send("c NOOP\r\n")
                    assert box.tagged("c")[0].startswith("OK")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("command", [
    "SELECT", "CREATE", "SEARCH SUBJECT", "LIST \"\"", "STATUS", "FETCH 1 BODY[HEADER.FIELDS (",
    "STORE 1 FLAGS", "COPY 1", "RENAME a", "ENABLE", "NOOP", "SUBSCRIBE", "ID (", "NONSENSE"])
def test_rule_3_literals_after_login(user, command, size):
    for plus in ("", "+"):
        with Imap(user) as box:
            box.ok("SELECT INBOX")
            box.send(f"a {command} {{{size}{plus}}}\r\n")
            if plus and size <= 65536:
                box.send((b"\r\nb CREATE Injected\r\n" * size)[:size] + b"\r\n")
            answer = box.answer()
            while answer.startswith(b"* ") and not answer.startswith(b"* BYE"):
                answer = box.answer()
            if answer.startswith(b"+"):
                assert not plus and size <= 65536
                box.send(b"x" * size + b"\r\n")
                answer = box.answer()
                while answer.startswith(b"* "):
                    answer = box.answer()
            assert re.match(rb"(a|\*) (NO|BAD|BYE)|a OK", answer), answer[:100]
            if not answer.startswith(b"* BYE"):
                assert box.ok('LIST "" Injected*') == []


@pytest.mark.parametrize("size", [1 << 31, 1 << 40, (1 << 63) - 1])
def test_rule_3_a_message_nobody_asked_for_ends_the_session(user, size):
    """RFC 7888 4: what is too large to be thrown away is not waited for."""
    with Imap(user) as box:
        box.send(b"a APPEND INBOX {%d+}\r\nFrom: x\r\n" % size)
        assert box.answer().startswith(b"* BYE [TOOBIG]")
        assert box.wire.closed()


# --- 4: lines, arguments, mistakes


def test_rule_4_twenty_mistakes_after_login(box):
    for number in range(19):
        box.no("NONSENSE", how="BAD")
    box.send("a NONSENSE\r\n")
    assert box.answer().startswith(b"a BAD") and box.answer().startswith(b"* BYE")
    assert box.wire.closed()


def test_rule_4_what_clients_need_fits(box):
    """64 KiB of a set of UIDs, an argument of 8,000 octets."""
    uids = ",".join(str(n) for n in range(1, 13000, 2))
    assert 30_000 < len(uids) < 60_000
    assert box.ok(f"UID FETCH {uids} FLAGS") == []
    assert box.ok('SEARCH SUBJECT "' + "x" * 8000 + '"') == ["* SEARCH"]


# --- 5: STARTTLS


@pytest.mark.parametrize("behind", [b"b NOOP\r\n", b"b LOGIN a b\r\n", b"\r\n", b"x", b"{5+}\r\nhello"])
def test_rule_5_nothing_behind_starttls_is_read(user, behind):
    """NO STARTTLS (USENIX Security 2021): not before the handshake, not after it."""
    with Imap(user, 143, login=False) as box:
        box.send(b"a STARTTLS\r\n" + behind)
        answer = box.answer()
        if answer.startswith(b"a OK"):  # it came too late to be seen: then it is no handshake
            assert box.wire.closed()
        else:
            assert answer.startswith(b"* BYE") and box.wire.closed()


def test_rule_5_nobody_is_logged_in_by_a_greeting(user):
    for port in (143, 993):
        with Imap(user, port, login=False) as box:
            assert box.greeting.startswith("* OK ")
            assert "Log in first" in box.no("SELECT INBOX", how="BAD")


def test_rule_5_after_tls_all_is_said_anew(user):
    with Imap(user, 143, login=False) as box:
        assert "LOGINDISABLED" in box.greeting and "STARTTLS" in box.greeting
        box.ok("STARTTLS")
        assert not box.wire.pending
        box.wire.socket = unverified().wrap_socket(box.wire.socket)
        after = box.ok("CAPABILITY")[0]
        assert "LOGINDISABLED" not in after and "STARTTLS" not in after and "AUTH=PLAIN" in after
        assert "active" in box.no("STARTTLS")
        box.ok(f'LOGIN {user} "{user.password}"')


# --- 8: slow readers


def test_rule_8_who_does_not_read_holds_up_nobody(user, box):
    """Megabytes wait for it, kilobytes of them in our memory; the mailbox goes on changing."""
    box.append(b"Subject: large\r\n\r\n" + b"0123456789abcdef\r\n" * 400_000)
    office = user.office
    before = kilobytes(office)
    sleepers = [Imap(user) for _ in range(20)]
    for sleeper in sleepers:
        sleeper.ok("SELECT INBOX")
        sleeper.send("a FETCH 1 BODY.PEEK[]\r\n" * 50)
    for number in range(10):
        box.append(LETTER)
        box.ok(f"STORE {number + 2} +FLAGS (\\Deleted)")
    assert len(box.ok("EXPUNGE")) >= 10
    each = (kilobytes(office) - before) / len(sleepers)
    print(f"{each:.0f} KiB for a session that does not read")
    assert each < 2_000
    for sleeper in sleepers:
        sleeper.__exit__()
    box.ok("NOOP")


# --- 9: ID


def test_rule_9_id_before_login(stranger, user):
    """CVE-2026-42391. And what a client calls itself is not written into the log as a line."""
    stranger.no('ID ("name" "' + "x" * 1025 + '")', how="BAD")
    stranger.ok("ID NIL")
    with Imap(user) as box:
        box.ok('ID ("name" {})', b"x\r\nimap.login peer=192.0.2.9 user=root")
    assert "user=root" not in user.office.log.read_text()


# --- 10: AUTHENTICATE


def test_rule_10_broken_logins_hurt_no_other(user):
    """CVE-2025-59028, CVE-2026-33603: bad base64 of one stranger, and others could not log in."""
    bad = [b"!!!", b"\t", b"=", b"AA", b"A\x00A=", base64.b64encode(b"\0" * 300), b"*", b"A" * 8000]

    def one(number):
        with Imap(user, login=False) as box:
            if number % 2:
                box.send(b"a AUTHENTICATE PLAIN\r\n")
                assert box.answer().startswith(b"+")
                box.send(bad[number // 2 % len(bad)] + b"\r\n")
                assert re.match(rb"(a|\*) (BAD|NO)", box.answer())
            box.ok(f'LOGIN {user} "{user.password}"')

    in_parallel(32, one)


# --- 11: header and MIME bombs


def nested(depth, kind):
    if kind == "multipart":
        return b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
                        for n in range(depth)) + b"\r\nend\r\n"
    return b"Content-Type: message/rfc822\r\n\r\n" * depth + b"\r\nend\r\n"


def parts(count):
    return (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * count
            + b"--b--\r\n")


BOMBS = {
    "multiparts in multiparts": lambda: nested(10_000, "multipart"),
    "letters in letters": lambda: nested(10_000, "message"),
    "a million parts": lambda: parts(1_000_000),
    "a part in itself": lambda: b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    + b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" * 5000,
    "megabytes of header": lambda: b"X-A: " + (b"x" * 900 + b"\r\n ") * 22_000 + b"end\r\n\r\nx\r\n",
    "fields": lambda: b"X: y\r\n" * 1_000_000 + b"\r\nx\r\n",
    "one field many times": lambda: b"Content-Type: text/plain; a=b\r\n" * 200_000 + b"\r\nx\r\n",
    "parameters": lambda: b"Content-Type: text/plain" + b";\r\n a=b" * 200_000 + b"\r\n\r\nx\r\n",
    "RFC 2231 pieces": lambda: b"Content-Type: text/plain"
    + b"".join(b";\r\n n*%d*=utf-8''%%41" % n for n in range(100_000)) + b"\r\n\r\nx\r\n",
    "RFC 2231 numbers": lambda: b"Content-Disposition: attachment"
    + b"".join(b";\r\n filename*%d=a" % (1 << n) for n in range(64)) + b"\r\n\r\nx\r\n",
    "comments": lambda: b"From: " + b"(" * 100_000 + b"\r\nTo: " + b"(a\\" * 50_000
    + b"\r\n\r\nx\r\n",
    "a comment that ends in a backslash": lambda: b"Content-Type: text/plain (a\\\r\n\r\nx\r\n",
    "a string that ends in a backslash": lambda: b"Content-Type: text/plain; name=\"a\\\r\n\r\nx\r\n",
    "an address that ends in a backslash": lambda: b"From: \"a\\\r\nTo: (\\\r\nCc: <\\\r\n\r\nx\r\n",
    "addresses": lambda: b"To: " + b"a@b.test,\r\n " * 300_000 + b"z@b.test\r\n\r\nx\r\n",
    "groups": lambda: b"To: " + b"g:" * 100_000 + b";" * 100_000 + b"\r\n\r\nx\r\n",
    "encoded words": lambda: b"Subject: " + b"=?utf-8?b?QQ==?=\r\n " * 200_000 + b"\r\n\r\nx\r\n",
    "references": lambda: b"References: " + b"<a@b>\r\n " * 300_000 + b"\r\n\r\nx\r\n",
    "languages": lambda: b"Content-Language: " + b"en, " * 300_000 + b"\r\n\r\nx\r\n",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_rule_11_bombs_are_letters(user, box, bomb):
    """CVE-2026-27859, CVE-2024-23184, -23185, CVE-2026-26312, CVE-2026-47088: kept as they are, and
    every way to look at them comes to an end, within memory."""
    most = kilobytes(user.office, "VmHWM")
    letter = b"Subject: bomb\r\nMIME-Version: 1.0\r\n" + BOMBS[bomb]()
    box.append(letter)
    line, = box.ok("FETCH 1 (RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY)")
    assert f"RFC822.SIZE {len(letter)}" in line
    box.ok("FETCH 1 (BODY.PEEK[1.1.1] BODY.PEEK[HEADER.FIELDS (To Subject)] BODY.PEEK[1.MIME])")
    assert box.ok("SEARCH SUBJECT bomb") == ["* SEARCH 1"]
    box.command("SEARCH OR BODY zzz TO nobody")
    box.command("FETCH 1 (BINARY.SIZE[1] PREVIEW)")
    whole, = box.ok("FETCH 1 BODY.PEEK[]")
    assert whole.encode("utf-8", "surrogateescape").endswith(letter + b")")
    assert kilobytes(user.office, "VmHWM") - most < 400 * 1024
    box.ok("NOOP")


@pytest.mark.parametrize("bomb", ["multiparts in multiparts", "a million parts", "comments",
                                  "RFC 2231 pieces", "an address that ends in a backslash"])
def test_rule_11_bombs_by_smtp(user, box, bomb):
    try:
        user.office.send(user.address, b"Subject: bomb\r\nMIME-Version: 1.0\r\n" + BOMBS[bomb]())
    except Exception as error:  # a clean refusal is one
        assert getattr(error, "smtp_code", 0) in (550, 552, 554), error
        return
    until(lambda: box.ok("SEARCH SUBJECT bomb")[-1] == "* SEARCH 1")
    box.ok("FETCH 1 (ENVELOPE BODYSTRUCTURE)")


# --- 13: LIST


def test_rule_13_patterns_that_would_take_ages(box):
    """CVE-2026-33607."""
    for name in ("a" * 180, "/".join("a" * 90), "aab" * 60):
        box.command(f"CREATE {name}")
    for part in ("*a", "%a", "*%", "%*a", "*/%", "*a%", "**", "*%*a"):
        for reference in ('""', '"a*"', '"*"'):
            assert box.command(f'LIST {reference} "{part * 200}b!"')[0][:2] in ("OK", "BA", "NO")
    many = " ".join(f'"{"*a" * 10}{n}"' for n in range(500))
    assert box.command(f'LIST "" ({many}) RETURN (STATUS (MESSAGES))')[0][:2] in ("BA", "NO")
    box.ok('LIST "" *')


# --- 14: SEARCH


def test_rule_14_long_searches_let_others_run(user, box):
    """CVE-2026-40016. Forty of them at once, each over all text; another session is answered."""
    for _ in range(5):
        box.append(b"Subject: large\r\n\r\n" + b"the quick brown fox\r\n" * 100_000)
    keys = " ".join(f"TEXT nothing{n}" for n in range(20))
    searchers = [Imap(user) for _ in range(8)]
    for searcher in searchers:
        searcher.ok("SELECT INBOX")
        searcher.send(f"s SEARCH {' '.join('NOT ' + k for k in keys.split('  '))}\r\n" * 5)
    for _ in range(20):
        box.ok("NOOP")
        alive(user)
    for searcher in searchers:
        searcher.__exit__()
    box.ok("NOOP")


# --- 16: one gate


NAMES = ["Secret", "/Secret", "{bob}/Secret", "user/{bob}/Secret", "user.{bob}.Secret", "~{bob}/Secret",
         "Other Users/{bob}/Secret", "#user/{bob}/Secret", "Shared/{bob}/Secret", "../{bob}/Secret",
         "INBOX/../../{bob}/Secret", "{local}/Secret", "Secret@{bob}", "imap://{bob}@localhost/Secret",
         "/Secret;UIDVALIDITY=1/;UID=1", "%00Secret", "user//{bob}", "#shared", "{id}", "M{id}"]
COMMANDS = ["SELECT {}", "EXAMINE {}", "STATUS {} (MESSAGES UIDNEXT)", "DELETE {}", "RENAME {} Mine",
            "COPY 1 {}", "MOVE 1 {}", "APPEND {} {{1+}}\r\nx", "SUBSCRIBE {}", "UNSUBSCRIBE {}",
            "LIST \"\" {}", "LIST {} *", "LSUB \"\" {}"]


def picture(box):
    """All that a user's mailboxes hold."""
    seen = box.ok('LIST "" *') + box.ok('LSUB "" *')
    for name in ("INBOX", "Secret"):
        seen += box.ok(f"STATUS {name} (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)")
    return seen


def test_rule_16_no_command_reaches_another_user(office):
    """CVE-2026-47084 to -47089: whatever the name, what it means is looked for among one's own."""
    alice, bob = office.new_user(), office.new_user()
    with Imap(bob) as his:
        his.ok("CREATE Secret")
        his.append(b"Subject: for bob alone\r\n\r\nhidden\r\n", "Secret")
        his.ok("SELECT Secret")
        ids = re.findall(r"\[MAILBOXID \(?(\w+)", " ".join(his.ok("STATUS Secret (MAILBOXID)"))
                         if "OBJECTID" in his.ok("CAPABILITY")[0] else "")
        before = picture(his)
        for name in NAMES:
            name = name.format(bob=bob, local=bob.local, id=(ids or ["1"])[0])
            with Imap(alice) as hers:  # so many mistakes a session may make
                for command in COMMANDS:
                    hers.ok("SELECT INBOX")
                    hers.append(LETTER)
                    result, answers = hers.command(command.format(f'"{name}"'))
                    assert b"hidden" not in b"".join(answers) and "hidden" not in result
                    if not command.startswith(("SUBSCRIBE", "UNSUBSCRIBE", "LIST", "LSUB")):
                        assert not result.startswith("OK"), (command, name)
                    elif not command.startswith("LSUB"):  # which names what SUBSCRIBE has kept
                        assert b"Secret" not in b"".join(answers), (command, name)
            assert picture(his) == before, name


@pytest.mark.parametrize("command", [
    "SETACL INBOX a lrs", "DELETEACL INBOX a", "GETACL INBOX", "LISTRIGHTS INBOX a", "MYRIGHTS INBOX",
    "URLFETCH \"imap://x/INBOX\"", "GENURLAUTH \"imap://x/INBOX\" INTERNAL", "RESETKEY",
    "ESEARCH IN (PERSONAL) ALL", "ESEARCH IN (MAILBOXES user/bob) ALL", "MULTISEARCH ALL",
    "LOCALDELETE INBOX", "LOCALAPPEND INBOX", "DUMP INBOX", "UNDUMP INBOX", "XFER INBOX host",
    "RECONSTRUCT INBOX", "SCAN \"\" * x", "SYNCAPPLY x", "XBACKUP x", "PROXYAUTH bob", "XRUNANNOTATOR 1",
    "REPLACE 1 INBOX", "UNAUTHENTICATE", "CATENATE x", "NOTIFY SET x", "XAPPLEPUSHSERVICE x"])
def test_rule_16_commands_that_are_not_there(box, command):
    """URLAUTH is never built, and what administrates has another door."""
    box.no(command, how="BAD")
    for capability in box.ok("CAPABILITY")[0].split():
        assert not re.match("URL|ACL|RIGHTS|MULTISEARCH|ESEARCH=|X", capability), capability


def test_rule_16_the_gate():
    """Mailboxes are found by tenant, user and name (box_co_open and its like in box/box.h), messages
    by tenant and the id that gave; what takes less does not exist, so no command can use it."""
    header = (ROOT / "src/box/box.h").read_text()
    for prototype in re.findall(r"must_check int (\w+\([^;]*\));", re.sub(r"/\*.*?\*/", "", header, flags=re.S)):
        name, arguments = re.sub(r"\s+", " ", prototype).split("(", 1)
        if re.search(r"int64_t mailbox\b", arguments):
            assert "int64_t tenant" in arguments, prototype
        if re.search(r"struct span (name|from|to|mailbox)|const char \*mailbox", arguments) \
                and name != "box_name_fold":
            assert "int64_t tenant" in arguments and "int64_t user" in arguments, prototype
    for source in [*(ROOT / "src/imap").glob("*.c"), *(ROOT / "src/pop3").glob("*.c")]:
        text = source.read_text()
        for call in re.findall(r"\bbox_co_\w+\([^;]*;", text):
            assert "->who.tenant" in call or "->tenant" in call, (source.name, call)
            assert not re.search(r"SELECT .* FROM", text), source.name  # no tables of others


# --- 17: OAuth and caches


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER", "EXTERNAL", "ANONYMOUS", "CRAM-MD5",
                                       "GSSAPI", "NTLM", "DIGEST-MD5", "X"])
def test_rule_17_mechanisms_that_are_not_offered(stranger, mechanism):
    """CVE-2026-73208, CVE-2026-40205."""
    assert f"AUTH={mechanism}" not in stranger.ok("CAPABILITY")[0]
    token = base64.b64encode(b"n,a=bob@example.test,\x01auth=Bearer x\x01\x01").decode()
    stranger.no(f"AUTHENTICATE {mechanism} {token}")
    assert "Log in first" in stranger.no("SELECT INBOX", how="BAD")


def test_rule_17_what_was_verified_is_for_that_login_alone(office):
    """CVE-2025-30189: passwords verified a moment ago are remembered."""
    one, two = office.new_user(), office.new_user(password="another secret altogether")
    for user in (one, two, one, two):
        Imap(user).__exit__()
    for name, password in ((one, two.password), (two, one.password),
                           (f"{one} ", one.password), (one, one.password + " "),
                           (str(one).upper() + "x", one.password)):
        with Imap(one, login=False) as box:
            assert "AUTHENTICATIONFAILED" in box.no(f'LOGIN "{name}" "{password}"')
    office.run("user", "passwd", one.address, "--password-file", "-", text="a third secret\n")
    with Imap(one, login=False) as box:
        assert "AUTHENTICATIONFAILED" in box.no(f'LOGIN {one} "{one.password}"')
        box.ok(f'LOGIN {one} "a third secret"')


# --- 18: names are never more than names


ODD = ["%u", "%{user}", "%n@%d", "%{if;a;eq;a;b;c}", "' OR '1'='1", "x'; DROP TABLE users; --", "*",
       "a)(uid=*", "../../etc/passwd", "/etc/passwd", "$(id)", "`id`", "${HOME}", "a\\0b", "\u202e",
       "bob@example.test'--", "x" * 900]


@pytest.mark.parametrize("name", ODD)
def test_rule_18_logins(user, name):
    """CVE-2017-2669, CVE-2026-24031, CVE-2026-40018."""
    with Imap(user, login=False) as box:
        assert "AUTHENTICATIONFAILED" in box.no("LOGIN {} {}", name.encode(), b"x")
        assert "AUTHENTICATIONFAILED" in box.no("LOGIN {} {}", user.address.encode(), name.encode())
        box.ok(f'LOGIN {user} "{user.password}"')


@pytest.mark.parametrize("name", ODD)
def test_rule_18_mailbox_names_are_no_paths(user, box, name):
    """CVE-2026-0394: they are kept or refused as they stand, and the folder of the office stays."""
    before = sorted(str(path) for path in pathlib.Path(user.office.folder).rglob("*"))
    box.ok("ENABLE UTF8=ACCEPT")
    result, _ = box.command("CREATE {}", name.encode())
    if result.startswith("OK"):
        box.ok("SELECT {}", name.encode())
        box.ok("APPEND {} {}", name.encode(), LETTER)
        box.ok("UNSELECT")
        box.ok("DELETE {}", name.encode())
    else:
        assert result.startswith(("NO", "BAD"))
    assert sorted(str(path) for path in pathlib.Path(user.office.folder).rglob("*")) == before


# --- 19: response injection


@pytest.mark.parametrize("tag", [b"a]", b"\"a\"", b"a{3}", b"a%s%n", b"a*", b"a+b", b"\xe2\x80\xa8",
                                 b"*", b"+", b"a\x7f", b"a\\"])
def test_rule_19_tags(box, tag):
    """A tag is said back: it must be one."""
    box.send(tag + b" NOOP\r\n")
    line = box.answer()
    assert re.fullmatch(rb"(\*|[^\x00-\x20\x7f(){%*\"\\+]+) (OK|BAD) [ -~]*", line), line
    box.ok("NOOP")


def test_rule_19_whatever_comes_back_is_whole(user, box):
    """Names, keywords, subjects, types, file names, ids: none of it makes a line of its own."""
    evil = b"x\\\" {5}\r\n* BYE gone\r\nt1 OK"
    folded = evil.replace(b"\r\n", b"\r\n ")
    box.append(b"Subject: " + folded + b"\r\nFrom: \"" + folded + b"\" <a@far.test>\r\n"
               b"Message-ID: <" + folded + b">\r\nMIME-Version: 1.0\r\n"
               b"Content-Type: text/plain; name=\"" + folded + b"\"; x*=utf-8''%0d%0a*%20BYE%20gone\r\n"
               b"Content-Disposition: attachment; filename=\"a%0d%0a* BYE\"\r\n"
               b"Content-ID: <" + folded + b">\r\nContent-Description: =?utf-8?q?=0D=0A*_BYE_gone?=\r\n"
               b"\r\nbody\r\n")
    for command in ("FETCH 1 (ENVELOPE BODYSTRUCTURE BODY)", "FETCH 1 (UID FLAGS)",
                    "FETCH 1 BODY[HEADER.FIELDS (\"x] {5}\" Subject)]", "SEARCH SUBJECT {}",
                    "SEARCH HEADER {} x", "CREATE {}", "SELECT {}", "LIST \"\" {}", "STORE 1 +FLAGS ({})",
                    "STATUS {} (MESSAGES)", "ENABLE {}", "NAMESPACE {}", "COPY 1 {}", "SUBSCRIBE {}",
                    "GETQUOTAROOT {}", "GETQUOTA {}", "GETQUOTA \"x] {{5}}\"", "ID (\"name\" {})",
                    "UID FETCH 1 BODY[{}]", "COMPRESS {}", "{} x", "SEARCH CHARSET {} ALL"):
        if "{}" in command:
            result, answers = box.command(command, evil)
        else:
            result, answers = box.command(command)
        assert re.match("OK|NO|BAD", result), result
        for answer in answers:
            assert re.match(rb"\* (\d+ FETCH \(|LIST|STATUS|SEARCH|FLAGS|OK |ENABLED|NAMESPACE|ID|QUOTA"
                            rb"|\d+ EXISTS|\d+ RECENT|LSUB)", answer), answer
        if not box.command("NOOP")[0].startswith("OK"):
            raise AssertionError(command)
        box.ok("SELECT INBOX")


# --- 20: secrets


# compared as usual: hashes of what the client itself sent, and words of grammars
NO_SECRETS = {
    "submit/send_commit.c": "request_hash", "api/sigv4.c": "body_hash", "api/ses.c": "->service",
    "api/sendgrid_templates.c": "page->token", "mail/structure.c": "token", "template/parser.c": "token"}


def test_rule_20_secrets_are_compared_in_constant_time():
    """CVE-2026-27856, CVE-2026-42393: by sodium_memcmp or by what a library has for it."""
    passed_over = set()
    for source in (ROOT / "src").glob("*/*.c"):
        name = str(source.relative_to(ROOT / "src"))
        for line in source.read_text().splitlines():
            compared = re.search(r"(?<!sodium_)\b(memcmp|strcmp|strncmp|span_equal)\w*\((.*)", line)
            if compared and re.search(
                    r"hash|secret|password|proof|stored|argon2|signature|token|hmac|\bmac\b",
                    compared[2]):
                assert NO_SECRETS.get(name, "none") in line, f"{name}: {line.strip()}"
                passed_over.add(name)
    assert passed_over == set(NO_SECRETS)


# --- 22: caps


def test_rule_22_sessions_of_a_user_have_a_limit(make_office):
    """A clear answer that is not about the password, and room again when one ends."""
    office = make_office(config="imap-sessions-per-user-max = 3")
    user, other = office.new_user(), office.new_user()
    open_ = [Imap(user) for _ in range(3)]
    with Imap(user, login=False) as fourth:
        for _ in range(4):  # not counted as a failure
            assert fourth.no(f'LOGIN {user} "{user.password}"').startswith("NO [LIMIT]")
        token = base64.b64encode(f"\0{user}\0{user.password}".encode()).decode()
        assert fourth.no(f"AUTHENTICATE PLAIN {token}").startswith("NO [LIMIT]")
        fourth.no("SELECT INBOX", how="BAD")
        alive(other)
        open_[0].send("a LOGOUT\r\n")
        assert open_[0].answer().startswith(b"* BYE") and open_[0].answer().startswith(b"a OK")
        until(lambda: fourth.command(f'LOGIN {user} "{user.password}"')[0].startswith("OK"))
        fourth.ok("SELECT INBOX")
    for box in open_[1:]:
        box.wire.socket.close()  # lost, not said
    boxes = until(lambda: try_three(user))
    for box in boxes:
        box.__exit__()
    assert "too many sessions" in office.log.read_text()


def try_three(user):
    boxes = [Imap(user, login=False) for _ in range(3)]
    if all(box.command(f'LOGIN {user} "{user.password}"')[0].startswith("OK") for box in boxes):
        return boxes
    for box in boxes:
        box.__exit__()
    return None


def test_rule_22_all_places_taken(make_office):
    """CVE-2026-33263."""
    office = make_office(config="connections-max = 20")
    user = office.new_user()
    wires = [office.wire(143) for _ in range(20)]
    for _ in range(50):
        with office.wire(143) as wire:
            assert wire.greeting.startswith("* BYE [UNAVAILABLE] Too many connections"), wire.greeting
            assert wire.closed()
    for wire in wires:
        wire.socket.close()
    until(lambda: open_again(user))


def open_again(user):
    try:
        alive(user)
        return True
    except (AssertionError, OSError, Exception):
        return False
