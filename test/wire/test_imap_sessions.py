"""Sessions on one mailbox that do this and that at random: each client's own picture stays true."""
import random
import re

import pytest
from imap import Imap

LETTER = b"Subject: x\r\n\r\nx\r\n"
FLAGS = ["\\Seen", "\\Flagged", "\\Deleted", "red", "blue"]


class Picture:
    """A client that believes only what it was told: UIDs by message number, flags by UID."""

    def __init__(self, user, options=""):
        self.box, self.uids, self.flags = Imap(user), [], {}
        for option in options.split():
            self.box.ok(f"ENABLE {option}")
        self.do("SELECT INBOX")
        self.learn()

    def do(self, text, *literals, keeps=False):
        result, lines = self.box.command(text, *literals)
        for line in lines:
            self.hear(line.decode(), keeps)
        return result

    def hear(self, line, keeps):
        if found := re.fullmatch(r"\* (\d+) EXISTS", line):
            assert int(found[1]) >= len(self.uids), line
            self.uids += [None] * (int(found[1]) - len(self.uids))
        elif found := re.fullmatch(r"\* (\d+) EXPUNGE", line):
            assert not keeps, line
            assert 1 <= int(found[1]) <= len(self.uids), line
            self.uids.pop(int(found[1]) - 1)
        elif found := re.fullmatch(r"\* VANISHED ([\d:,]+)", line):
            for part in found[1].split(","):
                first, _, last = part.partition(":")
                for uid in range(int(first), int(last or first) + 1):
                    self.uids.remove(uid if uid in self.uids else None)  # not learnt yet
        elif found := re.match(r"\* (\d+) FETCH \((.*)\)$", line):
            number = int(found[1])
            assert 1 <= number <= len(self.uids), line
            if uid := re.search(r"UID (\d+)", found[2]):
                assert self.uids[number - 1] in (None, int(uid[1])), line
                self.uids[number - 1] = int(uid[1])
            flags = re.search(r"FLAGS \((.*?)\)", found[2])
            if flags and self.uids[number - 1]:
                self.flags[self.uids[number - 1]] = set(flags[1].split())

    def learn(self):
        if None in self.uids:
            assert self.do(f"FETCH {self.uids.index(None) + 1}:* (UID FLAGS)",
                           keeps=True).startswith("OK")

    def step(self, choice):
        some = choice.choice(range(len(self.uids))) + 1 if self.uids else 0
        what = choice.choice(["append", "store", "store", "store", "expunge", "noop", "fetch",
                              "search", "move", "copy"])
        if what == "append":
            self.do("APPEND INBOX {}", LETTER)
        elif what == "expunge":
            self.do("EXPUNGE")
        elif what == "noop":
            self.do("NOOP")
        elif some and what == "store":
            how = choice.choice(["+FLAGS", "-FLAGS", "FLAGS"])
            self.do(f"STORE {some} {how} ({choice.choice(FLAGS)})", keeps=True)
        elif some and what == "fetch":
            self.do(f"FETCH {some}:* (UID FLAGS)", keeps=True)
        elif some and what == "search":
            self.do("SEARCH DELETED", keeps=True)
        elif some and what in ("copy", "move"):
            self.do(f"{what.upper()} {some} {'INBOX' if what == 'copy' else 'Archive'}")


@pytest.mark.parametrize("seed", range(6))
def test_every_client_ends_with_the_same_picture(office, seed):
    user, choice = office.new_user(), random.Random(seed)
    options = ["", "CONDSTORE", "QRESYNC", "IMAP4rev2", ""]
    clients = [Picture(user, each) for each in options]
    for _ in range(200):
        client = choice.choice(clients)
        client.step(choice)
        client.learn()
    for client in clients:
        client.do("NOOP")
        client.learn()
    fresh = Picture(user)
    wanted = {uid: fresh.flags[uid] for uid in fresh.uids}
    for client, option in zip(clients, options):
        assert client.uids == fresh.uids, (seed, option)
        assert {uid: client.flags[uid] for uid in client.uids} == wanted, (seed, option)
    counted = fresh.box.ok("STATUS INBOX (MESSAGES UNSEEN DELETED)")[0]
    assert f"MESSAGES {len(wanted)}" in counted
    assert f"UNSEEN {sum(chr(92) + 'Seen' not in flags for flags in wanted.values())}" in counted
    assert f"DELETED {sum(chr(92) + 'Deleted' in flags for flags in wanted.values())}" in counted
