"""Letters as people have them, always the same ones: a corpus for boxload.

Of 5 KiB each: header fields of two hops and a signature, multipart/alternative of text and HTML in
quoted-printable, a tenth of them in base64; threads of four letters; words by Zipf's law. COMMON is
in every third letter, RARE in three, MISSING in none, TOPIC in the subject of every fifth thread.
"""
import base64
import itertools
import random

BYTES = 5120
COMMON, RARE, MISSING = "Quartalszahlen", "Xylothek", "Yggdrasilium"
TOPIC = "Sommerfest"
SYLLABLES = ("an", "ber", "chi", "da", "en", "fol", "ge", "hin", "ir", "jo", "ka", "lun", "mi",
             "no", "or", "pla", "quo", "re", "sta", "ti", "un", "ver", "wol", "za")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Author:
    def __init__(self, seed=5):
        self.random = random.Random(seed)
        self.words = sorted({"".join(self.random.choices(SYLLABLES, k=self.random.randint(1, 4)))
                             for _ in range(20000)})
        self.random.shuffle(self.words)
        self.weights = list(itertools.accumulate(1 / rank for rank in range(1,
                                                                            len(self.words) + 1)))

    def some(self, count):
        return self.random.choices(self.words, cum_weights=self.weights, k=count)

    def letters_of(self, alphabet, count):
        return "".join(self.random.choices(alphabet, k=count))

    def person(self):
        first, last, domain = self.some(3)
        return f"{first.title()} {last.title()} <{first}.{last}@{domain}.example>"

    def lines(self, size, special):
        """Text of that size at least, the special words in its middle."""
        found, length = [], 0
        while length < size:
            found.append(" ".join(self.some(10)).capitalize() + ".")
            length += len(found[-1]) + 2
        if special:
            found[len(found) // 2] = " ".join(special)
        return found

    def part(self, kind, lines, encoding):
        text = "\r\n".join(lines) + "\r\n"
        if encoding == "base64":
            text = base64.encodebytes(text.encode()).decode().replace("\n", "\r\n")
        else:
            text = text.replace("=", "=3D")
        return (f"Content-Type: text/{kind}; charset=utf-8\r\n"
                f"Content-Transfer-Encoding: {encoding}\r\n\r\n{text}")

    def header(self, number, boundary):
        base = number - number % 4  # of its thread
        mine, topic = (f"{n:06d}.{n * 2654435761 % 2**32:08x}@mail.example.org" for n in (number,
                                                                                       base))
        day = f"{DAYS[number // 1440 % 7]}, {1 + number // 1440 % 28} Jun 2026" \
              f" {number // 60 % 24:02d}:{number % 60:02d}:{number % 59:02d} +0200"
        subject = " ".join(random.Random(base).choices(self.words[:3000], k=5) +
                           [TOPIC] * (base % 20 == 0))
        alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
        fields = [f"Received: from mx{hop}.example.org (mx{hop}.example.org [192.0.2.{hop}])\r\n"
                  f"\tby mail.example.net with ESMTPS id {self.letters_of(alphabet[:52], 12)}\r\n"
                  f"\tfor <user@example.test>; {day}" for hop in (1, 2)]
        fields += ["DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=s1;\r\n"
                   "\th=From:To:Subject:Date:Message-ID; bh=" +
                   self.letters_of(alphabet, 43) + "=;\r\n\tb=" +
                   "\r\n\t ".join(self.letters_of(alphabet, 64) for _ in range(5)) + "=",
                   f"From: {self.person()}", f"To: {self.person()}, {self.person()}"]
        if number % 3 == 0:
            fields.append(f"Cc: {self.person()}")
        fields += [f"Subject: {'Re: ' if number > base else ''}{subject}", f"Date: {day}",
                   f"Message-ID: <{mine}>"]
        if number > base:
            fields += [f"In-Reply-To: <{topic}>", f"References: <{topic}>"]
        fields += ["MIME-Version: 1.0",
                   f"Content-Type: multipart/alternative; boundary=\"{boundary}\"",
                   "X-Mailer: Example Mailer 7.1"]
        return "\r\n".join(fields) + "\r\n\r\n"

    def letter(self, number, count):
        boundary = f"=_{number:08x}.{self.letters_of('0123456789abcdef', 16)}"
        special = [COMMON] * (number % 3 == 1) + [RARE] * (number % (count // 3) == 7)
        encoding = "base64" if number % 10 == 0 and not special else "quoted-printable"
        head = self.header(number, boundary)
        room = BYTES - len(head) - 420
        text = self.lines(room * 2 // 5 * (3 if encoding == "base64" else 4) // 4, special)
        html = ["<html><body>"] + [f"<p>{line}</p>" for line in text] + ["</body></html>"]
        body = (f"{head}--{boundary}\r\n{self.part('plain', text, encoding)}"
                f"--{boundary}\r\n{self.part('html', html, encoding)}--{boundary}--\r\n")
        while len(body) < BYTES:  # the epilogue
            body += " ".join(self.some(9))[:max(0, BYTES - len(body) - 2)] + "\r\n"
        return body.encode()


def write(path, count):
    """The file, and how many letters hold each of the words."""
    author, holds = Author(), dict.fromkeys((COMMON, RARE, MISSING, TOPIC), 0)
    with open(path, "wb") as file:
        for number in range(count):
            letter = author.letter(number, count)
            file.write(b"%d\n%s\r\n" % (len(letter), letter))
            for word in holds:
                holds[word] += word.encode() in letter
    return path, holds
