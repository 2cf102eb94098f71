"""SASL (RFC 4422) on submission, POP3 and IMAP: SCRAM with and without channel binding, bad input.

The client is gsasl where it speaks the protocol, else the one below, from RFC 5802.
"""
import base64
import hashlib
import hmac
import os
import pathlib
import re
import sqlite3
import subprocess

import pytest
from OpenSSL import SSL

from office import OFFSET, PATIENCE, Wire

HASHES = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-1": "sha1"}
SCRAMS = ["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"]


def b64(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


class Tls:
    """A TLS socket of pyOpenSSL, which can tell its exporter, as ssl's cannot."""

    def __init__(self, plain, version=None):
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        if version:
            context.set_max_proto_version(version)
        plain.settimeout(None)
        self.connection = SSL.Connection(context, plain)
        self.connection.set_connect_state()
        self.connection.do_handshake()
        self.sendall = self.connection.sendall
        self.close, self.fileno = plain.close, plain.fileno

    def recv(self, size):
        try:
            return self.connection.recv(size)
        except (SSL.ZeroReturnError, SSL.SysCallError):
            return b""

    def exporter(self):
        return self.connection.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")


class Smtp:
    port, prompt, good, denied, bad = 465, "334 ", "235 ", "535 ", "501 "

    @staticmethod
    def greet(wire):
        wire.expect(220)
        wire.offered = [line[4:] for line in wire.say("EHLO c.example.net", 250)
                        if line[4:].startswith("AUTH ")][0].split()[1:]

    @staticmethod
    def auth(words):
        return "AUTH " + words

    @staticmethod
    def says_who_it_is(wire, user):
        wire.say(f"MAIL FROM:<{user}>", 250)

    strange, over, goodbye = ("504 ", "530 "), "421 ", ("QUIT", "221")
    wants_login = "MAIL FROM:<>"
    mistakes = 5  # so many a session may make


class Pop3:
    port, prompt, good, denied, bad = 995, "+ ", "+OK", "-ERR [AUTH]", "-ERR "

    @staticmethod
    def greet(wire):
        assert wire.line().startswith("+OK")
        wire.answer("CAPA", "+OK")
        wire.offered = [line for line in wire.dotted() if line.startswith("SASL ")][0].split()[1:]

    @staticmethod
    def auth(words):
        return "AUTH " + words

    @staticmethod
    def says_who_it_is(wire, _):
        wire.answer("STAT", "+OK 0 0")

    strange, over, goodbye = "-ERR", "-ERR", ("QUIT", "+OK")
    wants_login = "STAT"
    mistakes = 5


class Imap4:
    port, prompt, good, denied, bad = 993, "+ ", "a OK", "a NO [AUTHENTICATIONFAILED]", "a BAD"

    @staticmethod
    def greet(wire):
        words = re.search(r"\[CAPABILITY (.*?)\]", wire.line())[1].split()
        assert "SASL-IR" in words
        wire.offered = [word[5:] for word in words if word.startswith("AUTH=")]

    @staticmethod
    def auth(words):
        return "a AUTHENTICATE " + words

    @staticmethod
    def says_who_it_is(wire, _):
        wire.answer("b SELECT INBOX", "* ")
        while not wire.line().startswith("b OK"):
            pass

    strange, over, goodbye = "a NO", "a NO", ("c LOGOUT", "* BYE")
    wants_login = "a STATUS INBOX (MESSAGES)"
    mistakes = 2


everywhere = pytest.mark.parametrize("protocol", [Smtp, Pop3, Imap4])


def connect(office, protocol, version=None):
    wire = Wire(office.address, protocol.port + OFFSET)
    wire.socket = Tls(wire.socket, version)
    protocol.greet(wire)
    return wire


class Scram:
    """The client's side of RFC 5802."""

    def __init__(self, mechanism, name, password, header=None, binding=b"", authzid=""):
        self.name, self.password, self.binding = name, password, binding
        plus = mechanism.endswith("-PLUS")
        self.hash = HASHES[mechanism.removesuffix("-PLUS")]
        self.header = header or ("p=tls-exporter" if plus else "n") + f",{authzid},"
        self.nonce = b64(os.urandom(18))

    def first(self):
        name = str(self.name).replace("=", "=3D").replace(",", "=2C")
        self.bare = f"n={name},r={self.nonce}"
        return self.header + self.bare

    def final(self, server_first):
        fields = dict(field.split("=", 1) for field in server_first.split(","))
        assert fields["r"].startswith(self.nonce) and len(fields["r"]) > len(self.nonce) + 10
        self.salt, self.iterations = base64.b64decode(fields["s"]), int(fields["i"])
        salted = hashlib.pbkdf2_hmac(self.hash, self.password.encode(), self.salt, self.iterations)
        client = hmac.digest(salted, b"Client Key", self.hash)
        without = f"c={b64(self.header.encode() + self.binding)},r={fields['r']}"
        message = f"{self.bare},{server_first},{without}".encode()
        signature = hmac.digest(hashlib.new(self.hash, client).digest(), message, self.hash)
        proof = bytes(a ^ b for a, b in zip(client, signature))
        server = hmac.digest(salted, b"Server Key", self.hash)
        self.server = "v=" + b64(hmac.digest(server, message, self.hash))
        return f"{without},p={b64(proof)}"


def challenge(wire, protocol, text):
    """Sends a line, gives what the server's challenge says."""
    line = wire.answer(text, protocol.prompt)
    return base64.b64decode(line.removeprefix(protocol.prompt)).decode()


def begin(wire, protocol, mechanism, client):
    """Up to the client's final message, which is returned, not sent."""
    first = challenge(wire, protocol, protocol.auth(f"{mechanism} {b64(client.first())}"))
    return b64(client.final(first))


def log_in(wire, protocol, mechanism, user, password=None, **how):
    """A whole dialogue; the last line."""
    if mechanism.endswith("-PLUS"):
        how.setdefault("binding", wire.socket.exporter())
    client = Scram(mechanism, user, password or user.password, **how)
    wire.send(begin(wire, protocol, mechanism, client) + "\r\n")
    line = wire.line()
    if not line.startswith(protocol.prompt):
        return line
    assert base64.b64decode(line.removeprefix(protocol.prompt)).decode() == client.server
    wire.send("\r\n")
    return wire.line()


# --- logging in


@everywhere
@pytest.mark.parametrize("mechanism", SCRAMS)
def test_scram(office, protocol, mechanism):
    user = office.new_user()
    with connect(office, protocol) as wire:
        assert wire.offered == ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS",
                                "SCRAM-SHA-1", "PLAIN", "LOGIN"]
        assert log_in(wire, protocol, mechanism, user, "not the password").startswith(protocol.denied)
        assert log_in(wire, protocol, mechanism, user).startswith(protocol.good)
        protocol.says_who_it_is(wire, user)


@everywhere
def test_the_client_may_wait_for_the_first_challenge(office, protocol):
    user = office.new_user()
    client = Scram("SCRAM-SHA-256", user, user.password)
    with connect(office, protocol) as wire:
        assert challenge(wire, protocol, protocol.auth("scram-sha-256")) == ""
        final = client.final(challenge(wire, protocol, b64(client.first())))
        assert challenge(wire, protocol, b64(final)) == client.server
        wire.answer("", protocol.good)


@pytest.mark.parametrize("mechanism, how", [
    *((mechanism, "--priority=NORMAL") for mechanism in ("PLAIN", "LOGIN", *SCRAMS)),
    *((mechanism, "--priority=NORMAL:-VERS-TLS1.3") for mechanism in ("PLAIN", "LOGIN", *SCRAMS)
      if not mechanism.endswith("-PLUS"))])
@pytest.mark.parametrize("door, port, said", [("--smtp", 587, "235 2.7.0"), ("--imap", 143, " OK [CAPAB")],
                         ids=["smtp", "imap"])
def test_gsasl_logs_in(office, door, port, said, mechanism, how):
    user = office.new_user()
    result = subprocess.run(
        ["gsasl", door, f"--connect={office.address}:{port + OFFSET}", "--starttls", how,
         f"--x509-ca-file={office.folder}/tls/certificate.pem", "--hostname=mail.example.test",
         "-m", mechanism, "-a", str(user), "-p", user.password, "--verbose",
         *([] if mechanism.endswith("-PLUS") else ["--no-cb"])],
        text=True, capture_output=True, timeout=PATIENCE, input="")
    assert result.returncode == 0, result.stdout + result.stderr
    assert said in result.stdout + result.stderr


@everywhere
def test_acting_for_somebody_else(office, protocol):
    user, other = office.new_user(), office.new_user()
    with connect(office, protocol) as wire:
        said = log_in(wire, protocol, "SCRAM-SHA-256", user, authzid=f"a={other}")
        assert said.startswith(protocol.denied)
        said = log_in(wire, protocol, "SCRAM-SHA-256", user, authzid=f"a={user}")
        assert said.startswith(protocol.good)


# --- channel binding


@everywhere
def test_binding_must_be_that_of_the_connection(office, protocol):
    user = office.new_user()
    with connect(office, protocol) as wire:
        for mechanism in ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"):
            said = log_in(wire, protocol, mechanism, user, binding=os.urandom(32))
            assert said.startswith(protocol.denied)
        assert log_in(wire, protocol, mechanism, user).startswith(protocol.good)


@everywhere
@pytest.mark.parametrize("mechanism, header", [
    ("SCRAM-SHA-256-PLUS", "p=tls-unique,,"),  # not with TLS 1.3 (RFC 9266 3)
    ("SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,"),
    ("SCRAM-SHA-256-PLUS", "n,,"),
    ("SCRAM-SHA-256-PLUS", "y,,"),
    ("SCRAM-SHA-256", "p=tls-exporter,,"),
    ("SCRAM-SHA-256", "y,,"),  # it was told that we do not bind: not by us (RFC 5802 6)
])
def test_flags_that_do_not_fit(office, protocol, mechanism, header):
    user = office.new_user()
    with connect(office, protocol) as wire:
        client = Scram(mechanism, user, user.password, header)
        wire.answer(protocol.auth(f"{mechanism} {b64(client.first())}"), protocol.denied)


@everywhere
def test_below_tls_1_3_nothing_is_bound(office, protocol):
    user = office.new_user()
    with connect(office, protocol, SSL.TLS1_2_VERSION) as wire:
        assert wire.offered == ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"]
        wire.send(protocol.auth(f"SCRAM-SHA-256-PLUS {b64('p=tls-unique,,n=x,r=y')}\r\n"))
        assert wire.line().startswith(protocol.strange)
        assert log_in(wire, protocol, "SCRAM-SHA-256", user, header="y,,").startswith(protocol.good)


# --- who exists (P8)


def salts_of(office, protocol, name, mechanism="SCRAM-SHA-256"):
    with connect(office, protocol) as wire:
        client = Scram(mechanism, name, "some password")
        wire.send(begin(wire, protocol, mechanism, client) + "\r\n")
        return client.salt, client.iterations, wire.line()


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-1"])
def test_a_stranger_learns_nothing(make_office, mechanism):
    office = make_office()
    user = office.new_user()
    known = salts_of(office, Pop3, user, mechanism)
    nobody = salts_of(office, Pop3, "nobody@example.test", mechanism)
    assert known[1:] == nobody[1:] and len(known[0]) == len(nobody[0])
    assert known[0] != nobody[0]
    for name in ("other@example.test", "no address", "apikey", "x@elsewhere.example"):
        other = salts_of(office, Pop3, name, mechanism)
        assert other[0] != nobody[0] and other[1:] == nobody[1:]
    assert salts_of(office, Smtp, "NOBODY@Example.TEST", mechanism)[0] == nobody[0]
    office.stop()
    office.start()
    assert salts_of(office, Pop3, "nobody@example.test", mechanism) == nobody
    assert salts_of(office, Pop3, user, mechanism) == known


def test_a_password_changed_in_the_middle_is_void(office):
    user = office.new_user()
    client = Scram("SCRAM-SHA-256", user, user.password)
    with connect(office, Pop3) as wire:
        final = begin(wire, Pop3, "SCRAM-SHA-256", client)
        office.run("user", "passwd", user.address, "--password-file", "-", text="another secret\n")
        wire.answer(final, Pop3.denied)
        assert log_in(wire, Pop3, "SCRAM-SHA-256", user, "another secret").startswith("+OK")


def test_keys_for_sha_1_are_made_when_plain_verifies(make_office):
    """As with users from before they were kept."""
    office = make_office()
    user = office.new_user()
    office.stop()
    database, = pathlib.Path(office.folder).glob("*.db")
    with sqlite3.connect(database) as db:
        assert db.execute("UPDATE users SET scram1_iterations = 0, scram1_salt = NULL,"
                          " scram1_stored = NULL, scram1_server = NULL").rowcount == 1
    db.close()
    office.start()
    with connect(office, Pop3) as wire:
        assert log_in(wire, Pop3, "SCRAM-SHA-1", user).startswith(Pop3.denied)
        assert log_in(wire, Pop3, "SCRAM-SHA-256", user).startswith("+OK")
        wire.answer("QUIT", "+OK")
    with connect(office, Pop3) as wire:
        wire.answer("AUTH PLAIN " + b64(f"\0{user}\0{user.password}"), "+OK")
        wire.answer("QUIT", "+OK")
    with connect(office, Pop3) as wire:
        assert log_in(wire, Pop3, "SCRAM-SHA-1", user).startswith("+OK")


# --- bad input


@everywhere
def test_three_failures_whatever_the_mechanism(office, protocol):
    user = office.new_user()
    with connect(office, protocol) as wire:
        assert log_in(wire, protocol, "SCRAM-SHA-256", user, "wrong password").startswith(protocol.denied)
        wire.answer(protocol.auth("PLAIN " + b64(f"\0{user}\0wrong")), protocol.denied)
        wire.answer(protocol.auth("LOGIN " + b64(str(user))), protocol.prompt)
        wire.answer(b64("wrong"), protocol.over)
        assert protocol is not Imap4 or wire.line().startswith("* BYE")
        assert wire.closed()


GARBAGE = ["!!!", "YQ", "YQ=", "YR==", "YQ==YQ==", "=", "=" * 8, "\tYQ==", "YQ==\t", " YQ==", "Y Q==",
           b64("\0" * 9), b64("n,,n=a,r=\0"), b64("n,,n=a"), b64("n,,r=x"), b64("n,,n=,r=x"),
           b64("n,,n=a=20b,r=x"), b64("n,,n=a=,r=x"), b64("n,a=,n=a,r=x,m=1"), b64("n,b=x,n=a,r=x"),
           b64("x,,n=a,r=x"), b64(b"n,,n=\xff\xfe,r="), b64("n,,m=ext,n=a,r=x"), b64("," * 5000),
           "A" * 20000, "A" * 8189, "NU\0L", "bare\rCR"]


@everywhere
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "PLAIN"])
def test_garbage_is_refused_and_the_session_goes_on(office, protocol, mechanism):
    user = office.new_user()
    for start in range(0, len(GARBAGE), protocol.mistakes):
        with connect(office, protocol) as wire:
            for bad in GARBAGE[start:start + protocol.mistakes]:
                wire.answer(protocol.auth(mechanism), protocol.prompt)
                wire.answer(bad, protocol.bad)
            assert log_in(wire, protocol, "SCRAM-SHA-256", user).startswith(protocol.good)
            wire.answer(*protocol.goodbye)  # or the next would find the maildrop taken


@everywhere
def test_garbage_in_the_final_message(office, protocol):
    user = office.new_user()
    for bad in ("", "x", "c=biws", "c=biws,r=x,p=x", "c=biws,r=x,p=\0", "," * 99):
        with connect(office, protocol) as wire:
            begin(wire, protocol, "SCRAM-SHA-256", Scram("SCRAM-SHA-256", user, user.password))
            wire.send(b64(bad) + "\r\n")
            assert wire.line().startswith((protocol.bad, protocol.denied))
            assert log_in(wire, protocol, "SCRAM-SHA-256", user).startswith(protocol.good)
            wire.answer(*protocol.goodbye)


@everywhere
def test_the_final_message_of_another_dialogue(office, protocol):
    user = office.new_user()
    with connect(office, protocol) as wire:
        final = begin(wire, protocol, "SCRAM-SHA-256", Scram("SCRAM-SHA-256", user, user.password))
        wire.answer("*", protocol.bad)
        begin(wire, protocol, "SCRAM-SHA-256", Scram("SCRAM-SHA-256", user, user.password))
        wire.send(final + "\r\n")
        assert wire.line().startswith((protocol.bad, protocol.denied))


@everywhere
def test_who_does_not_trust_the_server_is_not_let_in(office, protocol):
    user = office.new_user()
    client = Scram("SCRAM-SHA-256", user, user.password)
    with connect(office, protocol) as wire:
        wire.answer(begin(wire, protocol, "SCRAM-SHA-256", client), protocol.prompt)
        wire.answer("*", protocol.bad)
        wire.answer(protocol.wants_login, ("530 ", "-ERR", "a BAD"))
        wire.answer(begin(wire, protocol, "SCRAM-SHA-256", client), protocol.prompt)
        wire.answer(b64("more"), protocol.bad)  # the last answer is empty


def test_a_name_with_a_comma_is_a_name(office):
    assert salts_of(office, Pop3, "a,b=c@example.test") == salts_of(office, Pop3, "a,b=c@example.test")


def test_nothing_of_it_in_the_log(office):
    user = office.new_user(password="a word for the log test")
    with connect(office, Pop3) as wire:
        client = Scram("SCRAM-SHA-256", user, user.password)
        final = begin(wire, Pop3, "SCRAM-SHA-256", client)
        wire.answer(final, "+ ")
        wire.answer("", "+OK")
        wire.answer("QUIT", "+OK")
    text = office.log.read_text()
    assert str(user) in text and "a word for the log" not in text and client.nonce not in text
