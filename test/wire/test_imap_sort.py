"""SORT and THREAD (RFC 5256, RFC 5267, RFC 5957) as a client sees them."""
import re

import pytest
from imap import Imap


@pytest.fixture(scope="module")
def office(make_office):
    return make_office()


@pytest.fixture
def box(office):
    with Imap(office.new_user()) as box:
        box.ok("SELECT INBOX")
        yield box


def letter(subject="s", date="Wed, 25 Nov 2026 10:00:00 +0000", text="x", **fields):
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    if date:
        head += f"Date: {date}\r\n"
    return f"{head}Subject: {subject}\r\n\r\n{text}\r\n".encode()


def fill(box, *letters):
    for one in letters:
        box.append(one if isinstance(one, bytes) else letter(**one))
    box.ok("NOOP")


def order(box, criteria, program="ALL", charset="UTF-8", command="SORT"):
    answer, = (line for line in box.ok(f"{command} ({criteria}) {charset} {program}")
               if line.startswith("* SORT"))
    return [int(word) for word in answer.split()[2:]]


# --- each key

def test_subject_is_the_base_subject_without_case(box):
    fill(box, {"subject": "b"}, {"subject": "Re: A"}, {"subject": "[list] c (fwd)"}, {"subject": ""},
         {"subject": "a"}, {"subject": "=?utf-8?q?=C3=A4?="}, {"subject": "Fwd: Z"})
    assert order(box, "SUBJECT") == [4, 2, 5, 6, 1, 3, 7]
    assert order(box, "REVERSE SUBJECT") == [7, 3, 1, 6, 2, 5, 4]


def test_addresses_are_sorted_by_their_local_part(box):
    fill(box, {"From": "Zoe <b@x.test>", "To": "c@x.test, a@x.test", "Cc": "b@x.test"},
         {"From": "Adam <C@a.test>", "To": "Team: b@x.test;", "Cc": "=?utf-8?q?=C3=A4?= <a@x.test>"},
         {"From": "a@z.test", "To": "A@x.test"})
    assert order(box, "FROM") == [3, 1, 2]
    assert order(box, "TO") == [3, 1, 2]
    assert order(box, "CC") == [3, 2, 1]


def test_display_names_are_what_is_shown(box):
    fill(box, {"From": "Zoe <b@x.test>", "To": "m@x.test"},
         {"From": "adam@a.test", "To": "Team: b@x.test;"},
         {"From": "=?utf-8?q?B=C3=A4r?= <a@z.test>", "To": '"Anna, A." <z@x.test>'}, {})
    assert order(box, "DISPLAYFROM") == [4, 2, 3, 1]
    assert order(box, "DISPLAYTO") == [4, 3, 1, 2]


def test_date_is_the_letters_own_in_utc_or_when_it_came(box):
    fill(box, {"date": "Wed, 25 Nov 2026 10:00:00 +0100"}, {"date": "25 Nov 2026 9:30 +0000"},
         {"date": "Wed, 25 Nov 2026 08:00:00 -0200"}, {"date": "25 Nov 26 01:00:00 EST"},
         {"date": "Tue, 24 Nov 2026 nonsense"})
    box.append(letter(date=None), options='"25-Nov-2026 09:10:00 +0000" ')
    box.append(letter(date="yesterday"), options='"01-Jan-1990 00:00:00 +0000" ')
    assert order(box, "DATE") == [7, 5, 4, 1, 6, 2, 3]


def test_arrival_and_size(box):
    for day, text in ((3, "x"), (1, "xxx"), (2, "xx")):
        box.append(letter(text=text), options=f'"0{day}-Jan-2026 00:00:00 +0000" ')
    assert order(box, "ARRIVAL") == [2, 3, 1]
    assert order(box, "SIZE") == [1, 3, 2]
    assert order(box, "REVERSE SIZE") == [2, 3, 1]


def test_keys_behind_decide_between_equals_and_the_mailbox_last(box):
    fill(box, {"subject": "a", "text": "xx"}, {"subject": "b", "text": "x"},
         {"subject": "a", "text": "x"}, {"subject": "a", "text": "xx"})
    assert order(box, "SUBJECT SIZE") == [3, 1, 4, 2]
    assert order(box, "SUBJECT REVERSE SIZE") == [1, 4, 3, 2]
    assert order(box, "REVERSE SUBJECT SIZE") == [2, 3, 1, 4]
    assert order(box, "SIZE SIZE REVERSE SUBJECT") == [2, 3, 1, 4]
    assert order(box, "REVERSE CC") == [1, 2, 3, 4]


# --- the search before it, and the answers

def test_only_what_the_search_finds_is_sorted(box):
    fill(box, {"subject": "c"}, {"subject": "b"}, {"subject": "a"}, {"subject": "b"})
    box.ok("STORE 1,3 +FLAGS (\\Seen)")
    assert order(box, "SUBJECT", "SEEN") == [3, 1]
    assert order(box, "SUBJECT", "2:4 UNSEEN") == [2, 4]
    assert order(box, "SUBJECT", "SUBJECT b", "us-ascii") == [2, 4]
    assert order(box, "SUBJECT", "SUBJECT nobody") == []
    box.ok("STORE 1 +FLAGS (\\Deleted)")
    box.ok("EXPUNGE")
    assert order(box, "SUBJECT", command="UID SORT") == [3, 2, 4]
    assert order(box, "SUBJECT") == [2, 1, 3]


def test_what_is_not_sorted(box):
    assert order(box, "SUBJECT") == []
    for wrong in ("SORT SUBJECT UTF-8 ALL", "SORT () UTF-8 ALL", "SORT (REVERSE) UTF-8 ALL",
                  "SORT (COLOUR) UTF-8 ALL", "SORT (SUBJECT) ALL", "SORT (SUBJECT) UTF-8",
                  "SORT (SUBJECT)UTF-8 ALL", "SORT RETURN (FIRST) (SUBJECT) UTF-8 ALL"):
        box.no(wrong, how="BAD")
    assert "BADCHARSET" in box.no("SORT (SUBJECT) KLINGON ALL")


def test_esort(box):
    fill(box, *({"subject": subject} for subject in "dacb"))

    def esort(options, program="ALL", command="SORT"):
        return box.ok(f"{command} RETURN ({options}) (SUBJECT) UTF-8 {program}")[0].split(")", 1)[1]

    assert esort("") == " ALL 2,4,3,1"
    assert esort("ALL") == " ALL 2,4,3,1"
    assert esort("MIN MAX COUNT") == " MIN 2 MAX 1 COUNT 4"
    assert esort("COUNT", "SUBJECT x") == " COUNT 0"
    assert esort("ALL MIN", "SUBJECT x") == ""
    assert esort("MAX", "2:4", "UID SORT") == " UID MAX 3"
    fill(box, {"subject": "e"}, {"subject": "f"})
    assert esort("ALL", "4:6") == " ALL 4:6"


def test_a_sorted_result_can_be_saved(box):
    fill(box, *({"subject": subject} for subject in "dacb"))
    assert box.ok("SORT RETURN (SAVE) (SUBJECT) UTF-8 2:4") == []
    assert box.ok("SEARCH $") == ["* SEARCH 2 3 4"]
    box.ok("SORT RETURN (SAVE MIN MAX) (SUBJECT) UTF-8 ALL")
    assert box.ok("SEARCH $") == ["* SEARCH 1 2"]
    box.ok("SORT RETURN (SAVE MIN) (SUBJECT) UTF-8 ALL")
    assert box.ok("SEARCH $") == ["* SEARCH 2"]


def test_modseq_is_told_where_it_was_asked_for(box):
    fill(box, {"subject": "b"}, {"subject": "a"})
    answer, = box.ok("SORT (SUBJECT) UTF-8 MODSEQ 1")
    assert re.fullmatch(r"\* SORT 2 1 \(MODSEQ \d+\)", answer)
    answer, = box.ok("SORT RETURN (COUNT) (SUBJECT) UTF-8 MODSEQ 1")
    assert re.search(r"COUNT 2 MODSEQ \d+$", answer)


def test_what_others_took_out_is_not_sorted(office):
    user = office.new_user()
    with Imap(user) as box, Imap(user) as other:
        for one in (box, other):
            one.ok("SELECT INBOX")
        fill(box, *({"subject": subject} for subject in "cba"))
        assert order(box, "SUBJECT") == [3, 2, 1]
        other.ok("NOOP")
        other.ok("STORE 2 +FLAGS (\\Deleted)")
        other.ok("EXPUNGE")
        assert order(box, "SUBJECT") == [3, 1]
        assert box.ok("THREAD ORDEREDSUBJECT UTF-8 ALL")[0] == "* THREAD (1)(3)"


def test_the_capabilities_are_told(box):
    told = set(box.ok("CAPABILITY")[0].split())
    assert {"SORT", "SORT=DISPLAY", "ESORT", "THREAD=REFERENCES", "THREAD=ORDEREDSUBJECT"} <= told


# --- threads

def threads(box, how="REFERENCES", program="ALL", command="THREAD"):
    answer, = (line for line in box.ok(f"{command} {how} UTF-8 {program}")
               if line.startswith("* THREAD"))
    return answer[9:]


def say(own, references="", subject="s", day=1, **fields):
    if references:
        fields["References"] = references
    return {"Message_ID": f"<{own}@x>", "subject": subject, **fields,
            "date": f"{day} Nov 2026 10:00:00 +0000"}


def test_a_conversation(box):
    fill(box, say("1"), say("2", "<1@x>", day=2), say("3", "<1@x> <2@x>", day=3),
         say("4", "<1@x>", day=4), say("9", subject="other", day=5),
         say("5", subject="Re: [list] S", day=6), say("7", In_Reply_To="yours <9@x>", subject="t"))
    assert threads(box) == "(1 (2 3)(4)(6))(5 7)"
    assert threads(box, program="2:4") == "((2 3)(4))"
    assert threads(box, program="SUBJECT nobody") == ""
    box.ok("STORE 1 +FLAGS (\\Deleted)")
    box.ok("EXPUNGE")
    assert threads(box, command="UID THREAD") == "((2 3)(4)(6))(5 7)"


def test_ordered_subject(box):
    fill(box, say("1", day=3), say("2", subject="t", day=1), say("3", subject="Re: s", day=2),
         say("4", subject="S", day=4), say("5", subject="", day=5), say("6", subject="Re:", day=6))
    assert threads(box, "ORDEREDSUBJECT") == "(2)(3 (1)(4))(5 6)"


def test_what_threads_are_not(box):
    for wrong in ("THREAD REFERENCES ALL", "THREAD REFERENCES UTF-8", "THREAD UTF-8 ALL",
                  "THREAD BYCOLOUR UTF-8 ALL", "THREAD REFERENCES UTF-8 ALL more"):
        box.no(wrong, how="BAD")
    assert "BADCHARSET" in box.no("THREAD REFERENCES KLINGON ALL")


def test_a_list_of_ten_thousand_ids_is_cut(box):
    ids = "\r\n ".join(f"<{n}@y>" for n in range(10000))
    fill(box, say("a", ids), say("b", "<0@y>", subject="t"), say("c", "<9999@y>", subject="u"),
         say("d", "<5000@y>", subject="v"))
    assert threads(box) == "((1)(2)(3))(4)", "the first and the newest count"
