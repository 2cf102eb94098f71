"""The programs people use: swaks, msmtp, curl, getmail, fetchmail, smtp-source, smtplib, poplib."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from office import OFFSET, PATIENCE, body_of

BODY = "Dear Bob,\n\n.a dot at the start\nand the end\n"


def run(*words, text=None, **more):
    result = subprocess.run([str(word) for word in words], input=text, text=True,
                            capture_output=True, timeout=PATIENCE * 2, **more)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    return result.stdout


def certificate(office):
    return f"{office.folder}/tls/certificate.pem"


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("port, how", [(587, "-tls"), (465, "-tlsc")])
def test_swaks_with_attachment(office, tmp_path, mechanism, port, how):
    user = office.new_user()
    picture = tmp_path / "stamp.png"
    picture.write_bytes(os.urandom(100_000))
    dialogue = run("swaks", "--server", office.address, "--port", port + OFFSET, how, "-a", mechanism,
                   "-au", user, "-ap", user.password, "--from", user, "--to", user, "--header",
                   "Subject: with swaks", "--body", "see the picture", "--attach", f"@{picture}")
    assert "=== TLS started" in dialogue
    letter = user.letter()
    assert b"Subject: with swaks" in letter and b"stamp.png" in letter


def test_swaks_on_25_and_pipelining(office):
    user = office.new_user()
    run("swaks", "--server", office.address, "--port", 25 + OFFSET, "--pipeline", "--from",
        "x@example.net", "--to", user, "--body", BODY)
    assert b"..a dot" not in user.letter() and b"\r\n.a dot" in user.letter()


@pytest.mark.parametrize("port, starttls", [(587, "on"), (465, "off")])
def test_msmtp(office, tmp_path, port, starttls):
    user = office.new_user()
    config = tmp_path / "msmtprc"
    config.write_text(f"account default\nhost {office.address}\nport {port + OFFSET}\ntls on\n"
                      f"tls_starttls {starttls}\ntls_certcheck off\nauth on\nuser {user}\n"
                      f"password {user.password}\nfrom {user}\n")
    config.chmod(0o600)
    run("msmtp", "-C", config, user, text=f"From: {user}\nTo: {user}\nSubject: msmtp\n\n{BODY}")
    assert body_of(user.letter()) == BODY.replace("\n", "\r\n").encode()


def test_curl_sends_and_reads(office, tmp_path):
    user = office.new_user()
    letter = tmp_path / "letter"
    letter.write_bytes(f"From: {user}\r\nSubject: curl\r\n\r\n".encode() +
                       BODY.replace("\n", "\r\n").encode())
    login = f"{user}:{user.password}"
    run("curl", "-sS", "-k", "--ssl-reqd", "-u", login, "--mail-from", user, "--mail-rcpt", user, "-T",
        letter, f"smtp://{office.address}:{587 + OFFSET}")
    run("curl", "-sS", "-k", "-u", login, "--mail-from", user, "--mail-rcpt", user, "-T", letter,
        f"smtps://{office.address}:{465 + OFFSET}")
    for url in (f"pop3://{office.address}:{110 + OFFSET}", f"pop3s://{office.address}:{995 + OFFSET}"):
        listing = run("curl", "-sS", "-k", "--ssl-reqd", "-u", login, url + "/")
        assert len(listing.split("\n")) >= 2
        for number in (1, 2):
            got = subprocess.run(["curl", "-sS", "-k", "--ssl-reqd", "-u", login, f"{url}/{number}"],
                                 capture_output=True, check=True).stdout
            assert got.endswith(BODY.replace("\n", "\r\n").encode())


def test_the_certificate_holds_for_the_host_name(office):
    """init's certificate is trusted by who trusts it, for hostname and listen address."""
    user = office.new_user()
    run("curl", "-sS", "--cacert", certificate(office), "-u", f"{user}:{user.password}",
        f"pop3s://{office.address}:{995 + OFFSET}/")
    run("curl", "-sS", "--cacert", certificate(office), "-u", f"{user}:{user.password}",
        "--resolve", f"mail.example.test:{995 + OFFSET}:{office.address}",
        f"pop3s://mail.example.test:{995 + OFFSET}/")


def test_getmail_takes_everything_once(office, tmp_path):
    user = office.new_user()
    for number in range(3):
        office.send(user.address, f"Subject: letter {number}\r\n\r\n{BODY}")
    got = tmp_path / "got"
    (tmp_path / "getmailrc").write_text(
        "[retriever]\ntype = SimplePOP3SSLRetriever\n"
        f"server = {office.address}\nport = {995 + OFFSET}\nusername = {user}\n"
        f"password = {user.password}\n[destination]\ntype = MDA_external\npath = /usr/bin/tee\n"
        f"arguments = ('-a', '{got}')\nallow_root_commands = true\n"
        "[options]\nread_all = false\ndelete = false\n")
    command = ["getmail", f"--getmaildir={tmp_path}"]
    environment = {**os.environ, "HOME": str(tmp_path)}
    (tmp_path / "getmailrc").chmod(0o600)
    run(*command, env=environment)
    assert got.read_text().count("Subject: letter") == 3
    office.send(user.address, "Subject: one more\r\n\r\nx\r\n")
    run(*command, env=environment)  # by UIDL: only the new one
    assert got.read_text().count("Subject: letter") == 3
    assert got.read_text().count("Subject: one more") == 1


@pytest.mark.parametrize("method", ["user", "plain", "login", "scram-sha-1", "scram-sha-256"])
def test_mpop_keeps_and_knows(office, tmp_path, method):
    user = office.new_user()
    for number in range(3):
        office.send(user.address, f"Subject: letter {number}\r\n\r\n{BODY}")
    got = tmp_path / "got"
    command = ["mpop", "--file=/dev/null", f"--host={office.address}", f"--port={995 + OFFSET}",
               "--tls=on", "--tls-starttls=off", "--tls-certcheck=off", f"--auth={method}",
               f"--user={user}", f"--passwordeval=echo '{user.password}'", "--keep=on",
               "--received-header=off", f"--uidls-file={tmp_path}/uidls",
               f"--delivery=mbox,{got}"]
    run(*command)
    assert got.read_text().count("Subject: letter") == 3
    office.send(user.address, "Subject: one more\r\n\r\nx\r\n")
    run(*command)
    assert got.read_text().count("Subject: letter") == 3
    assert got.read_text().count("Subject: one more") == 1


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_curl_with_each_mechanism(office, mechanism):
    user = office.new_user()
    office.send(user.address, f"Subject: x\r\n\r\n{BODY}")
    got = run("curl", "-sS", "-k", "-u", f"{user}:{user.password}", "--login-options",
              f"AUTH={mechanism}", f"pop3s://{office.address}:{995 + OFFSET}/1")
    assert "Subject: x" in got


def test_fetchmail_empties_the_mailbox(office, tmp_path):
    user = office.new_user()
    for number in range(3):
        office.send(user.address, f"Subject: letter {number}\r\n\r\n{BODY}")
    got = tmp_path / "got"
    config = tmp_path / "fetchmailrc"
    config.write_text(f"poll {office.address} protocol POP3 service {110 + OFFSET} username \"{user}\" "
                      f"password \"{user.password}\" sslproto TLS1.2+ no sslcertck mda \"cat >> {got}\"\n")
    config.chmod(0o600)
    run("fetchmail", "--fetchmailrc", config, "--nosyslog", "--pidfile", tmp_path / "pid",
        env={**os.environ, "HOME": str(tmp_path), "FETCHMAILHOME": str(tmp_path)})
    assert got.read_text().count("Subject: letter") == 3
    assert user.letters() == []


def test_smtp_source(office):
    user = office.new_user()
    source = shutil.which("smtp-source") or "/usr/sbin/smtp-source"
    run(source, "-s", "20", "-m", "200", "-l", "5000", "-f", "x@example.net", "-t", user,
        f"inet:{office.address}:{25 + OFFSET}")
    run(source, "-d", "-s", "5", "-m", "50", "-l", "100", "-f", "x@example.net", "-t", user,
        f"inet:{office.address}:{25 + OFFSET}")
    assert len(user.letters()) == 250


def test_openssl_sees_tls_1_3_and_our_certificate(office):
    out = run("openssl", "s_client", "-connect", f"{office.address}:{25 + OFFSET}", "-starttls", "smtp",
              "-CAfile", certificate(office), "-verify_hostname", "mail.example.test", text="QUIT\n")
    assert "TLSv1.3" in out and "Verify return code: 0 (ok)" in out
    assert re.search(r"(prime256v1|P-256|256 bit)", out)


def test_the_demo_office():
    """./do run --once, as the README promises it."""
    demo = pathlib.Path(__file__).resolve().parents[2] / "tools" / "demo"
    out = run("/usr/bin/python3", demo, "--once")
    assert "Delivered: byte for byte what Alice sent" in out
    assert "you are the first one elsewhere" in out
    assert "Connection refused" in out and "5.7.1 Dropped by the operator: the demo is over" in out
    woken = out.split("p1 IDLE", 1)[1]  # bob's phone, which then reads the letter
    assert re.search(r"(?s)\* 2 EXISTS.*C: DONE.*p1 OK.*FETCH 2 \(FLAGS ENVELOPE BODY\.PEEK\[\]\)"
                     r".*\* 2 FETCH \(FLAGS \(\) ENVELOPE \([^\n]*The second letter", woken)
    for part in ("STARTTLS", "RCPT TO:<bob@example.test>", "250 2.0.0 Ok", "+OK"):
        assert part.lower() in out.lower()
