#!/usr/bin/python3
"""Mailboxes, side by side: Postamt, Dovecot, Cyrus; letters in, logins, reading, searching, memory.

bench/mailbox.py [--quick] [--only ROW]      run by ./do bench mailbox

Ten thousand letters of 5 KiB (corpus.py) stand in one mailbox of each server, the same ones, put
there by APPEND. Servers take turns within each row, the middle of five rounds counts, and the row
ends with our ratio to the best peer. Two Dovecots are as shipped; two have their login processes in
performance mode: they take part where those matter (boxpeers.py). A peer that does not start, or
fails at a row, is told in one line and left out there.
"""
import argparse
import contextlib
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import corpus
from boxpeers import ANY_USER, PASSWORD, USERS, BoxOffice, Dovecot, user_name
from measure import ROOT, TOOLS, NotStarted, run

READER, LOADED, MOVER, RECEIVER = map(user_name, range(4))
PATIENCE = 300


class Failed(Exception):
    """A server did not do what the row asks."""


def boxload(*words):
    """(seconds, CPU seconds of the load)"""
    said = run(TOOLS / "boxload", *words, timeout=PATIENCE).split()
    return float(said[0]), float(said[1])


class Dialogue:
    """A client that says one command after the other."""

    def __init__(self, server, protocol="imap", tls=False, user=READER, mailbox="INBOX"):
        port = server.ports[protocol + ("s" if tls else "")]
        self.process = subprocess.Popen(
            [str(word) for word in (TOOLS / "boxload", "dialogue", protocol, port,
                                    "tls" if tls else "clear", user, PASSWORD)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "in\n":
            raise Failed(self.process.stderr.read())
        if protocol == "imap" and mailbox:
            self.ask(f"SELECT {mailbox}")

    def ask(self, command):
        """(seconds, CPU seconds of the load, bytes, the reply's first line)"""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"{command}: {self.process.stderr.read()}")
        took, cpu, size, first = line.rstrip("\n").split(" ", 3)
        return int(took) / 1e6, int(cpu) / 1e6, int(size), first

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


class Row:
    """measure(bench, server, count): (what is compared, seconds of CPU the load took, units of
    work). count is what the row's first try does; rates are then taken over so many as fit into a
    round. aim: our ratio to the best peer; most: what we may need, whatever the others do."""

    def __init__(self, name, title, unit, measure, aim=1.0, count=None, tuned=False, rounds=None,
                 most=None):
        self.name, self.title, self.unit, self.measure = name, title, unit, measure
        self.aim, self.count, self.tuned, self.rounds = aim, count, tuned, rounds
        self.higher, self.most = unit in ("/s", "MB/s"), most


# --- rows --------------------------------------------------------------------------------------


def append(connections):
    def measure(bench, server, count):
        seconds, cpu = boxload("append", server.ports["imap"], "clear", connections, count,
                               bench.corpus, LOADED, PASSWORD, "INBOX")
        return count / seconds, cpu, count
    return measure


def deliver(users):
    def measure(bench, server, count):
        seconds, cpu = boxload("deliver", server.way_in, server.ports[server.way_in], 20, count,
                               bench.corpus, ANY_USER if users > 1 else RECEIVER, users)
        return count / seconds, cpu, count
    return measure


def login(protocol, tls):
    def measure(bench, server, count):
        seconds, cpu = boxload("login", protocol, server.ports[protocol + ("s" if tls else "")],
                               "tls" if tls else "clear", 20, count, ANY_USER, USERS, PASSWORD)
        return count / seconds, cpu, count
    return measure


def command(text, check=None, tls=False, by=1e3, repeat=1, protocol="imap"):
    """Milliseconds of it, with the mailbox selected already."""
    def measure(bench, server, count):
        with Dialogue(server, protocol, tls) as dialogue:
            took, cpu, size, first = dialogue.ask(f"*{repeat} {text}" if repeat > 1 else text)
        if check and not check(bench, size, first):
            raise Failed(f"{text}: {size} bytes, {first[:100]}")
        return took * by / repeat, cpu, repeat
    return measure


def hits(wanted):
    """How many letters a search has found."""
    return lambda bench, size, first: len(re.findall(r"\d+", first)) == wanted(bench.letters)


def envelopes(bench, size, first):
    return size > 300 * bench.letters


def bodies(tls):
    def measure(bench, server, count):
        with Dialogue(server, tls=tls) as dialogue:
            took, cpu, size, _ = dialogue.ask("UID FETCH 1:* BODY.PEEK[]")
        if size < corpus.BYTES * bench.letters:
            raise Failed(f"{size} bytes of bodies")
        return size / took / 1e6, cpu, bench.letters
    return measure


def cold(bench, server, _):
    """The server restarted, what it remembers of letters taken away, nothing in the page cache."""
    server.stop()
    server.forget()
    os.sync()
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
    server.start()
    with Dialogue(server) as dialogue:
        took, cpu, size, first = dialogue.ask("FETCH 1:* (FLAGS RFC822.SIZE ENVELOPE)")
    if not envelopes(bench, size, first):
        raise Failed(f"{size} bytes of envelopes")
    return took * 1e3, cpu, 1


def retr(tls):
    def measure(bench, server, count):
        with Dialogue(server, "pop3", tls) as dialogue:
            took, cpu, size, _ = dialogue.ask(f"*{count} RETR %")
        if size < corpus.BYTES * count:
            raise Failed(f"{size} bytes by POP3")
        return count / took, cpu, count
    return measure


def idle(tls, idles):
    """KiB that each of many connections adds."""
    def measure(bench, server, count):
        server.stop()
        server.start()
        for _ in range(3):  # what the first connections bring in is not theirs
            Dialogue(server, tls=tls).__exit__()
        time.sleep(1)
        before = server.memory()
        words = (TOOLS / "boxload", "idle", server.ports["imaps" if tls else "imap"],
                 "tls" if tls else "clear", count, ANY_USER, USERS, PASSWORD, "INBOX")
        holder = subprocess.Popen([str(word) for word in words + (("IDLE",) if idles else ())],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
        try:
            if holder.stdout.readline() != "open\n":
                raise Failed(holder.stderr.read())
            time.sleep(3)  # what is let go of when a connection rests is gone, or hibernates
            return (server.memory() - before) / count, 0, count
        finally:
            holder.stdin.close()
            holder.wait()
            holder.stdout.close()
            holder.stderr.close()
    return measure


ENVELOPES = "FETCH 1:* (FLAGS RFC822.SIZE ENVELOPE)"
SUBJECT = "SEARCH SUBJECT"
ROWS = [
    Row("append", "APPEND, 1 connection", "/s", append(1), count=200),
    Row("append", "APPEND, 20 connections", "/s", append(20), 2.5, 200),
    Row("envelope", "flags, sizes, envelopes, warm", "ms", command(ENVELOPES, envelopes), 6),
    Row("envelope", "the same, cold", "ms", cold, 20),
    Row("body", "bodies", "MB/s", bodies(False), 3),
    Row("body", "bodies, TLS", "MB/s", bodies(True), 3),
    Row("search", "SEARCH TEXT, a rare word", "ms",
        command(f"SEARCH TEXT {corpus.RARE}", hits(lambda n: len(range(7, n, n // 3)))), 15),
    Row("login", "IMAP LOGIN, LOGOUT", "/s", login("imap", False), 2, 200, True),
    Row("login", "the same, TLS", "/s", login("imap", True), 2, 200, True),
    Row("select", "SELECT", "us", command("SELECT INBOX", by=1e6, repeat=500)),
    Row("pop3", "POP3 RETR", "/s", retr(False), count=500),
    Row("pop3", "POP3 RETR, TLS", "/s", retr(True), count=500),
    Row("idle", "a selected connection at rest", "KiB", idle(False, False), 1, 200, True, 1, 12),
    Row("idle", "the same, TLS", "KiB", idle(True, False), 1, 200, True, 1, 45),
    Row("deliver", "deliveries to one user", "/s", deliver(1), 5, 200),
    Row("deliver", f"deliveries to {USERS} users", "/s", deliver(USERS), 5, 200),
]


# --- the table ---------------------------------------------------------------------------------


class Bench:
    """The servers, us last, and their letters."""

    def __init__(self, folder, options):
        self.folder, self.options, self.stack = folder, options, contextlib.ExitStack()
        self.letters = 1000 if options.quick else 10000
        self.corpus = corpus.write(folder / "corpus", self.letters)
        self.servers = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()

    def open(self, name, make):
        try:
            server = self.stack.enter_context(make())
            self.fill(server)
        except (NotStarted, Failed, OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", None) or str(error)
            if name == "Postamt":
                sys.exit(f"bench: {said}")
            print(f"{name} is left out: {said.strip()}\n", flush=True)
            return
        self.servers.append(server)

    def fill(self, server):
        """The letters into the reader's INBOX, in the corpus' order."""
        boxload("append", server.ports["imap"], "clear", 1, self.letters, self.corpus, READER,
                PASSWORD, "INBOX")


def attempt(bench, row, server, count):
    """(figure, the server's CPU ms for each unit, the load's); None where it failed."""
    before = server.cpu()
    try:
        figure, load_cpu, units = row.measure(bench, server, count)
    except (Failed, OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        print(f"{row.title:32} {server.name} fails: {said.strip()[:200]}", flush=True)
        return None
    return figure, (server.cpu() - before) * 1e3 / units, load_cpu * 1e3 / units


def compare(bench, row):
    """Prints the row."""
    servers = [server for server in bench.servers if row.tuned or not getattr(server, "tuned", 0)]
    results, counts = {}, {}
    for server in servers:
        first = attempt(bench, row, server, row.count)
        if first:
            results[server] = []
            counts[server] = max(row.count or 0, row.unit == "/s" and
                                 min(int(first[0] * bench.options.seconds), bench.letters))
    for _ in range(row.rounds or bench.options.rounds):
        for server in list(results):
            result = attempt(bench, row, server, counts[server])
            if result:
                results[server].append(result)
            else:
                del results[server]
    middle = {}
    for server, rounds in results.items():
        middle[server], cpu, load = (statistics.median(column) for column in zip(*rounds))
        low, high = (f(result[0] for result in rounds) for f in (min, max))
        print(f"{row.title:32} {server.name:24} {middle[server]:10,.1f} {row.unit:4}"
              f" ({low:,.1f} to {high:,.1f}) {cpu:9.3f} ms CPU (load {load:.3f})", flush=True)
    judge(row, middle)


def judge(row, middle):
    mine = next((server for server in middle if server.name == "Postamt"), None)
    peers = [server for server in middle if server is not mine]
    if not mine or not peers:
        print(f"{'':32} nothing to compare\n", flush=True)
        return
    best = (max if row.higher else min)(peers, key=middle.get)
    ratio = middle[mine] / middle[best] if row.higher else middle[best] / middle[mine]
    reached = ratio >= row.aim and (not row.most or middle[mine] <= row.most)
    most = f", at most {row.most} {row.unit}" if row.most else ""
    print(f"{'':32} {ratio:.2f} times as good as {best.name}; aim {row.aim:g}{most}:"
          f" {'reached' if reached else 'MISSED'}\n", flush=True)


def measure_all(bench, folder):
    office = BoxOffice(folder)
    tls = office.folder / "tls"
    for kind in ("sdbox", "maildir"):
        bench.open(f"Dovecot, {kind}", lambda kind=kind: Dovecot(folder, tls, kind))
        if any(row.tuned and bench.chosen(row) for row in ROWS):
            bench.open(f"Dovecot, {kind}, tuned", lambda kind=kind: Dovecot(folder, tls, kind,
                                                                            True))
    bench.open("Postamt", lambda: office)
    for row in ROWS:
        if bench.chosen(row):
            compare(bench, row)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="fewer letters and rounds")
    parser.add_argument("--only", help=", ".join(dict.fromkeys(row.name for row in ROWS)))
    options = parser.parse_args()
    options.seconds, options.rounds = (1, 1) if options.quick else (2, 5)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: stopped"))
    if os.geteuid() != 0:
        sys.exit("bench: the peers start as root only; use sudo ./do bench mailbox")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="postamt-boxes-", dir=ROOT / "build"))
    os.chmod(folder, 0o755)
    try:
        with Bench(folder, options) as bench:
            bench.chosen = lambda row: options.only in (None, row.name)
            measure_all(bench, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
