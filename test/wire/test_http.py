"""HTTP as clients see it: exchanges, bodies, forms, limits, deadlines, draining."""
import gzip
import http.client
import json
import socket
import subprocess
import zlib

import pytest

from http_echo import Echo
from office import in_parallel, until

HOST = b"Host: here\r\n"


@pytest.fixture(scope="module")
def make_echo(tmp_path_factory):
    servers = []

    def make(**settings):
        server = Echo(tmp_path_factory.mktemp("echo"), **settings)
        servers.append(server)
        return server

    yield make
    for server in servers:
        if server.process.poll() is None:
            assert "memory 0\n" in server.end()


@pytest.fixture(scope="module")
def echo(make_echo):
    return make_echo()


def post(path, body, *fields, close=True):
    lines = [f"POST {path} HTTP/1.1", "Host: here", f"Content-Length: {len(body)}", *fields]
    if close:
        lines.append("Connection: close")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def get(path, *fields):
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: here", *fields]).encode() + b"\r\n\r\n"


def chunked(pieces):
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def one(answers):
    assert len(answers) == 1, answers
    return answers[0]


# --- connections


def test_keep_alive_and_its_end(echo):
    with echo.connect() as raw:
        for number in range(5):
            raw.send(post("/echo", b"body %d" % number, close=False))
            answer = raw.answer()
            assert answer.status == 200 and answer.body == b"body %d" % number
            assert "Connection" not in answer.fields
        raw.send(post("/echo", b"last"))
        assert raw.answer().fields["Connection"] == "close"
        assert raw.answer() is None


def test_http_1_0_ends_unless_asked(echo):
    answer = one(echo.ask(b"GET /name/x HTTP/1.0\r\n\r\n"))
    assert answer.status == 200 and answer.fields["Connection"] == "close"
    with echo.connect() as raw:
        for _ in range(2):
            raw.send(b"GET /name/x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert raw.answer().fields["Connection"] == "keep-alive"


def test_pipelined_requests_are_answered_in_order(echo):
    with echo.connect() as raw:
        raw.send(b"".join(post("/echo", b"%d" % n, close=False) for n in range(50))
                 + get("/slow?ms=50") + get("/nowhere") + post("/echo", b"end"))
        answers = raw.answers()
    assert [a.body for a in answers[:50]] == [b"%d" % n for n in range(50)]
    assert [(a.status, a.body) for a in (answers[50], answers[52])] == [(200, b"at last"),
                                                                       (200, b"end")]
    assert answers[51].status == 404 and len(answers) == 53


def test_an_answer_leaves_in_one_write(echo):
    with echo.connect() as raw:
        raw.send(get("/big?bytes=8000"))
        data = raw.socket.recv(65536)
        assert data.endswith(b"klmnopqr") and len(data) > 8000


def test_a_large_answer_comes_whole(echo):
    answer = one(echo.ask(get("/big?bytes=20000000", "Connection: close")))
    assert len(answer.body) == 20000000
    assert zlib.adler32(answer.body) == zlib.adler32(
        (b"abcdefghijklmnopqrstuvwxyz" * 800000)[:20000000])


def test_pythons_client(echo):
    client = http.client.HTTPConnection("127.0.0.1", echo.port)
    for number in range(3):
        client.request("POST", "/echo", body=iter([b"a" * 1000, b"b"]), headers={"X-N": "1"},
                       encode_chunked=True)
        answer = client.getresponse()
        assert answer.status == 200 and answer.read() == b"a" * 1000 + b"b"
    client.close()


# --- methods and routes


def test_head_is_get_without_its_body(echo):
    with echo.connect() as raw:
        for _ in range(2):
            raw.send(b"HEAD /name/x HTTP/1.1\r\n" + HOST + b"\r\n")
            head = raw.answer(head_only=True)
            assert head.status == 200 and int(head.fields["Content-Length"]) > 10
        raw.send(get("/name/x"))
        assert len(raw.answer().body) == int(head.fields["Content-Length"])


def test_options_and_405_name_the_methods(echo):
    answer = one(echo.ask(b"OPTIONS /echo HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"))
    assert answer.status == 204 and answer.fields["Allow"] == "GET, HEAD, POST, PUT, OPTIONS"
    assert "Content-Length" not in answer.fields
    answer = one(echo.ask(b"DELETE /echo HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"))
    assert answer.status == 405 and answer.fields["Allow"] == "GET, HEAD, POST, PUT, OPTIONS"
    answer = one(echo.ask(b"OPTIONS * HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"))
    assert answer.status == 204 and "PATCH" in answer.fields["Allow"]


def test_paths_and_queries_are_decoded(echo):
    answer = one(echo.ask(get("/name/a%2Fb%40c?x=1&q=%C3%BC+y&q=2", "Connection: close")))
    assert json.loads(answer.body) == {"name": "a/b@c", "q": "ü y", "host": "here"}
    for path in ("/name/%00", "/name/%ff", "/name/%4", "/name/..", "/name/x?q=%zz",
                 "/name/x?q=%00", "/name/%0d%0aX:y"):
        answer = one(echo.ask(get(path, "Connection: close")))
        assert answer.status == 400, path
        assert json.loads(answer.body)["status"] == 400


def test_a_dialect_is_chosen_by_its_scheme(echo):
    answer = one(echo.ask(get("/who", "Authorization: Bearer tok.en", "Connection: close")))
    assert json.loads(answer.body)["user"] == "tok.en"
    answer = one(echo.ask(get("/echo", "Authorization: bearer x", "Connection: close")))
    assert answer.status == 404 and answer.body == b"other 404: there is nothing here"
    answer = one(echo.ask(get("/who", "Authorization: Basic YXBpOnNlOmNyZXQ=", "Connection: close")))
    assert json.loads(answer.body) == {"user": "api", "password": "se:cret"}
    for bad in ("YXBp", "!!!!", "", "YXBpOnNlOmNyZXQ"):
        answer = one(echo.ask(get("/who", f"Authorization: Basic {bad}", "Connection: close")))
        assert answer.status == 400, bad


@pytest.mark.parametrize("code, status", [
    ("full", 503), ("store", 503), ("syntax", 400), ("denied", 403), ("absent", 404),
    ("corrupt", 500), ("else", 422)])
def test_codes_become_answers(echo, code, status):
    answer = one(echo.ask(get(f"/code/{code}", "Connection: close")))
    assert answer.status == status and json.loads(answer.body)["status"] == status
    assert ("Retry-After" in answer.fields) == (status == 503)
    assert answer.fields["Content-Type"] == "application/json"


def test_words_of_an_error_are_text(echo):
    answer = one(echo.ask(get('/code/%22%5C%3C%E2%82%AC', "Connection: close")))
    assert json.loads(answer.body)["error"] == 'what ""\\<€"?'


def test_an_answer_cannot_be_split(echo):
    answer = one(echo.ask(get("/field?value=a%20b", "Connection: close")))
    assert answer.fields["X-Value"] == "a b"
    for value in ("a%0d%0aSet-Cookie:x", "a%0ab", "a%0db", "%7f"):
        answer = one(echo.ask(get(f"/field?value={value}", "Connection: close")))
        assert answer.status == 400 and "Set-Cookie" not in answer.fields


# --- bodies


def test_a_body_nobody_reads_does_not_become_a_request(echo):
    inner = get("/name/inner")
    with echo.connect() as raw:
        raw.send(post("/ignore", inner, close=False) + get("/name/outer", "Connection: close"))
        answers = raw.answers()
    assert [a.body for a in answers][0] == b"ignored" and len(answers) == 2
    assert json.loads(answers[1].body)["name"] == "outer"


def test_a_large_body_nobody_reads_ends_the_connection(echo):
    with echo.connect() as raw:
        raw.send(b"POST /ignore HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\n")
        assert raw.answer().fields["Connection"] == "close"
    answer = echo.ask(b"POST /ignore HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                      + chunked([b"x"]))
    assert one(answer).fields["Connection"] == "close"


def test_a_get_may_have_a_body(echo):
    data = b"GET /ignore HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nGET /"
    answers = echo.ask(data + get("/ignore", "Connection: close"))
    assert [a.status for a in answers] == [200, 200]


def test_chunked_bodies_in_any_pieces(echo):
    data = (b"POST /stream HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n")
    body = bytes(range(256)) * 50
    wire = data + chunked([body[n:n + 700] for n in range(0, len(body), 700)])
    with echo.connect() as raw:
        for at in range(0, len(wire), 501):
            raw.send(wire[at:at + 501])
        assert one(raw.answers()).body == b"%d %08x" % (len(body), zlib.adler32(body))


def test_a_body_of_60_mib_streams(echo):
    body = b"0123456789abcdef" * (60 * 65536)
    answer = one(echo.ask(post("/stream", body)))
    assert answer.body == b"%d %08x" % (len(body), zlib.adler32(body))


@pytest.mark.parametrize("pieces", [1, 1000])
def test_gzip_bodies(echo, pieces):
    body = json.dumps({str(n): n * 7919 for n in range(20000)}).encode()
    packed = gzip.compress(body)
    answer = one(echo.ask(post("/echo", packed, "Content-Encoding: gzip")))
    assert answer.status == 200 and answer.body == body
    wire = (b"POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Encoding: gzip\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n")
    step = len(packed) // pieces + 1
    wire += chunked([packed[n:n + step] for n in range(0, len(packed), step)])
    assert one(echo.ask(wire)).body == body


def test_a_gzip_bomb_is_refused(echo):
    bomb = gzip.compress(b"\0" * (200 << 20))
    for path in ("/echo", "/stream", "/small", "/json", "/form"):
        answer = one(echo.ask(post(path, bomb, "Content-Encoding: gzip",
                                   "Content-Type: application/x-www-form-urlencoded")))
        assert answer.status == 413, path


def test_what_is_no_gzip(echo):
    packed = gzip.compress(b"hello" * 100)
    for bad in (b"hello", packed[:-1], packed[:20], packed + b"x", packed[:-8] + b"\0" * 8, b""):
        answer = one(echo.ask(post("/echo", bad, "Content-Encoding: gzip")))
        assert answer.status == (400 if bad else 200), bad
    for encoding in ("br", "deflate", "gzip, gzip"):
        answer = one(echo.ask(post("/echo", packed, f"Content-Encoding: {encoding}")))
        assert answer.status == 415 and answer.fields["Accept-Encoding"] == "gzip"


def test_limits_of_bodies(echo):
    assert one(echo.ask(post("/small", b"x" * 1000))).status == 200
    assert one(echo.ask(post("/small", b"x" * 1001))).status == 413
    assert one(echo.ask(post("/echo", b"x" * (1 << 20)))).status == 200
    assert one(echo.ask(post("/echo", b"x" * ((1 << 20) + 1)))).status == 413
    wire = b"POST /small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert one(echo.ask(wire + chunked([b"x" * 600, b"x" * 600]))).status == 413
    head = b"POST /stream HTTP/1.1\r\nHost: h\r\nContent-Length: 67108865\r\n\r\n"
    assert one(echo.ask(head)).status == 413


def test_100_continue(echo):
    with echo.connect() as raw:
        for path, length in (("/echo", 5), ("/stream", 5)):
            raw.send(f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n"
                     "Expect: 100-continue\r\n\r\n".encode())
            assert raw.answer().status == 100
            raw.send(b"hello")
            assert raw.answer().status == 200
        raw.send(b"POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n"
                 b"Expect: 100-continue\r\n\r\n")
        assert raw.answer().status == 413
        assert raw.answer() is None
    answer = one(echo.ask(b"POST /ignore HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
                          b"Expect: 100-continue\r\n\r\n"))
    assert answer.status == 200 and answer.fields["Connection"] == "close"


def test_a_client_that_goes_away_in_its_body(echo):
    for _ in range(20):
        with echo.connect() as raw:
            raw.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 500000\r\n\r\nxyz")
    assert one(echo.ask(post("/echo", b"x"))).status == 200


def test_the_memory_of_bodies_has_a_limit(make_echo):
    small = make_echo(budget=600000)
    with small.connect() as first:
        first.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 400000\r\n\r\n"
                   + b"x" * 399999)
        until(lambda: int(one(small.ask(get("/memory", "Connection: close"))).body) > 400000)
        answers = [one(small.ask(post("/echo", b"y" * 500000))) for _ in range(3)]
        assert {a.status for a in answers} == {503}
        assert all("Retry-After" in a.fields for a in answers)
        assert one(small.ask(post("/stream", b"y" * 500000))).status == 200  # streams take none
        first.send(b"x")
        assert first.answer().body == b"x" * 400000
    assert one(small.ask(post("/echo", b"y" * 200000))).status == 200
    assert "memory 0\n" in small.end()


# --- forms and JSON


def test_forms_by_curl(echo, tmp_path):
    file = tmp_path / "a b.bin"
    file.write_bytes(bytes(range(1, 128)))
    curl = ["curl", "-sS", "--fail", "-F", "to=x@example.net", "-F", "to=y@example.net", "-F",
            f"attachment=@{file};type=application/pdf", f"{echo.url}/form"]
    fields = json.loads(subprocess.run(curl, check=True, capture_output=True).stdout)
    assert [f["name"] for f in fields] == ["to", "to", "attachment"]
    assert fields[1]["value"] == "y@example.net" and "file" not in fields[1]
    assert fields[2]["file"] == "a b.bin" and fields[2]["type"] == "application/pdf"
    assert fields[2]["value"].encode() == file.read_bytes()
    curl = ["curl", "-sS", "--fail", "--data-urlencode", "text=a&b=ü +", "-d", "x=1",
            f"{echo.url}/form"]
    fields = json.loads(subprocess.run(curl, check=True, capture_output=True).stdout)
    assert [(f["name"], f["value"]) for f in fields] == [("text", "a&b=ü +"), ("x", "1")]


def test_parts_stream(echo, tmp_path):
    file = tmp_path / "large"
    file.write_bytes(b"\r\n--\r\n-" * 700000 + b"\r\n")
    curl = ["curl", "-sS", "--fail", "-F", "a=1", "-F", f"file=@{file}", "-F", "z=",
            f"{echo.url}/parts"]
    lines = subprocess.run(curl, check=True, capture_output=True, text=True).stdout.split("\n")
    data = file.read_bytes()
    assert lines[:3] == [f"a 1 {zlib.adler32(b'1'):08x}",
                         f"file {len(data)} {zlib.adler32(data):08x}", "z 0 00000001"]


def test_broken_forms(echo):
    part = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n'
    for path in ("/form", "/parts"):
        for body in (b"", part, part + b"--b", b"x" + part + b"--b--", part[:-4] + b"--b--"):
            answer = one(echo.ask(post(path, body, "Content-Type: multipart/form-data; boundary=b")))
            assert answer.status == 400, (path, body)
    assert one(echo.ask(post("/form", b"{}", "Content-Type: application/json"))).status == 415
    answer = one(echo.ask(post("/form", b"a&" * 2001,
                               "Content-Type: application/x-www-form-urlencoded")))
    assert answer.status == 413


def test_json_says_where_it_is_wrong(echo):
    answer = one(echo.ask(post("/json", b'{"a": [1, "\\u00fc"]}')))
    assert answer.status == 201 and json.loads(answer.body) == {"a": [1, "ü"]}
    answer = one(echo.ask(post("/json", b'{"a": 1,\n "a": 2}')))
    assert answer.status == 400
    assert "line 2, column 2" in json.loads(answer.body)["error"]
    assert one(echo.ask(post("/json", b"[" * 100000))).status == 400
    large = json.dumps([{"to": [f"user{n}@example.net"], "n": n} for n in range(10000)]).encode()
    answer = one(echo.ask(post("/json", large)))
    assert answer.status == 201 and json.loads(answer.body) == json.loads(large)
    answer = one(echo.ask(post("/json", large[:-1] + b",{'x':1}]")))
    assert answer.status == 400 and "double quotes" in json.loads(answer.body)["error"]
    assert one(echo.ask(post("/json", b""))).status == 400


# --- deadlines


@pytest.fixture(scope="module")
def hasty(make_echo):
    return make_echo(idle=1500, head=1500, body=1500, write=1500)


def drip(raw, data):
    """A byte now and then, until it is all sent or the server has had enough."""
    raw.socket.settimeout(0.05)
    for at in range(len(data)):
        try:
            raw.send(data[at:at + 1])
            if not (found := raw.socket.recv(65536)):
                return
            raw.pending += found
            return
        except socket.timeout:
            pass
        except OSError:
            return


def test_a_slow_head_is_given_up(hasty):
    with hasty.connect() as raw:
        drip(raw, b"GET /name/x HTTP/1.1\r\nHost: " + b"h" * 500)
        raw.socket.settimeout(60)
        assert one(raw.answers()).status == 408


def test_a_slow_body_is_given_up(hasty):
    for path in ("/echo", "/stream"):
        with hasty.connect() as raw:
            raw.send(f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n".encode())
            drip(raw, b"x" * 1000)
            raw.socket.settimeout(60)
            assert one(raw.answers()).status == 408


def test_silent_clients_are_sent_away(hasty):
    with hasty.connect() as raw:
        assert raw.answers() == []
    with hasty.connect() as raw:
        raw.send(get("/name/x"))
        assert one(raw.answers()).status == 200


def test_an_answer_nobody_takes_is_given_up(hasty):
    with hasty.connect() as raw:
        raw.send(get("/big?bytes=60000000"))
        until(lambda: 'path="/big"' in hasty.log.read_text())
        with pytest.raises(AssertionError, match="half a body"):
            raw.answer()


def test_a_handler_may_take_longer_than_the_deadlines(hasty):
    assert one(hasty.ask(get("/slow?ms=4000", "Connection: close"))).body == b"at last"


# --- the end


def test_draining(make_echo):
    server = make_echo()
    with server.connect() as busy, server.connect() as idle, server.connect() as half:
        busy.send(get("/slow?ms=3000"))
        idle.send(get("/name/x"))
        assert idle.answer().status == 200
        half.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nx")
        half.send(b"")
        probe = server.connect()
        probe.send(get("/name/x", "Connection: close"))
        assert probe.answer().status == 200  # the loop has seen what came before
        server.drain()
        assert idle.answer() is None
        half.send(b"y")
        for raw in (busy, half):
            answer = raw.answer()
            assert answer.status == 200 and answer.fields["Connection"] == "close"
            assert raw.answer() is None
    assert "memory 0\n" in server.end()


def test_a_thousand_idle_connections(echo):
    status = f"/proc/{echo.process.pid}/status"

    def memory():
        return next(int(line.split()[1]) for line in open(status) if line.startswith("VmRSS"))

    before = memory()
    connections = [echo.connect() for _ in range(1000)]
    try:
        for raw in connections:
            raw.send(get("/name/x"))
        for raw in connections:
            assert raw.answer().status == 200
        print(f"{memory() - before} KiB for 1,000 connections that wait")
    finally:
        for raw in connections:
            raw.socket.close()


def test_many_clients_at_once(echo):
    def work(number):
        with echo.connect() as raw:
            for turn in range(20):
                body = b"%d.%d" % (number, turn) * 100
                raw.send(post("/echo", body, close=False))
                assert raw.answer().body == body

    in_parallel(20, work)


def test_the_log_has_no_secrets(echo):
    echo.ask(get("/who?key=secret-in-query", "Authorization: Basic c2VjcmV0OnNlY3JldA==",
                 "Connection: close"))
    text = echo.log.read_text()
    assert 'path="/who" status=200' in text
    assert "secret" not in text and "c2Vjcm" not in text
