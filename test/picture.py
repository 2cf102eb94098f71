"""An IMAP client that believes only what it was told: what lies under which number, with what flags.

Every answer is held against the ones before (RFC 9051 7.5.1, RFC 7162): numbers shrink only by
EXPUNGE or VANISHED and only where that may come, a UID stays what it is, MODSEQs do not go back.
"""
import re
import socket

from imap import Closed, Imap

KINDS = ["", "CONDSTORE", "QRESYNC", "IMAP4rev2", "QRESYNC IMAP4rev2"]
EXISTS = re.compile(r"\* (\d+) EXISTS")
EXPUNGE = re.compile(r"\* (\d+) EXPUNGE")
VANISHED = re.compile(r"\* VANISHED (\(EARLIER\) )?([\d:,]+)")
FETCH = re.compile(r"\* (\d+) FETCH \((.*)\)", re.S)
FLAGS = re.compile(r"FLAGS \((.*?)\)")
UID, MODSEQ = re.compile(r"UID (\d+)"), re.compile(r"MODSEQ \((\d+)\)")
CODE = r"\[%s (\d+)\]"
FACTS = re.compile(r'EMAILID \((\w+)\).* ENVELOPE \(NIL "([^"]*)"')


def numbers(text):
    """The numbers of a sequence set, in its order."""
    for part in text.split(","):
        first, _, last = part.partition(":")
        yield from range(int(first), int(last or first) + 1)


def sequence_set(uids):
    return ",".join(map(str, uids))


class Picture:
    def __init__(self, user, kind="", mailbox="INBOX"):
        self.user, self.kind, self.mailbox = user, kind, mailbox
        self.qresync, self.rev2 = "QRESYNC" in kind, "IMAP4rev2" in kind
        self.box = None
        self.start_over(0)
        self.open()

    def start_over(self, validity):
        self.validity, self.highest = validity, 0  # what a later QRESYNC may name
        self.uids, self.flags, self.modseqs, self.facts = [], {}, {}, {}

    # --- connections

    def open(self, by_fetch=False):
        self.connect()
        self.select(by_fetch)

    def connect(self):
        self.box = Imap(self.user)
        self.condstore = self.qresync or "CONDSTORE" in self.kind
        if self.kind:
            self.box.ok(f"ENABLE {self.kind}")

    def select(self, by_fetch=False):
        """With QRESYNC what is known is brought up to date, by SELECT or (where nobody else does
        anything) by FETCH; else it is forgotten and read again."""
        if None in self.uids:  # not all was learnt: no use
            self.start_over(0)
        known, option = (self.validity, self.highest), ""
        if self.qresync and self.highest and not by_fetch:
            which = f" {sequence_set(self.uids)}" if self.uids else ""
            option = f" (QRESYNC ({self.validity} {self.highest}{which}))"
        result, lines = self.box.command(f'SELECT "{self.mailbox}"{option}')
        if not result.startswith("OK"):
            raise Closed(result)
        lines = [line.decode() for line in lines]
        validity, = (int(m[1]) for line in lines if (m := re.search(CODE % "UIDVALIDITY", line)))
        highest, = (int(m[1]) for line in lines if (m := re.search(CODE % "HIGHESTMODSEQ", line)))
        if validity != known[0]:
            assert not any("(EARLIER)" in line for line in lines), "QRESYNC with a wrong UIDVALIDITY"
            self.start_over(validity)
        assert highest >= self.highest, "HIGHESTMODSEQ goes back"
        if not self.qresync:
            facts = self.facts
            self.start_over(validity)
            self.facts = facts
        elif by_fetch and self.highest and validity == known[0]:
            lines += [line.decode() for line in self.box.command(
                f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {known[1]} VANISHED)")[1]]
        told = self.qresync and known == (validity, self.highest) and known[1]  # what is new, too
        self.catch_up(lines, told)
        self.highest = highest

    def catch_up(self, lines, told):
        """EXISTS, and where news were asked for, what vanished, then UIDs and flags under their new
        numbers; then it is as ever: what happens while the mailbox is opened is told behind that."""
        lines = [line for line in lines if EXISTS.fullmatch(line) or FETCH.fullmatch(line)
                 or EXPUNGE.fullmatch(line) or "VANISHED" in line]
        exists, found = int(EXISTS.fullmatch(lines.pop(0))[1]), []
        while told and lines and (FETCH.fullmatch(lines[0]) or "(EARLIER)" in lines[0]):
            line = lines.pop(0)
            if gone := VANISHED.fullmatch(line):
                for uid in set(numbers(gone[2])) & set(self.uids):
                    self.uids.remove(uid)
            else:
                found.append(line)
        for number, uid in sorted((int(FETCH.fullmatch(line)[1]), int(UID.search(line)[1]))
                                  for line in found):
            if uid not in self.uids:
                # a new one, whose flags changed meanwhile: SELECT tells of the UIDs we named alone
                self.uids += [None] * (number - 1 - len(self.uids))
                self.uids.insert(number - 1, uid)
        assert len(self.uids) <= exists, ("a message is not there, and nobody said that it went",
                                          self.uids, exists)
        self.uids += [None] * (exists - len(self.uids))
        for line in found + lines:
            self.hear(line)

    def drop(self):
        """The connection is gone; what was known stays known."""
        if self.box:
            self.box.wire.socket.close()
        self.box = None

    # --- hearing

    def do(self, text, *literals, keeps=False):
        """keeps: no EXPUNGE may come (RFC 9051 7.5.1). The tagged result, and untagged lines."""
        result, lines = self.box.command(text, *literals)
        lines = [line.decode() for line in lines]
        for line in lines:
            self.hear(line, keeps)
        if told := re.search(CODE % "HIGHESTMODSEQ", result):
            assert int(told[1]) >= self.highest, "HIGHESTMODSEQ goes back"
            self.highest = int(told[1])
        return result, lines

    def hear(self, line, keeps=False):
        if found := FETCH.fullmatch(line):
            self.hear_fetch(int(found[1]), found[2], line)
        elif found := EXISTS.fullmatch(line):
            assert int(found[1]) >= len(self.uids), line
            self.uids += [None] * (int(found[1]) - len(self.uids))
        elif found := EXPUNGE.fullmatch(line):
            assert not keeps and not self.qresync, line
            assert 1 <= int(found[1]) <= len(self.uids), line
            self.uids.pop(int(found[1]) - 1)
        elif line.startswith("* VANISHED"):
            found = VANISHED.fullmatch(line)
            assert found and not keeps and self.qresync, line
            for uid in numbers(found[2]):
                self.take_out(uid)

    def take_out(self, uid):
        """Where its number was not learnt yet, it was one between those below and above."""
        if uid not in self.uids:
            below = [index for index, each in enumerate(self.uids) if each and each < uid]
            first = below[-1] + 1 if below else 0
            assert self.uids[first:first + 1] == [None], (uid, self.uids)
            self.uids.pop(first)
        else:
            self.uids.remove(uid)

    def hear_fetch(self, number, items, line):
        assert 1 <= number <= len(self.uids), (line, len(self.uids))
        uid, flags, modseq = UID.search(items), FLAGS.search(items), MODSEQ.search(items)
        assert uid or not (self.qresync or self.rev2), line
        if uid:
            uid = int(uid[1])
            assert self.uids[number - 1] in (None, uid), (line, self.uids)
            before, after = self.uids[:number - 1][-1:], self.uids[number:][:1]
            assert all(each is None or each < uid for each in before), (line, self.uids)
            assert all(each is None or each > uid for each in after), (line, self.uids)
            self.uids[number - 1] = uid
        uid = self.uids[number - 1]
        if flags and uid:
            self.flags[uid] = frozenset(flags[1].split())
            assert modseq or not self.condstore, line
        if modseq and uid:
            assert int(modseq[1]) >= self.modseqs.get(uid, 0), ("MODSEQ goes back", line)
            self.modseqs[uid] = int(modseq[1])
        if uid and (facts := FACTS.search(items)):
            assert self.facts.setdefault(uid, facts.groups()) == facts.groups(), line

    def learn(self):
        """UIDs that are not known, and flags, EMAILID and subject by UID."""
        items = "UID FLAGS MODSEQ" if self.condstore else "UID FLAGS"
        while (first := self.first_unknown()) is not None:
            result, _ = self.do(f"FETCH {first + 1}:* ({items} EMAILID ENVELOPE)", keeps=True)
            assert result.startswith("OK"), result
            if first == self.first_unknown():  # it went while it was read
                self.do("NOOP")

    def first_unknown(self):
        return next((index for index, uid in enumerate(self.uids)
                     if uid not in self.facts or uid not in self.flags), None)

    def idle(self, seconds):
        """Hears what comes while it waits, and says DONE."""
        self.box.idle()
        self.box.wire.socket.settimeout(seconds)
        try:
            while True:
                self.heard_idle(self.box.answer())
        except socket.timeout:
            pass
        finally:
            self.box.wire.socket.settimeout(60)
        result, lines = self.box.done()
        assert result.startswith("OK"), result
        for line in lines:
            self.hear(line.decode())

    def heard_idle(self, line):
        if line.startswith(b"* BYE"):
            raise Closed(line)
        self.hear(line.decode())

    # --- looking back

    def settle(self):
        """Hears all there is."""
        self.do("NOOP")
        self.learn()

    def seen(self):
        """{uid: flags} as this client believes."""
        assert None not in self.uids
        return {uid: self.flags[uid] for uid in self.uids}
