"""Ten thousand domains at once whose servers are dead do not slow the living ones."""
import contextlib
import json
import socket

import pytest
from conftest import own_address
from names import Liar, answer_address, name_asked
from office import in_parallel, until
from sink import Sink

PORT = 2526  # nobody else's: the dead ones take it on all addresses
DEAD, SILENT, AT_ONCE = 10000, 20, 1000
LETTER = b"From: alice@example.test\r\nTo: all:;\r\nSubject: hello\r\n\r\nDear all\r\n"


class Dead:
    """On every address that has no server of its own: what connects is neither let in nor refused."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.socket.bind(("0.0.0.0", PORT))
        self.socket.listen(0)
        self.filler = socket.create_connection(("127.1.0.0", PORT))
        with pytest.raises(TimeoutError):  # nobody else comes in
            socket.create_connection(("127.1.0.1", PORT), 0.3)

    def close(self):
        self.filler.close()
        self.socket.close()


class Living(Sink):
    def listen(self):
        self.listener = socket.create_server((self.address, self.port), backlog=500,
                                             reuse_port=True)
        self.serve_listener()


class Town:
    def __init__(self, make_office):
        self.known, self.new = Living(own_address(), PORT), Living(own_address(), PORT)
        self.dead = Dead()
        self.names = Liar(own_address(), self.answer)
        self.office = make_office(config=self.names.config(60).replace(
            "delivery-port = 2525", f"delivery-port = {PORT}"))
        self.alice = self.office.new_user("alice")

    def answer(self, question):
        name, _ = name_asked(question)
        first = name.split(".")[0]
        if first.startswith("silent"):
            return None
        if first[0] == "d" and first[1:].isdigit():
            number = int(first[1:])
            return answer_address(question, f"127.1.{number // 256}.{number % 256}")
        sink = {"known": self.known, "new": self.new}.get(first)
        return answer_address(question, sink and sink.address)

    def send(self, *to):
        with contextlib.closing(self.alice.submission()) as client:
            client.sendmail(self.alice.address, list(to), LETTER)

    def status(self, word):
        return json.loads(self.office.run("status", "--json"))[word]

    def close(self):
        self.names.close()
        self.dead.close()
        self.known.close()
        self.new.close()


@pytest.fixture
def town(make_office):
    town = Town(make_office)
    yield town
    town.office.process.kill()  # it would wait for the dead
    town.office.process.wait()
    town.office.process = None
    town.close()


def came(sink, to):
    return any(to in letter.recipients for letter in sink.letters)


def test_the_living_are_served_while_ten_thousand_wait(town):
    town.send("before@known.test")
    until(lambda: came(town.known, "before@known.test"))
    dead = [f"x@silent{n}.test" for n in range(SILENT)] + [f"x@d{n}.test" for n in range(DEAD)]
    in_parallel(4, lambda n: [town.send(*dead[start:start + 1000])
                              for start in range(n * 1000, len(dead), 4000)])
    looks = []

    def all_wait():
        """Sessions have been begun for as many as there may be: it stays so for many looks."""
        looks.append(town.status("delivery_sessions"))
        return looks[-1] > 100 and looks[-20:] == looks[-1:] * 20

    until(all_wait)
    print(f"{looks[-1]} sessions")
    # some thousands are given up at once, between two letters of ours on a slow machine: once more
    while (before := town.status("deferred")) < DEAD / 2:
        for one in (f"one{before}", f"two{before}"):
            town.send(f"{one}@known.test", f"{one}@new.test")
            until(lambda: came(town.known, f"{one}@known.test") and came(town.new, f"{one}@new.test"))
        after = town.status("deferred")
        print(f"{before} of the dead judged before, {after} after")
        if after - before < AT_ONCE:
            return
    pytest.fail("the living waited until the dead were given up")
