"""Two thousand letters for fifty domains, some failing, some slow, some dead, while the server is
killed at random: every letter that got a 250 is delivered or bounced, twice at most when its
delivery was in flight."""
import collections
import contextlib
import itertools
import random
import re
import smtplib
import threading
import time

import pytest
from conftest import own_address
from office import OFFSET, PATIENCE, unverified, until
from sink import HANG_UP, Sink

LETTERS, SENDERS, KILLS, STEP = 2000, 20, 25, 50
QUICK = """destination "*" { retry-seconds = {1, 1, 2} retry-then-seconds = 2
    retry-jitter-percent = 50 connections = 5 }
destination "dead0.test" { expiry-seconds = 20 }
destination "dead1.test" { expiry-seconds = 20 }
destination "dead2.test" { expiry-seconds = 20 }
"""


def behaviours(chance):
    """kind -> script of a sink"""
    def moody(step):
        return lambda _: chance.choice(["250 ok"] * 3 + ["451 4.3.0 not now", HANG_UP])

    def slow(_):
        time.sleep(chance.random() * 0.2)
        return "250 slowly"

    return {"good": {}, "moody": {"MAIL": moody("MAIL"), "body": moody("body")},
            "slow": {"body": slow},
            "refusing": {"RCPT": lambda d: "550 5.1.1 no" if "no" in d.recipient else "250 ok"}}


class Writer:
    """Sends letters over one connection at a time; knows which were accepted."""

    def __init__(self, office, up, alice, domains, share, chance):
        self.office, self.up, self.alice, self.domains = office, up, alice, domains
        self.share, self.chance, self.accepted = share, chance, []

    def connect(self):
        client = smtplib.SMTP(self.office.address, 587 + OFFSET, timeout=PATIENCE)
        client.starttls(context=unverified())
        client.login(self.alice.address, self.alice.password)
        return client

    def run(self):
        client = None
        for name in self.share:
            self.up.wait()
            domain = self.chance.choice(self.domains)
            to = f"{'no-' if self.chance.random() < 0.3 else ''}{name}@{domain}"
            text = (f"From: {self.alice.address}\r\nSubject: {name}\r\n\r\n"
                    + "x" * self.chance.choice([100, 5000, 100000]) + "\r\n").replace(
                        "x" * 900, "x" * 900 + "\r\n")
            try:
                client = client or self.connect()
                client.sendmail(self.alice.address, [to], text)
                self.accepted.append(to)
            except (OSError, smtplib.SMTPException):
                client = None  # no answer: nothing was promised; the next one


@pytest.mark.long
def test_crash_loop_of_letters_that_leave(make_office):
    chance = random.Random(1)
    kinds = [("good", 30), ("moody", 8), ("slow", 4), ("refusing", 5)]
    sinks, routes, domains = [], "", []
    scripts = behaviours(chance)
    for kind, count in kinds:
        for n in range(count):
            sink = Sink(own_address(), 2525, script=scripts[kind])
            sinks.append(sink)
            domains.append(f"{kind}{n}.test")
            routes += f'route "{kind}{n}.test" {{ host = "{sink.address}" port = 2525 }}\n'
    dead = own_address()
    for n in range(3):
        domains.append(f"dead{n}.test")
        routes += f'route "dead{n}.test" {{ host = "{dead}" port = {3000 + n} }}\n'
    office = make_office(config=QUICK + routes)
    alice = office.new_user("alice")
    names = [f"letter-{n}" for n in range(LETTERS)]
    up = threading.Event()
    up.set()
    writers = [Writer(office, up, alice, domains, names[n::SENDERS], random.Random(n))
               for n in range(SENDERS)]
    threads = [threading.Thread(target=writer.run) for writer in writers]
    for thread in threads:
        thread.start()
    kills = []
    for number in range(KILLS):  # in the midst of letters, however fast they go
        until(lambda: sum(len(writer.accepted) for writer in writers) >= number * STEP)
        time.sleep(chance.uniform(0, 0.5))
        up.clear()
        begun = time.monotonic()
        office.kill()
        kills.append((begun, time.monotonic()))
        office.start()
        up.set()
    for thread in threads:
        thread.join()

    accepted = [to for writer in writers for to in writer.accepted]
    end = time.monotonic() + 300
    while time.monotonic() < end:
        with contextlib.suppress(AssertionError, ValueError):
            if office.run("queue", "list", "--json").strip() == "[ ]":
                break
        time.sleep(0.5)
    delivered = collections.Counter(to for sink in sinks for letter in sink.letters
                                    for to in letter.recipients)
    bounced = collections.Counter(
        match.decode() for text in alice.letters()
        for match in set(re.findall(rb"Final-Recipient: rfc822; (\S+)", text)))
    lost = [to for to in accepted if not delivered[to] and not bounced[to]]
    both = [to for to in accepted if delivered[to] and bounced[to]]
    twice = [to for to in accepted if delivered[to] > 1]
    print(f"{len(accepted)} of {LETTERS} accepted, {len(twice)} delivered more than once"
          f" (at most {max(delivered.values())} times), {len(bounced)} bounced, {KILLS} kills")
    assert len(accepted) > LETTERS // 2
    assert not lost, lost[:10]
    assert not both, both[:10]
    assert all(count == 1 for count in bounced.values())
    assert all("no-" in to or "@dead" in to for to in bounced)
    assert not [to for to in accepted if "@good" in to and bounced[to]]
    assert len(twice) <= KILLS * 5
    times = collections.defaultdict(list)
    for sink in sinks:
        for letter in sink.letters:
            for to in letter.recipients:
                times[to].append((letter.at, letter.began))
    for to, at in times.items():  # again only where a kill came in between (P3)
        for (_, first), (second, _) in itertools.pairwise(sorted(at)):
            assert any(begin < second and end > first for begin, end in kills), (to, at, kills)
