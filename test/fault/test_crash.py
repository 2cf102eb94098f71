"""SIGKILL at random moments: what got 250 is there, once (P1, P3)."""
import os
import pathlib
import random
import signal
import sys
import threading

import pytest
from office import until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from faults import LmtpSender, Sender, check_promises  # noqa: E402


def killed(worker):
    """False where the worker was killed before and goes just now."""
    try:
        os.kill(worker, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def crash_loop(office, connections, letters, crashes, seed, kind=Sender):
    """connections threads send until so many letters were accepted; meanwhile the server dies."""
    chance = random.Random(seed)
    user = office.new_user()
    senders = [kind(office, user, chance.choice([0, 2000, 10000, 100000]))
               for _ in range(connections)]
    accepted = threading.Semaphore(0)
    enough, up = threading.Event(), threading.Event()
    up.set()

    def work(sender):
        while not enough.is_set():
            up.wait()
            if sender.send() == 250:
                accepted.release()

    threads = [threading.Thread(target=work, args=(sender,)) for sender in senders]
    for thread in threads:
        thread.start()
    kills = sorted(chance.sample(range(1, letters), crashes))
    try:
        for number in range(1, letters + 1):
            assert accepted.acquire(timeout=120), "no letter was accepted for two minutes"
            if kills and number == kills[0]:
                kills.pop(0)
                up.clear()
                if chance.random() < 0.5:  # all of it, or the worker alone
                    office.kill()
                    office.start()
                else:
                    until(lambda: killed(office.worker()))
                up.set()
    finally:
        enough.set()
        up.set()
        for thread in threads:
            thread.join()
    for sender in senders:
        sender.accepted = list(sender.accepted)
    check_promises(user, senders)
    return sum(len(sender.unknown) for sender in senders)


def test_killed_while_letters_come(make_office):
    crash_loop(make_office(), connections=20, letters=400, crashes=4, seed=1)


def test_killed_while_letters_come_by_lmtp(make_office):
    crash_loop(make_office(), connections=20, letters=400, crashes=4, seed=2, kind=LmtpSender)


@pytest.mark.long
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_2000_letters_over_50_connections(make_office, seed):
    unanswered = crash_loop(make_office(), connections=50, letters=2000, crashes=25, seed=seed)
    assert unanswered, "no crash came between a letter and its reply: the test is too kind"
