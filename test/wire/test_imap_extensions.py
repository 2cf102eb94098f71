"""Capabilities one by one, those whose tests are not elsewhere (CONDSTORE and QRESYNC: test_imap_resync;
OBJECTID, PREVIEW: test_imap_objects; SORT, THREAD: test_imap_sort; QUOTA: test_imap_quota; COMPRESS:
test_imap_compress; SASL-IR: test_sasl; LITERAL-, LITERAL+: test_imap_hidden)."""
import re

import pytest
from imap import Imap

LETTER = b"From: a@far.test\r\nSubject: x\r\n\r\nbody\r\n"
GREETING = "From: a@far.test\r\nSubject: Grüße\r\n\r\nhallo\r\n".encode()


@pytest.fixture
def user(office):
    return office.new_user()


@pytest.fixture
def box(user):
    with Imap(user) as box:
        box.ok("SELECT INBOX")
        yield box


def messages(box, name="INBOX"):
    line, = box.ok(f"STATUS {name} (MESSAGES)")
    return int(re.search(r"MESSAGES (\d+)", line)[1])


# --- UTF8=ACCEPT (RFC 6855)


@pytest.mark.parametrize("enabled", ["UTF8=ACCEPT", "IMAP4rev2"])
def test_append_with_utf8_wants_it_enabled(box, enabled):
    assert "UTF8=ACCEPT" in box.no("APPEND INBOX UTF8 (~{})", GREETING)
    assert messages(box) == 0
    assert box.ok(f"ENABLE {enabled}") == [f"* ENABLED {enabled}"]
    box.ok("APPEND INBOX UTF8 (~{})", GREETING)
    assert messages(box) == 1
    assert "Grüße" in "\n".join(box.ok("FETCH 1 BODY.PEEK[HEADER]"))


def test_the_letter_of_a_refused_append_is_not_run(box):
    box.send(b"a APPEND INBOX UTF8 (~{24+}\r\nb CREATE Injected\r\n\r\nxxx)\r\n")
    assert box.tagged("a")[0].startswith("NO")
    assert box.ok('LIST "" Injected') == []


def test_old_mail_with_bytes_above_127_is_taken_from_everybody(box):
    box.ok("APPEND INBOX {}", "Subject: Grüße\r\n\r\n".encode("latin-1"))
    assert messages(box) == 1


def test_names_are_utf8_where_it_is_enabled(user, box):
    box.ok('CREATE "Gr&APwA3w-e"')
    assert any("Gr&APwA3w-e" in line for line in box.ok('LIST "" "*"'))
    box.ok("ENABLE UTF8=ACCEPT")
    assert any('"Grüße"' in line for line in box.ok('LIST "" "*"'))
    box.ok('STATUS "Grüße" (MESSAGES)')
    box.no('STATUS "Gr&APwA3w-e" (MESSAGES)')


def test_search_takes_no_charset_with_utf8(box):
    box.append(GREETING)
    assert box.ok('SEARCH CHARSET UTF-8 SUBJECT {}', "grüße".encode()) == ["* SEARCH 1"]
    box.ok("ENABLE UTF8=ACCEPT")
    assert box.ok('SEARCH SUBJECT "grüße"') == ["* SEARCH 1"]


# --- CHILDREN (RFC 3348), LIST-EXTENDED (RFC 5258), LIST-STATUS (RFC 5819)


def attributes(box, command):
    found = (re.match(r'\* LIST \((.*?)\) "/" "?(.*?)"?$', line) for line in box.ok(command))
    return {match[2]: set(match[1].split()) for match in found if match}


def test_children_are_told(box):
    box.ok("CREATE Lists/imap")
    told = attributes(box, 'LIST "" "*" RETURN (CHILDREN)')
    assert "\\HasChildren" in told["Lists"] and "\\HasNoChildren" in told["Lists/imap"]
    box.ok("DELETE Lists/imap")
    told = attributes(box, 'LIST "" "*" RETURN (CHILDREN)')
    assert "Lists" not in told or "\\HasNoChildren" in told["Lists"]


def test_several_patterns_at_once(box):
    box.ok("CREATE a/b")
    assert set(attributes(box, 'LIST "" (INBOX "a/%")')) == {"INBOX", "a/b"}


def test_subscribed_names_that_do_not_exist(box):
    box.ok("CREATE Kept")
    for name in ("Kept", "Gone/deep"):
        box.command(f"SUBSCRIBE {name}")
    box.ok("CREATE Short")
    box.ok("SUBSCRIBE Short")
    box.ok("DELETE Short")
    told = attributes(box, 'LIST (SUBSCRIBED) "" "*"')
    assert "\\Subscribed" in told["Kept"]
    assert {"\\Subscribed", "\\NonExistent"} <= told["Short"]
    told = attributes(box, 'LIST "" "*" RETURN (SUBSCRIBED)')
    assert "\\Subscribed" in told["Kept"] and "Short" not in told


def test_recursivematch_tells_of_what_is_below(box):
    box.ok("CREATE up/down")
    box.ok("SUBSCRIBE up/down")
    lines = box.ok('LIST (SUBSCRIBED RECURSIVEMATCH) "" "%"')
    assert any('"up"' in line and 'CHILDINFO' in line and '"SUBSCRIBED"' in line for line in lines)
    box.no('LIST (RECURSIVEMATCH) "" "%"', how="BAD")


def test_list_with_status(box):
    box.append(LETTER)
    lines = box.ok('LIST "" INBOX RETURN (STATUS (MESSAGES UNSEEN SIZE))')
    assert lines[0].startswith("* LIST")
    assert lines[1] == f'* STATUS "INBOX" (MESSAGES 1 UNSEEN 1 SIZE {len(LETTER)})'


# --- CREATE-SPECIAL-USE (RFC 6154)


def test_a_mailbox_is_made_for_a_use(box):
    box.ok("DELETE Archive")
    box.ok("CREATE Old (USE (\\Archive))")
    assert "\\Archive" in attributes(box, 'LIST (SPECIAL-USE) "" "*"')["Old"]
    assert "[USEATTR]" in box.no("CREATE Odd (USE (\\Nonsense))")
    assert "Odd" not in attributes(box, 'LIST "" "*"')


# --- UNSELECT (RFC 3691), STATUS=SIZE (RFC 8438), NAMESPACE (RFC 2342), ENABLE (RFC 5161)


def test_unselect_expunges_nothing(user, box):
    box.append(LETTER)
    box.ok("STORE 1 +FLAGS (\\Deleted)")
    box.ok("UNSELECT")
    box.no("FETCH 1 FLAGS", how="BAD")
    box.no("UNSELECT", how="BAD")
    box.ok("SELECT INBOX")
    assert "\\Deleted" in box.ok("FETCH 1 FLAGS")[0]
    box.ok("CLOSE")  # unlike CLOSE
    assert messages(box) == 0


def test_status_tells_the_size(box):
    box.append(LETTER)
    box.append(LETTER * 3)
    assert box.ok("STATUS INBOX (SIZE)") == [f'* STATUS "INBOX" (SIZE {4 * len(LETTER)})']
    box.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    box.ok("EXPUNGE")
    assert box.ok("STATUS INBOX (SIZE)") == [f'* STATUS "INBOX" (SIZE {3 * len(LETTER)})']


def test_one_personal_namespace(box):
    assert box.ok("NAMESPACE") == ['* NAMESPACE (("" "/")) NIL NIL']


def test_enable_tells_what_it_enabled_now(box):
    assert box.ok("ENABLE CONDSTORE NONSENSE") == ["* ENABLED CONDSTORE"]
    assert box.ok("ENABLE NONSENSE") == ["* ENABLED"]
    box.no("ENABLE", how="BAD")


def test_id_says_who_serves(box):
    line, = box.ok('ID ("name" "a phone" "version" "1")')
    assert re.match(r'\* ID \("name" "Postamt"', line)
    assert box.ok("ID NIL") == [line]


# --- APPENDLIMIT (RFC 7889), MULTIAPPEND (RFC 3502)


def test_the_limit_that_is_told_holds(make_office):
    office = make_office(config="message-max-kib = 64")
    with Imap(office.new_user()) as box:
        words = box.ok("CAPABILITY")[0]
        limit = int(re.search(r"APPENDLIMIT=(\d+)", words)[1])
        assert box.ok("STATUS INBOX (APPENDLIMIT)") == [f'* STATUS "INBOX" (APPENDLIMIT {limit})']
        box.ok("APPEND INBOX {}", LETTER + b"x" * (limit - len(LETTER)))
        assert "[TOOBIG]" in box.no("APPEND INBOX {}", LETTER + b"x" * (limit + 1 - len(LETTER)))
        assert messages(box) == 1


def test_of_several_letters_all_come_or_none(box):
    box.ok("APPEND INBOX (\\Seen) {} (\\Flagged) {} {}", LETTER, LETTER, LETTER)
    assert re.search(r"\[APPENDUID \d+ \d+:\d+\]", box.result)
    assert messages(box) == 3
    box.no("APPEND INBOX {} {}", LETTER, b"Subject: a NUL\r\n\r\n\0\r\n")
    assert messages(box) == 3


# --- SAVEDATE (RFC 8514), WITHIN (RFC 5032), SEARCHRES (RFC 5182)


def test_the_savedate_is_when_it_came_into_this_mailbox(box):
    box.append(LETTER, options='"01-Jan-2001 00:00:00 +0000" ')
    told, = box.ok("FETCH 1 (SAVEDATE INTERNALDATE)")
    assert 'INTERNALDATE " 1-Jan-2001' in told and 'SAVEDATE "' in told and told.count("2001") == 1
    assert box.ok("SEARCH SAVEDSINCE 1-Jan-2020") == ["* SEARCH 1"]
    assert box.ok("SEARCH SAVEDBEFORE 1-Jan-2020") == ["* SEARCH"]
    assert box.ok("SEARCH SAVEDATESUPPORTED") == ["* SEARCH 1"]


def test_older_and_younger(box):
    box.append(LETTER, options='"01-Jan-2001 00:00:00 +0000" ')
    box.append(LETTER)
    assert box.ok("SEARCH OLDER 86400") == ["* SEARCH 1"]
    assert box.ok("SEARCH YOUNGER 86400") == ["* SEARCH 2"]
    box.no("SEARCH OLDER 0", how="BAD")


def test_a_result_that_is_kept_shrinks_with_the_mailbox(box):
    for _ in range(4):
        box.append(LETTER)
    assert box.ok("SEARCH RETURN (SAVE) 2:4") == []
    assert len(box.ok("FETCH $ UID")) == 3
    box.ok("STORE 3 +FLAGS.SILENT (\\Deleted)")
    box.ok("EXPUNGE")
    assert [line.split()[1] for line in box.ok("FETCH $ UID")] == ["2", "3"]
    box.ok("UID COPY $ Archive")
    assert messages(box, "Archive") == 2


@pytest.mark.parametrize("command", ["SEARCH RETURN (SAVE) CHARSET X-NONE ALL",
                                     "UID SEARCH RETURN (COUNT SAVE) CHARSET X-NONE ALL"])
def test_a_search_that_failed_leaves_an_empty_result(box, command):
    """RFC 9051 6.4.4.1: after NO; BAD changes nothing."""
    box.append(LETTER)
    box.ok("SEARCH RETURN (SAVE) ALL")
    box.no("SEARCH RETURN (SAVE) NONSENSE", how="BAD")
    assert len(box.ok("FETCH $ UID")) == 1
    box.no(command)
    assert box.ok("FETCH $ UID") == []


# --- BINARY (RFC 3516)


def test_binary_is_decoded_and_its_size_told(box):
    letter = (b"MIME-Version: 1.0\r\nContent-Type: application/x\r\n"
              b"Content-Transfer-Encoding: base64\r\n\r\nAAEC/w==\r\n")
    box.append(letter)
    assert box.ok("FETCH 1 BINARY.SIZE[1]")[0].endswith("BINARY.SIZE[1] 4)")
    box.send("a FETCH 1 BINARY.PEEK[1]\r\n")
    assert box.raw_line().endswith(b"BINARY[1] ~{4}\r\n")
    assert box.exactly(4) == b"\0\1\2\xff"
    assert box.raw_line() == b")\r\n" and box.tagged("a")[0].startswith("OK")
    box.append(letter.replace(b"base64", b"x-unknown"))
    assert "[UNKNOWN-CTE]" in box.no("FETCH 2 BINARY[1]")
