"""LMTP (RFC 2033): letters handed in by mail servers of our own, on port 24 and a unix socket."""
import json
import os
import pathlib
import re
import shutil
import smtplib
import socket
import sqlite3
import stat
import subprocess

import pytest
from conftest import own_address, own_folder
from imap import Imap
from office import OFFSET, PATIENCE, Wire, body_of, until
from peers import Postfix
from test_smtp_security import SMUGGLED, in_namespace

LETTER = b"From: someone@example.net\r\nSubject: hello\r\n\r\nA letter.\r\n"
DOORS = pytest.mark.parametrize("door", ["port", "socket"])


@pytest.fixture(scope="module")
def office(make_office):
    return make_office()


@pytest.fixture
def wire(office):
    with office.lmtp() as wire:
        yield wire


def replies(wire, count):
    return [wire.reply()[0] for _ in range(count)]


def envelope(wire, *recipients, sender="a@b.example", start=250):
    wire.say(f"MAIL FROM:<{sender}>", 250)
    for recipient in recipients:
        wire.say(f"RCPT TO:<{recipient}>", start)


def counters(office):
    return json.loads(office.run("status", "--json"))


# --- the dialogue


def test_greeting_and_what_lhlo_offers(wire):
    assert re.match(r"220 mail\.example\.test LMTP ", wire.greeting)
    offered = {line[4:].split()[0] for line in wire.hello[1:]}
    assert offered == {"PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "HELP",
                       "STARTTLS"}


@pytest.mark.parametrize("hello", ["HELO x.example.net", "EHLO x.example.net", "helo x"])
def test_helo_and_ehlo_are_not_lmtp(office, hello):
    with office.lmtp(hello=None) as wire:
        wire.say(hello, "500 5.5.1")
        wire.say("MAIL FROM:<a@b.example>", 503)
        wire.say("LHLO x.example.net", 250)
        wire.say("MAIL FROM:<a@b.example>", 250)


def test_lhlo_is_not_smtp(office):
    with office.mx(hello=None) as wire:
        wire.say("LHLO x.example.net", "502 5.5.1")


def test_unknown_commands_and_the_order_of_the_known(office, wire):
    user = office.new_user()
    for command in ("FOO", "BDAT 3", "AUTH PLAIN", "ETRN x", "XCLIENT ADDR=1.2.3.4", "TURN"):
        wire.say(command, 50)
    wire.say(f"RCPT TO:<{user}>", 503)
    wire.say("DATA", 503)
    wire.say("MAIL FROM:<a@b.example>", 250)
    wire.say("DATA", "503 5.5.1")  # not 554: RFC 2033 4.2
    wire.say("RCPT TO:<nobody@example.test>", 550)
    wire.say("DATA", "503 5.5.1")
    wire.say("LHLO x.example.net", 250)  # ends the transaction, as RSET does
    wire.say(f"RCPT TO:<{user}>", 503)
    wire.say("QUIT", 221)
    assert wire.closed()


@DOORS
def test_a_letter_and_its_trace(office, door):
    user = office.new_user()
    body = b"..a dot\r\n.\xff eight bits\r\n" + b"x" * 900 + b"\r\n"
    with office.lmtp(door) as wire:
        envelope(wire, user, sender="Anna@far.example")
        wire.say("DATA", 354)
        wire.send(b"Subject: x\r\n\r\n" + body.replace(b"\r\n.", b"\r\n..").replace(
            b"..a", b"...a", 1) + b".\r\n")
        wire.expect("250 2.1.5")
    letter = user.letter()
    assert body_of(letter) == body
    assert letter.startswith(f"Return-Path: <Anna@far.example>\r\nDelivered-To: {user}\r\n"
                             "Received: from mx.example.net".encode())
    peer = f"mx.example.net ([127.0.0.1])" if door == "port" else "mx.example.net"
    received = letter.split(b"Received: from ")[1].split(b";\r\n")[0].decode()
    assert received.startswith(f"{peer}\r\n\tby mail.example.test (Postamt) with LMTP id ")
    assert f"for <{user}>" in received


def test_tls_on_the_port_alone(office):
    user = office.new_user()
    with office.lmtp() as wire:
        wire.say("STARTTLS", 220)
        wire.start_tls()
        wire.say("MAIL FROM:<a@b.example>", 503)
        assert "250-STARTTLS" not in wire.say("LHLO x.example.net", 250)
        envelope(wire, user)
        wire.say("DATA", 354)
        wire.send(LETTER + b".\r\n")
        wire.expect(250)
    assert b"(Postamt) with LMTPS id" in user.letter()
    with office.lmtp("socket") as wire:
        assert not any("STARTTLS" in line for line in wire.hello)


# --- one answer for each recipient


def test_one_answer_for_each_recipient_in_their_order(office, wire):
    one, two, three = (office.new_user() for _ in range(3))
    envelope(wire, one, two)
    wire.say("RCPT TO:<nobody@example.test>", "550 5.1.1")
    wire.say(f"RCPT TO:<{three}>", 250)
    wire.say(f"RCPT TO:<{one}>", 250)  # again: an answer again, but no second letter
    wire.say("DATA", 354)
    wire.send(LETTER + b".\r\n")
    assert [line[:9] for line in replies(wire, 4)] == ["250 2.1.5"] * 4
    wire.say("NOOP", 250)  # and no fifth answer
    for user in (one, two, three):
        assert body_of(user.letter()) == b"A letter.\r\n"
    assert b"\tfor <" not in one.letter()  # they are not told about each other


def test_who_is_gone_meanwhile_is_refused_alone(office, wire):
    one, gone, two = (office.new_user() for _ in range(3))
    envelope(wire, one, gone, two)
    office.run("user", "remove", gone.address)
    wire.say("DATA", 354)
    wire.send(LETTER + b".\r\n")
    assert [line[:9] for line in replies(wire, 3)] == ["250 2.1.5", "550 5.1.1", "250 2.1.5"]
    assert body_of(one.letter()) == body_of(two.letter()) == b"A letter.\r\n"
    log = [event for event in json.loads(office.run("log", "--json", "--to", gone.address))]
    assert log == []


@pytest.mark.parametrize("size", [100, 100_000])
def test_all_gone_meanwhile(office, wire, size):
    one, two = office.new_user(), office.new_user()
    envelope(wire, one, two)
    office.run("user", "remove", one.address)
    office.run("user", "remove", two.address)
    wire.say("DATA", 354)
    wire.send(LETTER + b"x" * 70 + b"\r\n" * (size // 2) + b".\r\n")
    assert [line[:9] for line in replies(wire, 2)] == ["550 5.1.1"] * 2
    assert not list(pathlib.Path(office.folder, "blobs").rglob("*.tmp"))


def test_gone_meanwhile_by_smtp(office):
    gone, stays = office.new_user(), office.new_user()
    with office.mx() as wire:
        envelope(wire, gone)
        office.run("user", "remove", gone.address)
        wire.say("DATA", 354)
        wire.send(LETTER + b".\r\n")
        wire.expect("550 5.1.1")
        gone = office.new_user()
        envelope(wire, gone, stays)  # one answer for both: it went to somebody
        office.run("user", "remove", gone.address)
        wire.say("DATA", 354)
        wire.send(LETTER + b".\r\n")
        wire.expect(250)
    assert body_of(stays.letter()) == b"A letter.\r\n"
    log = json.loads(office.run("log", "--json", "--to", gone.address))
    assert [event["event"] for event in log][-1] == "dropped"


def test_a_refused_letter_is_refused_for_each(office, wire):
    one, two = office.new_user(), office.new_user()
    envelope(wire, one, two)
    wire.say("DATA", 354)
    wire.send(b"Received: x\r\n" * 51 + LETTER + b".\r\n")
    assert [line[:9] for line in replies(wire, 2)] == ["554 5.4.6"] * 2
    assert one.letters() == two.letters() == []


def test_only_our_own_addresses_and_many_questions(office, wire):
    user = office.new_user()
    wire.say("MAIL FROM:<a@b.example>", 250)
    for number in range(100):  # a frontend asks for many; nobody is sent away for it
        wire.say(f"RCPT TO:<nobody{number}@example.test>", "550 5.1.1")
        wire.say(f"RCPT TO:<x{number}@elsewhere.example>", "550 5.1.1")
    wire.say(f"RCPT TO:<{user}>", 250)


def test_an_alias_leads_outside(office, wire):
    user = office.new_user()
    office.run("alias", "add", f"both-{user}", user.address, "someone@elsewhere.example")
    envelope(wire, f"both-{user}")
    wire.say("DATA", 354)
    wire.send(LETTER + b".\r\n")
    wire.expect("250 2.1.5")
    assert body_of(user.letter()) == b"A letter.\r\n"
    waiting = json.loads(office.run("queue", "list", "--json"))
    assert [row["recipient"] for row in waiting] == ["someone@elsewhere.example"]
    office.run("queue", "drop", "--id", str(waiting[0]["id"]))


def test_pipelining(office, wire):
    one, two = office.new_user(), office.new_user()
    wire.send(f"MAIL FROM:<a@b.example>\r\nRCPT TO:<{one}>\r\nRCPT TO:<nobody@example.test>\r\n"
              f"RCPT TO:<{two}>\r\nDATA\r\n")
    assert [line[:3] for line in replies(wire, 5)] == ["250", "250", "550", "250", "354"]
    wire.send(LETTER + b".\r\n" + f"MAIL FROM:<>\r\nRCPT TO:<{two}>\r\nDATA\r\n".encode())
    assert [line[:3] for line in replies(wire, 5)] == ["250", "250", "250", "250", "354"]
    wire.send(LETTER + b".\r\nQUIT\r\n")
    assert [line[:3] for line in replies(wire, 2)] == ["250", "221"]
    assert [letter.split(b"\r\n")[0] for letter in two.letters()] == [
        b"Return-Path: <a@b.example>", b"Return-Path: <>"]


def test_too_large(make_office):
    office = make_office(config="message-max-kib = 64")
    one, two = office.new_user(), office.new_user()
    with office.lmtp() as wire:
        wire.say("MAIL FROM:<a@b.example> SIZE=65537", 552)
        envelope(wire, one, two)
        wire.say("DATA", 354)
        wire.send(LETTER + (b"x" * 70 + b"\r\n") * 1000 + b".\r\n")
        assert [line[:9] for line in replies(wire, 2)] == ["552 5.3.4"] * 2
        envelope(wire, one)
        wire.say("DATA", 354)
        wire.send(LETTER + b".\r\n")
        wire.expect(250)
    assert len(one.letters()) == 1


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n",
                                 b"\n.\r", b"\r\n\x00.\r\n", b"\r\n.\x00\r\n", b"\r\r\n.\r\r\n",
                                 b"\n\n.\n\n", b"\r\n.\r\r\n"])
def test_false_ends_of_data_smuggle_nothing(office, end):
    one, two = office.new_user(), office.new_user()
    with office.lmtp("socket") as wire:
        envelope(wire, one, two)
        wire.say("DATA", 354)
        wire.send(b"Subject: x\r\n\r\nbody" + end + SMUGGLED % one.address.encode())
        assert [line[:9] for line in replies(wire, 2)] == ["550 5.6.0"] * 2
        wire.say("NOOP", 250)
    assert one.letters() == two.letters() == []


def test_who_speaks_first_or_injects_before_tls_is_sent_away(office):
    with Wire(office.address, 24 + OFFSET) as wire:
        wire.send("LHLO x.example.net\r\n" * 100)
        assert wire.line()[:3] in ("220", "554")
    with office.lmtp() as wire:
        wire.send("STARTTLS\r\nNOOP\r\n")
        wire.expect(503)
        assert wire.closed()


def test_utf8_addresses(office, wire):
    user = office.new_user()
    wire.say("MAIL FROM:<müller@far.example>".encode(), "553 5.6.7")
    wire.say("MAIL FROM:<m\xfcller@far.example> SMTPUTF8".encode("latin-1"), 501)
    wire.say("MAIL FROM:<müller@far.example> SMTPUTF8".encode(), 250)
    wire.say(f"RCPT TO:<{user.local}+Büro@{office.domain}>".encode(), 250)
    wire.say("RCPT TO:<Jürgen@example.test>".encode(), 550)
    wire.say("DATA", 354)
    wire.send("Subject: Grüße\r\n\r\nx\r\n.\r\n".encode())
    wire.expect(250)
    letter = user.letter()
    assert letter.startswith(f"Return-Path: <müller@far.example>\r\nDelivered-To: {user.local}+Büro"
                             f"@{office.domain}\r\n".encode())
    assert b" with UTF8LMTP id " in letter
    office.run("alias", "add", f"out-{user}", "someone@elsewhere.example")
    wire.say("MAIL FROM:<a@b.example> SMTPUTF8", 250)
    wire.say(f"RCPT TO:<out-{user}>", "550 5.6.7")  # who knows whether that server takes it
    wire.say("RSET", 250)
    wire.say("MAIL FROM:<a@b.example>", 250)
    wire.say(f"RCPT TO:<{user.local}+Büro@{office.domain}>".encode(), "553 5.6.7")
    with office.wire(587) as submission:
        assert not any("SMTPUTF8" in line for line in submission.say("EHLO x.example.net", 250))


# --- a thousand recipients


def test_a_thousand_mailboxes_in_one_commit(make_office):
    office = make_office(config="log-level = \"debug\"")
    users, recipients = [office.new_user() for _ in range(32)], []
    for user in users:
        with Imap(user) as box:
            for number in range(32):
                box.ok(f"CREATE f{number}")
                recipients.append(f"{user.local}+f{number}@{office.domain}")
    database = sqlite3.connect(f"file:{office.folder}/postamt.db?mode=ro", uri=True)
    count = "SELECT (SELECT COUNT(*) FROM blob), (SELECT COUNT(*) FROM message)"
    before, (blobs, messages) = counters(office), database.execute(count).fetchone()
    with office.lmtp("socket") as wire:
        wire.send("MAIL FROM:<a@b.example>\r\n" +
                  "".join(f"RCPT TO:<{recipient}>\r\n" for recipient in recipients[:1000]) +
                  "DATA\r\n")
        assert [line[:3] for line in replies(wire, 1002)] == ["250"] * 1001 + ["354"]
        wire.send(LETTER + b".\r\n")
        assert {line[:9] for line in replies(wire, 1000)} == {"250 2.1.5"}
    assert database.execute(count).fetchone() == (blobs + 1, messages + 1000)
    assert counters(office)["store_groups"] - before["store_groups"] <= 3
    with Imap(users[0]) as box:
        for number in range(32):
            assert f'* STATUS "f{number}" (MESSAGES 1)' in box.ok(f"STATUS f{number} (MESSAGES)")


# --- who may come


def test_trusted_networks(make_office, namespace):
    office = make_office(address="192.0.2.1", namespace=namespace, config="""
        lmtp-listen = {"192.0.2.1"}  lmtp-from = {"192.0.2.2/31", "2001:db8::/32"}""")

    def greeting(source):
        with socket.create_connection(("192.0.2.1", 24 + OFFSET), PATIENCE, (source, 0)) as client:
            return client.recv(1000)[:4]

    assert [in_namespace(namespace, lambda: greeting(f"192.0.2.{number}")) for number in (2, 3, 4)
            ] == [b"220 ", b"220 ", b"554 "]
    office.stop()


def test_port_24_is_on_loopback_alone(make_office, namespace):
    make_office(address="0.0.0.0", namespace=namespace)

    def connect(address):
        with socket.create_connection((address, 24 + OFFSET), PATIENCE) as client:
            return client.recv(1000)[:4]

    assert in_namespace(namespace, lambda: connect("127.0.0.1")) == b"220 "
    with pytest.raises(ConnectionRefusedError):
        in_namespace(namespace, lambda: connect("192.0.2.1"))


# --- the socket


def test_the_socket_comes_and_goes_with_the_server(make_office):
    office = make_office()
    path = f"{office.folder}/lmtp.sock"
    info, folder = os.stat(path), os.stat(office.folder)
    assert stat.S_ISSOCK(info.st_mode) and stat.S_IMODE(info.st_mode) == 0o660
    assert (info.st_uid, info.st_gid) == (folder.st_uid, folder.st_gid)
    office.stop()
    assert not os.path.exists(path)


def test_a_dead_servers_socket_is_replaced(make_office):
    office = make_office()
    user = office.new_user()
    office.kill()  # the worker goes with it
    office.process = None
    assert stat.S_ISSOCK(os.stat(f"{office.folder}/lmtp.sock").st_mode)
    office.start()
    with office.lmtp("socket") as wire:
        envelope(wire, user)


def test_a_living_programs_socket_is_not_taken(make_office):
    folder = own_folder()
    path = f"{folder}/lmtp"
    office = make_office(start=False, config=f'lmtp-socket = "{path}"')
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        other.listen()
        refused = office.command("serve")
        assert refused.returncode == 1
        assert refused.stderr == (f"postamt: cannot make the socket {path}: another program listens "
                                  "there; stop it, or set lmtp-socket in postamt.conf\n")
        assert os.path.exists(path)
    office.start()  # now it is a dead one's
    office.stop()
    pathlib.Path(path).write_text("precious")
    refused = office.command("serve")
    assert refused.returncode == 1 and "another file stands there" in refused.stderr
    assert office.command("config", "check").returncode == 1
    assert pathlib.Path(path).read_text() == "precious"
    shutil.rmtree(folder)
    assert "its folder does not exist" in office.command("config", "check").stderr


@pytest.mark.parametrize("config, word", [
    ('lmtp-listen = {"localhost"}', "lmtp-listen"), ('lmtp-listen = {"192.0.2.1"}', "lmtp-from"),
    ('lmtp-from = {"192.0.2.1/24"}', "lmtp-from"), ('lmtp-socket-mode = "0999"', "lmtp-socket-mode"),
    ('lmtp-socket-group = "no-such-group"', "lmtp-socket-group"),
    ('recipient-delimiter = "++"', "recipient-delimiter")])
def test_mistakes_in_the_configuration_are_named(make_office, config, word):
    office = make_office(start=False)
    with open(f"{office.folder}/postamt.conf", "a") as file:
        file.write(config + "\n")
    check = office.command("config", "check")
    assert check.returncode == 1 and word in check.stderr and check.stderr.count("\n") == 1


def test_mode_group_and_no_socket(make_office):
    folder = own_folder()
    office = make_office(config=f"""lmtp-socket = "{folder}/lmtp" lmtp-socket-mode = "0600"
        lmtp-socket-group = "postfix" lmtp-listen = {{}}""")
    info = os.stat(f"{folder}/lmtp")
    assert stat.S_IMODE(info.st_mode) == 0o600
    assert info.st_gid == shutil.os.stat("/var/spool/postfix/public").st_gid or info.st_gid
    with pytest.raises(ConnectionRefusedError):
        office.wire(24)
    office.stop()
    with open(f"{office.folder}/postamt.conf") as file:
        text = file.read()
    pathlib.Path(f"{office.folder}/postamt.conf").write_text(
        text.replace(f'lmtp-socket = "{folder}/lmtp"', 'lmtp-socket = ""'))
    office.start()
    assert not os.path.exists(f"{folder}/lmtp")
    assert json.loads(office.run("config", "show", "--json"))["lmtp-socket"] == ""


# --- real clients


@DOORS
def test_swaks(office, door):
    user, other = office.new_user(), office.new_user()
    where = (["--server", office.address, "--port", str(24 + OFFSET)] if door == "port"
             else ["--socket", f"{office.folder}/lmtp.sock"])
    said = subprocess.run(["swaks", "--protocol", "LMTP", *where, "--from", "a@b.example", "--to",
                           f"{user},{other}", "--body", "by swaks"], capture_output=True, text=True,
                          timeout=PATIENCE)
    assert said.returncode == 0, said.stdout
    assert len(re.findall(r"<.? +250 2\.1\.5 Ok: stored", said.stdout)) == 2, said.stdout
    assert b"by swaks" in user.letter() and b"by swaks" in other.letter()


@DOORS
def test_smtplib(office, door):
    user = office.new_user()
    where = ((office.address, 24 + OFFSET) if door == "port" else (f"{office.folder}/lmtp.sock", 0))
    with smtplib.LMTP(*where) as client:
        assert client.sendmail("a@b.example", [user.address], LETTER) == {}
    assert body_of(user.letter()) == b"A letter.\r\n"


@pytest.mark.parametrize("door", ["unix", "inet"])
def test_postfix_hands_letters_in(make_office, certificate, door):
    """As the README says: the socket stands where Debian's chrooted programs see it."""
    peer = Postfix(own_folder(), own_address(), certificate)
    address = own_address()
    where = "unix:private/postamt" if door == "unix" else f"inet:{address}:{24 + OFFSET}"
    peer.more = (f"virtual_mailbox_domains = example.test\nvirtual_transport = lmtp:{where}\n"
                 "virtual_mailbox_maps = static:all\nlmtp_tls_security_level = may\n"
                 "recipient_delimiter = +\n")
    peer.start()
    try:
        office = make_office(address=address, config=f"""
            lmtp-socket = "{peer.folder}/queue/private/postamt" lmtp-socket-group = "postfix" """)
        one, two = office.new_user(), office.new_user()
        with Imap(one) as box:
            box.ok("CREATE Lists")
        with smtplib.SMTP(peer.address, 2525, timeout=PATIENCE) as client:
            client.sendmail("a@b.example", [f"{one.local}+lists@{office.domain}", two.address,
                                            f"nobody@{office.domain}"], LETTER)
        until(lambda: two.letters())
        with Imap(one) as box:
            until(lambda: "* 1 EXISTS" in box.ok("SELECT Lists"))
            text = str(box.ok("FETCH 1 BODY.PEEK[]"))
        assert f"(Postamt) with {'LMTP' if door == 'unix' else 'LMTPS'} id" in text
        log = peer.folder / "log"
        until(lambda: "status=bounced" in log.read_text())
        assert "550 5.1.1 No such address here" in log.read_text()
        until(lambda: log.read_text().count("status=sent (250 2.1.5 Ok: stored as") == 2)
        office.stop()
    finally:
        peer.stop()
        shutil.rmtree(peer.folder)
