"""Threads of random letters, compared with RFC 5256 written down once more, step by step, in
Python: without a thought for speed, and with objects where ours has numbers."""
import os
import pathlib
import random
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("THREAD_LETTERS", ROOT / "build/test/thread_letters"))
SEED = int(os.environ.get("THREAD_SEED", "5"))
CASES = int(os.environ.get("THREAD_CASES", "3000"))


class Letter:
    def __init__(self, number, sent=0, subject="", reply=False, own=None, references=()):
        self.number, self.sent, self.subject, self.reply = number, sent, subject, reply
        self.own, self.references = own, list(references)

    def line(self):
        return " ".join([str(self.number), str(self.sent), str(int(self.reply)), self.subject or "-",
                         self.own or "-", *self.references])


class Message:
    """A node of the tree; a dummy has no letter."""

    def __init__(self, letter=None):
        self.letter, self.parent, self.children = letter, None, []

    @property
    def dummy(self):
        return self.letter is None

    def put_below(self, parent):
        self.leave()
        self.parent = parent
        parent.children.append(self)

    def leave(self):
        if self.parent:
            self.parent.children.remove(self)
        self.parent = None

    def is_within(self, other):
        at = self
        while at:
            if at is other:
                return True
            at = at.parent
        return False

    def date(self):
        """For sorting: a dummy is where its first child is."""
        if self.dummy:
            return min(child.date() for child in self.children)
        return self.letter.sent, self.letter.number

    def said(self):
        """The letter whose subject the thread has."""
        return min(self.children, key=Message.date).said() if self.dummy else self.letter


def link(letters):
    """Step 1."""
    table, messages = {}, []
    for letter in letters:
        message = Message(letter)
        messages.append(message)
        if letter.own and letter.own not in table:
            table[letter.own] = message  # of letters with one id, the first
    for letter, message in zip(letters, messages):
        before = None
        for reference in letter.references:  # 1.A
            this = table.setdefault(reference, Message())
            if before and this.parent is None and not before.is_within(this):
                this.put_below(before)
            before = this
        if message.parent is not before:  # 1.B
            message.leave()
            if before and not before.is_within(message):
                message.put_below(before)
    return messages, list(table.values())


def prune(message, at_top):
    """Step 3: what stands in the message's place, after all below it has been pruned."""
    for child in list(message.children):
        instead = prune(child, False)
        if instead != [child]:
            child.leave()
            for one in instead:
                one.put_below(message)
    if not message.dummy or (at_top and len(message.children) > 1):
        return [message]
    children = list(message.children)
    for child in children:
        child.leave()
    return children


def gather(top):
    """Step 5."""
    table = {}
    for this in top:
        letter = this.said()
        if not letter.subject:
            continue
        there = table.get(letter.subject)
        if there is None or (not there.dummy and (this.dummy or (
                there.letter.reply and not this.letter.reply))):
            table[letter.subject] = this
    result = list(top)
    for this in top:
        subject = this.said().subject
        there = table.get(subject)
        if not subject or there is this:
            continue
        result.remove(this)
        if there.dummy and this.dummy:
            for child in list(this.children):
                child.put_below(there)
        elif there.dummy:
            this.put_below(there)
        elif not this.dummy and this.letter.reply and not there.letter.reply:
            this.put_below(there)
        else:
            both = Message()
            result[result.index(there)] = both
            there.put_below(both)
            this.put_below(both)
            table[subject] = both
    return result


def by_references(letters):
    messages, named = link(letters)
    everyone = messages + [message for message in named if message.dummy]
    top = []
    for message in [message for message in everyone if message.parent is None]:  # 2
        top += prune(message, True)
    top.sort(key=Message.date)  # 4
    return sorted(gather(top), key=Message.date)  # 6, and in written()


def by_subject(letters):
    threads = {}
    for letter in sorted(letters, key=lambda letter: (letter.sent, letter.number)):
        message = Message(letter)
        if letter.subject in threads:
            message.put_below(threads[letter.subject])
        else:
            threads[letter.subject] = message
    return list(threads.values())


def written(message):
    children = sorted(message.children, key=Message.date)
    if len(children) > 1:
        below = "".join(f"({written(child)})" for child in children)
    else:
        below = "".join(written(child) for child in children)
    return below if message.dummy else " ".join(filter(None, (str(message.letter.number), below)))


def model(how, letters):
    top = by_references(letters) if how == "references" else by_subject(letters)
    return "".join(f"({written(message)})" for message in top)


def ours(cases):
    text = "".join(f"{how} {len(letters)}\n" + "".join(letter.line() + "\n" for letter in letters)
                   for how, letters in cases)
    result = subprocess.run([PROGRAM], input=text.encode(), capture_output=True, check=True)
    return result.stdout.decode().split("\n")[:-1]


def one(how, *letters):
    answer, = ours([(how, letters)])
    assert answer == model(how, letters)
    return answer


# --- what the RFC says

def test_a_chain_and_two_answers():
    assert one("references", Letter(1, 1, own="a"), Letter(2, 2, own="b", references=["a"]),
               Letter(3, 3, own="c", references=["a", "b"]),
               Letter(4, 4, own="d", references=["a"])) == "(1 (2 3)(4))"


def test_a_missing_parent_of_two_and_of_one():
    assert one("references", Letter(1, 1, own="a", references=["x"]),
               Letter(2, 2, own="b", references=["x"]),
               Letter(3, 3, own="c", references=["y"])) == "((1)(2))(3)"


def test_missing_letters_in_between_are_left_out():
    assert one("references", Letter(1, 1, own="a"),
               Letter(2, 2, own="c", references=["a", "x", "y"])) == "(1 2)"


def test_the_subject_gathers_what_ids_do_not():
    assert one("references", Letter(1, 1, "s"), Letter(2, 2, "s", True)) == "(1 2)"
    assert one("references", Letter(1, 1, "s"), Letter(2, 2, "s")) == "((1)(2))"
    assert one("references", Letter(1, 1, "s", True), Letter(2, 2, "s", True)) == "((1)(2))"
    assert one("references", Letter(1, 1, "s", True), Letter(2, 2, "s")) == "(2 1)"
    assert one("references", Letter(1, 1), Letter(2, 2)) == "(1)(2)"


def test_letters_with_one_id_are_two():
    assert one("references", Letter(1, 1, own="a"), Letter(2, 2, own="a"),
               Letter(3, 3, own="b", references=["a"])) == "(1 3)(2)"


def test_loops_are_not_made():
    assert one("references", Letter(1, 1, own="a", references=["b"]),
               Letter(2, 2, own="b", references=["a"])) == "(2 1)"
    assert one("references", Letter(1, 1, own="a", references=["a"])) == "(1)"


def test_the_letter_itself_knows_its_parent_best():
    assert one("references", Letter(1, 1, own="a"), Letter(2, 2, own="b"),
               Letter(3, 3, own="d", references=["a", "c"]),
               Letter(4, 4, own="c", references=["b"])) == "(1)(2 4 3)"


def test_siblings_and_threads_stand_by_date():
    assert one("references", Letter(1, 9, own="a"), Letter(2, 8, own="b", references=["a"]),
               Letter(3, 7, own="c", references=["a"]), Letter(4, 1, own="d")) == "(4)(1 (3)(2))"


def test_ordered_subject():
    assert one("subject", Letter(1, 3, "s"), Letter(2, 1, "t"), Letter(3, 2, "s", True),
               Letter(4, 4, "s")) == "(2)(3 (1)(4))"


# --- random letters

def draw(seed):
    random_ = random.Random(seed)
    count = random_.choice((1, 2, 3, 5, 8, 13, 40))
    ids = [f"i{n}" for n in range(random_.choice((2, count, 2 * count)))]
    subjects = ["", "s", "t", "u", "v"][:random_.randint(1, 5)]
    letters = []
    for number in range(1, count + 1):
        references = [random_.choice(ids) for _ in range(random_.choice((0, 0, 1, 1, 2, 3, 6)))]
        letters.append(Letter(number, random_.randint(0, random_.choice((1, count, 1000))),
                              random_.choice(subjects), random_.random() < 0.5,
                              random_.choice(ids) if random_.random() < 0.9 else None, references))
    return letters


def draw_conversations(seed):
    """As people write: whole lists of references, some letters away, in any order."""
    random_ = random.Random(seed)
    letters, chains = [], []
    for n in range(random_.randint(1, 60)):
        before = random_.choice(chains) if chains and random_.random() < 0.85 else []
        own = f"i{n}"
        chains.append(before + [own])
        kept = before[-random_.choice((1, 3, 100)):] if random_.random() < 0.9 else []
        letters.append((own, kept, before[0] if before else own, bool(before)))
    letters = [one for one in letters if random_.random() < 0.8]
    if random_.random() < 0.5:
        random_.shuffle(letters)
    return [Letter(number, random_.randint(0, 100), subject, reply, own, references)
            for number, (own, references, subject, reply) in enumerate(letters, 1)]


@pytest.mark.parametrize("draw_letters", [draw, draw_conversations])
def test_random_letters(draw_letters):
    cases = [("references" if n % 4 else "subject", draw_letters(SEED * 1000003 + n))
             for n in range(CASES)]
    for (how, letters), answer in zip(cases, ours(cases)):
        expected = model(how, letters)
        assert answer == expected, "\n".join([how] + [letter.line() for letter in letters])


# --- bombs: each would take hours where one step looks at all that came before

def test_a_chain_of_many_answers():
    count = 100000
    letters = [Letter(n, n, own=f"i{n}", references=[f"i{n - 1}"] if n else []) for n in range(count)]
    for number, letter in enumerate(letters, 1):
        letter.number = number
    chain = "(" + " ".join(str(n) for n in range(1, count + 1)) + ")"
    assert ours([("references", letters)]) == [chain]
    backwards = list(reversed(letters))
    assert ours([("references", backwards)]) == [chain]


def test_letters_that_reach_for_each_others_roots():
    """Each joins two deep trees: looking for loops by walking up would be quadratic."""
    count, letters = 20000, []
    for n in range(count):
        letters.append(Letter(n + 1, n, own=f"i{n}", references=[f"i{n + 1}"]))
    for n in range(count):
        letters.append(Letter(count + n + 1, n, own=f"k{n}",
                              references=[f"i{n % 7}", f"i{count}", f"i{count - n}"]))
    answer, = ours([("references", letters)])
    assert sorted(map(int, answer.replace("(", " ").replace(")", " ").split())) == list(
        range(1, 2 * count + 1))


def test_many_letters_with_many_ids_that_nobody_has():
    letters = [Letter(n, n, own=f"o{n}", references=[f"r{n}x{i}" for i in range(101)])
               for n in range(1, 10001)]
    assert ours([("references", letters)]) == ["".join(f"({n})" for n in range(1, 10001))]
