"""Many clients on one mailbox that do this and that at random, while letters come by SMTP and go by
POP3. Each keeps its picture (picture.py), all tell the referee (referee.py) what they were promised.
"""
import contextlib
import poplib
import random
import re
import smtplib
import threading
import time

from imap import Closed, Imap
from office import OFFSET, PATIENCE, until
from picture import KINDS, Picture, sequence_set
from referee import Referee

FLAGS = ["\\Seen", "\\Flagged", "\\Answered", "blue"]
WHAT = ["append"] * 3 + ["flag"] * 3 + ["mark"] * 2 + ["delete"] * 2 + [
    "expunge", "expunge", "copy", "move", "fetch", "search", "noop", "idle", "idle", "status",
    "select", "drop", "folder", "rename"]


class Actor:
    """One client. Messages whose number is divisible by three may be deleted, all others stay; the
    flag "red" of a message is set by one client alone."""

    def __init__(self, crowd, number, picture):
        self.crowd, self.number, self.picture = crowd, number, picture
        self.choice = random.Random(crowd.seed * 1000 + number)
        self.appended = 0

    def run(self, steps):
        for _ in range(steps):
            self.crowd.up.wait()
            try:
                if not self.picture.box:
                    self.open()
                    self.picture.learn()
                getattr(self, self.choice.choice(WHAT))()
                if self.picture.box:
                    self.picture.learn()
                self.crowd.stepped()
            except OSError:  # it was killed, or the mailbox is another's now
                self.picture.drop()

    def open(self):
        """Again, when the server is there again."""
        end = time.monotonic() + 5 * PATIENCE
        while not self.picture.box:
            try:
                self.picture.connect()
                while not self.has_selected():  # it got another name just now
                    time.sleep(0.02)
            except OSError:
                self.picture.drop()
                self.crowd.up.wait()
                assert time.monotonic() < end, "the server does not come back"
                time.sleep(0.02)

    def has_selected(self):
        self.picture.mailbox = self.crowd.name
        try:
            self.picture.select()
        except Closed as error:
            if "[NONEXISTENT]" in str(error):
                return False
            raise
        return True

    # --- choosing

    def known(self, may=lambda uid: True):
        return [uid for uid in self.picture.uids if uid and may(uid)]

    def mortal(self, uid):
        return uid % 3 == 0 and self.crowd.referee.is_known(self.picture.validity, uid)

    def some(self, uids, most=5):
        return sorted(self.choice.sample(uids, min(len(uids), self.choice.randint(1, most))))

    def set_of(self, uids):
        """("UID " or "", sequence set): by UID, or by number where all are there."""
        if self.choice.random() < 0.5:
            return "UID ", sequence_set(uids)
        return "", sequence_set(self.picture.uids.index(uid) + 1 for uid in uids)

    # --- commands

    def append(self, name=None):
        self.appended += 1
        token = f"s{self.crowd.seed}-{self.number}-{self.appended}"
        referee = self.crowd.referee
        referee.may_come([token])
        flags = self.choice.choice(["", "(\\Seen) ", "(blue \\Draft) "])
        result, _ = self.picture.do(f'APPEND "{name or self.crowd.name}" {flags}{{}}',
                                    f"Subject: {token}\r\n\r\nx\r\n".encode())
        referee.did_not_come([token])
        if result.startswith("OK"):
            referee.appended(result, token)
        else:
            assert "[TRYCREATE]" in result, result

    def flag(self):
        if uids := self.known():
            by, which = self.set_of(self.some(uids))
            self.store(by, which, self.choice.choice("+-"), self.choice.choice(FLAGS))

    def store(self, by, which, sign, flag):
        silent = self.choice.choice(["", ".SILENT"])
        result, _ = self.picture.do(f"{by}STORE {which} {sign}FLAGS{silent} ({flag})",
                                    keeps=not by)
        assert result.startswith("OK"), result
        if silent:  # our own change, of which only MODSEQ may be told
            self.picture.do(f"{by}FETCH {which} (FLAGS UID{' MODSEQ' * self.picture.condstore})",
                            keeps=not by)

    def mark(self):
        mine = self.known(lambda uid: uid % self.crowd.actors == self.number)
        if not mine:
            return
        uid = self.choice.choice(mine)
        message, on = (self.picture.validity, uid), self.choice.random() < 0.6
        self.crowd.referee.marks[message] = None
        by, which = self.set_of([uid])
        self.store(by, which, "+" if on else "-", "red")
        self.crowd.referee.marks[message] = on

    def delete(self):
        if uids := self.known(self.mortal):
            uids = self.some(uids)
            self.crowd.referee.may_go(self.picture.validity, uids)
            by, which = self.set_of(uids)
            self.store(by, which, self.choice.choice("++-"), "\\Deleted")

    def expunge(self):
        if self.choice.random() < 0.5:
            result, _ = self.picture.do("EXPUNGE")
        elif uids := self.known():
            result, _ = self.picture.do(f"UID EXPUNGE {sequence_set(self.some(uids, 20))}")
        else:
            return
        assert result.startswith("OK"), result

    def copy(self, moving=False):
        uids = self.known(self.mortal if moving else lambda uid: True)
        if not uids:
            return
        uids, picture, referee = self.some(uids), self.picture, self.crowd.referee
        validity, tokens = picture.validity, {uid: picture.facts[uid][1] for uid in uids}
        target = self.choice.choice([self.crowd.name, "Archive", "Archive"])
        by, which = self.set_of(uids)
        referee.may_come(tokens.values())
        if moving:
            referee.may_go(validity, uids, moving)
        result, lines = picture.do(f'{by}{"MOVE" if moving else "COPY"} {which} "{target}"')
        referee.did_not_come(tokens.values())
        if result.startswith("OK"):
            told = "\n".join(line for line in lines if "[COPYUID" in line) if moving else result
            referee.copied(validity, told, tokens, moving)
        else:
            assert "[TRYCREATE]" in result, result

    def move(self):
        self.copy(moving=True)

    def fetch(self):
        if uids := self.known():
            by, which = self.set_of(self.some(uids, 20))
            assert self.picture.do(f"{by}FETCH {which} (UID FLAGS MODSEQ EMAILID ENVELOPE)",
                                   keeps=not by)[0].startswith("OK")
            self.picture.condstore = True  # RFC 7162 3.1: asking for it enables it

    def search(self):
        by = self.choice.choice(["", "UID "])
        result, lines = self.picture.do(by + "SEARCH UNDELETED", keeps=not by)
        assert result.startswith("OK"), result
        found = [int(n) for line in lines if line.startswith("* SEARCH")
                 for n in line.split()[2:] if n.isdigit()]
        if not by:
            assert all(n <= len(self.picture.uids) for n in found), (found, lines)

    def noop(self):
        self.picture.do(self.choice.choice(["NOOP", "CHECK"]))

    def idle(self):
        self.picture.idle(self.choice.random() * 0.3)

    def status(self):
        result, lines = self.picture.do(f'STATUS "{self.crowd.name}" (MESSAGES UIDNEXT UNSEEN)')
        assert result.startswith("OK") or "[NONEXISTENT]" in result, result

    def select(self):
        self.picture.do("UNSELECT")
        self.picture.mailbox = self.crowd.name
        self.picture.select()

    def drop(self):
        self.picture.drop()

    def folder(self):
        """A mailbox that is made and removed: its UIDVALIDITY is never seen again."""
        name = self.choice.choice(["Tmp/a", "Tmp/b"]) + str(self.number)
        if not self.picture.do(f"CREATE {name}")[0].startswith("OK"):
            self.picture.do(f"DELETE {name}")  # one whose removal had no answer
            return
        told = "\n".join(self.picture.do(f"STATUS {name} (UIDVALIDITY)")[1])
        self.crowd.referee.new_validity(name, int(re.search(r"UIDVALIDITY (\d+)", told)[1]))
        assert self.picture.do(f"DELETE {name}")[0].startswith("OK")

    def rename(self):
        """The mailbox itself, now and then: those who have it open stay in it."""
        if self.choice.random() < 0.5 and self.crowd.renaming.acquire(blocking=False):
            try:
                self.crowd.rename(self.picture)
            finally:
                self.crowd.renaming.release()


class Crowd:
    def __init__(self, office, seed, actors, name="INBOX"):
        print(f"seed {seed}, {actors} clients on {name}")
        self.office, self.seed, self.actors, self.name = office, seed, actors, name
        self.user, self.referee = office.new_user(), Referee()
        self.renames, self.renaming = 0, threading.Lock()
        self.up, self.over = threading.Event(), threading.Event()
        self.up.set()
        self.steps, self.counting = 0, threading.Condition()
        self.errors = []
        if name != "INBOX":
            with Imap(self.user) as box:
                box.ok(f"CREATE {name}")

    def stepped(self):
        with self.counting:
            self.steps += 1
            self.counting.notify_all()

    def rename(self, picture):
        """INBOX becomes another mailbox, and is there again, empty; others get another name."""
        self.renames += 1
        new = f"Old {self.renames}" if self.name == "INBOX" else f"Work {self.renames}"
        before, after = self.name, "INBOX" if self.name == "INBOX" else new
        try:
            result, lines = picture.do(f'RENAME "{before}" "{new}"')
            assert result.startswith("OK"), result
            if any("[CLOSED]" in line for line in lines):
                picture.select()
        except OSError:  # it may have been done
            if before != after:
                until(lambda: self.has_found(before, new))
            raise
        self.name = after

    def has_found(self, before, after):
        self.up.wait()
        with contextlib.suppress(OSError), Imap(self.user) as box:
            self.name = before if box.ok(f'LIST "" "{before}"') else after
            return True
        return False

    # --- the other doors

    def deliver(self, count):
        client = None
        for number in range(count):
            token = f"smtp{self.seed}-{number}"
            self.up.wait()
            self.referee.may_come([token])
            try:
                if client is None:
                    client = smtplib.SMTP(self.office.address, 25 + OFFSET, timeout=PATIENCE)
                client.sendmail("a@far.test", [self.user.address], f"Subject: {token}\r\n\r\nx\r\n")
            except (OSError, smtplib.SMTPException):
                client = None
                continue
            self.referee.did_not_come([token])
            self.referee.delivered.add(token)
            self.stepped()

    def collect(self, sessions):
        """Takes one of three of what the referee knows, as POP3 clients that leave the rest."""
        for _ in range(sessions):
            self.up.wait()
            with contextlib.suppress(OSError, EOFError, poplib.error_proto):
                self.collect_once()

    def collect_once(self):
        box = self.user.pop3()
        chosen = set()
        for line in box.uidl()[1][:40]:
            number, uidl = line.decode().split()
            uid = int(uidl.rsplit("-")[-1])
            if uid % 3 == 0 and len(chosen) < 5:
                token = next(line[9:].decode() for line in box.top(int(number), 0)[1]
                             if line.startswith(b"Subject: "))
                # of a delivered letter's copies another mailbox may have one with this UID
                if token not in self.referee.delivered and any(
                        known[1] == uid and self.referee.created[known] == token
                        for known in list(self.referee.created)):
                    self.referee.taken.add((uid, token))
                    chosen.add(uid)
                    box.dele(int(number))
        box.quit()
        self.stepped()

    # --- all of it

    def guarded(self, work, *arguments):
        def run():
            try:
                work(*arguments)
            except BaseException as error:
                self.errors.append(error)
                self.over.set()
        return threading.Thread(target=run)

    def run(self, steps, meanwhile=None):
        """Everybody does so many steps; in the end all pictures are the same, and right."""
        people = [Actor(self, number, None) for number in range(self.actors)]
        for actor in people:  # one after another: a login is work
            actor.picture = Picture(self.user, KINDS[actor.number % len(KINDS)], self.name)
        threads = [self.guarded(actor.run, steps) for actor in people]
        threads += [self.guarded(self.deliver, steps), self.guarded(self.collect, steps // 3)]
        for thread in threads:
            thread.start()
        try:
            if meanwhile:
                meanwhile(self)
        finally:
            self.up.set()
            for thread in threads:
                thread.join()
        if self.errors:
            raise self.errors[0]
        return self.compare(people)

    def compare(self, people):
        """Whoever lost the connection comes back and must learn what changed, no more is asked."""
        there = self.referee.look(self.user)
        for actor in people:
            if actor.picture.box and actor.number % 4 == 3:
                actor.picture.drop()
        for actor in people:
            self.compare_one(actor, there)
        return self.referee.judge(there)

    def compare_one(self, actor, there):
        picture = actor.picture
        try:
            if picture.box:
                picture.settle()
        except OSError:
            picture.drop()
        if picture.box is None:
            picture.mailbox = self.name
            picture.open(by_fetch=actor.number % 2 == 0)
            picture.learn()
        wanted = {uid: flags for (validity, uid), (_, _, flags) in there.items()
                  if validity == picture.validity}
        seen = picture.seen()
        wrong = {uid: (seen.get(uid), wanted.get(uid)) for uid in set(seen) | set(wanted)
                 if seen.get(uid) != wanted.get(uid)}
        assert not wrong, (self.seed, actor.number, picture.kind, wrong)
