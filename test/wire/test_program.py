"""The program as its operator meets it: verbs, errors that say what to do, signals."""
import json
import os
import pathlib
import re
import shutil
import signal
import smtplib
import socket
import ssl
import stat
import subprocess
import tempfile

import pytest

from office import OFFSET, PATIENCE, PROGRAM, Office, unverified, until


def serve(office, **more):
    """serve, for when it should not come up: the finished process."""
    return subprocess.run([PROGRAM, "serve", "-d", office.folder], capture_output=True, text=True,
                          timeout=PATIENCE, **more)


def one_line(result, *words):
    """Exit status 1 and one line that says all of these words."""
    assert result.returncode == 1, result
    lines = result.stderr.strip().split("\n")
    assert len(lines) == 1 and lines[0].startswith("postamt: "), result.stderr
    for word in words:
        assert word in lines[0], (word, lines[0])


def unprivileged():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


# --- init


def test_init_makes_a_private_folder_once(make_office):
    office = make_office(start=False)
    mode = os.stat(office.folder).st_mode
    assert stat.S_IMODE(mode) == 0o700
    for secret in ("tls/key.pem", "secret.key", "admin.key", "postamt.db"):
        assert stat.S_IMODE(os.stat(f"{office.folder}/{secret}").st_mode) == 0o600
    before = pathlib.Path(f"{office.folder}/secret.key").read_bytes()
    one_line(office.command("init"), "already")
    assert pathlib.Path(f"{office.folder}/secret.key").read_bytes() == before


@pytest.mark.parametrize("words, status", [
    (["init", "--listen", "nowhere"], 1), (["init", "--port-offset", "x"], 1),
    (["init", "--port-offset", "70000"], 1), (["init", "--hostname", "a b"], 1),
    (["init", "extra"], 2), (["init", "--wrong"], 2),
])
def test_init_refuses_nonsense(tmp_path, words, status):
    result = subprocess.run([PROGRAM, *words, "-d", tmp_path / "new"], capture_output=True, text=True)
    assert result.returncode == status and result.stderr.startswith("postamt: "), result
    assert not (tmp_path / "new" / "postamt.conf").exists()


def test_the_administrator_is_the_owner(make_office):
    """As root, init makes the system user; the server runs as DIR's owner."""
    if os.geteuid() != 0:
        pytest.skip("wants root")
    office = make_office()
    owner = os.stat(office.folder).st_uid
    assert owner != 0
    status = pathlib.Path(f"/proc/{office.worker()}/status").read_text()
    assert f"Uid:\t{owner}\t{owner}\t{owner}\t{owner}" in status
    assert re.search(r"CapEff:\s+0+\n", status) and "NoNewPrivs:\t1" in status
    supervisor = os.getpgid(office.process.pid)
    assert os.getpgid(office.worker()) == supervisor


# --- verbs, with and without a server


@pytest.fixture(params=["server", "store"])
def somewhere(request, make_office):
    return make_office(start=request.param == "server")


def test_domains_users_aliases_keys(somewhere):
    run, command = somewhere.run, somewhere.command
    user = somewhere.new_user("Ann.Example")
    assert [row["name"] for row in json.loads(run("domain", "list", "--json"))] == ["example.test"]
    one_line(command("domain", "add", "EXAMPLE.test"), "EXAMPLE.test", "exists")
    one_line(command("domain", "add", "no domain"))
    run("domain", "add", "bücher.example")
    assert "xn--bcher-kva.example" in run("domain", "list")
    run("domain", "remove", "bücher.example")
    one_line(command("domain", "remove", "bücher.example"))
    one_line(command("domain", "remove", "example.test"), "users")

    rows = json.loads(run("user", "list", "--json"))
    assert [row["address"] for row in rows] == ["ann.example@example.test"]
    one_line(command("user", "add", user.address, "--password-file", "-", text="long enough\n"))
    one_line(command("user", "add", "x@example.test", "--password-file", "-", text="short\n"), "8")
    one_line(command("user", "add", "x@foreign.example", "--password-file", "-",
                     text="long enough\n"), "domain")
    one_line(command("user", "add", "x@example.test", "--password-file", "/nonexistent"),
             "/nonexistent")
    one_line(command("user", "passwd", "x@example.test", "--password-file", "-",
                     text="long enough\n"))

    run("alias", "add", "team@example.test", user.address)
    assert "team@example.test -> ann.example@example.test" in run("alias", "list")
    assert json.loads(run("alias", "list", "--json"))[0]["targets"] == ["ann.example@example.test"]
    one_line(command("alias", "add", "x@example.test", "ghost@example.test"))
    one_line(command("user", "remove", user.address), "alias")
    run("alias", "remove", "team@example.test")
    one_line(command("alias", "remove", "team@example.test"))
    run("user", "remove", user.address)
    assert json.loads(run("user", "list", "--json")) == []

    key = json.loads(run("key", "add", "--dialect", "native", "--domain", "example.test", "--json"))
    assert key["secret"] not in run("key", "list")
    assert key["id"] in run("key", "list")
    run("key", "revoke", key["id"])
    assert key["id"] not in run("key", "list")
    one_line(command("key", "revoke", key["id"]))
    assert command("key", "add", "--dialect", "pigeon").returncode == 2

    records = json.loads(run("domain", "dns", "example.test", "--json"))
    assert all(set(record) == {"type", "name", "value"} for record in records)
    assert {record["type"] for record in records} >= {"MX", "TXT"}


@pytest.mark.parametrize("words", [
    [], ["frob"], ["user"], ["user", "frob"], ["user", "add"], ["domain", "add"], ["--wrong"],
    ["alias", "add", "x@example.test"], ["log", "--since"], ["user", "list", "extra"],
])
def test_wrong_usage_is_2(office, words):
    result = office.command(*words) if words else subprocess.run([PROGRAM], capture_output=True,
                                                                 text=True)
    assert result.returncode == 2, result
    assert "postamt" in result.stderr


def test_help_and_version(office):
    result = office.command("--help")
    assert result.returncode == 0
    for verb in "init serve status domain user alias key log send config".split():
        assert re.search(rf"^  {verb}\b", result.stdout, re.M)
    assert office.command("version").stdout.startswith("postamt ")


def test_a_folder_that_is_none(tmp_path):
    for verb in (["status"], ["serve"], ["user", "list"], ["config", "show"]):
        one_line(subprocess.run([PROGRAM, *verb, "-d", tmp_path], capture_output=True, text=True),
                 "postamt init")


def test_keys_are_smtp_passwords(make_office):
    office = make_office()
    office.run("domain", "add", "second.test")
    user = office.new_user()
    key = json.loads(office.run("key", "add", "--dialect", "native", "--domain", "example.test",
                                "--json"))

    def client():
        smtp = smtplib.SMTP_SSL(office.address, 465 + OFFSET, context=unverified(), timeout=PATIENCE)
        smtp.login(key["id"], key["secret"])
        return smtp

    with client() as smtp:
        smtp.sendmail("app@example.test", [user.address], "From: app@example.test\r\n\r\nx\r\n")
        assert smtp.mail("app@second.test")[0] == 553
    office.run("key", "revoke", key["id"])
    with pytest.raises(smtplib.SMTPAuthenticationError):
        client()
    assert len(user.letters()) == 1


def test_log_tells_what_happened(make_office):
    office = make_office()
    one, two = office.new_user(), office.new_user()
    office.send([one.address, two.address], "Subject: x\r\n\r\nx\r\n", "from@example.net")
    office.send([two.address], "Subject: y\r\n\r\ny\r\n", "other@example.net")
    rows = json.loads(office.run("log", "--json"))
    assert [row["event"] for row in rows] == ["accepted", "delivered", "delivered", "accepted",
                                              "delivered"]
    letter = rows[0]["letter"]
    assert len(json.loads(office.run("log", "--json", "--id", letter))) == 3
    assert len(json.loads(office.run("log", "--json", "--to", one.address))) == 2
    assert [row["to"] for row in json.loads(office.run("log", "--json", "--to", two.address))] == \
        ["", two.address, "", two.address]
    assert len(json.loads(office.run("log", "--json", "--to", two.address, "--from",
                                     "other@example.net"))) == 2
    assert len(json.loads(office.run("log", "--json", "--from", "other@example.net"))) == 2
    assert json.loads(office.run("log", "--json", "--since", "2999-01-01")) == []
    assert len(json.loads(office.run("log", "--json", "--since", "2020-01-01"))) == 5
    assert len(json.loads(office.run("log", "--json", "--since", "1h"))) == 5
    one_line(office.command("log", "--since", "whenever"))
    one_line(office.command("log", "--id", "!!!"))
    text = office.run("log", "--id", letter)
    assert f"to=<{two}>" in text and "delivered" in text


def test_log_follow(make_office):
    office = make_office()
    user = office.new_user()
    office.send([user.address], "Subject: x\r\n\r\nx\r\n", "first@example.net")
    with subprocess.Popen([PROGRAM, "log", "--follow", "-d", office.folder], stdout=subprocess.PIPE,
                          text=True) as follow:
        assert "first@example.net" in follow.stdout.readline()
        follow.stdout.readline()
        office.send([user.address], "Subject: x\r\n\r\nx\r\n", "second@example.net")
        assert "second@example.net" in follow.stdout.readline()
        follow.terminate()


def test_send_as_sendmail(somewhere, tmp_path):
    office, user, other = somewhere, somewhere.new_user(), somewhere.new_user()
    letter = f"To: {user}\nSubject: hello\nBcc: {other}\n\n.\nfrom cron\n"
    office.run("send", "-f", "cron@example.test", user.address, text=letter)
    office.run("send", "-t", text=letter)
    sendmail = tmp_path / "sendmail"
    sendmail.symlink_to(PROGRAM)
    subprocess.run([sendmail, "-i", "-oi", "-f", "cron@example.test", "--", user.address],
                   input=letter, text=True, check=True,
                   env={**os.environ, "POSTAMT_DIR": office.folder})
    one_line(office.command("send", "nobody@example.test", text=letter), "nobody@example.test")
    office.run("send", "x@elsewhere.example", text=letter)  # waits: no name server answers here
    if not office.process:
        office.start()
    letters = user.letters()
    assert len(letters) == 3
    assert all(b"\r\n\r\n.\r\nfrom cron\r\n" in letter for letter in letters)
    assert b"Bcc" not in letters[1] and len(other.letters()) == 1
    assert letters[0].startswith(b"Return-Path: <cron@example.test>\r\n")


def test_status(office):
    office.send([office.new_user().address], "Subject: x\r\n\r\nx\r\n")
    status = json.loads(office.run("status", "--json"))
    assert status["running"] and status["letters_accepted"] >= 1 and status["store_jobs"] >= 1
    assert "letters accepted" in office.run("status")


def test_config_show_and_check(make_office):
    office = make_office(start=False)
    shown = office.run("config", "show")
    assert 'hostname = "mail.example.test"' in shown and "message-max-kib = 25600" in shown
    assert office.run("config", "check").startswith("ok")
    pathlib.Path(f"{office.folder}/postamt.conf").write_text(shown)  # it can be fed back
    assert office.run("config", "show") == shown


# --- what goes wrong


@pytest.mark.parametrize("text, words", [
    ("hostname = \"unfinished\n", ["postamt.conf"]), ("nonsense = 3\n", ["nonsense"]),
    ("hostname = \"a b\"\n", ["hostname"]), ("hostname = \"m.example\"\nport-offset = many\n", []),
    ("hostname = \"m.example\"\nport-offset = 99999\n", ["port-offset"]), ("", ["hostname"]),
    ("hostname = \"m.example\"\nlisten = {\"nowhere\"}\n", ["listen"]),
    ("hostname = \"m.example\"\nstore = \"oracle\"\n", ["store"]), ("\0\0\0", ["NUL"]),
    ("{{{{", []), ("hostname = \"m.example\"\nstore = \"postgres\"\n", ["postgres"]),
    ("hostname = " + "x" * 100000, []),
])
def test_corrupt_configuration(make_office, text, words):
    office = make_office(start=False)
    pathlib.Path(f"{office.folder}/postamt.conf").write_text(text)
    one_line(serve(office), *words)
    one_line(office.command("config", "check"), *words)


def test_occupied_port(make_office):
    office = make_office(start=False)
    with socket.socket() as other:
        other.bind((office.address, 587 + OFFSET))
        other.listen()
        one_line(serve(office), office.address, str(587 + OFFSET), "another program")
    office.start()


def test_second_instance(office):
    one_line(serve(office), str(office.process.pid), "already")
    assert json.loads(office.run("status", "--json"))["running"]


def test_unreadable_and_broken_certificate(make_office):
    office = make_office(start=False)
    certificate = pathlib.Path(office.folder, "tls/certificate.pem")
    good = certificate.read_bytes()
    certificate.unlink()
    one_line(serve(office), "certificate.pem")
    certificate.write_text("no certificate\n")
    one_line(serve(office), "certificate.pem")
    other = make_office(start=False)
    shutil.copy(f"{other.folder}/tls/certificate.pem", certificate)
    one_line(serve(office), "certificate")  # not the key's
    certificate.write_bytes(good)
    office.start()


@pytest.fixture(scope="module")
def as_nobody():
    """Runs the program as a user without rights; a copy, since the project may lie in a folder that
    others may not enter."""
    if os.geteuid() != 0:
        pytest.skip("wants root to become somebody else")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="postamt-test-"))
    folder.chmod(0o755)
    program = shutil.copy(PROGRAM, folder)

    def run(*words):
        return subprocess.run([program, *words], capture_output=True, text=True,
                              preexec_fn=unprivileged, timeout=PATIENCE)

    yield run
    shutil.rmtree(folder)


def test_missing_permission(make_office, as_nobody):
    office = make_office(start=False)
    one_line(as_nobody("serve", "-d", office.folder), office.folder)
    one_line(as_nobody("user", "list", "-d", office.folder), office.folder)
    office.start()
    one_line(as_nobody("user", "list", "-d", office.folder), office.folder)


def test_low_ports_without_root(make_office, as_nobody):
    """An unprivileged owner: its own folder works, ports below 1024 say what to do."""
    low = int(pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    if low <= 25:
        pytest.skip("anybody may bind port 25 here")
    folder = pathlib.Path(make_office(start=False).folder).parent / "own"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    made = as_nobody("init", "-d", folder, "--hostname", "m.example", "--listen", "127.0.0.1")
    assert made.returncode == 0, made.stderr
    one_line(as_nobody("serve", "-d", folder), "port 25", "root")


def test_a_store_that_is_no_database(make_office):
    office = make_office(start=False)
    database = pathlib.Path(office.folder, "postamt.db")
    database.write_bytes(b"this is no database" * 1000)
    one_line(serve(office), "postamt.db", "not a database")
    one_line(office.command("user", "list"), "store")


# --- signals


def presented(office):
    """The certificate that port 465 shows."""
    with socket.create_connection((office.address, 465 + OFFSET), PATIENCE) as raw:
        with unverified().wrap_socket(raw) as tls:
            return ssl.DER_cert_to_PEM_cert(tls.getpeercert(binary_form=True))


def test_sighup_takes_the_new_certificate_and_keeps_the_old_when_it_is_broken(make_office):
    office, other = make_office(), make_office(start=False)
    before = presented(office)
    with office.mx() as wire:
        for name in ("certificate.pem", "key.pem"):
            shutil.copy(f"{other.folder}/tls/{name}", f"{office.folder}/tls/{name}")
        office.process.send_signal(signal.SIGHUP)
        until(lambda: presented(office) != before)
        wire.say("NOOP", 250)  # nobody was thrown out
    after = presented(office)
    assert after.split() == pathlib.Path(other.folder, "tls/certificate.pem").read_text().split()
    pathlib.Path(office.folder, "tls/certificate.pem").write_text("broken")
    office.process.send_signal(signal.SIGHUP)
    until(lambda: "certificate" in office.log.read_text().lower())
    assert presented(office) == after


def test_sigterm_drains(make_office):
    office = make_office()
    user = office.new_user()
    with office.mx() as busy, office.mx() as idle:
        busy.say("MAIL FROM:<>", 250)
        busy.say(f"RCPT TO:<{user}>", 250)
        busy.say("DATA", 354)
        busy.send("Subject: in flight\r\n\r\n")
        office.process.send_signal(signal.SIGTERM)
        idle.expect("421")  # who waits is sent away
        assert idle.closed()
        with pytest.raises(OSError):  # nobody new
            while True:
                socket.create_connection((office.address, 25 + OFFSET), PATIENCE).close()
        busy.send("the end\r\n.\r\n")
        busy.expect(250)  # who is busy may finish
        busy.expect("421")
    assert office.process.wait(PATIENCE) == 0
    office.process = None
    office.start()
    assert user.letter().endswith(b"the end\r\n")


def test_a_dead_worker_is_started_again(make_office):
    office = make_office()
    user = office.new_user()
    office.send([user.address], "Subject: x\r\n\r\nx\r\n")
    for _ in range(2):
        worker = office.worker()
        os.kill(worker, signal.SIGKILL)
        until(lambda: pathlib.Path(f"/proc/{office.process.pid}/task/{office.process.pid}/children")
              .read_text().strip() not in ("", str(worker)))
        until(lambda: office.command("status", "--json").stdout.startswith('{ "running": true'))
        office.send([user.address], "Subject: x\r\n\r\nx\r\n")
    assert len(user.letters()) == 3


def test_killed_supervisor_takes_the_worker_along(make_office):
    office = make_office()
    worker = office.worker()
    office.process.kill()
    office.process.wait()
    until(lambda: not os.path.exists(f"/proc/{worker}"))
    office.process.stdout.close()
    office.process = None
    office.start()  # nothing has to be cleaned up by hand
