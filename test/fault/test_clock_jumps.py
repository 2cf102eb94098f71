"""The wall clock jumps by days, to either side, while letters wait: none is lost, none expires
before somebody has tried again, and all go on."""
import contextlib
import json
import re

import pytest
from clocks import DAY, Clocks
from conftest import own_address, own_folder
from names import Knot
from office import body_of, until
from sink import Sink

LETTER = (b"From: alice@example.test\r\nTo: bob@far.test\r\nSubject: hello\r\n\r\nDear Bob\r\n")
QUICK = """destination "*" { retry-seconds = {1} retry-then-seconds = 1 retry-jitter-percent = 0 }"""
SLOW = """destination "*" { retry-seconds = {3000} }"""
BUSY = {"RCPT": "450 4.2.2 Mailbox full"}


class Town:
    """An office with clocks of its own, and a sink."""

    def __init__(self, make_office, folder, config):
        self.sink = Sink(own_address(), 2525, script=dict(BUSY))
        self.clocks = Clocks(folder)
        self.office = make_office(start=False, config=config + f"""
            route "far.test" {{ host = "{self.sink.address}" port = 2525 }}""")
        self.alice = self.office.new_user("alice")
        self.start()

    def start(self):
        self.office.start(env=self.clocks.environment)

    def send(self, to="bob@far.test"):
        with contextlib.closing(self.alice.submission()) as client:
            client.sendmail(self.alice.address, [to], LETTER)

    def events(self, kind):
        return [e for e in json.loads(self.office.run("log", "--json")) if e["event"] == kind]

    def wait_for(self, kind, count=1):
        return until(lambda: len(found := self.events(kind)) >= count and found)


@pytest.mark.parametrize("days", [-30, -3, 3])
def test_retries_go_on(make_office, tmp_path, days):
    town = Town(make_office, tmp_path, QUICK)
    town.send()
    before = len(town.wait_for("deferred"))
    town.clocks.move(wall=days * DAY)
    town.wait_for("deferred", before + 3)
    town.sink.script.clear()
    assert town.sink.letter().data.endswith(body_of(LETTER))
    town.wait_for("delivered")
    assert not town.events("expired") and not town.events("bounced")


@pytest.mark.parametrize("days", [-30, 3])
def test_retries_go_on_after_a_restart(make_office, tmp_path, days):
    """What was due a minute later is not due in a month because the clock was wrong."""
    town = Town(make_office, tmp_path, QUICK)
    town.send()
    town.wait_for("deferred")
    town.office.stop()
    town.clocks.move(wall=days * DAY)
    town.sink.script.clear()
    town.start()
    assert town.sink.letter().recipients == ["bob@far.test"]
    town.send("carol@far.test")
    until(lambda: len(town.sink.letters) == 2)


@pytest.mark.parametrize("works", [True, False], ids=["it works", "it does not"])
def test_beyond_the_expiry_one_more_attempt_is_made(make_office, tmp_path, works):
    town = Town(make_office, tmp_path, QUICK.replace("{1}", "{5}"))  # no try while the clock is moved
    town.send()
    town.wait_for("deferred")
    if works:
        town.sink.script.clear()
    tried = town.sink.lines.count("RCPT TO:<bob@far.test>")
    town.clocks.move(wall=30 * DAY)
    town.wait_for("delivered" if works else "expired")
    assert town.sink.lines.count("RCPT TO:<bob@far.test>") > tried
    if not works:
        event, = town.events("expired")
        assert "450 4.2.2 Mailbox full" in event["detail"]
        notice = until(town.alice.letters)[0]
        assert b"Status: 5.4.7" in notice and b"450 4.2.2 Mailbox full" in notice
    assert json.loads(town.office.run("queue", "list", "--json")) == []


@pytest.mark.parametrize("days", [-10, 3])
def test_retry_by_hand(make_office, tmp_path, days):
    town = Town(make_office, tmp_path, SLOW)
    town.send()
    town.wait_for("deferred")
    town.sink.script.clear()
    town.clocks.move(wall=days * DAY)
    assert json.loads(town.office.run("queue", "retry", "--all", "--json"))["recipients"] == 1
    town.sink.letter()


def test_names_are_found_after_jumps(make_office, tmp_path):
    """Also those whose question was under way at the jump."""
    knot = Knot(own_folder(), own_address(), {"test": []})
    town = Town(make_office, tmp_path, f"""{knot.config(3)} destination "*" {{ retry-seconds = {{1}}
        retry-then-seconds = 1 expiry-seconds = 30000000 }}""")
    zone = re.sub("(?m)^ns A.*$", lambda m: f"{m[0]}\n" + "".join(
        f"d{n} MX 10 mx\n" for n in range(9)) + f"mx A {town.sink.address}",
        (knot.folder / "test.zone").read_text())
    (knot.folder / "test.zone").write_text(zone)
    town.sink.script.clear()
    for n, days in enumerate((30, -60)):
        knot.stop()
        town.send(f"x@d{n}.test")  # asked for in vain
        town.clocks.move(wall=days * DAY)
        until(lambda: any(e["to"] == f"x@d{n}.test" for e in town.events("deferred")))
        knot.start()
        until(lambda: any(letter.recipients == [f"x@d{n}.test"] for letter in town.sink.letters))
    knot.stop()
