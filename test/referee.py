"""Keeps the account of what was promised about the letters of one user, and compares it with what is
there: nothing acknowledged is lost or doubled, nothing else came, no number was given twice.

A message is (UIDVALIDITY, UID); a letter is a token, its subject, whatever the number of its copies.
What ended without an answer may have happened or not.
"""
import collections
import re
import threading

from imap import Imap
from picture import FACTS, numbers


class Referee:
    def __init__(self):
        self.lock = threading.RLock()
        self.created = {}  # message: token, by APPENDUID and COPYUID
        self.emailids = {}  # token: EMAILID
        self.gone = set()  # messages: surely
        self.perhaps_gone = set()  # somebody tried to move it
        self.perhaps_deleted = set()  # somebody gave it \Deleted, or it is a copy of such a one
        self.unclear = set()  # copies of messages of whose making nobody heard yet
        self.copies = collections.defaultdict(list)  # messages: the unclear ones made of them
        self.taken = set()  # (uid, token) by POP3
        self.delivered = set()  # tokens
        self.perhaps = collections.Counter()  # tokens: how many more there may be
        self.marks = {}  # message: the mark its owner set last, None while that is not known
        self.validities = {}  # of mailboxes made and removed: each once

    # --- what clients are told

    def came(self, validity, uid, token):
        with self.lock:
            assert (validity, uid) not in self.created, f"UID {uid} was given twice"
            self.created[validity, uid] = token

    def appended(self, result, token):
        validity, uid = map(int, re.search(r"\[APPENDUID (\d+) (\d+)\]", result).groups())
        self.came(validity, uid, token)

    def copied(self, validity, result, tokens, moved):
        """tokens: by UID."""
        if not (found := re.search(r"\[COPYUID (\d+) (\S+) (\S+)\]", result)):
            return  # nothing was there any more
        pairs = list(zip(numbers(found[2]), numbers(found[3]), strict=True))
        with self.lock:
            for before, after in pairs:
                self.came(int(found[1]), after, tokens[before])
                self.inherits((validity, before), (int(found[1]), after))
                if moved:
                    self.gone.add((validity, before))

    def inherits(self, before, after):
        """\\Deleted goes along. Who made `before` may hear of it later than who copied it on: until
        then nobody knows."""
        if before in self.perhaps_deleted:
            self.perhaps_deleted.add(after)
        elif before not in self.created or before in self.unclear:
            self.unclear.add(after)
            self.copies[before].append(after)
            return
        self.unclear.discard(after)
        for copy in self.copies.pop(after, []):
            self.inherits(after, copy)

    def may_go(self, validity, uids, moving=False):
        where = self.perhaps_gone if moving else self.perhaps_deleted
        with self.lock:
            where.update((validity, uid) for uid in uids)

    def may_come(self, tokens):
        with self.lock:
            self.perhaps.update(tokens)

    def did_not_come(self, tokens):
        with self.lock:
            self.perhaps.subtract(tokens)

    def is_known(self, validity, uid):
        return (validity, uid) in self.created

    def new_validity(self, name, validity):
        with self.lock:
            assert validity not in self.validities, (name, self.validities[validity])
            self.validities[validity] = name

    # --- at the end

    def look(self, user):
        """{message: (token, EMAILID, flags)} in all mailboxes; every counter is right."""
        there = {}
        with Imap(user) as box:
            names = [re.search(r'"([^"]*)"$', line)[1] for line in box.ok('LIST "" *')]
            for name in names:
                box.ok(f'EXAMINE "{name}"')
                status, = box.ok(f'STATUS "{name}" (MESSAGES UNSEEN DELETED SIZE UIDNEXT'
                                 ' UIDVALIDITY)')
                told = dict(zip(*[iter(re.search(r"\(([^()]*)\)$", status)[1].split())] * 2))
                there |= self.look_into(box, {key: int(told[key]) for key in told})
        return there

    def look_into(self, box, told):
        there, sizes = {}, 0
        items = "UID FLAGS RFC822.SIZE EMAILID ENVELOPE"
        for line in box.ok(f"FETCH 1:* ({items})") if told["MESSAGES"] else []:
            uid = int(re.search(r"UID (\d+)", line)[1])
            emailid, token = FACTS.search(line).groups()
            flags = frozenset(re.search(r"FLAGS \((.*?)\)", line)[1].split())
            assert uid < told["UIDNEXT"]
            there[told["UIDVALIDITY"], uid] = token, emailid, flags
            sizes += int(re.search(r"RFC822.SIZE (\d+)", line)[1])
        counted = [("\\Seen" not in f, "\\Deleted" in f) for _, _, f in there.values()]
        assert told["MESSAGES"] == len(there) and told["SIZE"] == sizes
        assert told["UNSEEN"] == sum(unseen for unseen, _ in counted), told
        assert told["DELETED"] == sum(deleted for _, deleted in counted), told
        return there

    def judge(self, there):
        emailids = {}
        more = collections.Counter()
        for message, (token, emailid, _) in there.items():
            assert self.created.get(message, token) == token, (message, token)
            more[token] += message not in self.created
            assert emailids.setdefault(token, emailid) == emailid, "a copy has another EMAILID"
        assert len(set(emailids.values())) == len(emailids), "an EMAILID was given twice"
        assert all(emailids.get(token, emailid) == emailid
                   for token, emailid in self.emailids.items()), "an EMAILID changed"
        missing = set(self.created) - set(there) - self.gone - self.perhaps_gone
        missing -= self.perhaps_deleted
        missing -= {m for m in self.unclear if self.perhaps[self.created[m]]}  # no answer ever came
        missing = {m for m in missing if (m[1], self.created[m]) not in self.taken}
        assert not missing, f"lost: {[(m, self.created[m]) for m in sorted(missing)[:5]]}"
        assert not self.gone & set(there), f"back again: {self.gone & set(there)}"
        for token, count in more.items():
            least = token in self.delivered
            assert least <= count <= least + self.perhaps[token], (token, count, least)
        assert all(more[token] for token in self.delivered), "a delivered letter is lost"
        for message in set(self.marks) & set(there):
            mark = self.marks[message]
            assert mark is None or ("red" in there[message][2]) == mark, f"{message}: a flag is lost"
        return there
