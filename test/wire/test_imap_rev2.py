"""IMAP4rev2 (RFC 9051): what changes with ENABLE IMAP4rev2, and what is there in both."""
import re

import pytest
from imap import Imap

LETTER = b"From: a@far.test\r\nSubject: x\r\n\r\nbody\r\n"


@pytest.fixture
def user(office):
    return office.new_user()


@pytest.fixture
def box(user):
    with Imap(user) as box:
        assert box.ok("ENABLE IMAP4rev2") == ["* ENABLED IMAP4rev2"]
        box.ok("SELECT INBOX")
        yield box


def test_both_are_announced_before_login(user):
    with Imap(user, login=False) as box:
        words = re.search(r"CAPABILITY ([^\]]*)\]", box.greeting)[1].split()
        assert words[:2] == ["IMAP4rev2", "IMAP4rev1"]


def test_what_select_says(user):
    with Imap(user) as box:
        before = box.ok("SELECT INBOX")
        assert "* 0 RECENT" in before and not any(line.startswith("* LIST") for line in before)
        box.ok("ENABLE IMAP4rev2")
        after = box.ok("SELECT INBOX")
        assert any(re.match(r'\* LIST \(.*\) "/" "?INBOX"?$', line) for line in after)
        assert not any("RECENT" in line for line in after)  # 7.3.1: gone
        assert any(line.startswith("* OK [CLOSED]") for line in after)
        for wanted in ("* 0 EXISTS", "* FLAGS (", "* OK [PERMANENTFLAGS (", "* OK [UIDVALIDITY ",
                       "* OK [UIDNEXT "):
            assert any(line.startswith(wanted) for line in after), wanted


def test_the_list_line_bears_the_name_as_it_is(box):
    box.ok('CREATE "Grüße"')
    assert any(line.startswith("* LIST") and line.endswith('"Grüße"')
               for line in box.ok('SELECT "Grüße"'))


def test_search_answers_with_esearch(box):
    assert re.fullmatch(r'\* ESEARCH \(TAG "t\d+"\)', box.ok("SEARCH ALL")[0])
    for _ in range(3):
        box.append(LETTER)
    assert re.fullmatch(r'\* ESEARCH \(TAG "t\d+"\) ALL 1:3', box.ok("SEARCH ALL")[0])
    assert re.fullmatch(r'\* ESEARCH \(TAG "t\d+"\) UID ALL 1,3', box.ok("UID SEARCH NOT 2")[0])


def test_status_has_no_recent_any_more(user, box):
    box.no("STATUS INBOX (RECENT)", how="BAD")
    box.no('LIST "" * RETURN (STATUS (RECENT))', how="BAD")
    box.append(LETTER)
    assert box.ok("STATUS INBOX (MESSAGES UIDNEXT UNSEEN DELETED SIZE)") == [
        f'* STATUS "INBOX" (MESSAGES 1 UIDNEXT 2 UNSEEN 1 DELETED 0 SIZE {len(LETTER)})']
    with Imap(user) as other:
        assert other.ok("STATUS INBOX (RECENT)") == ['* STATUS "INBOX" (RECENT 0)']


def test_names_are_utf8(user, box):
    box.ok('CREATE "日本/Grüße"')
    assert any(line.endswith('"日本/Grüße"') for line in box.ok('LIST "" "*"'))
    assert not any("&" in line for line in box.ok('LIST "" "*"'))
    box.ok('CREATE "A&B"')  # and an ampersand is one
    box.ok('RENAME "A&B" "A&-B"')
    with Imap(user) as old:
        names = "\n".join(old.ok('LIST "" "*"'))
        assert '"&ZeVnLA-/Gr&APwA3w-e"' in names and '"A&--B"' in names


def test_inbox_is_told_as_inbox(box):
    assert any('"INBOX"' in line for line in box.ok('LIST "" inbox'))


def test_copy_and_move_say_where_it_went(box):
    for _ in range(3):
        box.append(LETTER)
    box.ok("UID COPY 1:2 Archive")
    assert re.match(r"OK \[COPYUID \d+ 1:2 1:2\]", box.result)
    moved = box.ok("MOVE 3 Archive")
    assert re.match(r"\* OK \[COPYUID \d+ 3 3\]", moved[0]) and moved[1:] == ["* 3 EXPUNGE"]
    box.ok("UID COPY 99 Archive")  # nothing: no code
    assert "COPYUID" not in box.result


def test_append_says_its_uid(box):
    assert [box.append(LETTER), box.append(LETTER)] == [1, 2]
    assert "[TRYCREATE]" in box.no("APPEND Nowhere {}", LETTER)
    assert "[TRYCREATE]" in box.no("COPY 1 Nowhere")


def test_fetch_always_tells_the_uid_of_changes(user, box):
    """7.5.2: an unsolicited FETCH bears it in IMAP4rev2."""
    box.append(LETTER)
    with Imap(user) as other:
        other.ok("SELECT INBOX")
        other.ok("STORE 1 +FLAGS (\\Flagged)")
    told, = [line for line in box.ok("NOOP") if "FETCH" in line]
    assert "UID 1" in told and "\\Flagged" in told


def test_binary_and_size_of_parts(box):
    box.append(b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
               b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n")
    text = "Grüße\r\n".encode()
    size = int(re.search(r"BINARY.SIZE\[1\] (\d+)", box.ok("FETCH 1 BINARY.SIZE[1]")[0])[1])
    assert size == len(text)
    assert "Grüße" in "".join(box.ok("FETCH 1 BINARY.PEEK[1]"))
    part = "".join(box.ok("FETCH 1 BINARY.PEEK[1]<0.4>"))
    assert "Grü" in part and "Grüß" not in part


def test_unselect_and_close(box):
    box.append(LETTER)
    box.ok("STORE 1 +FLAGS (\\Deleted)")
    box.ok("UNSELECT")
    box.ok("SELECT INBOX")
    box.ok("CLOSE")
    assert box.ok("STATUS INBOX (MESSAGES)") == ['* STATUS "INBOX" (MESSAGES 0)']


@pytest.mark.parametrize("keyword", ["$Forwarded", "$MDNSent", "$Junk", "$NonJunk", "$Phishing", "$Work"])
def test_keywords_that_clients_use(box, keyword):
    box.append(LETTER)
    assert keyword in box.ok(f"STORE 1 +FLAGS ({keyword})")[-1]
    box.ok("UNSELECT")
    flags = "\n".join(box.ok("SELECT INBOX"))
    assert keyword in flags and "\\*" in flags
    assert keyword in box.ok("FETCH 1 FLAGS")[0]


def test_junk_and_its_opposite(box):
    box.append(LETTER)
    box.ok("STORE 1 +FLAGS ($Junk)")
    box.ok("STORE 1 FLAGS ($NonJunk)")
    told = box.ok("FETCH 1 FLAGS")[0]
    assert "$NonJunk" in told and "$Junk" not in told


def test_what_is_no_extension_is_not_enabled(box):
    assert box.ok("ENABLE IMAP4rev1") == ["* ENABLED"]


@pytest.mark.parametrize("command", ["LSUB \"\" *", "CHECK"])
def test_commands_of_rev1_that_programs_still_send(box, command):
    box.ok(command)
