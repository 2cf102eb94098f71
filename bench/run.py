#!/usr/bin/python3
"""Side by side: Postamt, Debian's Postfix, and the floor, in one run on one machine.

bench/run.py [--quick] [--only NAME]      run by ./do bench

Durable acceptance: smtp-source sends 10 KiB letters over kept connections; every server replies 250
after its disk has the letter. Postfix stores into its queue and then discards; Postamt delivers
into a mailbox. The three take turns within each row (rounds), the middle of the rounds counts.
CPU is of all processes of a server. All of it on loopback; ratios mean something, absolute numbers
are this machine's.
"""
import argparse
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from measure import ROOT, TOOLS, run
from office import Postamt
from parts import Floor
from peers import Postfix

BYTES = 10240


def smtp_source(server, sessions, letters):
    """Letters a second and CPU milliseconds a letter."""
    before, start = server.cpu(), time.monotonic()
    run("smtp-source", "-d", "-s", sessions, "-m", letters, "-l", BYTES, "-f", "a@b.example", "-t",
        server.recipient, f"inet:127.0.0.1:{server.port}")
    seconds = time.monotonic() - start
    return letters / seconds, (server.cpu() - before) * 1000 / letters


def starttls(server, sessions, letters):
    before = server.cpu()
    seconds = float(run(TOOLS / "mailload", "starttls", server.port, sessions, letters,
                        BYTES, "a@b.example", server.recipient))
    return letters / seconds, (server.cpu() - before) * 1000 / letters


def letters_for(server, load, sessions, seconds):
    """As many as take about so long."""
    rate, _ = load(server, sessions, max(sessions, 100))
    return max(sessions, int(rate * seconds))


def compare(title, servers, load, sessions, options):
    results = {}
    counts = {server.name: letters_for(server, load, sessions, options.seconds)
              for server in servers}
    for _ in range(options.rounds):
        for server in servers:
            results.setdefault(server.name, []).append(load(server, sessions,
                                                            counts[server.name]))
    ours = {}
    for server in servers:
        rate = statistics.median(result[0] for result in results[server.name])
        cpu = statistics.median(result[1] for result in results[server.name])
        ours[server.name] = (rate, cpu)
        low, high = (f(result[0] for result in results[server.name]) for f in (min, max))
        print(f"{title:34} {server.name:12} {rate:9,.0f}/s ({low:,.0f} to {high:,.0f})"
              f" {cpu:8.3f} ms CPU", flush=True)
    rate, cpu = ours["Postamt"]
    words = [f"{rate / other[0]:.2f} of the floor's rate" if name == "floor" else
             f"{rate / other[0]:.2f} times {name}'s rate, {other[1] / cpu:.1f} times less CPU"
             for name, other in ours.items() if name != "Postamt"]
    print(f"{'':34} Postamt: {'; '.join(words)}\n", flush=True)


def idle(server, tls, count=1000):
    """KiB over the idle server."""
    before = server.memory()
    load = subprocess.Popen([TOOLS / "mailload", "idle", str(server.port), str(count)] +
                            (["tls"] if tls else []), stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)
    if load.stdout.readline() != "open\n":
        return None
    time.sleep(1)
    used = server.memory() - before
    load.communicate()
    return used


def syncs(server, folder):
    """System calls for letters one after the other, from strace: is each 250 behind a sync?"""
    worker = max(server.group.pids())
    trace = folder / "strace"
    strace = subprocess.Popen(["strace", "-f", "-qq", "-s", "40", "-o", trace, "-e",
                               "trace=fdatasync,fsync,write,writev,sendmsg,pwrite64", "-p",
                               str(worker)], stderr=subprocess.PIPE)
    time.sleep(1)
    run("smtp-source", "-d", "-s", "1", "-m", "50", "-l", BYTES, "-f", "a@b.example", "-t",
        server.recipient, f"inet:127.0.0.1:{server.port}")
    strace.send_signal(signal.SIGINT)
    strace.wait()
    synced, good, bad, count = False, 0, 0, 0
    for line in trace.read_text(errors="replace").splitlines():
        if "fdatasync" in line and line.rstrip().endswith("= 0"):
            synced, count = True, count + 1
        elif '"354 ' in line:
            synced = False
        elif "250 2.0.0 Ok: stored" in line:
            good, bad = good + synced, bad + (not synced)
    print(f"strace, 50 letters one after the other: {good} replies 250 behind a completed fdatasync,"
          f" {bad} before one; {count} fdatasync in all\n")


def rsa_certificate(folder):
    """A folder with one of the kind that Debian makes for Postfix; Postamt's is ECDSA P-256."""
    tls = folder / "rsa"
    tls.mkdir()
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj",
        "/CN=mail.example.test", "-keyout", tls / "key.pem", "-out", tls / "certificate.pem")
    return tls


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="fewer letters and rounds")
    parser.add_argument("--only", help="accept, tls, idle or sync")
    options = parser.parse_args()
    options.seconds, options.rounds = (1.5, 1) if options.quick else (4, 3)
    if os.geteuid() != 0:
        sys.exit("bench: Postfix starts as root only; use sudo ./do bench")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="postamt-bench-", dir=ROOT / "build"))
    os.chmod(folder, 0o755)
    chosen = (lambda name: options.only in (None, name))
    try:
        postamt = Postamt(folder)
        tls = postamt.folder / "tls"
        with postamt, Postfix(folder, tls) as postfix, Floor(folder / "floor.log") as floor:
            print(f"{os.cpu_count()} cores, {run('uname', '-sr').strip()}, Postfix "
                  f"{run('postconf', '-d', '-h', 'mail_version').strip()}\n")
            if chosen("accept"):
                for sessions in (1, 20, 100, 500):
                    compare(f"10 KiB letters, {sessions} sessions", (postamt, postfix, floor),
                            smtp_source, sessions, options)
            if chosen("tls"):
                with Postfix(folder, rsa_certificate(folder), name="Postfix, RSA") as with_rsa:
                    compare("one letter per STARTTLS connection", (postamt, postfix, with_rsa),
                            starttls, 5, options)
            if chosen("sync"):
                syncs(postamt, folder)
        if chosen("idle"):
            for tls in (False, True):
                with Postamt(folder, f"idle-{tls}") as postamt:
                    used = idle(postamt, tls)
                    print(f"1,000 idle connections{' under TLS' if tls else '':10} Postamt:"
                          f" {used / 1024:.1f} MiB over the idle server")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
