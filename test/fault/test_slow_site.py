"""A site that takes or says a byte a minute: each step has its time as a whole (RFC 5321 4.5.3.2),
nobody else waits, and the sender is told which step it was. Minutes pass in moments (clocks.py)."""
import contextlib
import json
import socket
import threading
import time

import pytest
from clocks import Clocks
from conftest import own_address
from office import body_of, until
from sink import Sink

LETTER = b"From: alice@example.test\r\nTo: bob@slow.test\r\nSubject: hello\r\n\r\nDear Bob\r\n"
LARGE = LETTER + (b"0123456789" * 7 + b"\r\n") * 200_000
CONFIG = """destination "*" { retry-seconds = {1} retry-then-seconds = 1 }"""


class Town:
    """An office with clocks of its own, a slow site and a living one."""

    def __init__(self, make_office, folder, **slow):
        self.slow = Sink(own_address(), 2525, offers=("8BITMIME",), **slow)
        self.good = Sink(own_address(), 2525)
        self.clocks = Clocks(folder)
        self.office = make_office(start=False, config=CONFIG + f"""
            route "slow.test" {{ host = "{self.slow.address}" port = 2525 }}
            route "good.test" {{ host = "{self.good.address}" port = 2525 }}""")
        self.alice = self.office.new_user("alice")
        self.office.start(env=self.clocks.environment)
        self.minutes = 0

    def send(self, to, letter=LETTER):
        with contextlib.closing(self.alice.submission()) as client:
            client.sendmail(self.alice.address, [to], letter)

    def events(self, to):
        return [e for e in json.loads(self.office.run("log", "--json")) if e["to"] == to]

    def a_minute_passes(self):
        self.minutes += 1
        self.clocks.move(mono=60)
        time.sleep(0.05)  # the server looks at its clocks more often


STEPS = {"greeting": "220-", "EHLO": "250-", "MAIL": "250-", "RCPT": "250-", "DATA": "354-",
         "body": "250-"}


@pytest.fixture
def dripping(make_office, tmp_path):
    """A site whose answer to one step comes a byte a minute, and never to its end."""
    town = Town(make_office, tmp_path)
    town.may_drip = threading.Event()

    def drip(step):
        def answer(dialogue):
            town.slow.script.pop(step)
            town.may_drip.wait(60)
            for byte in f"{STEPS[step]}{'wait ' * 100}".encode():
                dialogue.socket.sendall(bytes([byte]))
                town.a_minute_passes()
            raise ConnectionError("it had more patience than there are minutes")
        return answer

    town.drip = drip
    return town


@pytest.mark.parametrize("step", STEPS)
def test_a_reply_that_comes_a_byte_a_minute(dripping, step):
    town, slow, good = dripping, f"{step}@slow.test", f"{step}@good.test"
    town.may_drip.clear()
    town.slow.script[step] = town.drip(step)
    before = town.minutes
    town.send(slow)
    until(lambda: step not in town.slow.script)
    town.send(good)  # while the slow one is at it
    until(lambda: any(good in letter.recipients for letter in town.good.letters))
    assert not [e for e in town.events(slow) if e["event"] != "accepted"]
    town.may_drip.set()
    until(lambda: any(slow in letter.recipients for letter in town.slow.letters))
    deferred = until(lambda: [e for e in town.events(slow) if e["event"] == "deferred"])
    assert len(deferred) == 1
    assert step in deferred[0]["detail"] and "timed out" in deferred[0]["detail"]
    assert 2 <= town.minutes - before <= 60


def test_a_letter_that_is_taken_a_byte_a_minute(make_office, tmp_path):
    town = Town(make_office, tmp_path)
    given_up = threading.Event()  # its end does not show: there are megabytes before it

    def read_slowly(dialogue):
        town.slow.script.pop("354")
        town.send("one@good.test")
        until(lambda: town.good.letters)
        for _ in range(600):
            if given_up.is_set() or not dialogue.socket.recv(1):
                break
            town.a_minute_passes()
        return b""

    town.slow.script["354"] = read_slowly
    listener = town.slow.listener
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # connections inherit it
    town.send("one@slow.test", LARGE)
    event = until(lambda: [e for e in town.events("one@slow.test") if e["event"] == "deferred"])[0]
    given_up.set()
    minutes = town.minutes
    assert "body" in event["detail"] and "timed out" in event["detail"], event
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    until(lambda: town.slow.letters)
    assert town.slow.letters[-1].data.endswith(body_of(LARGE))
    assert minutes <= 60  # of the 600 that it would take


def test_a_handshake_that_does_not_come(make_office, tmp_path, certificate):
    """Opportunistic TLS: once more in the clear."""
    town = Town(make_office, tmp_path, certificate=certificate)

    def silence(dialogue):
        while dialogue.socket.recv(100):
            town.a_minute_passes()
            dialogue.socket.sendall(b"\x16")
        return None

    town.slow.script["handshake"] = silence
    town.send("one@slow.test")
    assert not town.slow.letter().tls
