"""The HTTP doors of an office: health, metrics, TLS, draining."""
import contextlib
import http.client
import json
import re
import signal
import subprocess

from http_echo import Raw
from office import OFFSET, unverified, until


def url(office, path, tls=False):
    scheme, port = ("https", 443) if tls else ("http", 80)
    return f"{scheme}://{office.address}:{port + OFFSET}{path}"


def curl(*words):
    return subprocess.run(["curl", "-sSk", *words], check=True, capture_output=True,
                          text=True).stdout


def raw(office):
    return Raw(80 + OFFSET, office.address)


def metrics(office):
    """name{label}: value"""
    lines = curl("--fail", url(office, "/metrics")).splitlines()
    return {line.rsplit(" ", 1)[0]: int(line.rsplit(" ", 1)[1])
            for line in lines if not line.startswith("#")}


def test_healthz_on_both_doors(office):
    for tls in (False, True):
        assert curl("--fail", url(office, "/healthz", tls)) == "ok\n"
    head = curl("-I", url(office, "/healthz"))
    assert head.startswith("HTTP/1.1 200 OK\n") and "Server: Postamt\n" in head
    assert "Content-Length: 3\n" in head


def test_paths_and_methods_that_are_not(office):
    code = ["-o", "/dev/null", "-w", "%{http_code}"]
    assert curl(*code, url(office, "/nothing")) == "404"
    assert curl(*code, "-X", "PUT", url(office, "/healthz")) == "405"


def test_metrics_are_those_of_status(office):
    user = office.new_user()
    office.send(str(user), b"Subject: x\r\n\r\nx\r\n")
    text = curl("--fail", url(office, "/metrics"))
    assert re.search(r"^# HELP postamt_letters_accepted_total \S.*\n"
                     r"# TYPE postamt_letters_accepted_total counter\n"
                     r"postamt_letters_accepted_total [1-9]\d*$", text, re.M)
    found, status = metrics(office), json.loads(office.run("status", "--json"))
    assert found["postamt_letters_accepted_total"] == status["letters_accepted"] >= 1
    for key, value in status.items():
        if isinstance(value, bool) or not isinstance(value, int):
            continue
        name = "postamt_" + re.sub(r"_([1-5]xx)$", "", key)
        assert any(metric.startswith(name) for metric in found), key
    for line in text.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) .+|[a-z0-9_]+(\{[a-z]+=\"[^\"]+\"\})? \d+", line), line


def test_http_counts_itself(office):
    before = metrics(office)
    curl(url(office, "/nowhere"))
    after = metrics(office)
    assert after['postamt_http_answers_total{class="4xx"}'] == \
        before['postamt_http_answers_total{class="4xx"}'] + 1
    for name in ("requests", "connections", "bytes_received", "bytes_sent"):
        assert after[f"postamt_http_{name}_total"] > before[f"postamt_http_{name}_total"]


def test_metrics_are_for_loopback_and_who_is_named(make_office, namespace):
    office = make_office(address="192.0.2.1", namespace=namespace, config='metrics-from = {"192.0.2.3"}')

    def ask(source, path):
        return subprocess.run(
            ["nsenter", f"--net={namespace}", "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}",
             "--interface", source, url(office, path)], check=True, capture_output=True,
            text=True).stdout

    assert ask("192.0.2.2", "/metrics") == "403"
    assert ask("192.0.2.3", "/metrics") == "200"
    assert ask("192.0.2.2", "/healthz") == "200"
    assert 'metrics-from = {"192.0.2.3"}' in office.run("config", "show")
    assert json.loads(office.run("config", "show", "--json"))["metrics-from"] == ["192.0.2.3"]


def test_tls_with_openssl_and_python(office):
    answer = subprocess.run(
        ["openssl", "s_client", "-quiet", "-connect", f"{office.address}:{443 + OFFSET}",
         "-servername", "mail.example.test"],
        input=b"GET /healthz HTTP/1.1\r\nHost: mail.example.test\r\nConnection: close\r\n\r\n",
        capture_output=True, check=True).stdout
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n") and answer.endswith(b"\r\n\r\nok\n")
    client = http.client.HTTPSConnection(office.address, 443 + OFFSET, context=unverified())
    for _ in range(3):
        client.request("GET", "/healthz")
        assert client.getresponse().read() == b"ok\n"
    client.close()


def test_plain_http_on_the_tls_door_ends(office):
    with Raw(443 + OFFSET, office.address) as wire:
        wire.send(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        while wire.more():
            pass
        assert b"HTTP/1.1 200" not in wire.pending


def test_a_new_certificate_is_shown_after_sighup(make_office):
    office = make_office()

    def serial():
        return subprocess.run(f"openssl s_client -connect {office.address}:{443 + OFFSET}"
                              " </dev/null 2>/dev/null | openssl x509 -noout -serial", shell=True,
                              check=True, capture_output=True, text=True).stdout

    first = serial()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "9", "-subj", "/CN=new.test",
                    "-keyout", f"{office.folder}/tls/key.pem", "-out",
                    f"{office.folder}/tls/certificate.pem"], check=True, capture_output=True)
    office.process.send_signal(signal.SIGHUP)
    until(lambda: serial() != first)


def received(office):
    return metrics(office)["postamt_http_bytes_received_total"]


def test_sigterm_lets_requests_end(make_office):
    office = make_office()
    with contextlib.ExitStack() as stack:
        half, *idle = [stack.enter_context(raw(office)) for _ in range(17)]  # some on each loop
        for one in idle:
            one.send(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
            assert "Connection" not in one.answer().fields
        before = [received(office), received(office)]
        half.send(b"GET /healthz HTTP/1.1\r\nHo")
        until(lambda: (received(office) - before[0]) % (before[1] - before[0]) == 25)
        office.process.send_signal(signal.SIGTERM)
        assert [one.answer() for one in idle] == [None] * len(idle)
        half.send(b"st: h\r\n\r\nGET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        answers = half.answers()
        assert [a.status for a in answers] == [200]
        assert answers[0].fields["Connection"] == "close"
    office.stop()


def test_too_many_connections(make_office):
    office = make_office(config="connections-max = 10")
    held = [raw(office) for _ in range(10)]
    try:
        for wire in held:
            wire.send(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
            assert wire.answer().status == 200
        with raw(office) as late:
            answer = late.answer()
            assert answer.status == 503 and answer.fields["Connection"] == "close"
            assert answer.fields["Retry-After"]
    finally:
        for wire in held:
            wire.socket.close()
