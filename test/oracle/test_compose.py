"""Random letters, composed here and read back with Python's email package: everything that went in
comes out, nested as it should be, without a defect."""
import base64
import datetime
import email
import email.header
import email.policy
import email.utils
import json
import os
import pathlib
import random
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("COMPOSE_LETTER", ROOT / "build/test/compose_letter"))
SEED = int(os.environ.get("COMPOSE_SEED", "4"))
LETTERS = int(os.environ.get("COMPOSE_LETTERS", "600"))
WORDS = ["Hallo", "Grüße", "a", "von", "привет", "мир", "日本語のとても長い件名です", "🎉", "👩‍👩‍👧", "=?utf-8?q?x?=",
         "e\u0301", "(comment)", '"quoted"', "back\\slash", "a,b;c", "<x>", "@", "100%", "it's",
         "Straße", "x" * 70, "ü" * 60, "=", "?=", "naïve", "end."]


def compose(*letters):
    """[(letter's bytes, needs SMTPUTF8, Message-ID) or the words of a refusal]"""
    lines = "".join(json.dumps(letter) + "\n" for letter in letters)
    done = subprocess.run([PROGRAM], input=lines.encode(), capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr
    rest, found = done.stdout, []
    for _ in letters:
        line, rest = rest.split(b"\n", 1)
        length, words = line.decode().split(" ", 1)
        if int(length) < 0:
            found.append(words)
            continue
        utf8, message_id = words.split(" ", 1)
        found.append((rest[:int(length)], utf8 == "1", message_id))
        rest = rest[int(length):]
    assert rest == b""
    return found


class Draw:
    """Draws parts of letters."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def chance(self, part):
        return self.random.random() < part

    def words(self, most):
        return " ".join(self.random.choice(WORDS) for _ in range(self.random.randint(1, most)))

    def mailbox(self):
        local = self.random.choice(["anna", "o'brien", "a.b+c", "two words", 'q"uote', "a..b", "x" * 64])
        return {"name": self.words(6) if self.chance(0.7) else "", "local": local,
                "domain": self.random.choice(["example.test", "mail.example.org", "bücher.example"])}

    def list(self, most):
        return [self.mailbox() for _ in range(self.random.randint(0, most))]

    def text(self):
        kind = self.random.randrange(5)
        if kind == 0:
            return "Plain lines\r\nof ASCII\r\n" * self.random.randint(1, 50)
        if kind == 1:
            return "lang " * self.random.randint(1, 600) + "\n\r\n. \n.\nFrom here\t\n no end"
        if kind == 2:
            return "".join(chr(self.random.choice([1, 9, 10, 13, 32, 61, 65, 233, 8364, 128512]))
                           for _ in range(self.random.randint(1, 3000)))
        if kind == 3:
            return "\n".join(self.words(20) for _ in range(self.random.randint(1, 30)))
        return "漢字" * self.random.randint(1, 2000)

    def attachment(self):
        data = self.random.randbytes(self.random.choice([0, 1, 56, 57, 58, 200, 70000]))
        kind = self.random.choice(["", "image/png", "application/pdf", "text/csv; charset=iso-8859-1",
                                   'text/calendar; method="REQUEST"', "application/x.y+json"])
        return {"name": self.random.choice(["", "a.pdf", "Rechnung März.pdf", 'a "b" \\c.txt',
                                            "日本語" * 40 + ".xlsx", "x" * 255, "y" * 400, " z ",
                                            "100%'*.txt", self.words(5)]),
                "type": kind, "bytes": base64.b64encode(data).decode(), "inline": self.chance(0.4),
                "content_id": f"c{self.random.randrange(10**9)}@x" if self.chance(0.5) else ""}

    def letter(self):
        letter = {"id": self.random.getrandbits(62), "date_ms": self.random.randrange(4 * 10**12),
                  "from": [self.mailbox()], "sender": self.list(1), "reply_to": self.list(2),
                  "to": self.list(12), "cc": self.list(3),
                  "subject": self.words(30) if self.chance(0.9) else "",
                  "html_alone": self.chance(0.3), "headers": []}
        if self.chance(0.5):
            letter["message_id"] = f"<{self.random.getrandbits(64):x}.client@app.example>"
        for i in range(self.random.randint(0, 4)):
            name = "X-" + "N" * self.random.choice([1, 10, 60]) + str(i)
            letter["headers"].append({"name": name, "value": self.words(40)})
        letter["headers"].append({"name": "References",
                                  "value": " ".join(f"<{i}.{'r' * 60}@x.example>" for i in range(5))})
        for part in ("text", "html", "amp"):
            if self.chance(0.6):
                letter[part] = self.text()
        letter["bodies"] = [{"type": "text/calendar; method=REQUEST", "text": self.text()}] \
            if self.chance(0.2) else []
        letter["attachments"] = [self.attachment() for _ in range(self.random.choice([0, 0, 1, 2, 5]))]
        return letter


def ends(text):
    """With the line ends of letters."""
    return re.sub("\r\n|\r|\n", "\r\n", text)


def a_label(domain):
    return domain.encode("idna").decode()


def one_blank(text):
    return re.sub("[ \t]+", " ", text).strip()


def names(raw, field):
    """Display names, read with the older half of the email package: the newer one of Python 3.11
    leaves the blanks between two encoded words of a phrase (RFC 2047 6.2)."""
    value = email.message_from_bytes(raw, policy=email.policy.compat32)[field]
    return [str(email.header.make_header(email.header.decode_header(name)))
            for name, _ in email.utils.getaddresses([value.replace("\r\n", "")])]


def check_addresses(message, letter, raw):
    for field in ("from", "sender", "reply_to", "to", "cc"):
        name = field.replace("_", "-").title()
        given = letter[field]
        if not given:
            assert field == "to" and not letter["cc"] or message[name] is None
            continue
        found = [(a.username, a.domain) for a in message[name].addresses]
        assert found == [(g["local"], a_label(g["domain"])) for g in given]
        assert names(raw, name) == [g["name"] for g in given]


def check_header(message, letter, raw):
    check_addresses(message, letter, raw)
    if letter["subject"]:
        assert one_blank(str(message["Subject"])) == one_blank(letter["subject"])
    else:
        assert message["Subject"] is None
    when = datetime.datetime.fromtimestamp(letter["date_ms"] // 1000, datetime.timezone.utc)
    assert message["Date"].datetime == when
    if "message_id" in letter:
        assert message["Message-ID"] == letter["message_id"]
    else:
        assert re.fullmatch(r"<[0-9a-z]{13}@mail\.example\.test>", message["Message-ID"])
    for header in letter["headers"]:
        assert one_blank(str(message[header["name"]])) == one_blank(header["value"])
    assert message["Bcc"] is None and message["MIME-Version"] == "1.0"


def shape(part):
    """Nesting as text: mixed(alternative(text/plain,text/html),…)"""
    if part.is_multipart():
        return f"{part.get_content_subtype()}({','.join(shape(p) for p in part.iter_parts())})"
    return part.get_content_type()


def expected_shape(letter, made_text):
    beside = [a for a in letter["attachments"]
              if a["inline"] and a["content_id"] and letter.get("html")]
    others = [a for a in letter["attachments"] if a not in beside]
    kind = lambda a: a["type"].split(";")[0] or "application/octet-stream"  # noqa: E731
    bodies = [t for t, there in (("text/plain", letter.get("text") or made_text),
                                 ("text/x-amp-html", letter.get("amp")),
                                 ("text/html", letter.get("html"))) if there]
    bodies += ["text/calendar" for _ in letter["bodies"]]
    if not bodies and not others:
        bodies = ["text/plain"]
    inner = f"alternative({','.join(bodies)})" if len(bodies) > 1 else "".join(bodies)
    if beside:
        inner = f"related({','.join([inner, *map(kind, beside)])})"
    parts = ([inner] if inner else []) + list(map(kind, others))
    return (f"mixed({','.join(parts)})" if len(parts) > 1 else parts[0]), beside + others


def leaves(message):
    return [part for part in message.walk() if not part.is_multipart()]


def check_text(part, given, alone):
    found = part.get_payload(decode=True).decode(part.get_content_charset())
    assert part.get_content_charset() == ("us-ascii" if given.isascii() else "utf-8")
    wanted = ends(given)
    if wanted and alone and part["Content-Transfer-Encoding"] != "base64" and not wanted.endswith("\r\n"):
        wanted += "\r\n"
    assert found == wanted


def check_attachment(part, given):
    assert part.get_payload(decode=True) == base64.b64decode(given["bytes"])
    assert (part.get_filename() or "") == email.utils.unquote(given["name"]).strip()  # as it does
    assert part.get_content_disposition() == ("inline" if given["inline"] else "attachment")
    assert (part["Content-ID"] or "") == (f"<{given['content_id']}>" if given["content_id"] else "")
    if "charset" in given["type"]:
        assert part.get_content_charset() == "iso-8859-1"
    if "method" in given["type"]:
        assert part.get_param("method") == "REQUEST"


def check_parts(message, letter):
    made = bool(letter.get("html")) and not letter.get("text") and not letter["html_alone"]
    found = leaves(message)
    if made and found[0].get_content_type() != "text/plain":
        made = False  # the HTML has no text; test_html has what text is made
    wanted, attachments = expected_shape(letter, made)
    assert shape(message) == wanted
    texts = [letter.get(part) for part in ("text", "amp", "html")] + [b["text"] for b in letter["bodies"]]
    texts = [text for text in texts if text] or ([] if attachments else [""])
    if made:
        found.pop(0)
    for part, given in zip(found, texts):
        check_text(part, given, not message.is_multipart())
    assert len(found) == len(texts) + len(attachments)
    for part, given in zip(found[len(texts):], attachments):
        check_attachment(part, given)


def check_lines(raw):
    assert raw.endswith(b"\r\n") and b"\0" not in raw
    lines = raw.split(b"\r\n")
    assert not any(b"\r" in line or b"\n" in line or len(line) > 998 for line in lines)
    header = raw.split(b"\r\n\r\n")[0].split(b"\r\n")
    assert all(line.isascii() for line in header)
    assert [line for line in header if len(line) > 76 and re.search(rb"=\?utf-8\?|\*=", line)] == []
    assert all(line.strip() for line in header)


def check_no_defects(message):
    for part in message.walk():
        assert part.defects == []
        for name, value in part.items():
            assert not value.defects, (name, value.defects)


def check(raw, letter):
    check_lines(raw)
    message = email.message_from_bytes(raw, policy=email.policy.default)
    check_header(message, letter, raw)
    check_parts(message, letter)
    check_no_defects(message)


def test_random_letters_come_out_as_they_went_in():
    drawn = [Draw(SEED * 1000000 + i).letter() for i in range(LETTERS)]
    for number, (letter, (raw, utf8, message_id)) in enumerate(zip(drawn, compose(*drawn))):
        try:
            check(raw, letter)
            assert not utf8 and f"Message-ID: {message_id}\r\n".encode() in raw
        except Exception:
            print(f"letter {number}:", json.dumps(letter)[:3000], raw.split(b"\r\n\r\n")[0].decode("latin1"), sep="\n")
            raise


def gmime_parts(part, gmime):
    if isinstance(part, gmime.Multipart):
        return [leaf for i in range(part.get_count()) for leaf in gmime_parts(part.get_part(i), gmime)]
    return [part]


def gmime_bytes(part, gmime):
    stream = gmime.StreamMem.new()
    part.get_content().write_to_stream(stream)
    stream.flush()
    return bytes(stream.get_byte_array())


def test_gmime_reads_the_same():
    import gi  # Debian's python3-gi, gir1.2-gmime-3.0
    gi.require_version("GMime", "3.0")
    from gi.repository import GMime
    GMime.init()
    drawn = [Draw(SEED * 1000000 + i).letter() for i in range(min(LETTERS, 200))]
    for letter, (raw, _, _) in zip(drawn, compose(*drawn)):
        message = GMime.Parser.new_with_stream(GMime.StreamMem.new_with_buffer(raw)).construct_message()
        assert one_blank(message.get_subject() or "") == one_blank(letter["subject"])
        for kind, field in ((GMime.AddressType.TO, "to"), (GMime.AddressType.CC, "cc")):
            found = message.get_addresses(kind)
            found = [found.get_address(i) for i in range(found.length())]
            if letter[field]:
                assert [a.get_name() or "" for a in found] == [g["name"] for g in letter[field]]
                assert [a.get_idn_addr().split("@")[-1] for a in found] == \
                    [a_label(g["domain"]) for g in letter[field]]
        _, attachments = expected_shape(letter, False)
        parts = gmime_parts(message.get_mime_part(), GMime)
        for part, given in zip(parts[len(parts) - len(attachments):], attachments):
            assert (part.get_filename() or "") == given["name"]
            assert gmime_bytes(part, GMime) == base64.b64decode(given["bytes"])


PLAIN = {"id": 7, "date_ms": 0, "from": [{"name": "", "local": "a", "domain": "x.test"}],
         "to": [{"name": "Bo", "local": "b", "domain": "y.test"}], "subject": "s", "text": "t"}


def test_an_address_that_needs_smtputf8():
    to = [{"name": "Jürgen", "local": "jürgen", "domain": "bücher.example"}]
    (raw, utf8, _), (_, other, _) = compose({**PLAIN, "to": to}, PLAIN)
    assert utf8 and not other
    assert "<jürgen@bücher.example>".encode() in raw


def test_a_boundary_that_the_text_holds_is_not_taken():
    (raw, _, _), = compose({**PLAIN, "html": "x"})
    stem = re.search(rb'boundary="(=_\w+_)0_2"', raw).group(1).decode()
    text = f"--{stem}0_2--\r\n--{stem}1_2\r\n"
    (raw, _, _), = compose({**PLAIN, "text": text, "html": "<p>y"})
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert [part.get_payload(decode=True) for part in message.iter_parts()] == [text.encode(), b"<p>y"]


def test_a_letter_in_a_letter():
    inner = b"From: x@y.test\r\nSubject: inner\r\n\r\nhello\r\n"
    eight = inner.replace(b"hello", "grüß".encode())
    attach = [{"name": f"{i}.eml", "type": "message/rfc822", "bytes": base64.b64encode(data).decode()}
              for i, data in enumerate((inner, eight))]
    (raw, _, _), = compose({**PLAIN, "attachments": attach})
    message = email.message_from_bytes(raw, policy=email.policy.default)
    _, first, second = message.iter_parts()
    assert first.get_content_type() == "message/rfc822" and first.get_content()["Subject"] == "inner"
    assert second.get_content_type() == "application/octet-stream"
    assert second.get_content() == eight
    check_no_defects(message)


ATTACHMENT = {"name": "a", "type": "a/b", "bytes": ""}
BREAKS = ["\r", "\n", "\0", "\r\nBcc: victim@x.test"]
REFUSED = {
    "0 0 name": [{**PLAIN, "from": [{**PLAIN["from"][0], "name": "n" + b}]} for b in BREAKS],
    "0 0 address": [{**PLAIN, "from": [{**PLAIN["from"][0], place: "a" + b}]}
                    for b in BREAKS for place in ("local", "domain")],
    "5 0 -": [{**PLAIN, "subject": "a" + b} for b in BREAKS],
    "6 0 -": [{**PLAIN, "message_id": f"<a{b}@c>"} for b in [*BREAKS, " ", "ü", ">"]],
    "7 0 value": [{**PLAIN, "headers": [{"name": "X-A", "value": "a" + b}]} for b in BREAKS],
    "7 0 name": [{**PLAIN, "headers": [{"name": name, "value": "a"}]}
                 for name in [*("X" + b for b in BREAKS), "", "X:", "X Y", "Ü", "X" * 127, "bcc",
                              "Received", "Content-Type", "dkim-signature", "MIME-Version", "To"]],
    "8 0 -": [{**PLAIN, "text": "a\0b"}],
    "10 0 -": [{**PLAIN, "html": "a\0b"}],
    "11 0 type": [{**PLAIN, "bodies": [{"type": kind, "text": "x"}]}
                  for kind in [*("text/x" + b for b in BREAKS), "image/png", "text", "multipart/x"]],
    "12 0 name": [{**PLAIN, "attachments": [{**ATTACHMENT, "name": "a" + b}]}
                  for b in [*BREAKS, "x" * 1001]],
    "12 0 type": [{**PLAIN, "attachments": [{**ATTACHMENT, "type": "a/b" + b}]}
                  for b in [*BREAKS, "; x=\"a\r\nBcc: y\"", "; x y", "c d", "/e"]] +
                 [{**PLAIN, "attachments": [{**ATTACHMENT, "type": "multipart/mixed"}]}],
    "12 0 content_id": [{**PLAIN, "attachments": [{**ATTACHMENT, "content_id": "a" + b}]}
                        for b in [*BREAKS, " b", "ü", "><"]],
}


@pytest.mark.parametrize("fault", REFUSED)
def test_no_field_lets_another_in(fault):
    for letter, found in zip(REFUSED[fault], compose(*REFUSED[fault])):
        assert isinstance(found, str) and found.startswith(fault + ":"), (letter, found)
