"""COMPRESS=DEFLATE (RFC 4978): what a raw zlib client sees, and real ones; bombs, CRIME, broken bytes."""
import os
import re
import subprocess
import zlib

import pytest
from imap import Imap
from office import OFFSET, until
from sync import Mbsync
from test_imap_clients import NODE, certified, run

LETTER = b"From: a@far.test\r\nSubject: small\r\n\r\nbody\r\n"


@pytest.fixture
def user(office):
    return office.new_user()


def opened(user, **how):
    box = Imap(user)
    box.compress(**how)
    box.ok("SELECT INBOX")
    return box


@pytest.fixture
def box(user):
    with opened(user) as box:
        yield box


# --- the command

def test_it_is_announced_after_login_and_while_it_is_not_active(user):
    with Imap(user, login=False) as box:
        assert "COMPRESS" not in box.ok("CAPABILITY")[0] + box.greeting
        assert "Log in" in box.no("COMPRESS DEFLATE", how="BAD")
        box.ok(f'LOGIN {user} "{user.password}"')
        assert " COMPRESS=DEFLATE" in box.result
        box.compress()
        assert "COMPRESS" not in box.ok("CAPABILITY")[0]
        assert box.no("COMPRESS DEFLATE").startswith("NO [COMPRESSIONACTIVE]")
        box.ok("NOOP")
        box.send("x LOGOUT\r\n")
        assert box.answer().startswith(b"* BYE") and box.answer().startswith(b"x OK")
        assert box.wire.closed()


@pytest.mark.parametrize("how", ["GZIP", "LZ4", "DEFLATE9", '"DEFLATE"', "", "DEFLATE DEFLATE", "("])
def test_other_mechanisms_change_nothing(user, how):
    with Imap(user) as box:
        assert re.match("NO|BAD", box.command(f"COMPRESS {how}")[0])
        box.ok("NOOP")
        box.compress()
        box.ok("NOOP")


@pytest.mark.parametrize("behind", [b"b NOOP\r\n", b"\x00\x00\x00\xff\xff"])
def test_whoever_does_not_wait_for_the_answer_is_sent_away(user, behind):
    """RFC 4978 3: a client must. It could mean either, so nothing of it is run."""
    with Imap(user) as box:
        box.send(b"a COMPRESS DEFLATE\r\n" + behind)
        assert box.answer().startswith(b"* BYE")
        assert box.wire.closed()


# --- whatever a session does

def test_a_session(box):
    assert box.append(LETTER) == 1
    assert box.ok("FETCH 1 BODY.PEEK[]")[0].endswith("body\r\n)")
    box.ok("CREATE {}", b"Sent by literal")
    assert len(box.ok('LIST "" "Sent*"')) == 2
    box.send("a NOOP\r\nb SEARCH ALL\r\nc FETCH 1 FLAGS\r\nd NOOP\r\n")
    for tag in "abcd":
        assert box.tagged(tag)[0].startswith("OK")


def test_without_tls(make_office):
    office = make_office(config="cleartext-login-from-loopback = true")
    user = office.new_user()
    with Imap(user, 143) as box:
        box.compress()
        box.ok("SELECT INBOX")
        letter = b"Subject: in the clear\r\n\r\n" + b"0123456789abcdef\r\n" * 50_000
        box.append(letter)
        assert letter.decode() in box.ok("FETCH 1 BODY.PEEK[]")[0]
        box.idle()
        office.send(user.address, LETTER)
        assert box.answer() == b"* 2 EXISTS"
        assert box.done()[0].startswith("OK")


def test_idle_tells_at_once(box, user):
    box.idle()
    user.office.send(user.address, LETTER)
    assert box.answer() == b"* 1 EXISTS"
    user.office.send(user.address, LETTER)
    assert box.answer() == b"* 2 EXISTS"
    assert box.done()[0].startswith("OK")
    assert box.ok("SEARCH ALL") == ["* SEARCH 1 2"]


@pytest.mark.parametrize("letter", [os.urandom(9_000_000).hex(), "lorem ipsum dolor " * 900_000],
                         ids=["noise", "text"])
def test_large_letters_go_both_ways(box, letter):
    lines = re.findall(".{1,76}", letter)
    whole = b"Subject: large\r\n\r\n" + "\r\n".join(lines).encode() + b"\r\n"
    box.append(whole)
    box.wire.socket.sizes.clear()
    answer, = box.ok("FETCH 1 BODY.PEEK[]")
    assert whole.decode() in answer
    assert sum(box.wire.socket.sizes) < len(whole) * 0.7


def test_byte_by_byte(user):
    """No piece ends where the bytes from the socket do."""
    with opened(user) as box:
        packed = box.wire.socket.packer
        for text in (b"a NOOP\r\n", b"b APPEND INBOX {%d+}\r\n" % len(LETTER) + LETTER + b"\r\n"):
            data = packed.compress(text) + packed.flush(zlib.Z_SYNC_FLUSH)
            for byte in data:
                box.wire.socket.below.sendall(bytes([byte]))
            assert box.tagged(text[:1].decode())[0].startswith("OK")


@pytest.mark.parametrize("flush", [zlib.Z_PARTIAL_FLUSH, zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH])
@pytest.mark.parametrize("level", [0, 1, 9])
def test_however_the_client_packs(user, flush, level):
    """Its history reaches back 32 KiB, over commands and over pauses."""
    with opened(user) as box:
        packer = zlib.compressobj(level, wbits=-15, memLevel=9)
        box.wire.socket.packer = packer
        box.wire.socket.below.sendall(packer.flush(zlib.Z_SYNC_FLUSH))
        noise = os.urandom(8000).hex()
        for turn in range(12):
            text = f"t{turn} SEARCH SUBJECT {noise}{turn}\r\n".encode()
            box.wire.socket.below.sendall(packer.compress(text) + packer.flush(flush))
            assert box.tagged(f"t{turn}")[0].startswith("OK")


def test_pieces_of_nothing(box):
    """Blocks that give no byte (CVE-2026-73209): they cost no stack, and the command behind is run."""
    for _ in range(20):
        box.wire.socket.below.sendall(b"\x00\x00\x00\xff\xff" * 40_000)
    box.ok("NOOP")


# --- bad input

@pytest.mark.parametrize("bad", [b"\x06", b"\xff" * 100, b"a NOOP\r\n", b"\x01\x05\x00\x00\x00hello"],
                         ids=["block type", "ones", "cleartext", "lengths"])
@pytest.mark.parametrize("idle", [False, True])
def test_broken_bytes_end_the_session_and_the_log_says_so(user, bad, idle):
    with opened(user) as box:
        if idle:
            box.idle()
        box.wire.socket.below.sendall(bad)
        assert box.wire.closed()
    until(lambda: re.search(rf"imap.broken_deflate peer=\S+ user={user}",
                            user.office.log.read_text()))


def test_a_reference_to_what_was_never_sent(user):
    history = os.urandom(400)
    packer = zlib.compressobj(9, wbits=-15, zdict=history)
    with opened(user) as box:
        box.wire.socket.below.sendall(packer.compress(history) + packer.flush(zlib.Z_SYNC_FLUSH))
        assert box.wire.closed()


def test_the_client_ends_its_stream(box):
    box.wire.socket.below.sendall(box.wire.socket.packer.flush(zlib.Z_FINISH))
    assert box.wire.closed()


def resident(office):
    """KiB of the worker."""
    status = open(f"/proc/{office.worker()}/status").read()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1])


def zeros(count):
    """So many zeros, packed as one piece of a stream that goes on, in some kilobytes each."""
    packer = zlib.compressobj(9, wbits=-15)
    for _ in range(count // (1 << 20)):
        yield packer.compress(bytes(1 << 20))
    yield packer.flush(zlib.Z_FULL_FLUSH)


BOMB = 1 << 30


@pytest.mark.parametrize("announced", [f"APPEND INBOX {{{BOMB}+}}", f"SEARCH SUBJECT {{{BOMB}+}}",
                                       f"CREATE {{{BOMB}+}}"])
def test_a_gigabyte_that_nobody_asked_for(user, announced):
    """It is not even unpacked: a literal that large ends the session."""
    with opened(user) as box, opened(user) as other:
        before = resident(user.office)
        box.send(f"a {announced}\r\n")
        assert box.answer().startswith(b"* BYE [TOOBIG]")
        try:
            for piece in zeros(BOMB // 8):
                box.wire.socket.below.sendall(piece)
            assert box.wire.closed()
        except OSError:
            pass
        other.ok("NOOP")
        assert resident(user.office) - before < 40_000


def test_a_gigabyte_in_one_line(user):
    """A megabyte of the client's, all of it read and thrown away; others go on meanwhile."""
    with opened(user) as box, opened(user) as other:
        before = resident(user.office)
        box.send("a NOOP ")
        for number, piece in enumerate(zeros(BOMB)):
            box.wire.socket.below.sendall(piece)
            if number % 64 == 0:
                other.ok("NOOP")
        box.wire.socket.packer = zlib.compressobj(wbits=-15)
        box.send("\r\n")
        assert box.tagged("a")[0].startswith("BAD")
        box.ok("NOOP")
        assert resident(user.office) - before < 40_000


def test_letters_of_zeros_up_to_the_limit(user):
    with opened(user) as box:
        before = resident(user.office)
        size = int(re.search(r"APPENDLIMIT=(\d+)", box.ok("CAPABILITY")[0])[1])
        box.send(f"a APPEND INBOX {{{size}}}\r\n")
        assert box.answer().startswith(b"+")
        left = size
        while left:
            box.send(bytes(min(left, 1 << 20)))
            left -= min(left, 1 << 20)
        box.send("\r\n")
        assert box.tagged("a")[0].startswith("NO [CANNOT]")
        assert resident(user.office) - before < 40_000


# --- CRIME

def pieces_are_independent(stream):
    """Each piece, up to the flush's 00 00 ff ff, unpacks without what came before it."""
    pieces = stream.split(b"\x00\x00\xff\xff")
    texts = []
    for number, piece in enumerate(pieces[:-1]):
        texts.append(zlib.decompressobj(wbits=-15).decompress(piece + b"\x00\x00\xff\xff"))
    return texts


def raw(box, text, tag):
    """The packed bytes of a command's answers."""
    box.wire.socket.sendall(text)
    packed = b""
    plain = b""
    unpacker = box.wire.socket.unpacker
    while not re.search(rb"^%s OK[^\n]*\n$" % tag, plain, re.M) or not plain.endswith(b"\r\n"):
        more = box.wire.socket.below.recv(65536)
        assert more
        packed += more
        plain += unpacker.decompress(more)
    return packed


def test_no_reply_refers_to_one_before_it(user):
    with opened(user) as box:
        box.append(LETTER)
        packed = raw(box, b"".join(b"x%d FETCH 1 BODY.PEEK[]\r\n" % n for n in range(9)), b"x8")
        texts = pieces_are_independent(packed)
        assert sum(LETTER in text for text in texts) == 9
        assert max(text.count(LETTER) for text in texts) == 1
        alone = zlib.compressobj(1, wbits=-15)
        least = len(alone.compress(LETTER) + alone.flush(zlib.Z_SYNC_FLUSH))
        assert len(packed) > 9 * least * 0.9


def test_a_guess_in_one_letter_does_not_shorten_the_secret_in_another(user):
    """They are asked for together; the right guess must come to as many bytes as a wrong one."""
    secret = "token=" + os.urandom(16).hex()
    wrong = "token=" + os.urandom(16).hex()

    def size(guess):
        with opened(user) as box:
            box.ok(f"CREATE {guess}")
            for text in (guess, secret):
                box.append(b"Subject: x\r\n\r\n" + text.encode() + b"\r\n", guess)
            box.ok(f"SELECT {guess}")
            return len(raw(box, b"y FETCH 1:2 BODY.PEEK[TEXT]\r\n", b"y"))

    assert abs(size(secret) - size(wrong)) < 6  # hex digits differ in their Huffman codes


# --- clients that ask for it by themselves


def compressed(office):
    text = subprocess.run(["curl", "-sS", f"http://{office.address}:{80 + OFFSET}/metrics"],
                          capture_output=True, text=True, check=True).stdout
    return int(re.search(r"^postamt_imap_compressed\w* (\d+)", text, re.M)[1])


def test_imapflow_compresses(user):
    before = compressed(user.office)
    seen = run(NODE / "node_modules/node/bin/node", NODE / "imap.js", user.office.address,
               993 + OFFSET, user, user.password)
    assert '"source":true' in seen and '"told":2' in seen
    assert compressed(user.office) == before + 2


def test_mbsync_compresses(certified, tmp_path):
    office, chain = certified
    user = office.new_user()
    letters = {b"From: a@far.test\r\nSubject: letter %d\r\n\r\n" % n + b"text %d\r\n" % n * 500
               for n in range(50)}
    with Imap(user) as box:
        for letter in letters:
            box.append(letter)
    before = compressed(office)
    copy = Mbsync(user, tmp_path / "copy", chain)
    copy.sync()
    assert compressed(office) == before + 1
    assert {copy.content(letter) for letter in copy.letters("INBOX")} == letters
