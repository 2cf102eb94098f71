"""Letters that leave, while the server dies or cannot write."""
import contextlib
import errno
import json

import pytest
from conftest import own_address
from faults import SYNC, TORN, Faults
from office import body_of, until
from sink import Sink

QUICK = """destination "*" { retry-seconds = {1} retry-then-seconds = 1 retry-jitter-percent = 0 }"""


def letter(name):
    return f"From: alice@example.test\r\nSubject: {name}\r\n\r\nThis is {name}.\r\n".encode()


def send(alice, to, name):
    with contextlib.closing(alice.submission()) as client:
        client.sendmail(alice.address, to, letter(name))


def events(office, kind):
    return [e for e in json.loads(office.run("log", "--json")) if e["event"] == kind]


def test_a_letter_that_crashes_us_three_times_is_held(make_office, tmp_path):
    sink = Sink(own_address(), 2525)
    office = make_office(start=False, config=QUICK + f"""
        route "*" {{ host = "{sink.address}" port = 2525 }}""")
    alice = office.new_user("alice")
    environment = Faults(tmp_path, office.folder).environment
    office.start(env={**environment, "POSTAMT_FAULT_DEADLY": "This is DEADLY."})
    send(alice, ["one@far.test"], "harmless")
    until(lambda: len(sink.letters) == 1)
    send(alice, ["two@far.test"], "DEADLY")

    def held():
        result = office.command("queue", "list", "--json")
        rows = json.loads(result.stdout) if result.returncode == 0 else []
        return [row for row in rows if row["reason"]]

    row, = until(held)
    assert row["recipient"] == "two@far.test" and "crashed three times" in row["reason"]
    assert office.log.read_text().count("ctl.worker_died") == 3
    send(alice, ["three@far.test"], "also harmless")
    until(lambda: len(sink.letters) == 2)


def test_a_kill_is_no_crash(make_office):
    """Who was in flight when somebody killed us is not to blame."""
    sink = Sink(own_address(), 2525, script={"greeting": b""})  # keeps us waiting
    office = make_office(config=QUICK + f"""
        route "*" {{ host = "{sink.address}" port = 2525 }}""")
    alice = office.new_user("alice")
    send(alice, ["one@far.test"], "patient")
    for n in range(4):
        until(lambda: sink.connections > n)
        office.kill()
        office.start()
    sink.script.clear()
    office.kill()
    office.start()
    assert sink.letter().recipients == ["one@far.test"]


@pytest.mark.parametrize("what,error", [(TORN, errno.ENOSPC), (SYNC, errno.EIO)])
def test_results_wait_for_the_store(make_office, tmp_path, what, error):
    """The disk fails when the result is to be written: it is written later, the letter is not sent
    again."""
    sink = Sink(own_address(), 2525)
    office = make_office(start=False, config=QUICK + f"""
        route "*" {{ host = "{sink.address}" port = 2525 }}""")
    alice = office.new_user("alice")
    faults = Faults(tmp_path, office.folder)
    office.start(env=faults.environment)

    def fail(_):
        faults.set(what, 1, error, always=True)
        return "250 taken"

    sink.script["body"] = fail
    send(alice, ["one@far.test"], "once")
    until(lambda: "deliver.not_settled" in office.log.read_text())
    faults.clear()
    until(lambda: events(office, "delivered"))
    assert len(sink.letters) == 1 and sink.letters[0].data.endswith(body_of(letter("once")))
    assert faults.hits is not None and office.worker()
