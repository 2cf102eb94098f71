#!/usr/bin/python3
"""Mailboxes, side by side: Postamt, Dovecot, Cyrus; letters in, logins, reading, searching, memory.

bench/mailbox.py [--quick] [--only ROW]      run by ./do bench mailbox

Ten thousand letters of 5 KiB (corpus.py) stand in one mailbox of each server, the same ones, put
there by APPEND. Servers take turns within each row (boxrows.py), the middle of five rounds counts,
and the row ends with our ratio to the best peer. Dovecots as shipped take part in all rows, those
with their login processes in performance mode, or hibernating, where that matters (boxpeers.py). A
peer that does not start, or fails at a row, is told in one line and left out there.
"""
import argparse
import contextlib
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

import corpus
from boxpeers import PASSWORD, BoxOffice, Cyrus, Dovecot
from boxrows import READER, ROWS, Dialogue, Failed, append, boxload, deliver
from measure import ROOT, NotStarted, count_syncs, run

ERRORS = (NotStarted, Failed, OSError, subprocess.SubprocessError)
SYNC_LETTERS = 200


def reason(error):
    said = getattr(error, "stderr", None) or str(error)
    return " ".join(said.split())[:200]


class Bench:
    """The servers, us last, and their letters."""

    def __init__(self, folder, options):
        self.folder, self.options, self.stack = folder, options, contextlib.ExitStack()
        self.letters = 1000 if options.quick else 10000
        self.corpus, self.holds = corpus.write(folder / "corpus", self.letters)
        self.servers, self.missed = [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()

    def chosen(self, name):
        return self.options.only in (None, name)

    def open(self, server_class, *arguments, **more):
        try:
            server = server_class(self.folder, *arguments, **more)
            if server.rows and not any(map(self.chosen, server.rows)):
                return
            self.stack.enter_context(server)
            if not server.rows:
                self.fill(server)
        except ERRORS as error:
            if server_class is BoxOffice:
                sys.exit(f"bench: {reason(error)}")
            print(f"{server_class.__name__} {arguments[1:]} is left out: {reason(error)}\n",
                  flush=True)
            return
        self.servers.append(server)

    def fill(self, server):
        """The letters into the reader's INBOX, in the corpus' order."""
        boxload("append", server.ports["imap"], "clear", 1, self.letters, self.corpus, READER,
                PASSWORD, "INBOX")
        with Dialogue(server) as dialogue:
            dialogue.ask("CREATE Copies")
            dialogue.ask("CREATE Moved")


def attempt(bench, row, server, count):
    """(figure, CPU milliseconds for each unit of the server, and of the load); None: it failed."""
    before = server.cpu()
    try:
        figure, load, units = row.measure(bench, server, count)
    except ERRORS as error:
        print(f"{row.title:30} {server.name} is left out: {reason(error)}", flush=True)
        return None
    if not units:
        return figure, 0, 0
    return figure, (server.cpu() - before) * 1e3 / units, load * 1e3 / units


def turns(bench, row):
    """Results of every round, by server."""
    results, counts = {}, {}
    for server in bench.servers:
        if server.rows and row.name not in server.rows:
            continue
        results[server], counts[server] = [], row.count
        if not row.warms:
            continue
        first = attempt(bench, row, server, row.count)
        if not first:
            del results[server]
        elif row.unit == "/s":
            fits = min(int(first[0] * bench.options.seconds), bench.letters)
            counts[server] = max(fits, row.count)
    for _ in range(bench.options.rounds):
        for server in list(results):
            result = attempt(bench, row, server, counts[server])
            if result:
                results[server].append(result)
            else:
                del results[server]
    return results


def compare(bench, row):
    """Prints the row."""
    middle = {}
    for server, rounds in turns(bench, row).items():
        middle[server], cpu, load = (statistics.median(column) for column in zip(*rounds))
        low, high = (f(result[0] for result in rounds) for f in (min, max))
        used = f"  {cpu:.3f} ms CPU, load {load:.3f}" if cpu else ""
        print(f"{row.title:30} {server.name:22} {middle[server]:10,.1f} {row.unit:4}"
              f" ({low:,.1f} to {high:,.1f}){used}", flush=True)
    judge(bench, row, middle)


def judge(bench, row, middle):
    mine = next((server for server in middle if isinstance(server, BoxOffice)), None)
    peers = [server for server in middle if server is not mine]
    if not mine or not peers:
        print(f"{'':30} nothing to compare\n", flush=True)
        return
    ratios = {server: middle[mine] / middle[server] if row.higher else
              middle[server] / middle[mine] for server in peers}
    best = min(peers, key=ratios.get)
    ratio = ratios.pop(best)
    reached = ratio >= row.aim and (not row.most or middle[mine] <= row.most)
    most = f", and at most {row.most} {row.unit}" if row.most else ""
    others = "; ".join(f"{other.name} {times:.1f}" for other, times in ratios.items())
    line = (f"{ratio:.2f} times as good as {best.name} (aim: {row.aim:g}{most}):"
            f" {'reached' if reached else 'missed'} [{others}]")
    print(f"{'':30} {line}\n", flush=True)
    if not reached:
        bench.missed.append(f"{row.title}: {line}")


def print_syncs(bench):
    """How many a letter costs, by APPEND and by delivery."""
    for server in bench.servers:
        if server.rows:
            continue
        for title, way in (("APPEND, 1 connection", append(1)),
                           ("APPEND, 20 connections", append(20)),
                           ("deliveries, 20 connections", deliver(1))):
            found = count_syncs(server, bench.folder, lambda way=way, server=server: way(
                bench, server, SYNC_LETTERS))
            print(f"{title:30} {server.name:22} {found / SYNC_LETTERS:10.2f} syncs a letter",
                  flush=True)
    print(flush=True)


def measure_all(bench):
    office = BoxOffice(bench.folder)
    tls = office.folder / "tls"
    for mailboxes in ("sdbox", "maildir"):
        bench.open(Dovecot, tls, mailboxes)
        bench.open(Dovecot, tls, mailboxes, tuned=True)
    bench.open(Dovecot, tls, "sdbox", tuned=True, hibernates=True)
    bench.open(Cyrus, tls)
    bench.stack.enter_context(office)
    bench.fill(office)
    bench.servers.append(office)
    for row in ROWS:
        if bench.chosen(row.name):
            compare(bench, row)
    if bench.chosen("syncs"):
        print_syncs(bench)
    for line in bench.missed:
        print(f"missed: {line}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="fewer letters and rounds")
    parser.add_argument("--only", help=", ".join(dict.fromkeys([row.name for row in ROWS] +
                                                               ["syncs"])))
    options = parser.parse_args()
    options.seconds, options.rounds = (0.5, 1) if options.quick else (1, 5)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: stopped"))
    if os.geteuid() != 0:
        sys.exit("bench: the peers start as root only; use sudo ./do bench mailbox")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="postamt-boxes-", dir=ROOT / "build"))
    os.chmod(folder, 0o755)
    try:
        with Bench(folder, options) as bench:
            print(f"{os.cpu_count()} cores, {run('uname', '-sr').strip()};"
                  f" {bench.letters:,} letters of {corpus.BYTES} bytes\n", flush=True)
            measure_all(bench)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
