"""The rows of mailbox.py: what a client does, and what of it is compared."""
import os
import pathlib
import re
import subprocess
import time

import corpus
from boxpeers import ANY_USER, PASSWORD, USERS, BoxOffice, user_name
from measure import TOOLS, run

READER, LOADED, RECEIVER = map(user_name, range(3))
PATIENCE = 300
AT_REST, IN_IDLE = 200, 40  # connections; in IDLE each takes three of a user's 128 of inotify
OURS_AT_REST = 1000


class Failed(Exception):
    """A server did not do what the row asks."""


def boxload(*words):
    """(seconds, CPU seconds of the load)"""
    said = run(TOOLS / "boxload", *words, timeout=PATIENCE).split()
    return float(said[0]), float(said[1])


class Dialogue:
    """A client that says one command after the other."""

    def __init__(self, server, protocol="imap", tls=False, mailbox="INBOX", user=READER):
        self.process = open_boxload("dialogue", protocol,
                                    server.ports[protocol + ("s" if tls else "")],
                                    "tls" if tls else "clear", user, PASSWORD)
        if self.process.stdout.readline() != "in\n":
            raise Failed(close(self.process))
        if protocol == "imap":
            self.ask(f"SELECT {mailbox}")

    def ask(self, command):
        """(seconds, CPU seconds of the load, bytes, the reply's first line)"""
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"{command}: {self.process.stderr.read()}")
        took, cpu, size, first = line.rstrip("\n").split(" ", 3)
        return int(took) / 1e6, int(cpu) / 1e6, int(size), first

    def __enter__(self):
        return self

    def __exit__(self, *_):
        close(self.process)


def open_boxload(*words):
    return subprocess.Popen([str(word) for word in (TOOLS / "boxload", *words)], text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def close(process):
    """What it complained of."""
    try:
        process.stdin.close()
    except BrokenPipeError:
        pass
    process.wait()
    said = process.stderr.read()
    process.stdout.close()
    process.stderr.close()
    return said


class Row:
    """measure(bench, server, count): (what is compared, seconds of CPU the load took, units of
    work, or None where more than the row was done). count is what the row's first try does; rates
    are then taken over so many as fit into a round. aim: our ratio to the best peer; most: what we
    may need, whatever the others do."""

    def __init__(self, name, title, unit, measure, aim=1.0, count=None, most=None):
        self.name, self.title, self.unit, self.measure = name, title, unit, measure
        self.aim, self.count, self.most = aim, count, most
        self.higher, self.warms = unit in ("/s", "MB/s"), unit != "KiB"


# --- letters in ----------------------------------------------------------------------------------


def append(connections):
    def measure(bench, server, count):
        seconds, cpu = boxload("append", server.ports["imap"], "clear", connections, count,
                               bench.corpus, LOADED, PASSWORD, "INBOX")
        return count / seconds, cpu, count
    return measure


def letters_of_receiver(server):
    with Dialogue(server, user=RECEIVER) as dialogue:
        return int(dialogue.ask("STATUS INBOX (MESSAGES)")[3].split()[-1].rstrip(")"))


def deliver(users):
    """They have to be there."""
    def measure(bench, server, count):
        have = letters_of_receiver(server)
        seconds, cpu = boxload("deliver", server.ports["lmtp"], 20, count,
                               bench.corpus, ANY_USER if users > 1 else RECEIVER, users)
        came = letters_of_receiver(server) - have
        if came < count // users:
            raise Failed(f"{came} of {count // users} letters came to {RECEIVER}")
        return count / seconds, cpu, count
    return measure


# --- logins --------------------------------------------------------------------------------------


def login(protocol, tls):
    """Of users who have logged in a moment ago: whoever remembers that, does."""
    def measure(bench, server, count):
        words = ("login", protocol, server.ports[protocol + ("s" if tls else "")],
                 "tls" if tls else "clear", 20)
        boxload(*words, USERS, ANY_USER, USERS, PASSWORD)
        seconds, cpu = boxload(*words, count, ANY_USER, USERS, PASSWORD)
        return count / seconds, cpu, count + USERS
    return measure


def maildrop(bench, server, _):
    """Milliseconds of a POP3 login to all the letters, and QUIT."""
    seconds, cpu = boxload("login", "pop3", server.ports["pop3"], "clear", 1, 10, READER, 1,
                           PASSWORD)
    return seconds * 1e3 / 10, cpu, 10


# --- reading -------------------------------------------------------------------------------------


def command(text, check=None, by=1e3, repeat=1, needs=None, protocol="imap"):
    """How long it takes, with the mailbox selected already."""
    def measure(bench, server, _):
        with Dialogue(server, protocol) as dialogue:
            if needs and needs not in dialogue.ask("CAPABILITY")[3].split():
                raise Failed(f"it does not offer {needs}")
            took, cpu, size, first = dialogue.ask(f"*{repeat} {text}" if repeat > 1 else text)
        if check and not check(bench, size, first):
            raise Failed(f"{text}: {size} bytes, {first[:100]}")
        return took * by / repeat, cpu, repeat
    return measure


def found(wanted):
    """As many letters as wanted(bench) says."""
    return lambda bench, size, first: len(re.findall(r"\d+", first)) == wanted(bench)


def all_envelopes(bench, size, _):
    return size > 300 * bench.letters


def lines_of(least):
    return lambda bench, size, _: size > least * bench.letters


def cold(bench, server, _):
    """The server restarted, what it remembers of letters taken away, nothing in the page cache."""
    server.stop()
    server.forget()
    os.sync()
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
    server.start()
    with Dialogue(server) as dialogue:
        took, cpu, size, _ = dialogue.ask(ENVELOPES)
    if not all_envelopes(bench, size, _):
        raise Failed(f"{size} bytes of envelopes")
    return took * 1e3, cpu, None


def bodies(tls):
    def measure(bench, server, _):
        with Dialogue(server, tls=tls) as dialogue:
            took, cpu, size, _ = dialogue.ask("UID FETCH 1:* BODY.PEEK[]")
        if size < corpus.BYTES * bench.letters:
            raise Failed(f"{size} bytes of bodies")
        return size / took / 1e6, cpu, bench.letters
    return measure


def retr(tls):
    def measure(bench, server, count):
        with Dialogue(server, "pop3", tls) as dialogue:
            took, cpu, size, _ = dialogue.ask(f"*{count} RETR %")
        if size < (corpus.BYTES - 2) * count:
            raise Failed(f"{size} bytes by POP3")
        return count / took, cpu, count
    return measure


# --- changing ------------------------------------------------------------------------------------


def change(text, before=(), after=()):
    """Milliseconds; what is needed before, and puts things in order after it, does not count."""
    def measure(bench, server, _):
        with Dialogue(server) as dialogue:
            for line in before:
                dialogue.ask(line)
            took, cpu, *_ = dialogue.ask(text)
            for line in after:
                dialogue.ask(line)
        return took * 1e3, cpu, None
    return measure


COPY = "COPY 1:1000 Copies"
EMPTY = ("STORE 1:* +FLAGS.SILENT (\\Deleted)", "EXPUNGE")


# --- at rest -------------------------------------------------------------------------------------


def rest(tls, idles=False):
    """KiB that each of many connections adds."""
    def measure(bench, server, count):
        count = OURS_AT_REST if isinstance(server, BoxOffice) else count
        server.stop()
        server.start()
        for _ in range(3):  # what the first connections bring in is not theirs
            Dialogue(server, tls=tls).__exit__()
        time.sleep(1)
        before = server.memory()
        holder = open_boxload("idle", server.ports["imaps" if tls else "imap"],
                              "tls" if tls else "clear", count, ANY_USER, USERS, PASSWORD, "INBOX",
                              *(["IDLE"] if idles else []))
        said = holder.stdout.readline()
        time.sleep(3)  # what is let go of when a connection rests is gone; who hibernates, does
        used = server.memory() - before
        complaint = close(holder)
        if said != "open\n":
            raise Failed(complaint)
        return used / count, 0, None
    return measure


# --- the rows ------------------------------------------------------------------------------------

ENVELOPES = "FETCH 1:* (FLAGS RFC822.SIZE ENVELOPE)"
ROWS = [
    Row("append", "APPEND, 1 connection", "/s", append(1), count=200),
    Row("append", "APPEND, 20 connections", "/s", append(20), 2.5, 200),
    Row("envelope", "flags, sizes, envelopes, warm", "ms", command(ENVELOPES, all_envelopes), 6),
    Row("envelope", "envelopes, cold", "ms", cold, 20),
    Row("envelope", "UIDs and flags", "ms", command("FETCH 1:* (UID FLAGS)", lines_of(20))),
    Row("body", "bodies", "MB/s", bodies(False), 3),
    Row("body", "bodies, TLS", "MB/s", bodies(True), 3),
    Row("search", "SEARCH TEXT, in three letters", "ms",
        command(f"SEARCH TEXT {corpus.RARE}", found(lambda bench: bench.holds[corpus.RARE])), 15),
    Row("search", "SEARCH TEXT, in every third", "ms",
        command(f"SEARCH TEXT {corpus.COMMON}", found(lambda bench: bench.holds[corpus.COMMON])),
        15),
    Row("search", "SEARCH TEXT, in none", "ms",
        command(f"SEARCH TEXT {corpus.MISSING}", found(lambda bench: 0)), 15),
    Row("search", "SEARCH SUBJECT", "ms",
        command(f"SEARCH SUBJECT {corpus.TOPIC}", found(lambda bench: bench.holds[corpus.TOPIC]))),
    Row("sort", "SORT (SUBJECT)", "ms",
        command("SORT (SUBJECT) UTF-8 ALL", found(lambda bench: bench.letters), needs="SORT")),
    Row("sort", "THREAD REFERENCES", "ms",
        command("THREAD REFERENCES UTF-8 ALL", found(lambda bench: bench.letters),
                needs="THREAD=REFERENCES")),
    Row("change", "STORE 1:* +FLAGS \\Seen", "ms",
        change("STORE 1:* +FLAGS (\\Seen)", ["STORE 1:* -FLAGS.SILENT (\\Seen)"])),
    Row("change", "COPY of 1,000", "ms", change(COPY, after=("SELECT Copies", *EMPTY))),
    Row("change", "MOVE of 1,000", "ms",
        change("MOVE 1:1000 Moved", (COPY, "SELECT Copies"), ("SELECT Moved", *EMPTY))),
    Row("change", "EXPUNGE of 1,000", "ms",
        change("EXPUNGE", (COPY, "SELECT Copies", EMPTY[0]))),
    Row("select", "SELECT", "us", command("SELECT INBOX", by=1e6, repeat=500)),
    Row("login", "IMAP LOGIN, LOGOUT", "/s", login("imap", False), 2, 200),
    Row("login", "IMAP LOGIN, LOGOUT, TLS", "/s", login("imap", True), 2, 200),
    Row("login", "POP3 login, QUIT", "/s", login("pop3", False), 1, 200),
    Row("login", "POP3 login, QUIT, TLS", "/s", login("pop3", True), 1, 200),
    Row("pop3", "POP3 login, all letters", "ms", maildrop),
    Row("pop3", "POP3 LIST", "ms", command("LIST", lines_of(9), repeat=5, protocol="pop3")),
    Row("pop3", "POP3 UIDL", "ms", command("UIDL", lines_of(8), repeat=5, protocol="pop3")),
    Row("pop3", "POP3 RETR", "/s", retr(False), count=50),
    Row("pop3", "POP3 RETR, TLS", "/s", retr(True), count=50),
    Row("deliver", "deliveries to one user", "/s", deliver(1), 5, 200),
    Row("deliver", f"deliveries to {USERS} users", "/s", deliver(USERS), 5, 200),
    Row("rest", "a connection at rest", "KiB", rest(False), 1, AT_REST, 12),
    Row("rest", "a connection at rest, TLS", "KiB", rest(True), 1, AT_REST, 45),
    Row("rest", "a connection in IDLE", "KiB", rest(False, True), 1, IN_IDLE, 12),
    Row("rest", "a connection in IDLE, TLS", "KiB", rest(True, True), 1, IN_IDLE, 45),
]
