"""Sessions on one mailbox that do this and that at random: each client's own picture stays true, and
nothing that was acknowledged is lost, doubled, or given a number twice."""
import random

import pytest
from crowd import Actor, Crowd
from picture import KINDS, Picture

WHAT = ["append", "flag", "flag", "delete", "delete", "expunge", "noop", "fetch", "search", "move",
        "copy", "select"]


@pytest.mark.parametrize("seed", range(6))
def test_one_after_another(office, seed):
    """The same every time: a client acts, and then another."""
    crowd, choice = Crowd(office, seed, 5), random.Random(seed)
    people = [Actor(crowd, number, Picture(crowd.user, KINDS[number])) for number in range(5)]
    for _ in range(200):
        actor = choice.choice(people)
        getattr(actor, choice.choice(WHAT))()
        actor.picture.learn()
    crowd.compare(people)


@pytest.mark.parametrize("name", ["INBOX", "Work"])
def test_all_at_once(office, name):
    there = Crowd(office, 1, 30, name).run(15)
    assert len(there) > 30


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 110))
def test_two_hundred_at_once(make_office, seed):
    office = make_office(config="imap-sessions-per-user-max = 1000")
    there = Crowd(office, seed, 200, ["INBOX", "Work"][seed % 2]).run(30)
    assert len(there) > 500
