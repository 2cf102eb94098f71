"""The row of a million waiting letters: how soon after the start does the first one leave?

A million letters, each with one recipient who is due and all with one body, are put into the store
of an office that does not run, in one transaction; then it starts.
"""
import json
import sqlite3
import time

from measure import PROGRAM, run, wait_until
from office import RECIPIENT, SENDER, RelayOffice

COUNT = 1_000_000
EPOCH_MS = 1_704_067_200_000  # of ids: 2024 (src/base/id.h)
EACH_MS = 10_000              # ids of one millisecond, at most
DAY_MS = 86_400_000
AIM = 2                       # seconds from the start to the first letter at the sink
BODY = (f"From: <{SENDER}>\r\nTo: <{RECIPIENT}>\r\nSubject: load\r\n\r\n" +
        ("x" * 78 + "\r\n") * 128).encode()


def ids(now_ms):
    """Of the minutes before now."""
    first_ms = now_ms - EPOCH_MS - 2 * COUNT // EACH_MS - 1000
    for number in range(COUNT):
        yield (first_ms + number // EACH_MS << 22) + number % EACH_MS


def fill(folder, now_ms):
    with sqlite3.connect(folder / "postamt.db") as db:
        tenant = db.execute("SELECT tenant FROM domain WHERE name = 'example.test'").fetchone()[0]
        blob = next(ids(now_ms - DAY_MS))
        db.execute("INSERT INTO blob (tenant, id, refs, size, bytes) VALUES (?, ?, ?, ?, ?)",
                   (tenant, blob, COUNT, len(BODY), BODY))
        db.executemany(
            "INSERT INTO queue_letter (tenant, id, reverse_path, kind, head, blob, octets,"
            " eight_bit, verp, may_notify, noticed, crashes, accepted_ms, expires_ms)"
            f" VALUES ({tenant}, ?, '{SENDER}', 1, x'', {blob}, {len(BODY)}, 0, 0, 1, 0, 0,"
            f" {now_ms}, {now_ms + 5 * DAY_MS})", ((one,) for one in ids(now_ms)))
        db.executemany(
            "INSERT INTO queue_recipient (tenant, id, letter, forward_path, domain, due_ms, held,"
            f" attempts, last_reply) VALUES ({tenant}, ?, ?, '{RECIPIENT}', 'sink.test', {now_ms},"
            " '', 0, '')", ((one, one) for one in ids(now_ms)))
    db.close()


def waiting(office):
    return json.loads(run(PROGRAM, "status", "--json", "-d", office.folder))["queue_waiting"]


def measure(folder, sink):
    office = RelayOffice(folder, sink, name="million")
    with office:
        empty = office.memory()
    before = time.monotonic()
    fill(office.folder, int(time.time() * 1000))
    size = (office.folder / "postamt.db").stat().st_size
    print(f"{COUNT:,} letters put into the store, {size / 2**20:.0f} MiB, in"
          f" {time.monotonic() - before:.1f} s", flush=True)
    run("sync")
    start = time.monotonic()
    with office:
        ready = time.monotonic() - start
        came = sink.wait(1, 120)
        first = time.monotonic() - start
        then = office.memory()
        known = wait_until(lambda: waiting(office) + sink.count >= COUNT, 120)
        loaded, memory = time.monotonic() - start, office.memory()
        still = waiting(office)
    print(f"{'a million waiting letters':42} Postamt: ready after {ready:.2f} s," +
          (f" first letter at the sink after {first:.2f} s (aim: {AIM})" if came else
           " no letter came in two minutes") +
          f", {then / 1024:.1f} MiB then; " +
          (f"all known after {loaded:.1f} s, {memory / 1024:.1f} MiB, "
           f"{(memory - empty) * 1024 / max(still, 1):.0f} bytes a letter over the empty office's"
           f" {empty / 1024:.1f} MiB" if known else "not all known after two minutes") + "\n",
          flush=True)
