"""Ten thousand letters and the programs that keep a copy of them: the second pass moves nothing,
changes on either side arrive on the other."""
import random
import re
import subprocess

import pytest
from authority import Authority
from imap import Imap
from office import OFFSET, PATIENCE
from sync import Mbsync, Offlineimap

pytestmark = pytest.mark.long
COUNT = 10_000
FLAGS = [b"", b"\\Seen", b"\\Seen \\Answered", b"\\Flagged", b"\\Seen \\Flagged"]


def letter(number, draw):
    body = b"".join(b"%d words of letter %d\r\n" % (draw.randint(0, 10 ** draw.randint(1, 60)), number)
                    for _ in range(draw.randint(1, 40)))
    return (b"From: Anna <anna@far.test>\r\nTo: bob@example.test\r\nSubject: letter %d\r\n"
            b"Date: Mon, 23 Nov 2026 10:%02d:%02d +0000\r\nMessage-ID: <%d@far.test>\r\n\r\n%s"
            % (number, number // 60 % 60, number % 60, number, body))


def fill(box, mailbox, letters):
    """APPENDs a hundred at a time, without waiting."""
    for start in range(0, len(letters), 100):
        words = b"".join(b" (%s) {%d+}\r\n%s" % (FLAGS[number % len(FLAGS)], len(one), one)
                         for number, one in enumerate(letters[start:start + 100], start))
        box.ok(b"APPEND %s%s" % (mailbox.encode(), words))


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def office(make_office, authority):
    return authority.certify(make_office(start=False), "mail.example.test").start()


@pytest.fixture(scope="module")
def letters():
    draw = random.Random(5)
    return [letter(number, draw) for number in range(COUNT)]


def state(box):
    """What a flag or a letter more or less would change."""
    return box.ok('LIST "" * RETURN (SUBSCRIBED STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))')


def flags_of(copy, letters):
    """Subject to the letters that Maildir has for flags."""
    return {re.search(rb"\nSubject: (.*?)\r?\n", file.read_bytes())[1].decode():
            file.name.partition(":2,")[2] for file in letters}


@pytest.mark.parametrize("client", [Mbsync, Offlineimap])
def test_ten_thousand_letters(office, authority, letters, client, tmp_path):
    user = office.new_user()
    copy = client(user, tmp_path / "copy", authority.chain)
    with Imap(user) as box:
        fill(box, "INBOX", letters[:COUNT * 4 // 5])
        fill(box, "Archive", letters[COUNT * 4 // 5:])
        copy.sync()
        before, files = state(box), copy.all()
        assert len(files) == COUNT
        assert {copy.content(file) for file in copy.letters("INBOX")} == {*letters[:COUNT * 4 // 5]}
        assert {copy.content(file) for file in copy.letters("Archive")} == {*letters[COUNT * 4 // 5:]}
        # nothing moves
        assert copy.moved() == []
        assert state(box) == before and copy.all() == files
        # both sides change
        change_far(box, letters[0])
        change_near(copy)
        assert copy.moved() != []
        both_have_it_all(box, copy)
        before, files = state(box), copy.all()
        assert copy.moved() == []
        assert state(box) == before and copy.all() == files


def change_far(box, letter):
    box.ok("SELECT INBOX")
    box.ok("UID STORE 1 +FLAGS (\\Seen \\Answered)")
    box.ok("UID STORE 2:50 +FLAGS.SILENT (\\Flagged)")
    box.ok("UID STORE 101:150 +FLAGS.SILENT (\\Deleted)")
    box.ok("UID EXPUNGE 101:150")
    box.append(letter.replace(b"letter 0", b"far"))
    box.ok("CREATE Far/Deep")
    box.append(letter.replace(b"letter 0", b"far and deep"), "Far/Deep", "(\\Seen) ")


def change_near(copy):
    numbered = {re.search(rb"letter \d+", file.read_bytes())[0].decode(): file
                for file in copy.letters("INBOX")}
    unseen, gone = numbered["letter 200"], numbered["letter 201"]
    assert not unseen.name.partition(":2,")[2]
    unseen.rename(unseen.parent.parent / "cur" / (unseen.name.partition(":")[0] + ":2,FS"))
    gone.unlink()
    new = re.sub(rb"X-(TUID|OfflineIMAP): .*\n", b"", numbered["letter 202"].read_bytes())
    new = new.replace(b"letter 202", b"near")
    (copy.folder / copy.path("INBOX") / "new" / "1.1.near").write_bytes(new)
    folder = copy.folder / copy.path("Near")
    for part in ("cur", "new", "tmp"):
        (folder / part).mkdir(parents=True)
    (folder / "cur" / "1.2.near:2,S").write_bytes(new)


def both_have_it_all(box, copy):
    flags = flags_of(copy, copy.letters("INBOX"))
    assert len(flags) == COUNT * 4 // 5 - 50 - 1 + 2
    assert set("RS") <= set(flags["letter 0"]) and "F" in flags["letter 1"]
    assert flags["far"] == "" and "letter 101" not in flags and "letter 201" not in flags
    assert flags_of(copy, copy.letters("Far", "Deep")) == {"far and deep": "S"}
    box.ok("SELECT INBOX")
    assert box.ok("SEARCH RETURN (COUNT) ALL")[-1].endswith(f" COUNT {len(flags)}")
    for key, count in (("HEADER Message-ID <200@ SEEN FLAGGED", 1), ("HEADER Message-ID <201@", 0),
                       ("SUBJECT near", 1), ("SUBJECT far", 1)):
        assert box.ok(f"SEARCH RETURN (COUNT) {key}")[-1].endswith(f" COUNT {count}"), key
    box.ok("SELECT Near")
    assert "FLAGS (\\Seen)" in box.ok("FETCH 1 (FLAGS)")[0]


def neomutt(user, folder, qresync):
    """Opens the mailbox and quits; the commands it sent."""
    config, log = folder / "muttrc", folder / "log"
    config.write_text(
        f"set folder=imaps://{user.office.address}:{993 + OFFSET}/\nset spoolfile=+INBOX\n"
        f"set imap_user='{user}'\nset imap_pass='{user.password}'\nset ssl_verify_host=no\n"
        f"set certificate_file={user.office.folder}/tls/certificate.pem\n"
        f"set header_cache={folder}/cache\nset imap_condstore=yes\nset imap_qresync={qresync}\n"
        "set mark_old=no\nset quit=yes\npush '<quit>'\n")
    result = subprocess.run(["script", "-qec", f"neomutt -n -F {config} -d 2 -l {log}", "/dev/null"],
                            input="", text=True, capture_output=True, timeout=PATIENCE * 3,
                            env={"TERM": "xterm", "HOME": str(folder), "PATH": "/usr/bin:/bin"})
    assert result.returncode == 0, result.stdout[-3000:]
    text = (folder / "log0").read_text("latin-1")  # the one of the last run
    return re.findall(r"mutt_socket_write_d\(\) \d+> \S+ (.*)", text)


@pytest.mark.parametrize("qresync", ["yes", "no"])
def test_neomutt_fetches_only_what_is_new(office, letters, tmp_path, qresync):
    """With its cache of headers, by QRESYNC or by CONDSTORE."""
    user = office.new_user()
    with Imap(user) as box:
        fill(box, "INBOX", letters)
        box.ok("SELECT INBOX")

        def fetched():
            commands = neomutt(user, tmp_path, qresync)
            return ([command.split()[1] for command in commands
                     if command.startswith("FETCH") and "BODY" in command],
                    [command.partition("CHANGEDSINCE")[2] for command in commands
                     if "CHANGEDSINCE" in command])
        assert fetched() == ([f"1:{COUNT}"], [])
        before = state(box)
        assert fetched() == ([], []) and state(box) == before
        since = re.search(r"HIGHESTMODSEQ (\d+)", box.ok("STATUS INBOX (HIGHESTMODSEQ)")[-1])[1]
        box.ok("UID STORE 5 +FLAGS.SILENT (\\Flagged)")
        box.ok("UID STORE 7 +FLAGS (\\Deleted)")
        box.ok("UID EXPUNGE 7")
        box.append(letters[0])
        headers, changes = fetched()
        # with VANISHED it reads again the message that took the place of the one that went
        assert headers == (["7"] if qresync == "yes" else []) + [str(COUNT)]
        assert changes == [f" {since} VANISHED)" if qresync == "yes" else f" {since})"]
        assert fetched() == ([], [])
