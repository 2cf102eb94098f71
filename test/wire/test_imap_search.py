"""SEARCH against a model in Python that knows nothing of an index: the same letters, whatever the
server has learnt of them before, and whatever comes and goes."""
import base64
import email
import email.header
import quopri
import random
import re
import unicodedata

import pytest
from imap import Imap

# --- the letters

WORDS = ("alpha beta gamma delta Grüße Straße Привет мир данные 数据 你好 naïve café ÉCLAIR fish&chips "
         "co-op 12345 foo_bar x-ray thirdword zebra Öl İstanbul ﬁnal ½").split()
CHARSETS = {"us-ascii": lambda w: w.isascii(), "iso-8859-1": None, "koi8-r": None, "gb2312": None,
            "utf-8": None, "utf-7": None, "windows-1252": None}


def encodable(words, charset):
    kept = []
    for word in words:
        try:
            word.encode(charset)
            kept.append(word)
        except UnicodeEncodeError:
            pass
    return kept or ["plain"]


def encode(text, encoding):
    """A body in a transfer encoding, CRLF lines."""
    if encoding == "base64":
        return base64.encodebytes(text).replace(b"\n", b"\r\n")
    if encoding == "quoted-printable":
        return quopri.encodestring(text.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    return text


def field_text(choice, words):
    text = " ".join(words)
    if text.isascii() and choice.random() < 0.7:
        return text.encode()
    charset = choice.choice(["utf-8", "iso-8859-1", "koi8-r"])
    text = " ".join(encodable(words, charset))
    if choice.random() < 0.5:
        coded = base64.b64encode(text.encode(charset)).decode()
        return f"=?{charset}?B?{coded}?=".encode()
    coded = "".join(f"={byte:02X}" for byte in text.encode(charset))
    return f"=?{charset}?q?{coded}?=".encode()


def text_part(choice, words, subtype="plain"):
    charset = choice.choice(list(CHARSETS))
    words = encodable(words, charset)
    lines = [" ".join(words[i:i + 6]) for i in range(0, len(words), 6)]
    if subtype == "html":
        lines = ["<p class=main>" + line + "</p>" for line in lines]
    body = "\r\n".join(lines).encode(charset)
    encoding = choice.choice(["8bit", "base64", "quoted-printable"])
    if charset == "utf-7":
        encoding = "7bit"
    return (f"Content-Type: text/{subtype}; charset={charset}\r\nContent-Transfer-Encoding: "
            f"{encoding}\r\n\r\n").encode() + encode(body, encoding) + b"\r\n"


def attachment(choice, number):
    name = f"report-{number}"
    named = [f'; filename="{name}.pdf"', f"; filename*=utf-8''{name}-%C3%A9t%C3%A9.pdf",
             f'; filename="=?utf-8?q?{name}=C3=A9.pdf?="',
             f"; filename*0*=utf-8''{name}-%D0%B4; filename*1*=%D0%B0%D0%BD.pdf"]
    return (b"Content-Type: application/pdf\r\nContent-Disposition: attachment" +
            choice.choice(named).encode() + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
            encode(b"alpha beta gamma not searched" * 3, "base64"))


def make_letter(number, choice):
    some = [choice.choice(WORDS) for _ in range(choice.choice([3, 20, 60]))]
    header = (b"From: " + field_text(choice, some[:2]) + b" <user%d@far.test>\r\n" % (number % 7) +
              b"To: bob@example.test,\r\n Carol <carol%d@example.test>\r\n" % (number % 5) +
              b"Date: %s, %d Nov 2026 10:00:00 +0100\r\n" % (b"Wed", 1 + number % 28) +
              b"Subject: " + field_text(choice, some[1:4] + [f"no{number}"]) + b"\r\n"
              b"Message-ID: <%d.x@far.test>\r\nMIME-Version: 1.0\r\n" % number)
    if number % 4 == 0:
        header += b"Cc: dave@example.test\r\nX-Folded: one\r\n two\tthree\r\n"
    kind = number % 5
    if kind < 2:
        return header + text_part(choice, some, "html" if kind else "plain")
    parts = [text_part(choice, some), text_part(choice, some[::-1], "html"),
             attachment(choice, number)]
    if kind == 4:
        parts.append(b"Content-Type: message/rfc822\r\n\r\nSubject: inner " +
                     field_text(choice, [f"deep{number}"]) + b"\r\nMIME-Version: 1.0\r\n" +
                     text_part(choice, some[:3]))
    return (header + b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n" % number +
            b"".join(b"--b%d\r\n" % number + part for part in parts) + b"--b%d--\r\n" % number)


# --- the model

def fold(text):
    """i;unicode-casemap (RFC 5051): simple title case, decomposed, and that again."""
    def title(one):
        return "".join(t if len(t := c.title()) == 1 else c for c in one)
    return title(unicodedata.normalize("NFKD", title(text)))


def decoded(value):
    value = re.sub(r"\r?\n", "", str(value)).replace("\t", " ")
    return str(email.header.make_header(email.header.decode_header(value)))


class Model:
    def __init__(self, raw):
        message = email.message_from_bytes(raw)
        self.fields = [(name, fold(decoded(body))) for name, body in message.items()]
        self.day = int(re.search(r" (\d+) Nov", message["Date"])[1])
        self.size = len(raw)
        self.everything = [fold(name) + ": " + body for name, body in self.fields]
        self.texts = []
        for part in message.walk():
            if part is not message:
                self.everything += [fold(f"{n}: ") + fold(decoded(b)) for n, b in part.items()]
            if "*" in part.get("Content-Disposition", ""):
                self.everything.append(fold(part.get_filename()))
            if part.get_content_maintype() == "text":
                payload = part.get_payload(decode=True)
                self.texts.append(fold(payload.decode(part.get_content_charset("utf-8"),
                                                      "replace")))
        self.everything += self.texts

    def has(self, name, needle):
        needle = fold(needle)
        if name == "TEXT":
            return any(needle in text for text in self.everything)
        if name == "BODY":
            return any(needle in text for text in self.texts)
        return any(needle in body for field, body in self.fields if field.lower() == name.lower())


def random_needle(choice, models):
    model = choice.choice(list(models))
    line = choice.choice(choice.choice(model.everything).splitlines() or ["x"])
    kind = choice.random()
    if kind < 0.25:
        return choice.choice(WORDS).swapcase()
    if kind < 0.4:
        return choice.choice(["nowhere", "zzz", "thirdwordy", "no7", "<7.x@"])
    start = choice.randrange(len(line) or 1)
    return line[start:start + choice.choice([1, 2, 3, 4, 6, 12])] or "a"


def random_program(choice, models, depth=0):
    """(pieces of the command, a function of the model's letter)"""
    kind = choice.random()
    if depth < 3 and kind < 0.15:
        text, fits = random_program(choice, models, depth + 1)
        return ["NOT "] + text, lambda m: not fits(m)
    if depth < 3 and kind < 0.5:
        a, fits_a = random_program(choice, models, depth + 1)
        b, fits_b = random_program(choice, models, depth + 1)
        if kind < 0.3:
            return ["OR "] + a + [" "] + b, lambda m: fits_a(m) or fits_b(m)
        return ["("] + a + [" "] + b + [")"], lambda m: fits_a(m) and fits_b(m)
    if kind < 0.55:
        day = choice.randrange(1, 29)
        return [f"SENTBEFORE {day}-Nov-2026"], lambda m: m.day < day
    if kind < 0.6:
        return ["LARGER 900"], lambda m: m.size > 900
    key = choice.choice(["TEXT", "TEXT", "BODY", "SUBJECT", "FROM", "TO", "CC", "HEADER"])
    needle = random_needle(choice, models)
    if key == "HEADER":
        name = choice.choice(["Message-ID", "x-folded", "Subject", "MIME-Version", "X-None"])
        return [f"HEADER {name} ", needle.encode()], lambda m: m.has(name, needle)
    return [key + " ", needle.encode()], lambda m: m.has(key, needle)


def at_once(box, *pieces):
    """A command in one write, its literals unsynchronised; the untagged answers."""
    box.count += 1
    box.send(f"t{box.count} ".encode() + b"".join(
        piece.encode() if isinstance(piece, str) else b"{%d+}\r\n" % len(piece) + piece
        for piece in pieces) + b"\r\n")
    box.result, lines = box.tagged(f"t{box.count}")
    assert box.result.startswith("OK"), (pieces, box.result)
    return [line.decode() for line in lines]


def search(box, pieces):
    lines = at_once(box, "UID SEARCH ", *pieces)
    found, = [line for line in lines if line.startswith("* SEARCH")]
    return [int(uid) for uid in found.split()[2:]]


class Desk:
    """A mailbox and the model's letters by UID."""

    def __init__(self, user, mailbox="INBOX", seed=1):
        self.choice, self.mailbox, self.models = random.Random(seed), mailbox, {}
        self.user, self.made = user, 0
        self.box = Imap(user)
        self.box.ok(f"SELECT {mailbox}")

    def add(self, count, box=None):
        for _ in range(count):
            letter = make_letter(self.made, self.choice)
            self.made += 1
            at_once(box or self.box, f"APPEND {self.mailbox} ", letter)
            uid = int(re.search(r"APPENDUID \d+ (\d+)", (box or self.box).result)[1])
            self.models[uid] = Model(letter)

    def check(self, count=40, box=None):
        box = box or self.box
        box.ok("NOOP")
        for _ in range(count):
            pieces, fits = random_program(self.choice, self.models.values())
            expected = [uid for uid, model in sorted(self.models.items()) if fits(model)]
            assert search(box, pieces) == expected, pieces


@pytest.fixture(scope="module")
def office(make_office):
    return make_office()


@pytest.fixture
def bob(office):
    return office.new_user()


# --- the same answers, whatever is known

def test_the_first_search_and_all_after_it(bob):
    for seed in range(3):
        desk = Desk(bob, seed=seed)
        desk.add(12)
        desk.check(25)
        desk.box.ok("STORE 1:* +FLAGS (\\Deleted)")
        desk.box.ok("EXPUNGE")


def test_blocks_grow_are_packed_and_thin_out(office, bob):
    desk = Desk(bob)
    desk.add(120)
    desk.check()
    desk.add(150)  # the first block is full now, and goes on in the next
    search(desk.box, ["TEXT zz"])
    desk.check(80)
    with Imap(bob) as other:
        desk.add(10, other)
        other.ok("SELECT INBOX")
        desk.check(20, other)
        gone = desk.choice.sample(sorted(desk.models), 40)
        other.ok(f"UID STORE {','.join(map(str, gone))} +FLAGS.SILENT (\\Deleted)")
        other.ok("EXPUNGE")
    for uid in gone:
        del desk.models[uid]
    desk.check()
    office.stop()
    office.start()
    desk.box = Imap(bob)
    desk.box.ok("SELECT INBOX")
    desk.check()
    keep = desk.choice.sample(sorted(desk.models), 30)
    gone = ",".join(str(uid) for uid in desk.models if uid not in keep)
    desk.box.ok(f"UID STORE {gone} +FLAGS.SILENT (\\Deleted)")
    desk.box.ok("EXPUNGE")
    desk.models = {uid: desk.models[uid] for uid in keep}
    desk.check()
    desk.add(5)
    desk.check()


@pytest.mark.parametrize("how", ["COPY", "MOVE"])
def test_copies_are_found_like_their_originals(bob, how):
    desk = Desk(bob)
    desk.add(40)
    desk.check(10)
    desk.box.ok("CREATE Other")
    desk.box.ok(f"UID {how} 5:30 Other")
    said = desk.box.result if how == "COPY" else " ".join(desk.box.ok("NOOP")) or desk.box.result
    other = Desk(bob, "Other")
    uids = [int(uid) for line in other.box.ok("FETCH 1:* UID")
            for uid in re.findall(r"UID (\d+)", line)]
    assert len(uids) == 26, said
    other.models = dict(zip(uids, (desk.models[uid] for uid in range(5, 31))))
    other.check()
    if how == "MOVE":
        desk.models = {uid: m for uid, m in desk.models.items() if not 5 <= uid <= 30}
    desk.check(15)


def test_two_search_the_same_at_once(bob):
    desk = Desk(bob)
    desk.add(60)
    with Imap(bob) as other:
        other.ok("SELECT INBOX")
        for box in (desk.box, other):
            box.send("a UID SEARCH TEXT thirdword\r\nb UID SEARCH NOT TEXT thirdword\r\n")
        expected = [uid for uid, m in sorted(desk.models.items()) if m.has("TEXT", "thirdword")]
        for box in (desk.box, other):
            _, (found,) = box.tagged("a")
            _, (rest,) = box.tagged("b")
            assert [int(uid) for uid in found.split()[2:]] == expected
            assert len(rest.split()) - 2 == 60 - len(expected)


def test_a_client_that_goes_in_the_middle(office, bob):
    desk = Desk(bob)
    desk.add(60)
    for _ in range(3):
        with Imap(bob) as other:
            other.ok("SELECT INBOX")
            other.send("a SEARCH TEXT zz\r\nb SEARCH TEXT xx\r\n")
    desk.check(10)


# --- what is found where

LETTER = (b"From: \"Doe, Anna\" <anna@far.test>\r\nTo: bob@example.test\r\nSubject: one\r\n\ttwo\r\n"
          b"X-Empty:\r\nDate: 1 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
          b"Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\n\r\nbody text\r\n--b\r\n"
          b"Content-Type: application/zip\r\nContent-Disposition: attachment;\r\n"
          b" filename*0=summer-; filename*1=holiday.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
          b"c2VjcmV0\r\n--b--\r\n")


@pytest.mark.parametrize("program, found", [
    ('FROM "Doe, Anna"', True), ("FROM anna@far", True), ('FROM "anna\\" <"', True), ('FROM "anna doe"', False),
    ('FROM "\\"doe, anna\\" <anna"', True), ('SUBJECT "one two"', True), ("SUBJECT twoo", False),
    ('SUBJECT ""', True), ('CC ""', False), ('HEADER X-Empty ""', True), ('HEADER X-Emp ""', False),
    ("HEADER X-Empty x", False), ('BODY ""', True), ('TEXT ""', True), ("TEXT summer-holiday", True),
    ("BODY summer-holiday", False), ("TEXT secret", False), ("BODY preamble", False),
    ("TEXT application/zip", True), ("BODY multipart", False), ("TEXT x-empty", True),
    ("TEXT ab", False), ("TEXT y", True), ("TEXT dy", True), ("NOT BODY body", False),
    ("NOT TEXT nothing", True), ("SENTON 1-Nov-2026", True), ("SENTON 2-Nov-2026", False),
])
def test_what_is_found_where(bob, program, found):
    with Imap(bob) as box:
        box.append(LETTER)
        box.ok("SELECT INBOX")
        for _ in range(2):  # by reading it, and by what is known of it
            assert box.ok("SEARCH " + program) == ["* SEARCH 1" if found else "* SEARCH"]


ENCODED = (b"Subject: =?iso-8859-1?q?=C9t=E9?= plain\r\nX-Folded: end\r\n\tbegin\r\n"
           b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
           b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\nlatin \xc4rger last\r\n--b\r\n"
           b"Content-Type: text/plain; charset=utf-8\r\n"
           b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
           b"first over a so=\r\nft break, =C3=89=00=C3=A9, =EF=AC=81n\r\n--b\r\n"
           b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
           b"b3ZlciBsaW5lcyBv\r\nZiBiYXNlNjQsIMOJdMOp\r\n--b--\r\n")


@pytest.mark.parametrize("key, needle, found", [
    ("TEXT", "\u00e9T\u00c9 PLAIN", True), ("TEXT", "end begin", True), ("TEXT", "endbegin", False),
    ("TEXT", "X-FOLDED: END", True), ("BODY", "plain", False), ("BODY", "\u00e4RGER", True),
    ("BODY", "a\u0308rger", True), ("BODY", "arger", False), ("BODY", "soft break", True),
    ("BODY", "so=", False), ("BODY", "\u00e9\ufffd\u00c9", True), ("BODY", "\u00e9\u00c9", False),
    ("TEXT", "FIN", True), ("BODY", "lines of base64", True), ("BODY", "base64, \u00c9T\u00c9", True),
    ("TEXT", "b3ZlciBsaW5lcyBv", False), ("BODY", "last\r\nfirst", False), ("BODY", "lastfirst", False),
    ("BODY", "LAST", True), ("BODY", "FIRST", True), ("TEXT", "", True), ("BODY", "", True),
])
def test_what_is_found_in_encodings(bob, key, needle, found):
    with Imap(bob) as box:
        box.append(ENCODED)
        box.ok("SELECT INBOX")
        for _ in range(2):  # the index is made by the first
            assert search(box, [key + " ", needle.encode()]) == ([1] if found else [])


def test_a_letter_that_lies_in_a_file(bob):
    filler = b"word " * 12 + b"\r\n"
    with Imap(bob) as box:
        box.append(b"Subject: big\r\n" + b"X-Long: %s\r\n" % (b"y" * 900) * 100 +
                   b"X-Last: needle-one\r\n\r\n" + filler * 5000 + b"needle-two\r\n")
        box.append(b"Subject: small\r\n\r\nx\r\n")
        box.ok("SELECT INBOX")
        for _ in range(2):
            for program, found in (("HEADER X-Last needle-one", " 1"), ("BODY needle-two", " 1"),
                                   ("BODY needle-one", ""), ("TEXT needle-three", ""),
                                   ("NOT SUBJECT big", " 2"), ("TEXT needle", " 1")):
                assert box.ok("SEARCH " + program) == ["* SEARCH" + found], program


def test_more_keys_than_the_index_is_asked_for(bob):
    with Imap(bob) as box:
        box.append(b"Subject: x\r\n\r\nalpha beta gamma\r\n")
        box.ok("SELECT INBOX")
        for _ in range(2):
            many = " ".join(f"NOT TEXT missing-{i}-{'abcdefghij'[i % 10] * 9}" for i in range(90))
            assert box.ok(f"SEARCH {many} TEXT gamma") == ["* SEARCH 1"]
            assert box.ok(f"SEARCH {many} TEXT delta") == ["* SEARCH"]


@pytest.mark.long
def test_a_long_search_says_how_far_it_is(bob):
    """As many letters as it takes until a search is so long that the client is told of it."""
    keys = " ".join(f"NOT BODY {a}{b}" for a in "jkqx" for b in "bcdfghjklmnpqrstvwxz")
    with Imap(bob) as box:
        assert "INPROGRESS" in box.ok("CAPABILITY")[0]
        box.append(b"Subject: x\r\n\r\n" + (b"e a i o u " * 7 + b"\r\n") * 8000)
        box.ok("SELECT INBOX")
        while not (told := [line for line in box.ok(f"SEARCH {keys}") if "INPROGRESS" in line]):
            box.ok("COPY 1:* INBOX")
            box.ok("NOOP")
    seen = [re.match(r'\* OK \[INPROGRESS \("t\d+" (\d+) (\d+)\)\]', line).groups() for line in told]
    assert all(int(done) <= int(of) for done, of in seen)
