"""Capabilities that the operator hides from a user's mail programs: as if they were not there."""
import json

import pytest
from imap import Imap

LETTER = b"Subject: one\r\n\r\nbody\r\n"


@pytest.fixture(scope="module")
def office(make_office):
    return make_office()


@pytest.fixture
def bob(office):
    return office.new_user()


def hide(user, names):
    return user.office.run("user", "imap", user.address, "--hide", names)


def announced(user):
    """What LOGIN and CAPABILITY say."""
    with Imap(user) as box:
        at_login = box.result.partition("[CAPABILITY ")[2].partition("]")[0].split()
        asked = box.ok("CAPABILITY")[0].split()[2:]
        assert at_login == asked
        return set(asked)


def test_hidden_ones_are_not_announced(bob):
    everything = announced(bob)
    assert {"IDLE", "QRESYNC", "MOVE", "QUOTA"} <= everything
    hide(bob, "idle,Move")
    assert announced(bob) == everything - {"IDLE", "MOVE"}
    hide(bob, "none")
    assert announced(bob) == everything


def test_what_needs_a_hidden_one_goes_with_it(bob):
    everything = announced(bob)
    hide(bob, "CONDSTORE,QUOTA,ESEARCH,SPECIAL-USE,LIST-EXTENDED")
    assert everything - announced(bob) == {
        "CONDSTORE", "QRESYNC", "QUOTA", "QUOTA=RES-STORAGE", "QUOTA=RES-MESSAGE", "ESEARCH",
        "SEARCHRES", "SPECIAL-USE", "CREATE-SPECIAL-USE", "LIST-EXTENDED", "LIST-STATUS"}


def test_only_this_users_programs_miss_them(office, bob):
    carol = office.new_user()
    hide(bob, "IDLE")
    assert "IDLE" in announced(carol)
    with Imap(bob, login=False) as box:  # nobody has said yet who they are
        assert "IMAP4rev2" in box.ok("CAPABILITY")[0]


@pytest.mark.parametrize("name, command", [
    ("IDLE", "IDLE"), ("NAMESPACE", "NAMESPACE"), ("ID", "ID NIL"), ("ENABLE", "ENABLE CONDSTORE"),
    ("QUOTA", "GETQUOTAROOT INBOX"), ("QUOTA", 'GETQUOTA ""'), ("UNSELECT", "UNSELECT"),
    ("MOVE", "MOVE 1 Sent"), ("MOVE", "UID MOVE 1 Sent"), ("UIDPLUS", "UID EXPUNGE 1"),
    ("CREATE-SPECIAL-USE", "CREATE Bin (USE (\\Trash))"), ("LIST-STATUS",
     'LIST "" * RETURN (STATUS (MESSAGES))'), ("LIST-EXTENDED", 'LIST (SUBSCRIBED) "" *'),
    ("LIST-EXTENDED", 'LIST "" * RETURN (CHILDREN)'), ("SPECIAL-USE", 'LIST (SPECIAL-USE) "" *'),
    ("ESEARCH", "SEARCH RETURN (COUNT) ALL"), ("SEARCHRES", "SEARCH RETURN (SAVE) ALL"),
    ("CONDSTORE", "FETCH 1 MODSEQ"), ("CONDSTORE", "FETCH 1 FLAGS (CHANGEDSINCE 1)"),
    ("CONDSTORE", "STORE 1 (UNCHANGEDSINCE 1) FLAGS ()"), ("CONDSTORE", "SEARCH MODSEQ 1"),
    ("CONDSTORE", "STATUS INBOX (HIGHESTMODSEQ)"), ("CONDSTORE", "SELECT INBOX (CONDSTORE)"),
    ("STATUS=SIZE", "STATUS INBOX (SIZE)"), ("BINARY", "FETCH 1 BINARY.PEEK[1]"),
    ("BINARY", "FETCH 1 BINARY.SIZE[1]"), ("APPENDLIMIT", "STATUS INBOX (APPENDLIMIT)"),
    ("QUOTA=RES-STORAGE", "STATUS INBOX (DELETED-STORAGE)"),
])
def test_what_it_brings_is_not_there(bob, name, command):
    with Imap(bob) as box:
        box.append(LETTER)
    hide(bob, name)
    with Imap(bob) as box:
        box.ok("SELECT INBOX")
        box.no(command, how="BAD")
        box.ok("NOOP")
        assert box.ok("FETCH 1 FLAGS")


def test_enable_passes_it_over(bob):
    hide(bob, "QRESYNC,UTF8=ACCEPT")
    with Imap(bob) as box:
        assert box.ok("ENABLE QRESYNC UTF8=ACCEPT CONDSTORE") == ["* ENABLED CONDSTORE"]
        box.no("SELECT INBOX (QRESYNC (1 1))", how="BAD")
        box.ok('CREATE "&AOQ-"')
        assert any('"&AOQ-"' in line for line in box.ok('LIST "" *'))


def test_answers_do_not_mention_it(bob):
    hide(bob, "CONDSTORE,UIDPLUS,SPECIAL-USE,CHILDREN")
    with Imap(bob) as box:
        box.ok("APPEND INBOX {}", LETTER)
        assert "APPENDUID" not in box.result
        assert not [line for line in box.ok("SELECT INBOX") if "MODSEQ" in line]
        box.ok("COPY 1 Sent")
        assert "COPYUID" not in box.result
        assert not [line for line in box.ok("MOVE 1 Archive") if "COPYUID" in line]
        assert sorted(box.ok('LIST "" *'))[0] == '* LIST () "/" "Archive"'


def test_open_sessions_keep_what_they_were_told(bob):
    with Imap(bob) as box:
        hide(bob, "NAMESPACE")
        box.ok("NAMESPACE")
    with Imap(bob) as box:
        box.no("NAMESPACE", how="BAD")


def test_the_command_line(office, bob):
    assert hide(bob, "move, CONDSTORE").strip().endswith("hidden: MOVE CONDSTORE QRESYNC")
    shown = json.loads(office.run("user", "imap", bob.address, "--json"))
    assert shown == {"address": bob.address, "hidden": ["MOVE", "CONDSTORE", "QRESYNC"]}
    for names in ("IMAP4rev1", "LITERAL-", "SASL-IR", "nothing", "MOVE,XYZ", "MOVE;IDLE"):
        result = office.command("user", "imap", bob.address, "--hide", names)
        assert result.returncode == 1 and "cannot be hidden" in result.stderr
        assert len(result.stderr.splitlines()) == 1 and "UIDPLUS" in result.stderr
    assert json.loads(office.run("user", "imap", bob.address, "--json")) == shown
    assert hide(bob, "none").strip().endswith("hidden: none")
    result = office.command("user", "imap", "nobody@example.test", "--hide", "MOVE")
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1


def test_all_that_can_be_hidden(bob):
    names = {word.partition("=")[0] if word.startswith("APPENDLIMIT") else word
             for word in announced(bob)}
    hide(bob, ",".join(names - {"IMAP4rev1", "LITERAL-", "SASL-IR"}))
    assert announced(bob) == {"IMAP4rev1", "LITERAL-", "SASL-IR"}
    with Imap(bob) as box:
        box.ok("APPEND INBOX {}", LETTER)
        assert "* 1 EXISTS" in box.ok("SELECT INBOX")


# --- LITERAL+

def test_literals_unasked_are_small_by_default(bob):
    with Imap(bob) as box:
        big = b"x" * 5000
        assert "[TOOBIG]" in box.no(b"CREATE {5000+}\r\n" + big)


def test_literal_plus_as_a_setting(make_office):
    office = make_office(config="imap-literal-plus = true")
    user = office.new_user()
    with Imap(user) as box:
        words = box.ok("CAPABILITY")[0].split()
        assert "LITERAL+" in words and "LITERAL-" not in words
        assert "[CANNOT]" in box.no(b"CREATE {5000+}\r\n" + b"x" * 5000)
        assert "[TOOBIG]" in box.no(b"CREATE {70000+}\r\n" + b"x" * 70000)
        box.ok(b"APPEND INBOX {%d+}\r\n%s" % (len(LETTER), LETTER))
    with Imap(user, login=False) as box:
        assert "LITERAL+" in box.greeting
        assert "[TOOBIG]" in box.no(b"LOGIN {5000+}\r\n" + b"x" * 5000 + b" x")
