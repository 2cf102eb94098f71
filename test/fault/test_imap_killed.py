"""SIGKILL while many clients work on one mailbox: what was acknowledged is there, what had no answer
may be or not, and whoever comes back with QRESYNC learns exactly what changed (P1, P3)."""
import os
import pathlib
import random
import signal
import sys

import pytest
from crowd import Crowd
from office import until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))


def kill_now_and_then(times, between):
    """All of the server, or the worker alone, after so many steps of the crowd each time."""
    def meanwhile(crowd):
        choice = random.Random(crowd.seed)
        for number in range(times):
            goal = between * (number + 1)
            with crowd.counting:
                crowd.counting.wait_for(lambda: crowd.steps >= goal or crowd.over.is_set(), 120)
            if crowd.over.is_set():
                return
            crowd.up.clear()
            if choice.random() < 0.5:
                crowd.office.kill()
                crowd.office.start()
            else:
                until(lambda: killed(crowd.office.worker()))
            crowd.up.set()
    return meanwhile


def killed(worker):
    try:
        os.kill(worker, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def test_killed_among_forty(make_office):
    crowd = Crowd(make_office(), 1, 40, "Work")
    assert len(crowd.run(12, kill_now_and_then(2, 150))) > 40


@pytest.mark.long
@pytest.mark.parametrize("seed", range(200, 206))
def test_killed_among_two_hundred(make_office, seed):
    office = make_office(config="imap-sessions-per-user-max = 1000")
    crowd = Crowd(office, seed, 200, ["INBOX", "Work"][seed % 2])
    assert len(crowd.run(30, kill_now_and_then(8, 600))) > 300
