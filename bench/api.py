#!/usr/bin/python3
"""Letters of applications by HTTP beside the same ones by SMTP with a key, durable, in one run.

bench/api.py [--quick] [--only ROW]      run by ./do bench

A row is a place where the letters go and whether they are signed. In it, three ways by our own POST
/api/v1/messages (a letter a call; the same from a template of ten variables; a thousand recipients
a call, each with ten variables) take turns with the SMTP door, all under TLS over kept connections,
with one key, letters of the same size, the same DKIM keys. Time counts from the first byte to the
last answer.

mailbox: all lead to a mailbox here, and CPU counts until all letters are in it, those of batches
merged. held: they lead to a domain whose server refuses connections, which rests then, so that
they wait in the queue and nothing but acceptance is measured. No letter is lost: what was accepted
is counted in the mailbox or the queue.

syncs counts fsyncs a letter with strace, store the growth of the database for each of a hundred
thousand recipients of one template.
"""
import argparse
import json
import os
import pathlib
import resource
import shutil
import signal
import sqlite3
import statistics
import sys
import tempfile

from measure import ROOT, TOOLS, PROGRAM, count_syncs, run, wait_until
from office import Postamt

ROWS = ("mailbox", "held", "signed", "syncs", "store")
FROM = "shop@example.test"
BYTES = 10240
CONNECTIONS, BATCH_CONNECTIONS = 100, 8
BATCH = 1000
AIM, BATCH_AIM, CPU_AIM, STORE_AIM = 5000, 20000, 1.5, 300
PATIENCE = 120  # seconds for letters to be taken, and then to reach the mailbox
NAMES = ("firstName", "lastName", "company", "order", "date", "total", "street", "city", "country",
         "unsubscribe")
TEXT = ("Dear {{firstName}} {{lastName}},\n\nthank you for your order {{order}} of {{date}} at"
        " {{company}}. The total is {{total}} €.\nIt is on its way to:\n\n{{street}}\n{{city}}\n"
        "{{country}}\n\nNo more of these letters: {{unsubscribe}}\n")
HTML = ("<html><body>\n<p>Dear {{firstName}} {{lastName}},</p>\n<p>thank you for your order"
        " {{order}} of {{date}} at {{company}}. The total is {{total}} €.</p>\n<p>It is on its way"
        " to:</p>\n<address>{{street}}<br>{{city}}<br>{{country}}</address>\n<p><a"
        " href=\"{{{unsubscribe}}}\">No more of these letters</a></p>\n</body></html>\n")


def filler(size):
    return ("x" * 78 + "\n") * (size // 80)


def data(number):
    return {name: f"{name} of {number}" for number, name in enumerate(NAMES, number)}


def letter(to, **more):
    return {"from": FROM, "to": to, "subject": "load", "text": filler(BYTES), **more}


def template(size=BYTES):
    """Its text and its HTML are half of the letter each."""
    rest = size // 2
    return {"from": FROM, "subject": "order {{order}}",
            "text": TEXT + filler(rest - len(TEXT)), "html": HTML + filler(rest - len(HTML))}


def batch(to, first=0, **more):
    """One call. The recipients' addresses differ if `to` has a place for the number."""
    return {**template(**more), "recipients": [
        {"to": to.format(number), "data": data(number)} for number in range(first, first + BATCH)]}


class ApiOffice(Postamt):
    """A key, and a domain whose letters are held back. One that signs does so with RSA."""

    def __init__(self, folder, signs=False, name="api"):
        super().__init__(folder, name)
        self.made = 0
        with sqlite3.connect(self.folder / "postamt.db") as db:  # keys are made with the domain
            db.execute("DELETE FROM dkim_key WHERE algorithm = 2" if signs else
                       "DELETE FROM dkim_key")
        with open(self.folder / "postamt.conf", "a") as file:  # nobody listens on port 1
            file.write('\nroute "held.test" { host = "127.0.0.1" port = 1 }\n'
                       'destination "*" { retry-seconds = {86400} retry-then-seconds = 86400 }\n')

    def start(self):
        super().start()
        self.key = json.loads(run(PROGRAM, "key", "add", "--json", "-d", self.folder))

    def post(self, body, connections, requests):
        bodies = body if isinstance(body, list) else [body]
        files = []
        for one in bodies:
            self.made += 1
            files.append(self.folder.parent / f"body-{self.made}.json")
            files[-1].write_text(json.dumps(one, ensure_ascii=False))
        seconds = run(TOOLS / "httpload", self.port + 418, connections, requests,
                      "/api/v1/messages", self.key["secret"], "tls", *files, timeout=PATIENCE)
        for file in files:
            file.unlink()
        return float(seconds)

    def smtp(self, to, connections, letters):
        return float(run(TOOLS / "mailload", "keep", self.port + 562, connections, letters, BYTES,
                         FROM, to, "tls", self.key["id"], self.key["secret"], timeout=PATIENCE))

    def waiting(self):
        return json.loads(run(PROGRAM, "status", "--json", "-d", self.folder))["queue_waiting"]

    def query(self, sql):
        with sqlite3.connect(f"file:{self.folder}/postamt.db?mode=ro", uri=True) as db:
            found, = db.execute(sql).fetchone()
        db.close()
        return found


class Way:
    """How letters come in; each request brings `letters` of them."""

    def __init__(self, name, connections, letters, send, aim=None):
        self.name, self.connections, self.letters = name, connections, letters
        self.send, self.aim = send, aim  # send(office, connections, requests): seconds


def ways(to, place):
    single, plain = letter(to), {**template(), "to": to, "data": data(1)}
    many = batch(to if place == "mailbox" else "user{}@held.test")
    return [Way("SMTP with a key", CONNECTIONS, 1, lambda office, *load: office.smtp(to, *load)),
            Way("a letter a call", CONNECTIONS, 1, lambda office, *load: office.post(single, *load),
                AIM),
            Way("a letter a call, template", CONNECTIONS, 1,
                lambda office, *load: office.post(plain, *load), AIM),
            Way("1,000 recipients a call", BATCH_CONNECTIONS, BATCH,
                lambda office, *load: office.post(many, *load), BATCH_AIM)]


def children_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def load(office, way, requests, place):
    """Letters a second, CPU milliseconds a letter until those for the mailbox are there, and of the
    load itself."""
    count = "SELECT COUNT(*) FROM message" if place == "mailbox" else \
        "SELECT COUNT(*) FROM queue_recipient"
    letters, have, before = requests * way.letters, office.query(count), office.cpu()
    load_before = children_cpu()
    seconds = way.send(office, way.connections, requests)
    load_cpu = children_cpu() - load_before
    if place == "mailbox" and not wait_until(lambda: office.waiting() == 0, PATIENCE):
        sys.exit(f"bench: {office.waiting()} letters did not reach the mailbox")
    cpu = office.cpu() - before
    if office.query(count) - have != letters:
        sys.exit(f"bench: {way.name}: {office.query(count) - have} of {letters} letters are there")
    return letters / seconds, cpu * 1000 / letters, load_cpu * 1000 / letters


def compare(title, office, to, place, options):
    results = {}
    for way in ways(to, place):
        fewest = max(10, way.connections)
        rate, *_ = load(office, way, fewest, place)
        results[way] = [max(fewest, int(rate * options.seconds / way.letters))]
    for _ in range(options.rounds):
        for way, (requests, *_) in results.items():
            results[way].append(load(office, way, requests, place))
    smtp_cpu = None
    for way, (_, *rounds) in results.items():
        rate, cpu, load_cpu = (statistics.median(column) for column in zip(*rounds))
        low, high = (f(result[0] for result in rounds) for f in (min, max))
        smtp_cpu = smtp_cpu or cpu
        print(f"{title:26} {way.name:26} {rate:8,.0f}/s ({low:,.0f} to {high:,.0f})"
              f" {cpu:7.3f} ms CPU (load: {load_cpu:.3f})" +
              (f", {cpu / smtp_cpu:.2f} times SMTP's (aim: {way.aim:,}/s, or {CPU_AIM} times)"
               if way.aim else ""), flush=True)
    print(f"{'':26} {office.memory() / 1024:.1f} MiB afterwards\n", flush=True)


def syncs(office, way, requests):
    """fsyncs a letter."""
    count = count_syncs(office, office.folder.parent,
                        lambda: way.send(office, way.connections, requests))
    print(f"{way.name:26} {count / requests / way.letters:.4f} syncs a letter at {way.connections}"
          " connections", flush=True)


def checkpoint(office):
    """Everything into the file, of a server that has ended; its size."""
    with sqlite3.connect(office.folder / "postamt.db") as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return (office.folder / "postamt.db").stat().st_size


def store(folder, count):
    """How much the database grows for each recipient of one template, beside its variables."""
    office = ApiOffice(folder, name="store")
    with office:
        office.post(letter("x@held.test"), 1, 1)
    before = checkpoint(office)
    with office:
        calls = [batch("user{}@held.test", first) for first in range(0, count, BATCH)]
        office.post(calls, 1, len(calls))
        rows = office.query("SELECT COUNT(*) FROM queue_recipient WHERE variables IS NOT NULL")
    grown = checkpoint(office) - before
    own = sum(len(json.dumps(data(number), separators=(",", ":"))) for number in range(count))
    if rows != count:
        sys.exit(f"bench: {rows} of {count} recipients are in the queue")
    print(f"{count:,} recipients of one template in {len(calls)} calls: the database grew by"
          f" {(grown - own) / count:.0f} bytes for each beside its {own / count:.0f} bytes of"
          f" variables (aim: {STORE_AIM})\n", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="fewer letters and rounds")
    parser.add_argument("--only", help=", ".join(ROWS))
    options = parser.parse_args()
    options.seconds, options.rounds = (1, 1) if options.quick else (3, 3)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: stopped"))
    chosen = (lambda name: options.only in (None, name))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="postamt-api-", dir=ROOT / "build"))
    os.chmod(folder, 0o755)
    try:
        for name, to in (("mailbox", "bob@example.test"), ("held", "x@held.test"),
                         ("signed", "x@held.test")):
            if not chosen(name):
                continue
            with ApiOffice(folder, signs=name == "signed", name=name) as office:
                compare({"signed": "held, DKIM RSA"}.get(name, name) + ", 10 KiB", office, to,
                        "mailbox" if name == "mailbox" else "held", options)
        if chosen("syncs"):
            with ApiOffice(folder, name="syncs") as office:
                for way in ways("x@held.test", "held"):
                    syncs(office, way, 2000 if way.letters == 1 else 20)
            print(flush=True)
        if chosen("store"):
            store(folder, 10000 if options.quick else 100000)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
