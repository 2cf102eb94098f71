"""Disks that fail or are full: temporary refusal, no crash, full service afterwards (P4)."""
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from faults import EIO, ENOSPC, SYNC, TORN, WRITE, Faults, Sender, check_promises  # noqa: E402
from conftest import own_folder  # noqa: E402
from office import PATIENCE, in_parallel  # noqa: E402


@pytest.fixture(scope="module")
def failing(make_office):
    """An office whose disk can be told to fail."""
    office = make_office(start=False)
    office.faults = Faults(os.path.dirname(office.folder), office.folder)
    office.start(env=office.faults.environment)
    office.pid = office.worker()
    return office


def strike(office, what, nth, error, always, filler):
    """Letters until the fault has struck, then until service is back."""
    user = office.new_user()
    sender = Sender(office, user, filler)
    assert sender.send() == 250
    office.faults.set(what, nth, error, always)
    codes = []
    while not office.faults.hits:
        codes.append(sender.send())
        assert len(codes) < nth + 50, "the fault never struck"
    for _ in range(3):
        codes.append(sender.send())
    office.faults.clear()
    assert set(codes) <= {250, 451, 452}, codes  # never a lost connection, never a 5xx
    end = time.monotonic() + PATIENCE
    while sender.send() != 250:
        assert time.monotonic() < end, "service does not come back"
    assert sender.send() == 250
    check_promises(user, [sender])
    assert office.worker() == office.pid, "the worker died"


@pytest.mark.parametrize("always", [False, True])
@pytest.mark.parametrize("error", [ENOSPC, EIO])
@pytest.mark.parametrize("what", [WRITE, SYNC, TORN])
@pytest.mark.parametrize("filler", [200, 200_000])
@pytest.mark.parametrize("nth", [1, 2, 3, 5])
def test_nth_write_or_sync_fails(failing, what, nth, error, always, filler):
    strike(failing, what, nth, error, always, filler)


@pytest.mark.long
@pytest.mark.parametrize("nth", list(range(4, 60)) + [100, 200, 500, 1000, 3000])
@pytest.mark.parametrize("what", [WRITE, SYNC, TORN])
def test_every_later_write_and_sync(failing, what, nth):
    strike(failing, what, nth, EIO if nth % 2 else ENOSPC, nth % 3 == 0, 200 if nth % 5 else 200_000)


def test_neighbours_in_a_group_are_told_the_truth(failing):
    """Many sessions, failing syncs: everybody who got 250 has the letter."""
    user = failing.new_user()
    senders = [Sender(failing, user) for _ in range(20)]

    def work(number):
        for _ in range(15):
            senders[number].send()
            if number == 0:
                failing.faults.set(SYNC, 3, EIO)

    in_parallel(20, work)
    failing.faults.clear()
    assert all(sender.unknown == [] for sender in senders)
    assert sum(len(sender.accepted) for sender in senders) > 0
    check_promises(user, senders)
    assert failing.worker() == failing.pid


def test_reading_goes_on_while_nothing_can_be_written(failing):
    user = failing.new_user()
    sender = Sender(failing, user)
    assert sender.send() == 250
    failing.faults.set(WRITE, 1, ENOSPC, always=True)
    assert sender.send() in (451, 452)
    assert len(user.letters()) == 1
    failing.faults.clear()
    assert sender.send() == 250


@pytest.mark.long
@pytest.mark.parametrize("nth", [15000, 17000, 19000, 21000, 25000])
@pytest.mark.parametrize("what", [WRITE, TORN])
def test_copying_the_log_fails(failing, what, nth):
    """So many writes in, the database file is being written beside the log."""
    strike(failing, what, nth, EIO, False, 60_000)


@pytest.fixture
def small_disk(make_office):
    """An office on a file system of 24 MiB."""
    mount = pathlib.Path(own_folder()) / "disk"
    mount.mkdir()
    result = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=755", "none", mount],
                            capture_output=True, text=True)
    if result.returncode:
        pytest.skip("file systems may not be mounted here: " + result.stderr.strip())
    office = make_office(start=False)
    subprocess.run(["cp", "-a", office.folder, mount], check=True)
    office.folder = f"{mount}/office"
    try:
        yield office.start()
    finally:
        office.stop()
        subprocess.run(["umount", mount], check=True)
        mount.rmdir()
        mount.parent.rmdir()


@pytest.mark.parametrize("filler", [2_000, 300_000])
def test_full_disk(small_disk, filler):
    user = small_disk.new_user()
    sender = Sender(small_disk, user, filler)
    ballast = pathlib.Path(small_disk.folder).parent / "ballast"
    ballast.write_bytes(bytes(10 * 1024 * 1024))
    worker, codes = small_disk.worker(), []
    while codes[-5:].count(452) < 5:
        codes.append(sender.send())
        assert codes[-1] in (250, 452), codes[-5:]
        assert len(codes) < 20000
    assert len(user.letters()) == len(sender.accepted)  # it can still be read
    ballast.unlink()
    end = time.monotonic() + PATIENCE
    while sender.send() != 250:
        assert time.monotonic() < end, "service does not come back"
    check_promises(user, [sender])
    assert small_disk.worker() == worker
    letters = len(user.letters())
    small_disk.stop()
    small_disk.start()
    assert len(user.letters()) == letters


def test_each_250_stands_behind_a_completed_sync(make_office, tmp_path):
    """strace: between the letter's last byte and its 250 an fdatasync has returned 0 (P1)."""
    office = make_office()
    user = office.new_user()
    sender = Sender(office, user)
    sender.send()
    trace = tmp_path / "trace"
    strace = subprocess.Popen(["strace", "-f", "-qq", "-s", "30", "-o", trace, "-e",
                               "trace=fdatasync,fsync,write,writev,sendmsg,sendto", "-p",
                               str(office.worker())], stderr=subprocess.PIPE, text=True)
    if not wait_for_tracer(office.worker(), strace):
        pytest.skip("processes may not be traced here: " + strace.stderr.read())
    for _ in range(20):
        assert sender.send() == 250
    strace.send_signal(signal.SIGINT)
    strace.wait()
    replies, synced = 0, False
    for line in trace.read_text(errors="replace").splitlines():
        if ("fdatasync" in line or "fsync" in line) and line.rstrip().endswith("= 0"):
            synced = True
        elif '"354 ' in line:
            synced = False
        elif '"250 2.0.0 Ok: stored' in line:
            assert synced, "a 250 went out before its sync"
            replies += 1
    assert replies == 20


def wait_for_tracer(pid, strace):
    while strace.poll() is None:
        if not any("TracerPid:\t0" in path.read_text()
                   for path in pathlib.Path(f"/proc/{pid}/task").glob("*/status")):
            return True
        time.sleep(0.01)
    return False
