"""A notice of failure has to be written while nothing can be: nothing is lost, and it comes when
there is room again."""
import contextlib
import errno
import json
import pathlib
import subprocess

import pytest
from conftest import own_address, own_folder
from faults import SYNC, TORN, WRITE, Faults
from office import until
from sink import Sink

QUICK = """destination "*" { retry-seconds = {1} retry-then-seconds = 1 retry-jitter-percent = 0 }"""
LETTER = "From: alice@example.test\r\nSubject: %s\r\n\r\nDear reader\r\n"


def send(alice, *to, name="hello"):
    with contextlib.closing(alice.submission()) as client:
        client.sendmail(alice.address, list(to), LETTER % name)


def count(office, kind):
    found = json.loads(office.run("log", "--json"))
    return sum(e["event"] == kind and e["to"].endswith("far.test") for e in found)


def told(alice):
    """Of whom the notices tell."""
    return sorted(line.split("; ")[1] for letter in alice.letters()
                  for line in letter.decode().split("\r\n") if line.startswith("Final-Recipient:"))


def make(make_office, **settings):
    sink = Sink(own_address(), 2525)
    office = make_office(config=QUICK + f"""
        route "*" {{ host = "{sink.address}" port = 2525 }}""", **settings)
    return sink, office, office.new_user("alice")


@pytest.mark.parametrize("what,error", [(TORN, errno.ENOSPC), (WRITE, errno.EIO),
                                        (SYNC, errno.EIO)])
def test_a_notice_waits_for_the_disk(make_office, tmp_path, what, error):
    sink, office, alice = make(make_office, start=False)
    faults = Faults(tmp_path, office.folder)
    office.start(env=faults.environment)

    def refuse(dialogue):
        if dialogue.recipient.startswith("no"):
            faults.set(what, 1, error, always=True)
            return "550 5.1.1 No such user"
        return "250 ok"

    sink.script["RCPT"] = refuse
    send(alice, "no1@far.test", "no2@far.test", "yes@far.test")
    until(lambda: faults.hits >= 3)
    assert not alice.letters()
    faults.clear()
    until(lambda: told(alice))
    assert told(alice) == ["no1@far.test", "no2@far.test"] and len(alice.letters()) == 1
    assert count(office, "bounced") == 2 and count(office, "delivered") == 1
    assert len(sink.letters) == 1 and sink.letters[0].recipients == ["yes@far.test"]
    assert json.loads(office.run("queue", "list", "--json")) == []


def test_killed_while_the_notice_waits(make_office, tmp_path):
    sink, office, alice = make(make_office, start=False)
    faults = Faults(tmp_path, office.folder)
    office.start(env=faults.environment)

    def refuse(_):
        faults.set(TORN, 1, errno.ENOSPC, always=True)
        return "550 5.1.1 No such user"

    sink.script["RCPT"] = refuse
    send(alice, "no1@far.test")
    until(lambda: "deliver.not_settled" in office.log.read_text())
    office.kill()
    sink.script["RCPT"] = "550 5.1.1 No such user"
    office.start()
    until(lambda: told(alice))
    assert told(alice) == ["no1@far.test"] and count(office, "bounced") == 1


@pytest.mark.parametrize("what,error", [(WRITE, errno.EIO), (SYNC, errno.EIO)])
def test_the_store_is_gone_while_letters_are_under_way(make_office, tmp_path, what, error):
    """Thirty letters in delivery, no write succeeds for a while: each arrives, twice at most."""
    sink, office, alice = make(make_office, start=False)
    faults = Faults(tmp_path, office.folder)
    office.start(env=faults.environment)
    answers = iter([True] * 5)

    def take(_):
        if not next(answers, False):
            faults.set(what, 1, error, always=True)
        return "250 taken"

    sink.script["body"] = take
    accepted = []
    for n in range(30):
        with contextlib.suppress(Exception):  # refused while nothing can be written
            send(alice, f"x{n}@far.test")
            accepted.append(f"x{n}@far.test")
    until(lambda: faults.hits >= 5)
    sink.script.clear()
    faults.clear()
    assert len(accepted) >= 5
    until(lambda: count(office, "delivered") >= len(accepted))
    arrived = [to for letter in sink.letters for to in letter.recipients]
    assert set(accepted) <= set(arrived) and all(arrived.count(to) <= 2 for to in arrived)
    assert json.loads(office.run("queue", "list", "--json")) == []
    send(alice, "last@far.test")  # and it goes on
    until(lambda: any(letter.recipients == ["last@far.test"] for letter in sink.letters))


def test_a_full_disk(make_office):
    """A file system of 24 MiB with nothing left on it when 40 letters bounce."""
    mount = pathlib.Path(own_folder()) / "disk"
    mount.mkdir()
    result = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=755", "none", mount],
                            capture_output=True, text=True)
    if result.returncode:
        pytest.skip("file systems may not be mounted here: " + result.stderr.strip())
    sink, office, alice = make(make_office, start=False)
    subprocess.run(["cp", "-a", office.folder, mount], check=True)
    office.folder = f"{mount}/office"
    office.start()
    try:
        sink.script["greeting"] = "421 4.3.2 not yet"
        readers = [f"no{n}@far.test" for n in range(40)]
        for reader in readers:
            send(alice, reader, name="z" * 60)
        ballast = mount / "ballast"
        with open(ballast, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        sink.script.update({"RCPT": "550 5.1.1 No such user"})
        sink.script.pop("greeting")
        until(lambda: "deliver.not_settled" in office.log.read_text())
        ballast.unlink()
        until(lambda: len(told(alice)) >= 40)
        assert told(alice) == sorted(readers)
        assert json.loads(office.run("queue", "list", "--json")) == []
    finally:
        office.stop()
        subprocess.run(["umount", mount], check=True)
        mount.rmdir()
        mount.parent.rmdir()
