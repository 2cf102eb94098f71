"""Every key of SEARCH (RFC 9051 6.4.4, RFC 3501 6.4.4, RFC 5032, RFC 7162, RFC 8474, RFC 8514), as it
is and under NOT, over four letters. Which letters hold what, and the index: test_imap_search."""
import re

import pytest
from imap import Imap

LETTERS = [
    (b"From: Anna <anna@far.test>\r\nTo: bob@near.test\r\nCc: carl@far.test\r\n"
     b"Bcc: dora@far.test\r\nSubject: Minutes of the meeting\r\nDate: Tue, 2 Jan 2024 12:00:00 +0000\r\n"
     b"Message-ID: <1@far.test>\r\nX-Odd: yes\r\n\r\nWe met at noon.\r\n",
     '(\\Seen \\Answered $Work) "03-Jan-2024 09:00:00 +0000"'),
    (b"From: Bert <bert@near.test>\r\nTo: anna@far.test\r\nSubject: Re: Minutes of the meeting\r\n"
     b"Date: Wed, 3 Jan 2024 23:30:00 -0500\r\nMessage-ID: <2@near.test>\r\n"
     b"In-Reply-To: <1@far.test>\r\nReferences: <1@far.test>\r\n\r\nNoon is late.\r\n",
     '(\\Flagged) "04-Jan-2024 09:00:00 +0000"'),
    (b"From: Carl <carl@far.test>\r\nTo: bob@near.test\r\nSubject: Holidays\r\n"
     b"Date: Fri, 5 Jan 2024 12:00:00 +0000\r\nX-Odd:\r\n\r\n" + b"sun and sea\r\n" * 100,
     '(\\Draft \\Deleted) "05-Jan-2024 09:00:00 +0000"'),
    (b"From: dora@far.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMIME-Version: 1.0\r\n"
     b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
     b"bis M=C3=A4rz\r\n", "()"),
]

KEYS = [
    # sets
    ("1,3", "1 3"), ("2:*", "2 3 4"), ("*", "4"), ("UID 1:2", "1 2"), ("UID 9:*", "4"), ("ALL", "1 2 3 4"),
    # flags
    ("SEEN", "1"), ("UNSEEN", "2 3 4"), ("ANSWERED", "1"), ("UNANSWERED", "2 3 4"), ("FLAGGED", "2"),
    ("UNFLAGGED", "1 3 4"), ("DRAFT", "3"), ("UNDRAFT", "1 2 4"), ("DELETED", "3"),
    ("UNDELETED", "1 2 4"), ("KEYWORD $Work", "1"), ("KEYWORD $work", "1"), ("UNKEYWORD $Work", "2 3 4"),
    ("KEYWORD $None", ""), ("NEW", ""), ("RECENT", ""), ("OLD", "1 2 3 4"),
    # when it came
    ("BEFORE 4-Jan-2024", "1"), ("ON 4-Jan-2024", "2"), ("SINCE 4-Jan-2024", "2 3 4"),
    ('ON "4-Jan-2024"', "2"), ("ON 04-Jan-2024", "2"),
    ("OLDER 3600", "1 2 3"), ("YOUNGER 3600", "4"),
    ("SAVEDBEFORE 1-Jan-2025", ""), ("SAVEDSINCE 1-Jan-2025", "1 2 3 4"), ("SAVEDON 4-Jan-2024", ""),
    ("SAVEDATESUPPORTED", "1 2 3 4"),
    # when it was written, whatever the zone
    ("SENTBEFORE 3-Jan-2024", "1"), ("SENTON 3-Jan-2024", "2"), ("SENTSINCE 5-Jan-2024", "3"),
    # header
    ("FROM anna", "1"), ("FROM FAR.TEST", "1 3 4"), ("TO bob@near", "1 3"), ("CC carl", "1"),
    ("BCC dora", "1"), ("SUBJECT meeting", "1 2"), ("SUBJECT {}", "4"), ('SUBJECT "Re:"', "2"),
    ("HEADER X-Odd yes", "1"), ('HEADER X-Odd ""', "1 3"), ("HEADER Message-ID 2@near", "2"),
    ("HEADER X-None x", ""),
    # text
    ("BODY noon", "1 2"), ("BODY meeting", ""), ("TEXT meeting", "1 2"), ("TEXT {}", "4"),
    ("BODY m\u00e4rz", "4"), ("TEXT \"sun and sea\"", "3"),
    # numbers
    ("LARGER 1000", "3"), ("SMALLER 1000", "1 2 4"), ("LARGER 0", "1 2 3 4"), ("SMALLER 0", ""),
    ("MODSEQ 1", "1 2 3 4"), ("MODSEQ 9000000", ""), ('MODSEQ "/flags/\\\\draft" all 1', "1 2 3 4"),
    # together
    ("SEEN ANSWERED", "1"), ("SEEN FLAGGED", ""), ("OR SEEN FLAGGED", "1 2"),
    ("OR (SEEN ANSWERED) (FLAGGED UNSEEN)", "1 2"), ("(FROM far UNSEEN)", "3 4"), ("NOT NOT SEEN", "1"),
    ("OR NOT SEEN SEEN", "1 2 3 4"), ("1:3 NOT (FROM anna)", "2 3"), ("((((SEEN))))", "1"),
    ("seen", "1"), ("nOt SeEn", "2 3 4"),
]


@pytest.fixture(scope="module")
def full(office):
    with Imap(office.new_user()) as box:
        for letter, options in LETTERS:
            box.append(letter, options=options + " ")
        box.ok("SELECT INBOX")
        yield box


def literals(key):
    return ["Grüße".encode() if "SUBJECT" in key else "bis märz".encode()] * key.count("{}")


@pytest.mark.parametrize("key, found", KEYS)
def test_a_key_and_its_opposite(full, key, found):
    charset = "CHARSET UTF-8 " if not key.isascii() or "{}" in key else ""
    plain, = full.ok(f"SEARCH {charset}{key}", *literals(key))
    assert re.sub(r" \(MODSEQ \d+\)$", "", plain).split()[2:] == found.split()
    others = [n for n in "1 2 3 4".split() if n not in found.split()]
    opposite, = full.ok(f"SEARCH {charset}NOT ({key})", *literals(key))
    assert re.sub(r" \(MODSEQ \d+\)$", "", opposite).split()[2:] == others
    by_uid, = full.ok(f"UID SEARCH {charset}{key}", *literals(key))
    assert by_uid == plain  # nothing was expunged here


def test_ids_find_what_bears_them(full):
    for number, line in enumerate(full.ok("FETCH 1:* (EMAILID THREADID)"), 1):
        email, thread = re.search(r"EMAILID \((\w+)\)", line)[1], re.search(r"THREADID \((\w+)\)", line)[1]
        assert full.ok(f"SEARCH EMAILID {email}") == [f"* SEARCH {number}"]
        same = "1 2" if number < 3 else str(number)
        assert full.ok(f"SEARCH THREADID {thread}") == [f"* SEARCH {same}"]
    assert full.ok("SEARCH EMAILID E0nonsense0") == ["* SEARCH"]


def test_a_result_that_was_kept_is_a_key(full):
    full.ok("SEARCH RETURN (SAVE) FROM far")
    assert full.ok("SEARCH $") == ["* SEARCH 1 3 4"]
    assert full.ok("SEARCH NOT $") == ["* SEARCH 2"]
    assert full.ok("SEARCH $ UNSEEN") == ["* SEARCH 3 4"]
    assert full.ok("UID SEARCH UID $") == ["* SEARCH 1 3 4"]


def test_charsets(full):
    assert full.ok("SEARCH CHARSET us-ascii SUBJECT meeting") == ["* SEARCH 1 2"]
    for name in ("ISO-8859-1", "X-NONE"):
        assert "[BADCHARSET (UTF-8 US-ASCII)]" in full.no(f"SEARCH CHARSET {name} ALL")


@pytest.mark.parametrize("options, told", [
    ("()", "ALL 1,3:4"), ("(ALL)", "ALL 1,3:4"), ("(MIN)", "MIN 1"), ("(MAX)", "MAX 4"),
    ("(COUNT)", "COUNT 3"), ("(MIN MAX COUNT ALL)", "MIN 1 MAX 4 COUNT 3 ALL 1,3:4")])
def test_what_return_asks_for(full, options, told):
    line, = full.ok(f"UID SEARCH RETURN {options} FROM far")
    assert re.fullmatch(rf'\* ESEARCH \(TAG "t\d+"\) UID {told}', line)
    nothing, = full.ok(f"SEARCH RETURN {options} FROM nobody")
    wanted = " COUNT 0" if "COUNT" in options else ""
    assert re.fullmatch(rf'\* ESEARCH \(TAG "t\d+"\){wanted}', nothing)


@pytest.mark.parametrize("wrong", [
    "", "SEEN ", " SEEN", "NOT", "OR SEEN", "(SEEN", "()", "SEEN)", "KEYWORD", "FROM", "HEADER From",
    "BEFORE yesterday", "ON 4-Feb", "LARGER x", "LARGER -1", "UID", "UID x", "0", "1:0", "OLDER 0",
    "MODSEQ", "MODSEQ -1", "CHARSET", "NONSENSE", "RETURN (NONSENSE) ALL", "RETURN ALL ALL", "EMAILID"])
def test_what_is_no_search(office, wrong):
    with Imap(office.new_user()) as box:
        box.ok("SELECT INBOX")
        box.no(f"SEARCH {wrong}", how="BAD")
        assert box.ok("SEARCH ALL") == ["* SEARCH"]


def test_a_hundred_keys_and_what_joins_them(full):
    assert full.ok("SEARCH " + " ".join(["OR SEEN FLAGGED"] * 50)) == ["* SEARCH 1 2"]
    assert full.ok("SEARCH " + "OR SEEN " * 30 + "FLAGGED") == ["* SEARCH 1 2"]
    full.no("SEARCH " + " ".join(["SEEN"] * 201))
    full.no("SEARCH " + "NOT " * 33 + "SEEN")
