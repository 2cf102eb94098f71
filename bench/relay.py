#!/usr/bin/python3
"""End to end, side by side: letters in by SMTP, durable, out by SMTP to smtp-sink.

bench/relay.py [--quick] [--only ROW]      run by ./do bench

A row is a way in: letters of so many bytes over so many kept sessions, in the clear or under TLS
(with AUTH where the server asks for it), signed or not. Time counts from the first byte in to the
last letter at the sink; CPU and memory are of all processes of a server, its milter included; syncs
are counted with strace in a run of their own. Servers take turns within each row, the middle of the
rounds counts. A peer that does not start, or loses letters, is told in one line and left out.
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
import threading
import time

import million
import parts
from measure import ROOT, TOOLS, NotStarted, count_syncs, ports, run, wait_for_port
from office import SENDER, RelayOffice
from peers import Exim, Haraka, OpenDkim, OpenSmtpd, Postfix, dkim_key

ROWS = ("clear", "tls", "syncs", "dkim", "million")
SYNC_LETTERS = 200
PATIENCE = 120  # seconds for letters to be taken, and then to reach the sink


class Sink:
    """smtp-sink, and how many letters it has got."""

    def __init__(self):
        self.port = next(ports)
        self.process = subprocess.Popen(["smtp-sink", "-u", "postfix", "-c",
                                         f"127.0.0.1:{self.port}", "2000"],
                                        stdout=subprocess.PIPE)
        self.count, self.changed = 0, threading.Condition()
        threading.Thread(target=self.watch, daemon=True).start()
        wait_for_port(self.port)

    def watch(self):
        text = b""
        while more := os.read(self.process.stdout.fileno(), 65536):
            text = (text + more)[-4000:]
            found = re.findall(rb"mesg=(\d+)\r", text)
            if found:
                with self.changed:
                    self.count = int(found[-1])
                    self.changed.notify_all()

    def wait(self, count, patience):
        with self.changed:
            return self.changed.wait_for(lambda: self.count >= count, patience)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class Lost(Exception):
    """A server did not deliver what it was given."""


class Bench:
    """Who takes part in a row, us first; each with a sink of its own, so that the stragglers of one
    do not count for another."""

    def __init__(self, options):
        self.options, self.stack, self.servers = options, contextlib.ExitStack(), []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()

    def open(self, name, make):
        """make(sink): a server. A peer may be missing, we may not."""
        try:
            sink = self.stack.enter_context(Sink())
            server = self.stack.enter_context(make(sink))
        except (NotStarted, OSError, subprocess.SubprocessError) as error:
            if not self.servers:
                raise
            print(f"{name} is left out: {error}\n", flush=True)
            return
        self.servers.append(server)

    def attempt(self, server, work, *arguments):
        """What work gives; a peer that fails at it is not asked again."""
        try:
            return work(server, *arguments)
        except (Lost, OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", None) or str(error)
            if server is self.servers[0]:
                sys.exit(f"bench: {server.name}: {said.strip()}")
            print(f"{server.name} is left out from here on: {said.strip()}", flush=True)
            self.servers.remove(server)
            return None


def load(server, sessions, letters, size, tls):
    """Letters a second end to end, letters a second in, CPU milliseconds a letter."""
    port, recipient, login = server.target(tls)
    sink = server.sink
    have, before, start = sink.count, server.cpu(), time.monotonic()
    inside = float(run(TOOLS / "mailload", "keep", port, sessions, letters, size, SENDER,
                       recipient, "tls" if tls else "clear", *login,
                       timeout=PATIENCE))
    if not sink.wait(have + letters, PATIENCE):
        raise Lost(f"{sink.count - have} of {letters} letters came in {PATIENCE} s")
    seconds = time.monotonic() - start
    return letters / seconds, letters / inside, (server.cpu() - before) * 1000 / letters


def turns(bench, servers, sessions, size, tls):
    """Results of every round, by server. Who needs longer than a round for the fewest letters has
    had its round with that."""
    results, counts, fewest = {}, {}, max(100, 2 * sessions)
    for server in servers:
        first = bench.attempt(server, load, sessions, fewest, size, tls)
        if first and first[0] * bench.options.seconds < fewest:
            results[server] = [first]
        elif first:
            counts[server] = int(first[0] * bench.options.seconds)
    for _ in range(bench.options.rounds):
        for server in list(counts):
            result = bench.attempt(server, load, sessions, counts[server], size, tls)
            if result:
                results.setdefault(server, []).append(result)
            else:
                results.pop(server, None)
                del counts[server]
    return results


def compare(title, bench, sessions, size, tls):
    """Prints the row; our CPU milliseconds a letter."""
    servers = [server for server in bench.servers if server.takes_tls or not tls]
    middle = {}
    for server, results in turns(bench, servers, sessions, size, tls).items():
        rate, inside, cpu = (statistics.median(column) for column in zip(*results))
        middle[server] = (rate, cpu)
        low, high = (f(result[0] for result in results) for f in (min, max))
        print(f"{title:42} {server.name:17} {rate:8,.0f}/s ({low:,.0f} to {high:,.0f})"
              f" in {inside:8,.0f}/s {cpu:7.3f} ms CPU {server.memory() / 1024:6.1f} MiB",
              flush=True)
    rate, cpu = middle.pop(bench.servers[0])
    for server, (its_rate, its_cpu) in middle.items():
        print(f"{'':42} {rate / its_rate:.2f} times {server.name}'s rate, {its_cpu / cpu:.1f} times"
              " less CPU", flush=True)
    if middle:
        best = max(middle, key=lambda server: middle[server][0])
        print(f"{'':42} best peer: {best.name}; we do {rate / middle[best][0]:.2f} times its rate",
              flush=True)
    return cpu


class Parts:
    """The floors of 10 KiB letters, measured once for so many sessions."""

    def __init__(self, folder):
        self.folder, self.known = folder, {}

    def print(self, sessions, cpu, signed):
        if sessions not in self.known:
            with Sink() as sink:
                self.known[sessions] = parts.measure(self.folder, sink, sessions, 10240)
        print(f"{'':42} {parts.judge(self.known[sessions], cpu, signed)}", flush=True)


def syncs(server, folder):
    """fsyncs a letter at 20 sessions."""
    count = count_syncs(server, folder, lambda: load(server, 20, SYNC_LETTERS, 10240, False))
    print(f"{server.name}: {count / SYNC_LETTERS:.2f} syncs a letter at 20 sessions", flush=True)


def unsigned_rows(folder, options, floors):
    with Bench(options) as bench:
        bench.open("Postamt", lambda sink: RelayOffice(folder, sink))
        tls = folder / "relay/tls"
        bench.open("Postfix", lambda sink: Postfix(folder, tls, sink))
        bench.open("Exim", lambda sink: Exim(folder, tls, sink))
        bench.open("OpenSMTPD", lambda sink: OpenSmtpd(folder, tls, sink))
        bench.open("Haraka", lambda sink: Haraka(folder, tls, sink))
        if options.chosen("clear"):
            for sessions in (20, 100):
                for size in ((10240,) if options.quick else (1024, 10240, 102400)):
                    cpu = compare(f"{size // 1024} KiB, {sessions} sessions", bench, sessions, size,
                                  False)
                    if size == 10240:
                        floors.print(sessions, cpu, False)
                    print(flush=True)
        if options.chosen("tls"):
            for sessions in (20, 100):
                compare(f"10 KiB, {sessions} sessions, TLS", bench, sessions, 10240, True)
                print(flush=True)
        if options.chosen("syncs"):
            for server in list(bench.servers):
                bench.attempt(server, syncs, folder)
            print(flush=True)


def signed_rows(folder, options, floors):
    with Bench(options) as bench:
        bench.open("Postamt", lambda sink: RelayOffice(folder, sink, signs=True))
        tls, key = folder / "relay-signs/tls", dkim_key(folder / "dkim.pem")
        bench.open("Postfix with OpenDKIM", lambda sink: Postfix(
            folder, tls, sink, bench.stack.enter_context(OpenDkim(folder)), "Postfix+OpenDKIM"))
        bench.open("Exim", lambda sink: Exim(folder, tls, sink, key))
        bench.open("Haraka", lambda sink: Haraka(folder, tls, sink, key))
        for sessions in (20, 100):
            cpu = compare(f"10 KiB, {sessions} sessions, TLS, DKIM RSA", bench, sessions, 10240,
                          True)
            floors.print(sessions, cpu, True)
            print(flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="fewer letters and rounds")
    parser.add_argument("--only", help=", ".join(ROWS))
    options = parser.parse_args()
    options.seconds, options.rounds = (2, 1) if options.quick else (4, 3)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: stopped"))
    options.chosen = (lambda name: options.only in (None, name))
    if os.geteuid() != 0:
        sys.exit("bench: the peers start as root only; use sudo ./do bench")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="postamt-relay-", dir=ROOT / "build"))
    os.chmod(folder, 0o755)
    floors = Parts(folder)
    try:
        if any(map(options.chosen, ("clear", "tls", "syncs"))):
            unsigned_rows(folder, options, floors)
        if options.chosen("dkim"):
            signed_rows(folder, options, floors)
        if options.chosen("million"):
            with Sink() as sink:
                million.measure(folder, sink)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
