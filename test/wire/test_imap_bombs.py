"""Letters that are made to be dear to read, by every door: each way to read, search and order them
comes to an end, within memory. Larger ones, and their exact bytes: test_imap_attacks, rule 11."""
import re
import smtplib

import pytest
from imap import Imap
from office import OFFSET, PATIENCE
from test_imap_attacks import kilobytes, nested, parts

DEEP = ".".join("1" * 64)  # as many numbers as a section may have
END = b"\r\n\r\nx\r\n"
GROWTH = 24 * 1024  # KiB that a bomb may leave with the worker
AGAIN = 4 * 1024    # and that reading it five times more may add


def repeated(piece, size, step=1):
    """Numbered pieces of about so many bytes."""
    count = size // len(piece % 10_000)
    return b"".join(piece % n for n in range(count)[::step])


# of a size: APPEND takes large headers, delivery those of 256 KiB (552 beyond: test_smtp, test_lmtp)
BOMBS = {
    "ten thousand parts": lambda _: parts(10_000),
    "a thousand multiparts deep": lambda _: nested(1000, "multipart"),
    "a thousand letters deep": lambda _: nested(1000, "message"),
    "one header line": lambda size: b"X-Long: " + b"x" * size + END,
    "fields": lambda size: repeated(b"X-%d: y\r\n", size) + END,
    "references": lambda size: b"Message-ID: <end@far.test>\r\nReferences:"
    + repeated(b"\r\n <%d@far.test>", size) + END,
    "groups in groups": lambda size: b"To: " + repeated(b"g%d: h: a@far.test, b@far.test;,\r\n ", size)
    + END,
    "groups that never end": lambda size: b"To: " + repeated(b"g%d: a@far.test,\r\n ", size) + END,
    "base64 without end": lambda _: b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64"
    b"\r\n\r\n" + (b"QUFB" * 19 + b"\r\n") * 60_000 + b"QUF",
    "a continued file name": lambda size: b"Content-Type: text/plain\r\nContent-Disposition: attachment"
    + repeated(b";\r\n filename*%d*=%%41", size) + END,
    "continuations backwards": lambda size: b"Content-Type: text/plain"
    + repeated(b";\r\n name*%d=a", size, -1) + END,
}


@pytest.fixture
def user(office):
    return office.new_user()


@pytest.fixture
def box(user):
    with Imap(user) as box:
        box.ok("SELECT INBOX")
        yield box


def letter(bomb, size=2 << 20):
    return b"Subject: bomb\r\nMIME-Version: 1.0\r\n" + BOMBS[bomb](size)


def append(user, text):
    with Imap(user) as other:
        other.append(text)


def smtp(user, text):
    user.office.send(user.address, text)


def lmtp(user, text):
    with smtplib.LMTP(user.office.address, 24 + OFFSET) as client:
        client.sock.settimeout(PATIENCE)
        client.sendmail("a@far.test", [user.address], text)


def read(box):
    """Every way; the ENVELOPE and BODYSTRUCTURE. The letters are the bomb, 1, and a small one, 2."""
    told = [box.ok("FETCH 1 ENVELOPE")[-1], box.ok("FETCH 1 BODYSTRUCTURE")[-1]]
    box.ok("FETCH 1 (BODY.PEEK[] BODY.PEEK[HEADER] BODY.PEEK[TEXT] BODY.PEEK[1] BODY.PEEK[1.MIME])")
    for section in (DEEP, f"{DEEP}.MIME", f"{DEEP}.HEADER", "9999", "4294967295.1"):
        assert box.ok(f"FETCH 1 BODY.PEEK[{section}]")[-1].endswith(" NIL)"), section
    assert box.ok("SEARCH TEXT bomb")[-1] == "* SEARCH 1"
    assert box.ok("SEARCH TEXT nowhere-in-it")[-1] == "* SEARCH"
    assert box.ok("SORT (SUBJECT FROM TO CC DATE SIZE) UTF-8 ALL")[-1] == "* SORT 2 1"
    for how in ("REFERENCES", "ORDEREDSUBJECT"):
        numbers = re.findall(r"\d+", box.ok(f"THREAD {how} UTF-8 ALL")[-1])
        assert sorted(numbers) == ["1", "2"], numbers
    return told


@pytest.mark.parametrize("bomb, door", [(bomb, door) for bomb in BOMBS for door in (append, smtp, lmtp)
                                        if bomb != "one header line" or door is append])
def test_a_bomb_is_read_in_every_way(user, box, bomb, door):
    office, worker = user.office, user.office.worker()
    before = kilobytes(office)
    door(user, letter(bomb, 2 << 20 if door is append else 250_000))
    append(user, b"From: a@far.test\r\nSubject: a small one\r\n\r\nx\r\n")
    box.ok("NOOP")
    told = read(box)
    for _ in range(10):  # until every thread has had it
        assert read(box) == told
    held = kilobytes(office)
    assert held - before < GROWTH
    for _ in range(5):
        assert read(box) == told
    assert kilobytes(office) - held < AGAIN
    assert office.worker() == worker, "the worker died and came again"


@pytest.mark.parametrize("door", [smtp, lmtp])
def test_a_header_line_of_a_mebibyte_is_not_delivered(user, box, door):
    with pytest.raises(smtplib.SMTPDataError) as refused:
        door(user, letter("one header line", 1 << 20))
    assert refused.value.smtp_code in (550, 552)
    append(user, b"Subject: a small one\r\n\r\nx\r\n")
    assert box.ok("NOOP") == ["* 1 EXISTS"]


@pytest.mark.parametrize("bomb, said, count", [
    ("ten thousand parts", '("TEXT" "PLAIN"', 999), ("a thousand multiparts deep", '"BOUNDARY" "b', 31),
    ("a thousand letters deep", '"MESSAGE" "RFC822"', 32)])
def test_no_more_is_told_than_so_many_parts(box, bomb, said, count):
    box.append(letter(bomb))
    assert box.ok("FETCH 1 BODYSTRUCTURE")[-1].upper().count(said.upper()) == count


@pytest.mark.parametrize("depth", [len(DEEP.split(".")) + 1, 1000, 20_000])
def test_a_section_deeper_than_any_is_a_mistake(box, depth):
    box.append(letter("a thousand letters deep"))
    for item in ("BODY.PEEK", "BINARY.PEEK", "BINARY.SIZE"):
        assert box.ok(f"FETCH 1 {item}[1]") != []
        box.no(f"FETCH 1 {item}[{'.'.join('1' * depth)}]", how="BAD")
    assert "UID 1" in box.ok("FETCH 1 UID")[-1]
