"""What IMAP shows of random letters (ENVELOPE, BODYSTRUCTURE, BODY, sections, BINARY), compared with
what GMime reads in them."""
import base64
import io
import os
import pathlib
import quopri
import random
import re
import subprocess

import gi
import pytest

gi.require_version("GMime", "3.0")
from gi.repository import GMime  # noqa: E402

GMime.init()
ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("IMAP_LETTER", ROOT / "build/test/imap_letter"))
SEED = int(os.environ.get("IMAP_LETTER_SEED", "5"))
LETTERS = int(os.environ.get("IMAP_LETTERS", "600"))


# --- random letters -----------------------------------------------------------------------------

class Draw:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.boundaries = 0

    def pick(self, *choices):
        return self.random.choice(choices)

    def words(self):
        return " ".join(self.pick("lorem", "ipsum", "dolor", "=3D", "a.b", "--x", "x" * 70)
                        for _ in range(self.random.randint(1, 12)))

    def mailbox(self):
        name = self.pick("", "", "Anna", "Anna B. Bell", '"Bell, Anna"', '"q \\" \\\\ x"',
                         "=?utf-8?q?Gr=C3=BC=C3=9Fe?=", '"J. R."', "=?utf-8?b?5pel5pys?=\r\n =?utf-8?b?6Kqe?=")
        local = self.pick("anna", "a.b+c", "o'brien", "x" * 64, '"two words"')
        address = f"{local}@{self.pick('example.test', 'a.example.org', '[127.0.0.1]')}"
        if not name:
            return self.pick(address, f"<{address}>")
        return f"{name}{self.pick(' ', '  ', chr(13) + chr(10) + ' ')}<{address}>"

    def mailboxes(self, most):
        items = [self.mailbox() for _ in range(self.random.randint(1, most))]
        if self.random.random() < 0.2:
            members = [self.mailbox() for _ in range(self.random.randint(0, 2))]
            items.insert(self.random.randint(0, len(items)), f"Team {most}: {', '.join(members)};")
        return self.pick(", ", ",\r\n ", ",").join(items)

    def fields(self):
        fields = [f"Date: {self.pick('Mon, 23 Nov 2026 10:00:00 +0000', 'Tue, 1 Dec 2026 1:02:03 -0700 (PDT)')}",
                  f"Subject: {self.pick('plain', 'in ' + chr(34) + 'quotes' + chr(34), 'two' + chr(13) + chr(10) + ' lines')}",
                  f"From: {self.mailbox()}", f"Message-ID: <{self.random.getrandbits(60):x}@example.test>"]
        for name, most in (("Sender", 1), ("Reply-To", 2), ("To", 8), ("Cc", 3), ("Bcc", 2)):
            if self.random.random() < 0.5:
                fields.append(f"{name}: {self.mailbox() if name == 'Sender' else self.mailboxes(most)}")
        if self.random.random() < 0.3:
            fields.append("In-Reply-To: <a@b.test>")
        self.random.shuffle(fields)
        return fields

    def leaf(self):
        data = self.random.randbytes(self.random.choice([0, 1, 57, 200, 3000]))
        text = "\r\n".join(self.words() for _ in range(self.random.randint(0, 20)))
        kind = self.pick("text/plain; charset=utf-8", "TEXT/html;charset=\"us-ascii\"", "application/pdf; name=\"a b.pdf\"",
                         "image/png;\r\n\tname=x.png; x-y=z", "")
        encoding = self.pick("7bit", "BASE64", "Quoted-Printable", "")
        if encoding == "BASE64":
            body = base64.encodebytes(data).decode().replace("\n", "\r\n")
        elif encoding == "Quoted-Printable":
            body = quopri.encodestring(text.replace("\r\n", "\n").encode()).decode().replace("\n", "\r\n")
        else:
            body = text
        fields = [f"Content-Type: {kind}"] if kind else []
        fields += [f"Content-Transfer-Encoding: {encoding}"] if encoding else []
        fields += [f"Content-ID: <{self.random.getrandbits(40)}@x>"] if self.random.random() < 0.3 else []
        fields += ["Content-Description: what it is"] if self.random.random() < 0.3 else []
        fields += [self.pick("Content-Disposition: attachment; filename=\"a;b.txt\"",
                             "Content-Disposition: inline")] if self.random.random() < 0.4 else []
        return fields, body

    def part(self, depth):
        draw = self.random.random()
        if depth == 0 or draw < 0.45:
            return self.leaf()
        if draw < 0.6:
            return ["Content-Type: message/rfc822"], self.letter(depth - 1)
        self.boundaries += 1
        boundary = f"b{self.boundaries}{self.pick('', '+/=', ' x')}"
        kind = self.pick("mixed", "Alternative", "related; type=\"text/html\"")
        parts = [self.part(depth - 1) for _ in range(self.random.randint(1, 4))]
        text = self.pick("", "This is MIME.\r\n")
        for fields, body in parts:
            text += f"--{boundary}\r\n{''.join(f + chr(13) + chr(10) for f in fields)}\r\n{body}\r\n"
        text += f"--{boundary}--\r\n" + self.pick("", "epilogue\r\n")
        return [f"Content-Type: multipart/{kind}; boundary=\"{boundary}\""], text

    def letter(self, depth):
        fields, body = self.part(depth)
        return "\r\n".join([*self.fields(), *fields]) + "\r\n\r\n" + body


# --- what we say --------------------------------------------------------------------------------

def read_answer(stream):
    """One value of IMAP: a list, bytes of a string, None for NIL, an int."""
    c = stream.read(1)
    if c == b"(":
        items = []
        while True:
            c = stream.read(1)
            if c == b")":
                return items
            if c != b" ":
                stream.seek(-1, io.SEEK_CUR)
                items.append(read_answer(stream))
    if c == b'"':
        text = b""
        while (c := stream.read(1)) != b'"':
            text += stream.read(1) if c == b"\\" else c
        return text
    if c == b"{":
        length = int(b"".join(iter(lambda: stream.read(1), b"}")))
        assert stream.read(2) == b"\r\n"
        return stream.read(length)
    atom = c
    while (c := stream.read(1)) not in (b" ", b"(", b")", b""):
        atom += c
    if c:
        stream.seek(-1, io.SEEK_CUR)
    return None if atom == b"NIL" else int(atom)


def show(*letters):
    """[(envelope, bodystructure, body, {numbers: (raw, header and raw, decoded)})]"""
    given = b"".join(b"%d\n%s" % (len(letter), letter) for letter in letters)
    done = subprocess.run([PROGRAM], input=given, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr
    out, found = io.BytesIO(done.stdout), []
    for letter in letters:
        *lengths, count = map(int, out.readline().split())
        answers = []
        for length in lengths:
            stream = io.BytesIO(out.read(length))
            answers.append(read_answer(stream))
            assert stream.read() == b""
        sections = {}
        for _ in range(count):
            numbers, begin, end, mime, length = out.readline().decode().split()
            sections[numbers] = (letter[int(begin):int(end)], letter[int(mime):int(end)], out.read(int(length)))
        found.append((*answers, sections))
    assert out.read() == b""
    return found


# --- what GMime says ----------------------------------------------------------------------------

def parse(letter):
    return GMime.Parser.new_with_stream(GMime.StreamMem.new_with_buffer(letter)).construct_message()


def one_line(text):
    return re.sub(r"[\r\n]", "", text).strip()


def raw_content(part):
    stream = part.get_content().get_stream()
    stream.reset()
    copy = GMime.StreamMem.new()
    stream.write_to_stream(copy)
    return bytes(copy.get_byte_array())


def decoded_content(part):
    stream = GMime.StreamMem.new()
    part.get_content().write_to_stream(stream)
    stream.flush()
    return bytes(stream.get_byte_array())


def check_addresses(ours, theirs):
    """The list of an ENVELOPE, groups and all."""
    rest = list(ours or [])
    for i in range(theirs.length() if theirs else 0):
        item = theirs.get_address(i)
        if isinstance(item, GMime.InternetAddressGroup):
            name, route, mailbox, host = rest.pop(0)
            assert (name, route, host) == (None, None, None) and mailbox.decode() == item.get_name()
            check_addresses([rest.pop(0) for _ in range(item.get_members().length())], item.get_members())
            assert rest.pop(0) == [None] * 4
            continue
        name, route, mailbox, host = rest.pop(0)
        assert route is None
        local, domain = item.get_addr().rsplit("@", 1)
        assert (mailbox.decode(), host.decode()) == (local.strip('"'), domain)
        assert GMime.utils_header_decode_phrase(None, (name or b"").decode()) == (item.get_name() or "")
    assert rest == []


def check_envelope(envelope, message):
    date, subject, sent, sender, reply_to, to, cc, bcc, in_reply_to, message_id = envelope
    raw = lambda name: message.get_header(name)  # noqa: E731
    for ours, name in ((date, "Date"), (subject, "Subject"), (in_reply_to, "In-Reply-To"),
                       (message_id, "Message-ID")):
        assert (None if ours is None else ours.decode()) == (None if raw(name) is None else one_line(raw(name)))
    kinds = GMime.AddressType
    check_addresses(sent, message.get_addresses(kinds.FROM))
    check_addresses(sender, message.get_addresses(kinds.SENDER if raw("Sender") else kinds.FROM))
    check_addresses(reply_to, message.get_addresses(kinds.REPLY_TO if raw("Reply-To") else kinds.FROM))
    for ours, kind in ((to, kinds.TO), (cc, kinds.CC), (bcc, kinds.BCC)):
        check_addresses(ours, message.get_addresses(kind))


def parameters(ours):
    ours = ours or []
    return {ours[i].decode().lower(): ours[i + 1].decode() for i in range(0, len(ours), 2)}


def their_parameters(holder):
    found = holder.get_parameters()
    return {found.get_parameter_at(i).get_name().lower(): found.get_parameter_at(i).get_value()
            for i in range(found.length())}


def check_type(ours, kind, subtype, given):
    assert (ours[0].decode().lower(), ours[1].decode().lower()) == \
        (kind.get_media_type().lower(), kind.get_media_subtype().lower())
    if given:
        assert parameters(ours[2]) == their_parameters(kind)


def check_extension(disposition, language, location, part):
    theirs = part.get_content_disposition()
    assert (disposition is None) == (theirs is None)
    if theirs:
        assert disposition[0].decode().lower() == theirs.get_disposition().lower()
        assert parameters(disposition[1]) == their_parameters(theirs)
    assert language is None and location is None


def check_leaf(ours, part, section):
    raw, with_header, decoded = section
    check_type(ours, part.get_content_type(), None, part.get_header("Content-Type"))
    ident, description, encoding, octets = ours[3:7]
    assert ident == (part.get_header("Content-ID").strip().encode() if part.get_header("Content-ID") else None)
    assert description == (b"what it is" if part.get_header("Content-Description") else None)
    assert encoding.decode().lower() == (part.get_header("Content-Transfer-Encoding") or "7bit").lower()
    assert raw == raw_content(part) and decoded == decoded_content(part)
    assert octets == len(raw)
    rest = ours[7:]
    if ours[0].lower() == b"text":
        assert rest.pop(0) == raw.count(b"\n")
    assert rest.pop(0) is None
    check_extension(*rest, part)
    if part.get_header("Content-Type"):
        assert with_header.lower().find(b"content-type:") >= 0


def check_part(ours, part, numbers, sections):
    """numbers of a multipart are those its children begin with."""
    seen = {numbers}
    if isinstance(part, GMime.Multipart):
        count = part.get_count()
        children, rest = ours[:count], ours[count:]
        assert rest[0].decode().lower() == part.get_content_type().get_media_subtype().lower()
        assert parameters(rest[1]) == their_parameters(part.get_content_type())
        check_extension(*rest[2:], part)
        for i, child in enumerate(children):
            seen |= check_part(child, part.get_part(i), f"{numbers}.{i + 1}".lstrip("."), sections)
    elif isinstance(part, GMime.MessagePart):
        raw = sections[numbers][0]
        assert (ours[0], ours[1], ours[6], ours[9]) == (b"MESSAGE", b"RFC822", len(raw), raw.count(b"\n"))
        check_envelope(ours[7], part.get_message())
        seen |= check_letter(ours[8], part.get_message(), numbers, sections)
    else:
        check_leaf(ours, part, sections[numbers])
    return seen


def check_letter(ours, message, numbers, sections):
    part = message.get_mime_part()
    single = not isinstance(part, GMime.Multipart)
    return check_part(ours, part, f"{numbers}.1".lstrip(".") if single else numbers, sections)


def cut(structure):
    """BODY of a BODYSTRUCTURE."""
    if isinstance(structure[0], list):
        parts = [item for item in structure if isinstance(item, list)]
        count = next(i for i, item in enumerate(structure) if not isinstance(item, list))
        return [*map(cut, parts[:count]), structure[count]]
    if structure[:2] == [b"MESSAGE", b"RFC822"]:
        return [*structure[:8], cut(structure[8]), structure[9]]
    return structure[:8] if structure[0] == b"TEXT" else structure[:7]


def test_random_letters_are_shown_as_they_are():
    letters = [Draw(SEED * 1000000 + i).letter(i % 5).encode() for i in range(LETTERS)]
    for number, (letter, shown) in enumerate(zip(letters, show(*letters))):
        envelope, structure, body, sections = shown
        try:
            message = parse(letter)
            check_envelope(envelope, message)
            assert check_letter(structure, message, "", sections) - {""} == set(sections)
            assert body == cut(structure)
        except Exception:
            print(f"letter {number}:", letter.decode(), structure, sep="\n")
            raise


BROKEN = [b"To: ", b"From: a@b, ", b"Content-Type: multipart/mixed; boundary=b\r\n", b"\r\n", b"--b\r\n",
          b"--b--\r\n", b"\x00", b"\xff", b'"', b"(", b"<", b",", b";", b"Content-Type: message/rfc822\r\n",
          b"Content-Transfer-Encoding: base64\r\n", b"=?x?q?", b"a@b", b"\n", b"\r", b" "]


@pytest.mark.parametrize("seed", range(4))
def test_broken_letters_have_answers_that_can_be_read(seed):
    draw = random.Random(SEED * 100 + seed)
    letters = [b"".join(draw.choice(BROKEN) for _ in range(draw.randint(0, 60))) for _ in range(500)]
    for envelope, structure, body, sections in show(*letters):
        assert len(envelope) == 10 and structure and body
        assert "1" in sections
