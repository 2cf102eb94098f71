"""What each capability promises, by its name; those that have a file of their own (QUOTA, SORT,
COMPRESS, CONDSTORE, QRESYNC, OBJECTID, PREVIEW, what is hidden) are tested there."""
import base64
import re

import pytest
from imap import Imap

LETTER = b"From: a@far.test\r\nSubject: x\r\n\r\nbody\r\n"
GREETING = "Subject: Grüße an Jürgen\r\nFrom: \"Jürgen\" <jürgen@far.test>\r\n\r\nHallo\r\n".encode()


@pytest.fixture
def user(office):
    return office.new_user()


@pytest.fixture
def box(user):
    with Imap(user) as box:
        box.ok("SELECT INBOX")
        yield box


@pytest.fixture
def stranger(user):
    with Imap(user, login=False) as box:
        yield box


def fill(box, count, options=""):
    for _ in range(count):
        box.append(LETTER, options=options)
    box.ok("NOOP")


def status(box, items, mailbox="INBOX"):
    answer, = box.ok(f"STATUS {mailbox} ({items})")
    return answer.split("(", 1)[1][:-1]


def listed(box, command):
    """{name: its attributes}"""
    found = {}
    for line in box.ok(command):
        attributes, name = re.match(r'\* LIST \((.*?)\) "/" "(.*?)"', line).groups()
        found[name] = set(attributes.split())
    return found


# --- what is announced

def test_before_login_only_what_helps_to_log_in(stranger):
    words = set(stranger.ok("CAPABILITY")[0].split()[2:])
    assert {word for word in words if not word.startswith("AUTH=")} == {
        "IMAP4rev1", "IMAP4rev2", "ID", "ENABLE", "SASL-IR", "LITERAL-"}
    assert stranger.greeting.startswith("* OK [CAPABILITY IMAP4rev2 IMAP4rev1 ")


def test_after_login_all_of_it(box):
    words = box.ok("CAPABILITY")[0].split()[2:]
    assert len(words) == len(set(words))
    assert set(words) - {word for word in words if word.startswith("APPENDLIMIT=")} == set(
        "IMAP4rev1 IMAP4rev2 ID ENABLE SASL-IR LITERAL- IDLE NAMESPACE CHILDREN UIDPLUS UNSELECT MOVE "
        "SPECIAL-USE CREATE-SPECIAL-USE LIST-EXTENDED LIST-STATUS ESEARCH SEARCHRES CONDSTORE QRESYNC "
        "STATUS=SIZE UTF8=ACCEPT BINARY OBJECTID PREVIEW SORT SORT=DISPLAY ESORT "
        "THREAD=ORDEREDSUBJECT THREAD=REFERENCES WITHIN MULTIAPPEND SAVEDATE INPROGRESS "
        "COMPRESS=DEFLATE QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE".split())


# --- SASL-IR (RFC 4959), ID (RFC 2971), ENABLE (RFC 5161), NAMESPACE (RFC 2342)

def test_sasl_ir(stranger, user):
    stranger.no("AUTHENTICATE PLAIN =", how="BAD")
    said = base64.b64encode(f"\0{user.address}\0{user.password}".encode()).decode()
    stranger.ok(f"AUTHENTICATE PLAIN {said}")
    assert stranger.ok("STATUS INBOX (MESSAGES)") == ['* STATUS "INBOX" (MESSAGES 0)']


def test_id_tells_the_name_and_no_version(stranger):
    for asked in ("NIL", "()", '("name" "test")', '("name" NIL "os" "x")'):
        assert stranger.ok(f"ID {asked}") == ['* ID ("name" "Postamt")']
    stranger.send('a ID (name "test")\r\nb ID ("name")\r\n')
    assert stranger.answer().startswith(b"a BAD") and stranger.answer().startswith(b"b BAD")


def test_enable_says_what_it_knows_of_what_was_asked(box):
    assert box.ok("ENABLE NOTHING CONDSTORE X-NONE") == ["* ENABLED CONDSTORE"]
    assert box.ok("ENABLE NOTHING") == ["* ENABLED"]
    assert box.ok("ENABLE condstore qresync") == ["* ENABLED CONDSTORE QRESYNC"]
    box.no("ENABLE", how="BAD")


def test_enable_is_for_who_has_logged_in(stranger):
    stranger.no("ENABLE CONDSTORE", how="BAD")


def test_what_is_enabled_is_so_for_this_session_alone(user, box):
    box.ok("ENABLE UTF8=ACCEPT IMAP4rev2 QRESYNC")
    with Imap(user) as other:
        assert "* 0 RECENT" in other.ok("SELECT INBOX")
        assert other.ok("SEARCH ALL") == ["* SEARCH"]
        other.no("SELECT INBOX (QRESYNC (1 1))", how="BAD")


def test_namespace(box):
    assert box.ok("NAMESPACE") == ['* NAMESPACE (("" "/")) NIL NIL']
    assert box.ok('LIST "" ""') == ['* LIST (\\Noselect) "/" ""']
    box.no("NAMESPACE x", how="BAD")


# --- UNSELECT (RFC 3691)

def test_unselect_closes_and_takes_nothing_out(box):
    fill(box, 2, "(\\Deleted) ")
    assert box.ok("UNSELECT") == []
    box.no("FETCH 1 UID", how="BAD")
    box.no("UNSELECT", how="BAD")
    assert status(box, "MESSAGES DELETED") == "MESSAGES 2 DELETED 2"


def test_close_takes_out_in_silence_and_after_examine_nothing(box):
    fill(box, 2, "(\\Deleted) ")
    box.ok("EXAMINE INBOX")
    assert box.ok("CLOSE") == []
    assert status(box, "MESSAGES") == "MESSAGES 2"
    box.ok("SELECT INBOX")
    assert box.ok("CLOSE") == []
    assert status(box, "MESSAGES") == "MESSAGES 0"
    box.no("CLOSE", how="BAD")


# --- LITERAL- (RFC 7888)

def test_literals_of_4096_octets_need_no_asking(box):
    text = b"x" * 4096
    box.send(b'a SEARCH SUBJECT {4096+}\r\n' + text + b" BODY {1+}\r\ny\r\n")
    assert box.tagged("a") == ("OK Done", [b"* SEARCH"])
    box.send(b"b SEARCH SUBJECT {4097+}\r\n" + text + b"x\r\n")
    assert box.tagged("b")[0].startswith("NO [TOOBIG]")
    assert box.ok("SEARCH SUBJECT {}", text + b"x") == ["* SEARCH"]


def test_what_was_asked_for_may_be_empty(box):
    assert box.ok("SEARCH SUBJECT {}", b"") == ["* SEARCH"]
    box.send(b"a STATUS {5+}\r\nINBOX ({8}\r\n")
    assert box.answer().startswith(b"+")
    box.send(b"MESSAGES)\r\n")
    assert box.tagged("a")[0].startswith("BAD"), "an item is a word"


# --- CHILDREN (RFC 3348), LIST-EXTENDED (RFC 5258), CREATE-SPECIAL-USE (RFC 6154)

def test_children(box):
    assert listed(box, 'LIST "" INBOX') == {"INBOX": {"\\HasNoChildren"}}
    box.ok("CREATE Work/One")
    assert listed(box, 'LIST "" Work*') == {
        "Work": {"\\HasChildren"}, "Work/One": {"\\HasNoChildren"}}
    assert listed(box, 'LIST "" Work RETURN (CHILDREN)') == {"Work": {"\\HasChildren"}}
    box.ok("DELETE Work/One")
    assert listed(box, 'LIST "" Work') == {"Work": {"\\HasNoChildren"}}


def test_what_is_only_subscribed_is_no_child(box):
    box.ok("CREATE Work")
    box.ok("SUBSCRIBE Work/Gone")
    assert listed(box, 'LIST "" Work') == {"Work": {"\\HasNoChildren"}}


def test_several_patterns_name_each_mailbox_once(box):
    box.ok("CREATE Work/One")
    assert sorted(listed(box, 'LIST "" (Work* W% INBOX "Work/One")')) == ["INBOX", "Work", "Work/One"]
    assert len(box.ok('LIST "" (Work* W% INBOX "Work/One")')) == 3
    assert sorted(listed(box, 'LIST Work/ ("%")')) == ["Work/One"]
    assert len(box.ok('LIST "" (Work INBOX) RETURN (STATUS (MESSAGES))')) == 4


def test_what_is_subscribed_is_told_where_it_is_asked_for(box):
    box.ok("UNSUBSCRIBE Drafts")
    names = listed(box, 'LIST "" (Drafts Sent) RETURN (SUBSCRIBED)')
    assert "\\Subscribed" in names["Sent"] and "\\Subscribed" not in names["Drafts"]
    assert "\\Subscribed" not in listed(box, 'LIST "" Sent')["Sent"]


def test_a_subscribed_name_without_mailbox_does_not_exist(box):
    box.ok("SUBSCRIBE Not/There")
    assert listed(box, 'LIST "" Not*') == {}
    assert listed(box, 'LIST (SUBSCRIBED) "" Not*')["Not/There"] >= {"\\NonExistent", "\\Subscribed"}
    answers = box.ok('LIST (SUBSCRIBED) "" Not* RETURN (STATUS (MESSAGES))')
    assert not [line for line in answers if line.startswith("* STATUS")], "of what? (RFC 5819 2)"


def test_remote_mailboxes_are_none(box):
    assert listed(box, 'LIST (REMOTE) "" *') == listed(box, 'LIST "" *')
    assert listed(box, 'LIST (REMOTE SUBSCRIBED) "" *') == listed(box, 'LIST (SUBSCRIBED) "" *')


def test_no_options_are_options_too(box):
    assert box.ok('LIST () "" * RETURN ()') == box.ok('LIST "" *')
    for wrong in ('LIST (COLOUR) "" *', 'LIST "" * RETURN (COLOUR)', 'LIST "" * RETURN',
                  'LIST "" * (CHILDREN)', 'LIST "" ()', 'LIST "" (a', 'LIST "" * RETURN (STATUS)'):
        box.no(wrong, how="BAD")


@pytest.mark.parametrize("use", ["\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash"])
def test_create_special_use(box, use):
    box.ok(f"CREATE Own (USE ({use}))")
    assert listed(box, 'LIST "" Own') == {"Own": {"\\HasNoChildren", use}}
    assert "Own" in listed(box, 'LIST (SPECIAL-USE) "" * RETURN (SPECIAL-USE)')


@pytest.mark.parametrize("uses", ["\\All", "\\Flagged", "\\Nonsense", "\\Sent \\Trash"])
def test_uses_that_no_mailbox_has(box, uses):
    assert "[USEATTR]" in box.no(f"CREATE Own (USE ({uses}))")
    assert listed(box, 'LIST "" Own') == {}


# --- STATUS=SIZE (RFC 8438), APPENDLIMIT (RFC 7889)

def test_status_size_is_the_sum_of_all_letters(box):
    assert status(box, "SIZE") == "SIZE 0"
    fill(box, 3)
    size = sum(int(re.search(r"RFC822.SIZE (\d+)", line)[1]) for line in box.ok("FETCH 1:3 RFC822.SIZE"))
    assert size == 3 * len(LETTER)
    assert status(box, "SIZE MESSAGES") == f"MESSAGES 3 SIZE {size}"
    box.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
    box.ok("EXPUNGE")
    assert status(box, "SIZE") == f"SIZE {2 * len(LETTER)}"
    assert f'* STATUS "INBOX" (SIZE {2 * len(LETTER)})' in box.ok('LIST "" * RETURN (STATUS (SIZE))')


def test_appendlimit_is_where_append_stops(make_office):
    office = make_office(config="message-max-kib = 64")
    with Imap(office.new_user()) as box:
        limit = int(re.search(r"APPENDLIMIT=(\d+)", box.ok("CAPABILITY")[0])[1])
        assert limit == 65536
        assert status(box, "APPENDLIMIT") == f"APPENDLIMIT {limit}"
        letter = b"Subject: x\r\n\r\n"
        letter += b"y" * (limit - len(letter) - 2) + b"\r\n"
        assert "[TOOBIG]" in box.no("APPEND INBOX {}", letter + b"z")
        assert status(box, "MESSAGES") == "MESSAGES 0"
        box.append(letter)
        assert status(box, "SIZE") == f"SIZE {limit}"


# --- MULTIAPPEND (RFC 3502)

def several(box, *letters, options=""):
    box.count += 1
    box.send(f"t{box.count} APPEND INBOX".encode() +
             b"".join(b" " + options.encode() + b"{%d+}\r\n" % len(letter) + letter
                      for letter in letters) + b"\r\n")
    return box.tagged(f"t{box.count}")[0]


def test_several_letters_are_one_append(box):
    assert re.match(r"OK \[APPENDUID \d+ 1:3\]", several(box, LETTER, GREETING, LETTER))
    assert box.ok("FETCH 2 RFC822.SIZE") == [f"* 2 FETCH (RFC822.SIZE {len(GREETING)})"]


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("bad", [b"Subject: x\r\n\r\na\0b\r\n", b"Subject: x\r\n\r\na\rb\r\n"])
def test_one_bad_letter_and_none_is_there(box, place, bad):
    letters = [LETTER] * 3
    letters[place] = bad
    assert several(box, *letters).startswith("NO [CANNOT]")
    assert box.ok("NOOP") == []
    assert status(box, "MESSAGES UIDNEXT") == "MESSAGES 0 UIDNEXT 1"


def test_one_letter_too_many_and_none_is_there(box):
    assert several(box, *[LETTER] * 257).startswith("NO [LIMIT]")
    assert status(box, "MESSAGES") == "MESSAGES 0"
    assert re.match(r"OK \[APPENDUID \d+ 1:256\]", several(box, *[LETTER] * 256))


# --- BINARY (RFC 3516)

def test_append_of_a_literal8(box):
    box.send(b"a APPEND INBOX (\\Seen) ~{%d}\r\n" % len(LETTER))
    assert box.answer().startswith(b"+")
    box.send(LETTER + b"\r\n")
    assert box.tagged("a")[0].startswith("OK [APPENDUID ")
    box.send(b"b APPEND INBOX ~{%d+}\r\n" % len(LETTER) + LETTER + b"\r\n")
    assert box.tagged("b")[0].startswith("OK [APPENDUID ")
    assert box.ok("FETCH 2 BODY.PEEK[]") == ["* 2 FETCH (BODY[] {%d}\r\n%s)" % (
        len(LETTER), LETTER.decode())]


def test_a_letter_with_a_nul_is_refused_as_a_literal8_too(box):
    box.send(b"a APPEND INBOX ~{16+}\r\nSubject: x\r\n\r\n\0\0\r\n")
    assert box.tagged("a")[0].startswith("NO ")
    assert status(box, "MESSAGES") == "MESSAGES 0"


# --- UTF8=ACCEPT (RFC 6855)

def test_utf8_wants_enable(box):
    assert "[CANNOT]" in box.no("APPEND INBOX UTF8 (~{})", GREETING)
    box.send(b"a APPEND INBOX (\\Seen) UTF8 (~{%d+}\r\n" % len(GREETING) + GREETING + b")\r\n")
    assert box.tagged("a")[0].startswith("NO [CANNOT]")
    box.send(b"b APPEND INBOX {%d+}\r\n" % len(LETTER) + LETTER + b" UTF8 (~{%d+}\r\n"
             % len(GREETING) + GREETING + b")\r\n")
    assert box.tagged("b")[0].startswith("NO [CANNOT]")
    assert "[TRYCREATE]" in box.no("APPEND Nowhere UTF8 (~{})", GREETING)
    assert box.ok("NOOP") == []
    assert status(box, "MESSAGES") == "MESSAGES 0"


@pytest.mark.parametrize("enabled", ["UTF8=ACCEPT", "IMAP4rev2"])
def test_utf8_after_enable(box, enabled):
    box.ok(f"ENABLE {enabled}")
    box.ok("APPEND INBOX (\\Flagged) UTF8 (~{})", GREETING)
    box.ok("APPEND INBOX UTF8 (~{}) UTF8 (~{})", GREETING, GREETING)
    assert status(box, "MESSAGES") == "MESSAGES 3"
    assert box.ok("FETCH 3 BODY.PEEK[]")[0].endswith(GREETING.decode() + ")")
    for wrong in ("APPEND INBOX UTF8 ~{}", "APPEND INBOX UTF8 (~{}"):
        box.no(wrong, GREETING, how="BAD")
    assert status(box, "MESSAGES") == "MESSAGES 3"


def test_old_letters_with_octets_in_their_header_are_taken(box):
    for letter in (GREETING, b"Subject: Gr\xfc\xdfe\r\n\r\nlatin\r\n"):
        box.append(letter)
        assert box.ok("FETCH * BODY.PEEK[]")[0].encode("utf-8", "surrogateescape").endswith(
            letter + b")")


def test_names_as_they_are_after_enable(box):
    box.ok("CREATE &ANw-bung")
    box.ok("ENABLE UTF8=ACCEPT")
    assert listed(box, 'LIST "" Ü*') == {"Übung": {"\\HasNoChildren"}}
    box.ok('SUBSCRIBE "Übung"')
    assert any('"Übung"' in line for line in box.ok('LSUB "" *'))
    assert box.ok("STATUS {} (MESSAGES)", "Übung".encode()) == ['* STATUS "Übung" (MESSAGES 0)']
    box.ok('CREATE "&ANw-"')
    assert "&ANw-" in listed(box, 'LIST "" &ANw-'), "an ampersand is one"


# --- WITHIN (RFC 5032), SAVEDATE (RFC 8514)

def test_within_counts_from_now(box):
    box.append(LETTER, options='"01-Jan-2001 00:00:00 +0000" ')
    box.append(LETTER)
    assert box.ok("SEARCH OLDER 31536000") == ["* SEARCH 1"]
    assert box.ok("SEARCH YOUNGER 31536000") == ["* SEARCH 2"]
    assert box.ok("SEARCH OLDER 3600 YOUNGER 4294967295") == ["* SEARCH 1"]
    for wrong in ("OLDER", "OLDER 0", "YOUNGER -1", "YOUNGER x", "OLDER 4294967296"):
        box.no(f"SEARCH {wrong}", how="BAD")


def test_savedate_is_when_it_came_here(box):
    box.append(LETTER, options='"01-Jan-2001 00:00:00 +0000" ')
    there, = box.ok("FETCH 1 (SAVEDATE INTERNALDATE)")
    saved = re.search(r'SAVEDATE "([ \d]\d-\w{3}-\d{4}) \d\d:\d\d:\d\d \+0000"', there)[1].strip()
    assert 'INTERNALDATE " 1-Jan-2001 00:00:00 +0000"' in there and "2001" not in saved
    assert box.ok("SEARCH SAVEDBEFORE 2-Jan-2001") == ["* SEARCH"]
    assert box.ok("SEARCH SAVEDSINCE 2-Jan-2001") == ["* SEARCH 1"]
    assert box.ok(f"SEARCH SAVEDON {saved} BEFORE 2-Jan-2001") == ["* SEARCH 1"]
    assert box.ok("SEARCH SAVEDATESUPPORTED") == ["* SEARCH 1"]
    assert box.ok("SEARCH NOT SAVEDATESUPPORTED") == ["* SEARCH"]


def test_a_copy_has_a_savedate_and_keeps_its_date(box):
    box.append(LETTER, options='"01-Jan-2001 00:00:00 +0000" ')
    box.ok("COPY 1 Archive")
    box.ok("SELECT Archive")
    there, = box.ok("FETCH 1 (SAVEDATE INTERNALDATE)")
    assert 'INTERNALDATE " 1-Jan-2001' in there and not re.search(r'SAVEDATE "[ \d]\d-Jan-2001', there)


# --- ESEARCH (RFC 4731), SEARCHRES (RFC 5182)

def extended(box, options, program="ALL", command="SEARCH"):
    answer, = box.ok(f"{command} RETURN ({options}) {program}")
    tag, rest = re.match(r'\* ESEARCH \(TAG "(\w+)"\)(.*)', answer).groups()
    assert tag == f"t{box.count}"
    return rest


def test_esearch_answers_what_was_asked_for(box):
    fill(box, 6)
    box.ok("STORE 2:4,6 +FLAGS.SILENT (\\Flagged)")
    assert extended(box, "", "FLAGGED") == " ALL 2:4,6"
    assert extended(box, "ALL", "FLAGGED") == " ALL 2:4,6"
    assert extended(box, "MIN", "FLAGGED") == " MIN 2"
    assert extended(box, "MAX", "FLAGGED") == " MAX 6"
    assert extended(box, "COUNT", "FLAGGED") == " COUNT 4"
    assert extended(box, "COUNT MAX MIN", "FLAGGED") == " MIN 2 MAX 6 COUNT 4"
    assert extended(box, "MIN COUNT", "FLAGGED", "UID SEARCH") == " UID MIN 2 COUNT 4"
    assert extended(box, "MIN MAX ALL", "DELETED") == ""
    assert extended(box, "MIN MAX ALL COUNT", "DELETED") == " COUNT 0"
    assert extended(box, "ALL", "CHARSET UTF-8 FLAGGED") == " ALL 2:4,6"
    box.no("SEARCH RETURN (SOME) ALL", how="BAD")
    box.no("SEARCH RETURN ALL", how="BAD")


def test_esearch_counts_numbers_and_uid_esearch_uids(box):
    fill(box, 4)
    box.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    box.ok("EXPUNGE")
    assert extended(box, "MIN MAX ALL") == " MIN 1 MAX 3 ALL 1:3"
    assert extended(box, "MIN MAX ALL", command="UID SEARCH") == " UID MIN 2 MAX 4 ALL 2:4"


def test_a_saved_result_is_used_by_every_command(box):
    fill(box, 5)
    box.ok("STORE 2,4 +FLAGS.SILENT (\\Flagged)")
    assert box.ok("SEARCH RETURN (SAVE) FLAGGED") == []
    assert box.ok("UID FETCH $ UID") == ["* 2 FETCH (UID 2)", "* 4 FETCH (UID 4)"]
    assert box.ok("SEARCH UID $ 3:5") == ["* SEARCH 4"]
    assert box.ok("SEARCH NOT $") == ["* SEARCH 1 3 5"]
    assert box.ok("SORT (REVERSE ARRIVAL) UTF-8 $")[0].split()[2:] in (["4", "2"], ["2", "4"])
    box.ok("COPY $ Archive")
    assert re.match(r"OK \[COPYUID \d+ 2,4 1:2\]", box.result)
    box.ok("UID STORE $ +FLAGS.SILENT (\\Deleted)")
    assert [line for line in box.ok("MOVE $ Trash") if "COPYUID" in line]
    assert box.ok("FETCH $ UID") == [], "they are gone"


def test_a_saved_result_goes_with_what_is_taken_out(box):
    fill(box, 4)
    box.ok("SEARCH RETURN (SAVE) 2:4")
    box.ok("STORE 3 +FLAGS.SILENT (\\Deleted)")
    box.ok("EXPUNGE")
    assert box.ok("FETCH $ UID") == ["* 2 FETCH (UID 2)", "* 3 FETCH (UID 4)"]


def test_what_is_saved_is_saved_anew_and_forgotten(box):
    fill(box, 3)
    assert box.ok("FETCH $ UID") == [], "nothing was saved yet"
    assert extended(box, "SAVE MIN", "2:3") == " MIN 2"
    assert box.ok("SEARCH $") == ["* SEARCH 2"]
    assert extended(box, "SAVE COUNT", "2:3") == " COUNT 2"
    assert box.ok("SEARCH $") == ["* SEARCH 2 3"]
    box.ok("SEARCH 1")
    assert box.ok("SEARCH $") == ["* SEARCH 2 3"], "who saves nothing leaves what is saved"
    box.no("SEARCH RETURN (SAVE) CHARSET KLINGON ALL")
    assert box.ok("SEARCH $") == ["* SEARCH"], "a NO empties it (RFC 5182 2.1)"
    box.ok("SEARCH RETURN (SAVE) ALL")
    box.no("SEARCH RETURN (SAVE) NONSENSE", how="BAD")
    assert box.ok("SEARCH $") == ["* SEARCH 1 2 3"], "a BAD does not"
    box.no("SORT RETURN (SAVE) (SIZE) KLINGON ALL")
    assert box.ok("SEARCH $") == ["* SEARCH"]
    box.ok("SEARCH RETURN (SAVE) ALL")
    box.ok("SELECT INBOX")
    assert box.ok("SEARCH $") == ["* SEARCH"]


# --- the rest of ESORT (RFC 5267) and SORT=DISPLAY (RFC 5957): test_imap_sort

def test_esort_of_uids_and_numbers(box):
    for subject in (b"c", b"a", b"b"):
        box.append(b"Subject: " + subject + b"\r\n\r\nx\r\n")
    box.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
    box.ok("EXPUNGE")
    for command, found in (("SORT", " MIN 2 MAX 1 COUNT 2 ALL 2,1"),
                           ("UID SORT", " UID MIN 3 MAX 1 COUNT 2 ALL 3,1")):
        answer, = box.ok(f"{command} RETURN (MIN MAX COUNT ALL) (SUBJECT) UTF-8 ALL")
        assert answer.endswith(f'(TAG "t{box.count}"){found}')


def test_sort_display_falls_back_to_the_address(box):
    for sender in (b"Zoe <a@far.test>", b"m@far.test", b'"" <b@far.test>', b"anna <z@far.test>"):
        box.append(b"From: " + sender + b"\r\nSubject: x\r\n\r\nx\r\n")
    assert box.ok("SORT (DISPLAYFROM) UTF-8 ALL")[-1] == "* SORT 4 3 2 1"
    assert box.ok("SORT (FROM) UTF-8 ALL")[-1] == "* SORT 1 3 2 4"


# --- OBJECTID (RFC 8474), PREVIEW (RFC 8970): more of them in test_imap_objects

def test_every_mailbox_has_an_id_of_its_own(box):
    answers = [line for line in box.ok('LIST "" * RETURN (STATUS (MAILBOXID))')
               if line.startswith("* STATUS")]
    ids = [re.search(r"MAILBOXID \((F[a-z0-9]+)\)", line)[1] for line in answers]
    assert len(ids) == len(set(ids)) == 6


def test_a_preview_is_nothing_that_reading_leaves_behind(box):
    fill(box, 1)
    box.ok("EXAMINE INBOX")
    assert box.ok("FETCH 1 (PREVIEW FLAGS)") == ['* 1 FETCH (FLAGS () PREVIEW "body")']
