"""Programs that read mail over IMAP: curl, imapflow, Mail::IMAPClient, fetchmail, getmail, neomutt,
mbsync, offlineimap."""
import json
import os
import pathlib
import subprocess

import pytest
from authority import Authority
from imap import Imap
from office import OFFSET, PATIENCE
from sync import Mbsync, Offlineimap

NODE = pathlib.Path(__file__).resolve().parent.parent / "node"
LETTER = b"From: Anna <anna@far.test>\r\nTo: bob@example.test\r\nSubject: %s\r\n\r\nDear Bob\r\n.dot\r\n"


def run(*words, text=None, **more):
    result = subprocess.run([str(word) for word in words], input=text, text=True,
                            capture_output=True, timeout=PATIENCE * 3, **more)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    return result.stdout


@pytest.fixture
def bob(office):
    bob = office.new_user()
    office.send(bob.address, LETTER % b"first")
    return bob


def certificate(office):
    return f"{office.folder}/tls/certificate.pem"


@pytest.mark.parametrize("scheme, port", [("imap", 143), ("imaps", 993)])
def test_curl(office, bob, tmp_path, scheme, port):
    def curl(path, *options):
        return subprocess.run(
            ["curl", "-sS", "-k", "--ssl-reqd", "-u", f"{bob}:{bob.password}",
             f"{scheme}://{office.address}:{port + OFFSET}/{path}", *options],
            capture_output=True, check=True, timeout=PATIENCE).stdout

    assert b"INBOX" in curl("")
    assert curl("INBOX;UID=1").endswith(LETTER % b"first")
    assert curl("INBOX;UID=1;SECTION=TEXT") == b"Dear Bob\r\n.dot\r\n"
    letter = tmp_path / "letter"
    letter.write_bytes(LETTER % b"second")
    curl("Sent", "-T", letter)
    assert curl("Sent;UID=1") == LETTER % b"second"
    assert curl("INBOX?SUBJECT%20first") == b"* SEARCH 1\r\n"
    curl("INBOX", "-X", "STORE 1 +FLAGS (\\Deleted)")
    assert b"1 EXPUNGE" in curl("INBOX", "-X", "EXPUNGE")


def test_imapflow(office):
    user = office.new_user()
    seen = json.loads(run(NODE / "node_modules/node/bin/node", NODE / "imap.js", office.address,
                          993 + OFFSET, user, user.password))
    folders = {path: use for path, use, _ in seen["folders"]}
    assert folders["Sent"] == "\\Sent" and folders["INBOX"] == "\\Inbox"
    assert all(messages == 0 for _, _, messages in seen["folders"])
    assert seen["exists"] == 2 and seen["source"] and seen["attachment"] == "hello"
    one, two = seen["messages"]
    assert (one["subject"], one["flags"], one["uid"]) == ("one", ["\\Seen"], 1)
    assert one["parts"] == ["text/plain", "application/pdf"]
    assert one["date"] == "2026-01-02T03:04:05.000Z" and two["flags"] == ["$Work"]
    assert seen["flagged"] == seen["subject"] == seen["left"] == [2]
    assert seen["moved"] == [[1, 1]] and seen["told"] == 2


PERL = r"""
use strict; use Mail::IMAPClient; use IO::Socket::SSL;
my ($host, $port, $user, $password) = @ARGV;
my $imap = Mail::IMAPClient->new(Server => $host, Port => $port, User => $user,
    Password => $password, Ssl => [SSL_verify_mode => 0], Uid => 1) or die $@;
$imap->create("Perl") or die $imap->LastError;
$imap->select("INBOX") or die $imap->LastError;
print "subject ", $imap->subject(1), "\n";
my $uid = $imap->append_string("INBOX", "Subject: appended\r\n\r\nperl\r\n", '\Seen')
    or die $imap->LastError;
print "appended $uid\n";
print "found ", join(",", $imap->search("SUBJECT", "appended")), "\n";
print "flags ", join(",", sort grep { $_ ne '\Recent' } $imap->flags($uid)), "\n";
print "body ", $imap->body_string($uid);
my $structure = $imap->get_bodystructure($uid) or die $imap->LastError;
print "type ", lc $structure->bodytype, "/", lc $structure->bodysubtype, "\n";
my $envelope = $imap->get_envelope(1) or die $imap->LastError;
print "envelope ", $envelope->subject, "\n";
$imap->copy("Perl", $uid) or die $imap->LastError;
$imap->move("Perl", 1) or die $imap->LastError;
$imap->expunge;
print "left ", join(",", $imap->messages), "\n";
print "there ", $imap->message_count("Perl"), "\n";
$imap->rename("Perl", "Camel") or die $imap->LastError;
print "exists ", ($imap->exists("Camel") ? 1 : 0), "\n";
$imap->logout or die;
"""


def test_mail_imapclient(office, bob):
    said = run("perl", "-e", PERL, office.address, 993 + OFFSET, bob, bob.password)
    assert said.replace("\r", "").split("\n") == [
        "subject first", "appended 2", "found 2", "flags \\Seen", "body perl", "type text/plain",
        "envelope first", "left 2", "there 2", "exists 1", ""]


@pytest.mark.parametrize("options", ["ssl", "sslproto TLS1.2+"])
def test_fetchmail(office, bob, tmp_path, options):
    port = 993 if options == "ssl" else 143
    office.send(bob.address, LETTER % b"second")
    config = tmp_path / "fetchmailrc"
    out = tmp_path / "out"
    config.write_text(f"poll {office.address} protocol imap port {port + OFFSET} user '{bob}' "
                      f"password '{bob.password}' {options} no sslcertck no rewrite "
                      f"keep mda 'cat >> {out}'\n")
    config.chmod(0o600)
    command = ["fetchmail", "-f", str(config), "-i", str(tmp_path / "ids"), "--pidfile",
               str(tmp_path / "pid"), "--nosyslog"]
    run(*command)
    assert out.read_text().count("Dear Bob") == 2
    again = subprocess.run(command, capture_output=True, timeout=PATIENCE)
    assert again.returncode == 1  # nothing new: all are seen
    assert out.read_text().count("Dear Bob") == 2


def test_getmail(office, bob, tmp_path):
    got = tmp_path / "got"
    (tmp_path / "getmailrc").write_text(
        f"[retriever]\ntype = SimpleIMAPSSLRetriever\nserver = {office.address}\n"
        f"port = {993 + OFFSET}\nusername = {bob}\npassword = {bob.password}\n"
        "mailboxes = (\"INBOX\",)\n[destination]\ntype = MDA_external\npath = /usr/bin/tee\n"
        f"arguments = ('-a', '{got}')\nallow_root_commands = true\n"
        "[options]\nread_all = false\ndelete = false\n")
    (tmp_path / "getmailrc").chmod(0o600)
    for _ in range(2):  # by UID: only what is new
        run("getmail", f"--getmaildir={tmp_path}", env={**os.environ, "HOME": str(tmp_path)})
        assert got.read_text().count("Subject: first") == 1


def test_neomutt(office, bob, tmp_path):
    """Opens, tags, saves to another folder, quits."""
    office.send(bob.address, LETTER % b"second")
    config = tmp_path / "muttrc"
    config.write_text(
        f"set folder=imaps://{office.address}:{993 + OFFSET}/\nset spoolfile=+INBOX\n"
        f"set imap_user='{bob}'\nset imap_pass='{bob.password}'\nset ssl_verify_host=no\n"
        f"set certificate_file={certificate(office)}\nset header_cache={tmp_path}/cache\n"
        "set confirmappend=no\nset move=no\nset delete=yes\nset imap_qresync=yes\nset wait_key=no\n"
        "set resolve=no\nset quit=yes\nset mail_check=60\n"
        "push '<tag-pattern>~s second<enter><tag-prefix><save-message>+Archive<enter>"
        "<sync-mailbox><first-entry><flag-message><quit>'\n")
    run("script", "-qec", f"neomutt -n -F {config}", "/dev/null", text="",
        env={"TERM": "xterm", "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})
    with Imap(bob) as box:
        assert "MESSAGES 1" in box.ok("STATUS Archive (MESSAGES)")[0]
        box.ok("SELECT INBOX")
        answer, = box.ok("FETCH 1 (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        assert "first" in answer and "\\Flagged" in answer


@pytest.fixture(scope="module")
def certified(make_office, tmp_path_factory):
    """(office, the chain that its certificate is checked by)"""
    authority = Authority(tmp_path_factory.mktemp("authority"))
    office = authority.certify(make_office(start=False), "mail.example.test")
    return office.start(), authority.chain


@pytest.mark.parametrize("client", [Mbsync, Offlineimap])
def test_copies_move_nothing_the_second_time(certified, tmp_path, client):
    office, chain = certified
    user = office.new_user()
    copy = client(user, tmp_path / "copy", chain)
    with Imap(user) as box:
        for number in range(200):
            box.append(LETTER % b"letter %d" % number, "INBOX" if number % 2 else "Archive",
                       "(\\Seen) " if number % 3 else "")
        copy.sync()
        files, letters = copy.all(), copy.letters("INBOX")
        assert (len(letters), len(copy.letters("Archive"))) == (100, 100)
        assert {copy.content(letter) for letter in letters} == {
            LETTER % b"letter %d" % number for number in range(1, 200, 2)}
        before = box.ok("STATUS INBOX (MESSAGES UIDNEXT HIGHESTMODSEQ UNSEEN)")
        assert copy.moved() == []
        assert box.ok("STATUS INBOX (MESSAGES UIDNEXT HIGHESTMODSEQ UNSEEN)") == before
        assert copy.all() == files
        (letters[0].parent.parent / "new" / "1.new.here").write_bytes(LETTER % b"new")
        letters[-1].unlink()
        assert copy.moved() != []  # and changes go up
        assert "MESSAGES 100" in box.ok("STATUS INBOX (MESSAGES)")[0]
        assert box.ok("STATUS INBOX (UIDNEXT)")[0].endswith("(UIDNEXT 102)")
        assert copy.moved() == []
