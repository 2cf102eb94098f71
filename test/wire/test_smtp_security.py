"""What strangers try: relaying, smuggling, injecting, guessing, flooding (P5, P7, P8)."""
import base64
import ctypes
import smtplib
import socket
import ssl
import threading

import pytest

from office import OFFSET, PATIENCE, Wire, unverified

LETTER = b"From: someone@example.net\r\nSubject: hello\r\n\r\nA letter.\r\n"


def in_namespace(path, work):
    """work() in a thread inside the network namespace; its sockets stay there."""
    result, errors = [], []

    def inside():
        try:
            with open(path) as file:
                if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), 0x40000000):
                    raise OSError(ctypes.get_errno(), "setns")
            result.append(work())
        except BaseException as error:  # told to the test below
            errors.append(error)

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return result[0]


# --- relaying and senders


def test_no_relay_on_25(office):
    user = office.new_user()
    with office.mx() as wire:
        wire.say("MAIL FROM:<a@b.example>", 250)
        for path in ("x@elsewhere.example", "x%elsewhere.example@other.example",
                     "@example.test:x@elsewhere.example", '"x@elsewhere.example"@other.example',
                     "x@[192.0.2.77]"):
            wire.say(f"RCPT TO:<{path}>", "550 5.7.1")
        # the percent and bang hacks are names of our own domain, and nobody's
        for local in ("x%elsewhere.example", "elsewhere.example!x", '"x@elsewhere.example"'):
            wire.say(f"RCPT TO:<{local}@{office.domain}>", "550 5.1.1")
        wire.say("DATA", 554)
        wire.say(f"RCPT TO:<{user}>", 250)


def test_no_relay_for_our_own_sender_on_25(office):
    user = office.new_user()
    with office.mx() as wire:
        wire.say(f"MAIL FROM:<{user}>", 250)
        wire.say("RCPT TO:<x@elsewhere.example>", "550 5.7.1")


def test_logged_in_users_may_send_anywhere_that_has_a_name(office):
    user = office.new_user()
    with user.submission() as client:
        assert client.mail(user.address)[0] == 250
        assert client.rcpt("x@elsewhere.example")[0] == 250
        assert client.rcpt("x@-elsewhere-.example")[0] in (501, 550)


def test_submission_wants_auth(office):
    user = office.new_user()
    with office.wire(587) as wire:
        wire.say("EHLO x.example.net", 250)
        wire.say(f"MAIL FROM:<{user}>", 530)
        wire.say("STARTTLS", 220)
        wire.start_tls()
        wire.say("EHLO x.example.net", 250)
        wire.say(f"MAIL FROM:<{user}>", 530)
        wire.say(f"RCPT TO:<{user}>", 503)
        wire.say("DATA", 503)


def test_a_user_sends_only_as_addresses_they_own(office):
    user, other = office.new_user(), office.new_user()
    office.run("alias", "add", f"sales-{user.local}@{office.domain}", user.address)
    with user.submission() as client:
        for own in (user.address, f"sales-{user.local}@{office.domain}",
                    f"{user.local}+tag@{office.domain}"):
            client.sendmail(own, [user.address], f"From: {own}\r\n\r\nx\r\n")
        for foreign in (other.address, "ceo@elsewhere.example", f"nobody@{office.domain}"):
            assert client.mail(foreign)[0] == 553
            client.rset()
            with pytest.raises(smtplib.SMTPDataError) as refused:
                client.sendmail(user.address, [user.address], f"From: {foreign}\r\n\r\nx\r\n")
            assert refused.value.smtp_code == 550
        for header in ("Subject: no author\r\n", f"From: {user}\r\nFrom: {other}\r\n",
                       f"From: {user}, {other}\r\n", "From: nothing readable\r\n",
                       f"From : {other}\r\nFrom: {user}\r\n",
                       f"From: {user} <{other}>\r\n"):
            with pytest.raises(smtplib.SMTPDataError) as refused:
                client.sendmail(user.address, [user.address], header + "\r\nx\r\n")
            assert refused.value.smtp_code == 550
    assert len(user.letters()) == 3


def test_the_null_sender_is_for_submission_too(office):
    user = office.new_user()
    with user.submission() as client:
        client.sendmail("", [user.address], f"From: {user}\r\n\r\na read receipt\r\n")
    assert user.letter().startswith(b"Return-Path: <>\r\n")


# --- end of data, bare line ends (P5)

SMUGGLED = b"MAIL FROM:<evil@b.example>\r\nRCPT TO:<%s>\r\nDATA\r\nevil\r\n.\r\n"


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n",
                                 b"\n.\r", b"\r\n\x00.\r\n", b"\r\n.\x00\r\n", b"\r\r\n.\r\r\n",
                                 b"\n\n.\n\n", b"\r\n.\r\r\n"])
def test_false_ends_of_data_smuggle_nothing(office, end):
    user = office.new_user()
    with office.mx() as wire:
        wire.say("MAIL FROM:<a@b.example>", 250)
        wire.say(f"RCPT TO:<{user}>", 250)
        wire.say("DATA", 354)
        wire.send(b"Subject: x\r\n\r\nbody" + end + SMUGGLED % user.address.encode())
        assert wire.reply()[0].startswith("550 5.6.0")  # one reply: it was one letter, refused
        wire.say("NOOP", 250)
    assert user.letters() == []


@pytest.mark.parametrize("bad", [b"a\nb", b"a\rb", b"a\x00b", b"\n", b"\r", b"a\r\rb"])
def test_bare_line_ends_and_nul_in_the_body_are_refused(office, bad):
    user = office.new_user()
    with office.mx() as wire:
        for data in (b"Subject: x\r\n\r\n" + bad + b"\r\n", b"X-" + bad + b"\r\n\r\nx\r\n"):
            wire.say("MAIL FROM:<a@b.example>", 250)
            wire.say(f"RCPT TO:<{user}>", 250)
            wire.say("DATA", 354)
            wire.send(data + b".\r\n")
            assert wire.reply()[0].startswith("550 5.6.0")
    assert user.letters() == []


@pytest.mark.parametrize("command", [b"NOOP\n", b"NOOP\r", b"NO\x00OP\r\n", b"NOOP\rNOOP\r\n"])
def test_bare_line_ends_in_commands_end_the_session(office, command):
    with office.mx() as wire:
        wire.send(command + b"\r\n")
        wire.expect(521)
        assert wire.closed()


# --- TLS


@pytest.mark.parametrize("port", [25, 587])
def test_commands_injected_before_tls_are_refused(office, port):
    with office.wire(port) as wire:
        wire.say("EHLO x.example.net", 250)
        wire.send("STARTTLS\r\nMAIL FROM:<evil@b.example>\r\n")
        lines = wire.reply()
        assert lines[0].startswith("503"), lines
        assert wire.closed()


def test_what_was_said_in_the_clear_is_forgotten(office):
    user = office.new_user()
    with office.mx() as wire:
        wire.say("MAIL FROM:<a@b.example>", 250)
        wire.say(f"RCPT TO:<{user}>", 250)
        wire.say("STARTTLS", 220)
        wire.start_tls()
        wire.say("DATA", 503)
        wire.say("MAIL FROM:<a@b.example>", 503)  # EHLO first, again
        wire.say("EHLO x.example.net", 250)
        wire.say("STARTTLS", 503)


def drain(wire):
    """All that still comes, until the other side closes."""
    got = b""
    try:
        while more := wire.socket.recv(65536):
            got += more
    except ConnectionError:
        pass
    return got


def test_garbage_instead_of_a_handshake(office):
    for port in (25, 587):
        with office.wire(port) as wire:
            wire.say("EHLO x.example.net", 250)
            wire.say("STARTTLS", 220)
            wire.send(b"\x00" * 300 + b"EHLO x\r\n")
            assert b"250" not in drain(wire)
    with office.wire(465, greeting=False) as wire:
        wire.send(b"EHLO x.example.net\r\n")
        assert b"250" not in drain(wire)
    with office.mx() as wire:  # the server is well
        wire.say("NOOP", 250)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_tls_older_than_1_2_is_refused(office):
    context = unverified()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection((office.address, 465 + OFFSET), PATIENCE) as raw:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(raw)


# --- passwords


def test_wrong_passwords(office):
    user = office.new_user()
    client = smtplib.SMTP(office.address, 587 + OFFSET, timeout=PATIENCE)
    client.starttls(context=unverified())
    client.ehlo()
    replies = []
    for name, password in ((user.address, "wrong"), ("nobody@example.test", "wrong"),
                           (user.address, "wrong again")):
        replies.append(client.docmd("AUTH", "PLAIN " + plain(name, password)))
    assert replies[0] == replies[1] and replies[0][0] == 535  # P8: indistinguishable
    assert replies[2][0] == 421  # the third wrong one ends it
    client.close()


def plain(name, password, act_as=""):
    return base64.b64encode(f"{act_as}\0{name}\0{password}".encode()).decode()


@pytest.mark.parametrize("argument, code", [
    ("PLAIN !!!", 501), ("PLAIN AAAA", 501), ("PLAIN =", 501), ("CRAM-MD5", 504), ("", 501),
    ("LOGIN !!!", 501),
])
def test_broken_auth(office, argument, code):
    with office.wire(587) as wire:
        wire.say("EHLO x.example.net", 250)
        wire.say("STARTTLS", 220)
        wire.start_tls()
        wire.say("EHLO x.example.net", 250)
        wire.say(f"AUTH {argument}".strip(), code)
        wire.say("NOOP", 250)


def test_auth_login_and_giving_up(office):
    user = office.new_user()
    with office.wire(587) as wire:
        wire.say("EHLO x.example.net", 250)
        wire.say("STARTTLS", 220)
        wire.start_tls()
        wire.say("EHLO x.example.net", 250)
        wire.say("AUTH LOGIN", "334 VXNlcm5hbWU6")
        wire.say("*", 501)
        wire.say("AUTH PLAIN", 334)
        wire.say("*", 501)
        wire.say("AUTH LOGIN", 334)
        wire.say(base64.b64encode(user.address.encode()), "334 UGFzc3dvcmQ6")
        wire.say(base64.b64encode(user.password.encode()), 235)
        wire.say("AUTH LOGIN", 503)
        wire.say(f"MAIL FROM:<{user}>", 250)


def test_acting_for_somebody_else_is_refused(office):
    user, other = office.new_user(), office.new_user()
    with office.wire(465, greeting=False) as wire:
        wire.start_tls()
        wire.expect(220)
        wire.say("EHLO x.example.net", 250)
        wire.say("AUTH PLAIN " + plain(user.address, user.password, other.address), 535)
        wire.say("AUTH PLAIN " + plain(user.address, user.password, user.address), 235)


def test_a_changed_password_is_void_at_once(office):
    user = office.new_user()
    user.submission().quit()
    office.run("user", "passwd", user.address, "--password-file", "-", text="the new one\n")
    with pytest.raises(smtplib.SMTPAuthenticationError):
        user.submission()
    user.password = "the new one"
    user.submission().quit()
    office.run("user", "remove", user.address)
    with pytest.raises(smtplib.SMTPAuthenticationError):
        user.submission()


# --- limits


def test_long_lines_and_too_many_mistakes(office):
    with office.mx() as wire:
        wire.say(b"NOOP " + b"x" * 5000, 500)
        wire.say(b"NOOP " + b"x" * 1_000_000, 500)
        wire.say("NOOP", 250)
        codes = []
        for _ in range(30):
            try:
                wire.send("nonsense\r\n")
                codes.append(wire.reply()[0][:3])
            except (ConnectionError, AssertionError):
                break
        assert codes[-1] == "421" and set(codes[:-1]) == {"500"}


def test_a_dictionary_of_names_ends_the_session(office):
    with office.mx() as wire:
        wire.say("MAIL FROM:<a@b.example>", 250)
        codes = []
        while not codes or codes[-1] == "550":
            wire.send(f"RCPT TO:<guess{len(codes)}@{office.domain}>\r\n")
            codes.append(wire.reply()[0][:3])
            assert len(codes) < 100
        assert codes[-1] == "421"
        assert wire.closed()


def test_a_line_too_long_in_the_body(office):
    user = office.new_user()
    with office.mx() as wire:
        wire.say("MAIL FROM:<a@b.example>", 250)
        wire.say(f"RCPT TO:<{user}>", 250)
        wire.say("DATA", 354)
        wire.send(b"Subject: x\r\n\r\n" + b"y" * 200_000 + b"\r\n.\r\n")
        assert wire.reply()[0].startswith("550 5.6.0")
    assert user.letters() == []


@pytest.mark.parametrize("verb", ["GET / HTTP/1.1", "POST / HTTP/1.1", "CONNECT x:25 HTTP/1.1"])
def test_browsers_are_sent_away(office, verb):
    with office.mx() as wire:
        wire.say(verb, 554)
        assert wire.closed()


def test_pipelining_behind_hello_is_refused(office):
    with office.wire(25) as wire:
        wire.send("EHLO x.example.net\r\nMAIL FROM:<a@b.example>\r\n")
        wire.expect(503)
        assert wire.closed()


def test_outside_words_do_not_reach_log_or_reply_raw(office):
    user = office.new_user()
    with office.mx(None) as wire:
        wire.say(b"EHLO evil\x1b[2Jname\xff", 501)
        wire.say("EHLO fine.example.net", 250)
        wire.say(b"MAIL FROM:<a\x1b@b.example>", 501)
        wire.say("MAIL FROM:<>", 250)
        wire.say(b'RCPT TO:<"a\x1b"@example.test>', 501)
        wire.say(b"VRFY \x1b]0;title\x07", 501)
    client = smtplib.SMTP_SSL(office.address, 465 + OFFSET, context=unverified(), timeout=PATIENCE)
    client.ehlo()
    assert client.docmd("AUTH", "PLAIN " + plain("\x1b[2J", "x"))[0] == 535
    client.close()
    assert user.letters() == []
    log = office.log.read_bytes()
    assert b"\x1b" not in log and b"\xff" not in log


def test_half_letters_are_not_kept(office):
    user = office.new_user()
    with office.mx() as wire:
        wire.say("MAIL FROM:<a@b.example>", 250)
        wire.say(f"RCPT TO:<{user}>", 250)
        wire.say("DATA", 354)
        wire.send(b"Subject: half\r\n\r\n" + b"x" * 70 + b"\r\n")
    with office.mx() as wire:
        wire.say("NOOP", 250)
    assert user.letters() == []


# --- strangers from outside


@pytest.fixture(scope="module")
def public(make_office, namespace):
    return make_office(address="192.0.2.1", namespace=namespace,
                       config="connections-per-address-max = 3")


def test_early_talkers_are_sent_away(public, namespace):
    def talk():
        with Wire("192.0.2.1", 25 + OFFSET, ("192.0.2.2", 0)) as wire:
            wire.send("EHLO hasty.example.net\r\n")
            return wire.reply(), wire.closed()

    reply, closed = in_namespace(namespace, talk)
    assert reply[0].startswith("554 5.5.0") and closed


def test_the_patient_are_greeted(public, namespace):
    def talk():
        with Wire("192.0.2.1", 25 + OFFSET, ("192.0.2.2", 0)) as wire:
            wire.expect(220)
            return wire.say("EHLO patient.example.net", 250)

    assert in_namespace(namespace, talk)


def test_connections_of_one_address_are_limited(public, namespace):
    def talk():
        wires = [Wire("192.0.2.1", 587 + OFFSET, ("192.0.2.3", 0)) for _ in range(3)]
        for wire in wires:
            wire.expect(220)
        refused = Wire("192.0.2.1", 587 + OFFSET, ("192.0.2.3", 0)).reply()
        with Wire("192.0.2.1", 587 + OFFSET, ("192.0.2.4", 0)) as other:
            other.expect(220)
        for wire in wires:
            wire.say("QUIT", 221)
            assert wire.closed()
            wire.socket.close()
        return refused

    assert in_namespace(namespace, talk)[0].startswith("421 4.3.2")
