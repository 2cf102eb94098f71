"""Postfix and Exim take our letters, over STARTTLS, and have every byte of them."""
import re
import shutil

import pytest
from conftest import own_address, own_folder
from office import body_of, until
from peers import Exim, Postfix
from test_delivery import Post

BODY = ("Grüße aus Köln\r\n.a dot\r\n..two\r\n \t \r\nFrom the start\r\n>From\r\n".encode() +
        b"\xff\xfe\x80 no UTF-8\r\n" + b"z" * 900 + b"\r\n\r\n\r\n")
HEADER = (b"From: Alice <alice@example.test>\r\nTo: all:;\r\nSubject: to a real server,\r\n"
          b"\tfolded here\r\nDate: Mon, 2 Jun 2025 10:00:00 +0200\r\n"
          b"Message-ID: <1@example.test>\r\nX-Blanks:   kept  as they are \r\n")
LETTER = HEADER + b"\r\n" + BODY
LARGE = HEADER + b"\r\n" + (b"0123456789" * 7 + b"\r\n.\x80\r\n") * 20000


@pytest.fixture(scope="module", params=[Postfix, Exim], ids=lambda kind: kind.__name__)
def peer(request, certificate):
    peer = request.param(own_folder(), own_address(), certificate).start()
    yield peer
    peer.stop()
    shutil.rmtree(peer.folder)


@pytest.fixture
def post(make_office, peer):
    for path in peer.box.glob("new/*"):
        path.unlink()
    return Post(make_office, peer.route("real.test"))


def field(letter, names):
    """The first field of these names, unfolded."""
    header = re.sub(rb"\r\n[ \t]+", b" ", letter.split(b"\r\n\r\n")[0])
    return re.search(rb"(?mi)^(?:%s): (.*)\r?$" % names, header)[1].decode()


def test_every_byte_over_tls_to_many_in_one_transaction(post, peer):
    readers = [f"reader{n}@real.test" for n in range(100)]
    post.send(*readers, letter=LETTER, options=["body=8bitmime"])
    post.await_event("delivered", 100)

    def all_came():
        letters = peer.letters()
        found = [address for letter in letters
                 for address in re.findall(r"[\w.]+@real\.test",
                                           field(letter, b"Envelope-to|X-Original-To"))]
        return sorted(found) == sorted(readers) and letters

    letters = until(all_came)
    traces = [field(letter, b"Received") for letter in letters]
    assert all(body_of(letter) == BODY and HEADER in letter for letter in letters)
    assert all(re.search(r"with (ESMTPS|esmtps)", trace) for trace in traces), traces[0]
    assert all(re.search(r"TLSv?1\.3", trace) for trace in traces), traces[0]
    assert len({re.search(r"\bid (\S+)", trace)[1] for trace in traces}) == 1
    assert not post.events("deferred")


def test_a_large_one(post, peer):
    post.send("reader@real.test", letter=LARGE, options=["body=8bitmime"])
    letter, = until(peer.letters)
    assert body_of(letter) == body_of(LARGE)
    assert "250 " in post.await_event("delivered")[0]["detail"]
