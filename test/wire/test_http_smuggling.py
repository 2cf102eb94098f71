"""Requests that two readers could read in two ways: refused, and nothing behind them is answered."""
import pytest

from http_echo import Echo

HIDDEN = b"GET /name/hidden HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    server = Echo(tmp_path_factory.mktemp("echo"))
    yield server
    assert "memory 0\n" in server.end()


def request(*fields, body=b"", line=b"POST /echo HTTP/1.1"):
    return b"\r\n".join([line, b"Host: h", *fields]) + b"\r\n\r\n" + body


CL, TE = b"Content-Length: 6", b"Transfer-Encoding: chunked"
LAST = b"0\r\n\r\n"

HEADS = {
    "CL.TE": (request(CL, TE, body=LAST + b"X"), 400),
    "TE.CL": (request(TE, CL, body=LAST + b"X"), 400),
    "TE.TE": (request(TE, b"Transfer-Encoding: x", body=LAST), 400),
    "TE.TE same": (request(TE, TE, body=LAST), 400),
    "TE list": (request(b"Transfer-Encoding: chunked, identity", body=LAST), 501),
    "TE gzip": (request(b"Transfer-Encoding: gzip, chunked", body=LAST), 501),
    "TE tab": (request(b"Transfer-Encoding:\tchunked", body=LAST), 501),
    "TE vertical tab": (request(b"Transfer-Encoding:\x0bchunked", body=LAST), 400),
    "TE blank behind": (request(b"Transfer-Encoding: chunked ", body=LAST), 501),
    "TE prefix": (request(b"Transfer-Encoding: xchunked", body=LAST), 501),
    "TE quoted": (request(b'Transfer-Encoding: "chunked"', body=LAST), 501),
    "TE folded": (request(b"Transfer-Encoding:\r\n chunked", body=LAST), 400),
    "TE blank before colon": (request(b"Transfer-Encoding : chunked", body=LAST), 400),
    "TE after bare LF": (request(b"X: y\nTransfer-Encoding: chunked", body=LAST), 400),
    "TE after bare CR": (request(b"X: y\rTransfer-Encoding: chunked", body=LAST), 400),
    "TE after CR CR LF": (request(b"X: y\r\r\nTransfer-Encoding: chunked", body=LAST), 400),
    "TE with HTTP/1.0": (request(TE, body=LAST, line=b"POST /echo HTTP/1.0"), 400),
    "CL twice": (request(CL, b"Content-Length: 0", body=b"abcdef"), 400),
    "CL twice, same": (request(CL, CL, body=b"abcdef"), 400),
    "CL list": (request(b"Content-Length: 6, 6", body=b"abcdef"), 400),
    "CL negative": (request(b"Content-Length: -6", body=b"abcdef"), 400),
    "CL plus": (request(b"Content-Length: +6", body=b"abcdef"), 400),
    "CL hexadecimal": (request(b"Content-Length: 0x6", body=b"abcdef"), 400),
    "CL blanks inside": (request(b"Content-Length: 0 6", body=b"abcdef"), 400),
    "CL empty": (request(b"Content-Length:", body=b"abcdef"), 400),
    "CL huge": (request(b"Content-Length: 18446744073709551622", body=b"abcdef"), 400),
    "CL larger": (request(b"Content-Length: 99999999999999999999999", body=b"abcdef"), 400),
    "CL blank before colon": (request(b"Content-Length : 6", body=b"abcdef"), 400),
    "CL folded": (request(b"Content-Length:\r\n 6", body=b"abcdef"), 400),
    "NUL in a value": (request(b"X: a\0b"), 400),
    "NUL in a name": (request(b"X\0: b"), 400),
    "a byte above 127 in a name": (request(b"X\xff: b"), 400),
    "no name": (request(b": b"), 400),
    "no colon": (request(b"X"), 400),
    "two hosts": (request(b"Host: i"), 400),
    "no host": (b"GET /name/x HTTP/1.1\r\n\r\n", 400),
    "lines end with LF": (b"GET /name/x HTTP/1.1\nHost: h\n\n", 400),
    "the last line ends with LF": (b"GET /name/x HTTP/1.1\r\nHost: h\r\n\n", 400),
    "blank before the first field": (b"GET /name/x HTTP/1.1\r\n X: y\r\nHost: h\r\n\r\n", 400),
    "blank in the target": (b"GET /name/x y HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    "HTTP/0.9": (b"GET /name/x\r\n\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "HTTP/1.2": (b"GET /name/x HTTP/1.2\r\nHost: h\r\n\r\n", 505),
    "long line": (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414),
    "long header": (request(*[b"X: " + b"y" * 1000] * 70), 431),
    "many fields": (request(*[b"X: y"] * 100), 431),
    "long name": (request(b"X" * 300 + b": y"), 431),
    "endless head": (b"GET / HTTP/1.1\r\nX: " + b"y" * 100000, 431),
    "unknown method": (request(line=b"BREW /echo HTTP/1.1"), 501),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "SMTP": (b"EHLO client.example\r\n", 400),
}

CHUNKS = {
    "size ends with LF": b"6\nabcdef\r\n" + LAST,
    "size ends with CR": b"6\rabcdef\r\n" + LAST,
    "data ends with LF": b"6\r\nabcdef\n" + LAST,
    "data too long": b"5\r\nabcdef\r\n" + LAST,
    "data too short": b"7\r\nabcdef\r\n" + LAST,
    "negative size": b"-6\r\nabcdef\r\n" + LAST,
    "plus": b"+6\r\nabcdef\r\n" + LAST,
    "0x": b"0x6\r\nabcdef\r\n" + LAST,
    "blank behind the size": b"6 \r\nabcdef\r\n" + LAST,
    "blank before the size": b" 6\r\nabcdef\r\n" + LAST,
    "no size": b"\r\nabcdef\r\n" + LAST,
    "empty extension": b"6;\r\nabcdef\r\n" + LAST,
    "LF in an extension": b"6;a\nb\r\nabcdef\r\n" + LAST,
    "quoted LF in an extension": b'6;a="\n"\r\nabcdef\r\n' + LAST,
    "quoted CRLF in an extension": b'6;a="\r\nabcdef\r\n0\r\n\r\n"\r\n',
    "CR in an extension": b"6;a\rb\r\nabcdef\r\n" + LAST,
    "NUL in an extension": b"6;a\0\r\nabcdef\r\n" + LAST,
    "folded trailer": b"0\r\n X: y\r\n\r\n",
    "trailer with LF": b"0\r\nX: y\n\r\n",
    "trailer without colon": b"0\r\nX\r\n\r\n",
    "last line ends with LF": b"0\r\n\n",
}
TOO_LONG = {
    "huge size": b"ffffffffffffffff1\r\nabcdef\r\n" + LAST,
    "wrapping size": b"10000000000000006\r\nabcdef\r\n" + LAST,
    "many zeros": b"0" * 1000 + b"6\r\nabcdef\r\n" + LAST,
    "long extension": b"6;" + b"a" * 5000 + b"\r\nabcdef\r\n" + LAST,
    "long trailer": b"0\r\nX: " + b"a" * 20000 + b"\r\n\r\n",
    "many extensions": b"".join(b"1;%0200d\r\nx\r\n" % n for n in range(100)) + LAST,
    "larger than any body": b"5000000\r\n" + b"abcdef",
}


def refused(echo, data, status):
    """One answer, of that status, and then the connection ends whatever stands behind."""
    with echo.connect() as raw:
        raw.send(data + HIDDEN)
        answers = raw.answers()
    assert [answer.status for answer in answers] == [status], answers
    assert answers[0].fields["Connection"] == "close"
    assert answers[0].fields["Content-Type"] == "application/json"


@pytest.mark.parametrize("name", HEADS)
def test_heads(echo, name):
    refused(echo, *HEADS[name])


@pytest.mark.parametrize("name", CHUNKS)
@pytest.mark.parametrize("path", [b"/echo", b"/stream"])
def test_chunks(echo, name, path):
    head = request(TE, line=b"POST " + path + b" HTTP/1.1")
    refused(echo, head + CHUNKS[name], 400)


@pytest.mark.parametrize("name", TOO_LONG)
def test_long_chunks(echo, name):
    if name == "larger than any body":
        with echo.connect() as raw:
            raw.send(request(TE) + TOO_LONG[name] + b"y" * (3 << 19))
            assert [answer.status for answer in raw.answers()] == [413]
    else:
        refused(echo, request(TE) + TOO_LONG[name], 413)


def test_what_is_clear_is_answered(echo):
    """The same hidden request, behind bodies that end where they say."""
    for body in (request(CL, body=b"abcdef"), request(TE, body=b"6;x=y\r\nabcdef\r\n0\r\nT: t\r\n\r\n")):
        with echo.connect() as raw:
            raw.send(body + HIDDEN)
            assert raw.answer().body == b"abcdef"
            assert b'"hidden"' in raw.answer().body
