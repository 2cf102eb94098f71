"""The SMTP dialogue (RFC 5321, 1870, 2920, 2034, 6152), as a client sees it."""
import re
import smtplib

import pytest

from office import OFFSET, PATIENCE, Wire, body_of, unverified

LETTER = b"From: someone@example.net\r\nSubject: hello\r\n\r\nA letter.\r\n"


def give(wire, user, data, sender="someone@example.net"):
    """A transaction up to the reply after the data."""
    wire.say(f"MAIL FROM:<{sender}>", 250)
    wire.say(f"RCPT TO:<{user}>", 250)
    wire.say("DATA", 354)
    wire.send(data + b".\r\n")
    return wire.reply()


def test_a_letter_arrives_with_its_bytes(office):
    user = office.new_user()
    data = b"From: a@example.net\r\nX-Odd:  two  spaces\t\r\n\r\nline\r\n\r\n \t\r\nlast\r\n"
    with office.mx() as wire:
        assert give(wire, user, data)[0].startswith("250 2.0.0")
    assert user.letter().endswith(data)


def test_trace_fields_stand_in_front(office):
    user = office.new_user()
    with office.mx("EHLO the-client.example.net") as wire:
        give(wire, user, LETTER)
    header = user.letter().split(b"\r\n\r\n")[0].decode().replace("\r\n\t", " ")
    header = re.sub(r"\r\n\s+", " ", header).split("\r\n")
    assert header[0] == "Return-Path: <someone@example.net>"
    assert header[1] == f"Delivered-To: {user}"
    assert header[2].startswith("Received: from the-client.example.net")
    assert f"[{office.address}]" in header[2] or "[127." in header[2]
    assert "by mail.example.test" in header[2] and "with ESMTP" in header[2]
    assert f"for <{user}>" in header[2]


def test_ehlo_offers_what_is_there_and_no_auth_in_the_clear(office):
    with office.wire(587) as wire:
        lines = [line[4:] for line in wire.say("EHLO x.example.net", 250)]
        assert lines[0] == "mail.example.test"
        for keyword in ("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "STARTTLS", "HELP"):
            assert keyword in lines
        assert any(re.fullmatch(r"SIZE \d+", line) for line in lines)
        assert not any("AUTH" in line for line in lines)
        wire.say("AUTH PLAIN AGEAYg==", 538)


def test_port_25_offers_no_auth_even_under_tls(office):
    with office.mx() as wire:
        wire.say("STARTTLS", 220)
        wire.start_tls()
        assert not any("AUTH" in line or "STARTTLS" in line
                       for line in wire.say("EHLO x.example.net", 250))
        wire.say("AUTH PLAIN AGEAYg==", 502)


def test_helo_speaks_plain_smtp(office):
    user = office.new_user()
    with office.mx("HELO old.example.net") as wire:
        assert wire.hello == ["250 mail.example.test"]
        give(wire, user, LETTER)
    assert b"with SMTP id" in user.letter().replace(b"\r\n\t", b" ").replace(b"\r\n ", b" ")


@pytest.mark.parametrize("command, code", [
    ("NOOP", 250), ("NOOP anything", 250), ("RSET", 250), ("HELP", 214), ("VRFY user", 252),
    ("EXPN list", 502), ("TURN", 500), ("nonsense", 500), ("", 500), ("MAIL", 501),
    ("VRFY", 501), ("DATA", 503), ("RCPT TO:<a@example.test>", 503), ("mail from:<a@b.example>", 250),
    ("MAIL FROM:a@b.example", 501), ("MAIL FROM:<a@b.example> XYZ=1", 555),
    ("MAIL FROM:<a@b.example> BODY=8BITMIME", 250), ("MAIL FROM:<a@b.example> BODY=7BIT", 250),
    ("MAIL FROM:<a@b.example> SIZE=1000", 250), ("MAIL FROM:<a@b.example> SIZE=99999999999", 552),
    ("MAIL FROM:<a@b.example> SIZE=x", 501), ("MAIL FROM:<>", 250),
    ('MAIL FROM:<"quoted local"@b.example>', 250), ("MAIL FROM:<a@[192.0.2.1]>", 250),
    ("MAIL FROM:<@relay.example:a@b.example>", 250), ("MAIL FROM:<a@b.example", 501),
    ("MAIL FROM:<a b@b.example>", 501), ("MAIL FROM:<a@b..example>", 501),
])
def test_commands_get_their_code(office, command, code):
    with office.mx() as wire:
        reply = wire.say(command, code)
        if code not in (354, 220):
            assert re.match(r"\d{3}[ -][245]\.\d+\.\d+ ", reply[0]), reply
        wire.say("NOOP", 250)


def test_mail_wants_a_hello(office):
    with office.mx(None) as wire:
        wire.say("MAIL FROM:<a@b.example>", 503)


def test_rset_and_ehlo_end_the_transaction(office):
    user = office.new_user()
    with office.mx() as wire:
        for end in ("RSET", "EHLO again.example.net", "HELO again.example.net"):
            wire.say("MAIL FROM:<a@b.example>", 250)
            wire.say("MAIL FROM:<a@b.example>", 503)
            wire.say(f"RCPT TO:<{user}>", 250)
            wire.say(end, 250)
            wire.say("DATA", 503)
            wire.say(f"RCPT TO:<{user}>", 503)


def test_pipelined_transaction_in_one_packet(office):
    user = office.new_user()
    with office.mx() as wire:
        wire.send(f"MAIL FROM:<a@b.example>\r\nRCPT TO:<nobody@{office.domain}>\r\n"
                  f"RCPT TO:<{user}>\r\nDATA\r\n")
        wire.expect(250)
        wire.expect("550 5.1.1")
        wire.expect(250)
        wire.expect(354)
        wire.send(LETTER + b".\r\nMAIL FROM:<>\r\nRSET\r\nQUIT\r\n")
        for code in (250, 250, 250, 221):
            wire.expect(code)
        assert wire.closed()
    assert user.letter().endswith(LETTER)


def test_a_byte_at_a_time(office):
    user = office.new_user()
    with office.mx() as wire:
        for code, line in ((250, "MAIL FROM:<a@b.example>"), (250, f"RCPT TO:<{user}>"),
                           (354, "DATA")):
            for byte in (line + "\r\n").encode():
                wire.send(bytes([byte]))
            wire.expect(code)
        for byte in b"Subject: slow\r\n\r\n..dot\r\n.\r\n":
            wire.send(bytes([byte]))
        wire.expect(250)
    assert user.letter().endswith(b"Subject: slow\r\n\r\n.dot\r\n")


@pytest.mark.parametrize("body", [b".\r\n", b"..\r\n", b".a\r\n", b"a.\r\n", b" .\r\n", b"\r\n",
                                  b"\r\n.\r\n\r\n..\r\n...\r\nend.\r\n"])
def test_dots_come_back_as_they_were(office, body):
    user = office.new_user()
    data = b"Subject: dots\r\n\r\n" + body
    stuffed = re.sub(rb"(?m)^\.", b"..", data)
    with office.mx() as wire:
        give(wire, user, stuffed)
    assert user.letter().endswith(data)


def test_a_letter_without_header_or_empty(office):
    user = office.new_user()
    with office.mx() as wire:
        assert give(wire, user, b"")[0].startswith("250")
        assert give(wire, user, b"\r\n")[0].startswith("250")
        assert give(wire, user, b"\r\nbody only\r\n")[0].startswith("250")
    letters = user.letters()
    assert len(letters) == 3 and letters[2].endswith(b"\r\n\r\nbody only\r\n")


def test_eight_bit_and_long_lines_pass(office):
    user = office.new_user()
    data = b"Subject: \xc3\xa4\r\n\r\n" + bytes(range(128, 256)) + b"\r\n" + b"x" * 998 + b"\r\n"
    with office.mx() as wire:
        assert give(wire, user, data)[0].startswith("250")
    assert user.letter().endswith(data)


@pytest.mark.parametrize("size", [60_000, 65_536, 70_000, 1_000_000, 5_000_000])
def test_large_letters_keep_their_bytes(office, size):
    user = office.new_user()
    line = b"0123456789abcdef" * 4 + b"\r\n"
    data = b"Subject: large\r\n\r\n" + line * (size // len(line))
    with office.mx() as wire:
        assert give(wire, user, data)[0].startswith("250")
    assert user.letter().endswith(data)


def test_one_letter_to_many(office):
    users = [office.new_user() for _ in range(3)]
    with office.mx() as wire:
        wire.say("MAIL FROM:<a@b.example>", 250)
        for user in users:
            wire.say(f"RCPT TO:<{user}>", 250)
        wire.say(f"RCPT TO:<{users[0]}>", 250)  # twice: he gets it once
        wire.say("DATA", 354)
        wire.send(LETTER + b".\r\n")
        wire.expect(250)
    for user in users:
        letter = user.letter()
        assert f"Delivered-To: {user}".encode() in letter
        for other in users:
            assert other is user or other.address.encode() not in letter  # Bcc stays blind


def test_a_hundred_recipients_are_taken_and_the_limit_is_452(make_office):
    office = make_office(config="recipients-max = 100")
    user = office.new_user()
    with office.mx() as wire:
        wire.say("MAIL FROM:<a@b.example>", 250)
        wire.send("".join(f"RCPT TO:<{user.local}+{n}@{office.domain}>\r\n" for n in range(101)))
        for _ in range(100):
            wire.expect(250)
        wire.expect("452 4.5.3")
        wire.say("DATA", 354)
        wire.send(LETTER + b".\r\n")
        wire.expect(250)
    assert len(user.letters()) == 1


def test_limits_of_letter_and_header(make_office):
    office = make_office(config="message-max-kib = 512")
    user = office.new_user()
    with office.mx() as wire:
        assert "250-SIZE 524288" in wire.hello
        wire.say("MAIL FROM:<a@b.example> SIZE=524289", 552)
        reply = give(wire, user, b"Subject: x\r\n\r\n" + (b"y" * 78 + b"\r\n") * 7000)
        assert reply[0].startswith("552 5.3.4"), reply
        reply = give(wire, user, b"X-Long: y\r\n" * 30000)
        assert reply[0].startswith("552 5.3.4"), reply
        reply = give(wire, user, LETTER)  # the session goes on
        assert reply[0].startswith("250"), reply
    assert len(user.letters()) == 1


def test_a_letter_that_goes_round_is_stopped(office):
    user = office.new_user()
    hop = b"Received: from a.example by b.example; Mon, 23 Nov 2026 10:00:00 +0000\r\n"
    with office.mx() as wire:
        assert give(wire, user, hop * 49 + LETTER)[0].startswith("250")
        assert give(wire, user, hop * 50 + LETTER)[0].startswith("554 5.4.6")
    assert len(user.letters()) == 1


def test_catch_all_alias_and_plus(office):
    one, two = office.new_user(), office.new_user()
    office.run("domain", "add", "second.test")
    office.run("alias", "add", f"team@{office.domain}", one.address, two.address)
    office.run("alias", "add", "@second.test", one.address)
    office.send([f"team@{office.domain}"], LETTER)
    office.send([f"{two.local.upper()}+news@{office.domain.upper()}"], LETTER)
    office.send(["whoever@second.test"], LETTER)
    office.send([f"postmaster@{office.domain}"], LETTER)
    assert len(one.letters()) == 2 and len(two.letters()) == 2


def test_submission_completes_the_header(office):
    user = office.new_user()
    with user.submission() as client:
        client.sendmail(user.address, [user.address],
                        f"From: {user}\r\nTo: {user}\r\nSubject: bare\r\n\r\nx\r\n")
    letter = user.letter()
    assert re.search(rb"(?m)^Date: \w{3}, \d+ \w{3} \d{4} [\d:]{8} [+-]\d{4}\r$", letter)
    assert re.search(rb"(?m)^Message-ID: <\S+@mail\.example\.test>\r$", letter)
    assert b"with ESMTPSA" in letter
    assert letter.count(b"[127.") == 0  # where a user writes from is nobody's business


def test_submission_keeps_date_and_message_id(office):
    user = office.new_user()
    with user.submission() as client:
        client.sendmail(user.address, [user.address],
                        f"From: {user}\r\ndate: Mon, 1 Jan 2024 00:00:00 +0000\r\n"
                        "MESSAGE-ID: <mine@example.net>\r\n\r\nx\r\n")
    letter = user.letter()
    assert letter.lower().count(b"\r\ndate:") == 1
    assert letter.lower().count(b"\r\nmessage-id:") == 1


def test_465_speaks_tls_first(office):
    user = office.new_user()
    with smtplib.SMTP_SSL(office.address, 465 + OFFSET, context=unverified(),
                          timeout=PATIENCE) as client:
        client.login(user.address, user.password)
        client.sendmail(user.address, [user.address], f"From: {user}\r\n\r\nx\r\n")
    assert body_of(user.letter()) == b"x\r\n"


def test_quit_closes(office):
    with office.mx() as wire:
        wire.say("QUIT", 221)
        assert wire.closed()


def test_many_sessions_at_once(office):
    user = office.new_user()
    wires = [Wire(office.address, 25 + OFFSET) for _ in range(200)]
    for wire in wires:
        wire.expect(220)
    for wire in wires:
        wire.send("HELO x.example.net\r\n")
    for wire in wires:
        wire.expect(250)
        wire.send(f"MAIL FROM:<>\r\nRCPT TO:<{user}>\r\nDATA\r\n")
    for wire in wires:
        for code in (250, 250, 354):
            wire.expect(code)
        wire.send(LETTER + b".\r\n")
    for wire in wires:
        wire.expect(250)
        wire.socket.close()
    assert len(user.letters()) == 200
