"""Where letters go: MX records from a real name server, and from one that is dead or lies."""
import contextlib
import json

import pytest
from conftest import own_address, own_folder
from names import Knot, Liar, asked, header
from office import until
from sink import Sink

LETTER = b"From: alice@example.test\r\nTo: bob@far.test\r\nSubject: hello\r\n\r\nDear Bob\r\n"
QUICK = """destination "*" { retry-seconds = {1} retry-then-seconds = 1 retry-jitter-percent = 0
    letters-per-connection = 1 }
"""


def events(office, kind=None, to=None):
    found = json.loads(office.run("log", "--json"))
    return [e for e in found if kind in (None, e["event"]) and to in (None, e["to"])]


def await_event(office, kind, to):
    return until(lambda: events(office, kind, to))[0]


class Town:
    """A zone, sinks it names, an office that asks it."""

    def __init__(self, make_office):
        self.sinks = [Sink(own_address(), 2525) for _ in range(3)]
        one, two, three = (sink.address for sink in self.sinks)
        self.silent = own_address()
        self.knot = Knot(own_folder(), own_address(), {"test": [
            f"one A {one}", f"two A {two}", f"three A {three}", f"silent A {self.silent}",
            "six AAAA ::1",
            "pref MX 10 silent", "pref MX 20 one",
            "equal MX 10 one", "equal MX 10 two",
            "implicit A " + three,
            "null MX 0 .",
            "cname CNAME real", "real MX 10 two",
            "v6 MX 10 six",
            "ours MX 10 mail.example", "backup MX 5 three", "backup MX 10 mail.example",
            "backup MX 20 one",
            "nowhere MX 10 there.is.no.such.host",
            "txtonly TXT hello",
            *(f"rolled{n} MX {n} one" for n in range(5)),
            *(f"many MX {n} host{n}" for n in range(1, 60)), "host1 A " + two,
        ]}).start()
        self.office = make_office(config=self.knot.config() + QUICK)
        self.alice = self.office.new_user("alice")

    def send(self, *to, letter=LETTER):
        with contextlib.closing(self.alice.submission()) as client:
            client.sendmail(self.alice.address, list(to), letter)

    def came(self, number, recipient):
        return any(recipient in letter.recipients for letter in self.sinks[number].letters)


@pytest.fixture(scope="module")
def town(make_office):
    town = Town(make_office)
    yield town
    town.knot.stop()


@pytest.mark.parametrize("domain,sink", [("pref", 1), ("implicit", 3), ("cname", 2), ("backup", 3),
                                         ("many", 2), ("PREF", 1)])
def test_the_right_server(town, domain, sink):
    to = f"{domain}-reader@{domain}.test"
    town.send(to)
    until(lambda: town.came(sink - 1, to))
    assert await_event(town.office, "delivered", to)["detail"].find(
        town.sinks[sink - 1].address) >= 0


def test_a_kept_connection_to_the_second_host(make_office, town):
    """What was said of the first host does not count for the letters after."""
    office = make_office(config=town.knot.config() + 'destination "*" { connections = 1 }')
    user = office.new_user("alice")
    with contextlib.closing(user.submission()) as client:
        for n in range(5):
            client.sendmail(user.address, [f"kept{n}@pref.test"], LETTER)
            until(lambda: town.came(0, f"kept{n}@pref.test"))
    assert not events(office, "deferred")


def test_equal_preference_is_shared(town):
    town.send(*(f"reader{n}@equal.test" for n in range(5)))
    for n in range(40):
        town.send(f"other{n}@equal.test")
    until(lambda: sum("@equal" in r for s in town.sinks for l in s.letters
                      for r in l.recipients) == 45)
    assert all(any("@equal" in l.recipients[0] for l in sink.letters) for sink in town.sinks[:2])


def test_ipv6(town):
    sink = Sink("::1", 2525)
    town.send("x@v6.test", "y@[IPv6:::1]")
    until(lambda: len(sink.letters) == 2)
    sink.close()


@pytest.mark.parametrize("domain,words", [
    ("null.test", "5.1.10"), ("no-such-domain.test", "5.1.2"), ("ours.test", "5.4.6"),
    ("nowhere.test", "5.4.4"), ("txtonly.test", "5.4.4")])
def test_no_way_at_all(town, domain, words):
    town.send(f"x@{domain}")
    assert words in await_event(town.office, "bounced", f"x@{domain}")["detail"]
    assert not events(town.office, "deferred", f"x@{domain}")


def test_domains_with_the_same_servers_are_one_site(make_office, town):
    office = make_office(config=town.knot.config() + 'destination "*" { connections = 1 }')
    before = town.sinks[0].connections
    user = office.new_user("alice")
    with contextlib.closing(user.submission()) as client:
        client.sendmail(user.address, [f"x@rolled{n}.test" for n in range(5)], LETTER)
    until(lambda: all(town.came(0, f"x@rolled{n}.test") for n in range(5)))
    assert town.sinks[0].connections == before + 1


def test_a_name_server_that_comes_back(make_office):
    sink = Sink(own_address(), 2525)
    knot = Knot(own_folder(), own_address(), {"test": [f"far MX 10 mx", f"mx A {sink.address}"]})
    office = make_office(config=knot.config(3) + QUICK)
    user = office.new_user("alice")
    with contextlib.closing(user.submission()) as client:
        client.sendmail(user.address, ["x@far.test"], LETTER)
    assert "4.4.3" in await_event(office, "deferred", "x@far.test")["detail"]
    knot.start()
    sink.letter()
    knot.stop()


LIES = {
    "servfail": lambda q: header(q, b"\x81\x82", 0) + asked(q),
    "refused": lambda q: header(q, b"\x81\x85", 0) + asked(q),
    "garbage": lambda q: b"\xff" * 40,
    "cut off": lambda q: header(q, b"\x81\x80", 5) + asked(q) + b"\xc0\x0c\0\x0f\0\x01",
    "loop": lambda q: header(q, b"\x81\x80", 1) + asked(q) + b"\xc0\x0c\0\x0f\0\x01\0\0\0\x3c"
                      b"\0\x04\0\x01\xc0\x28",  # a name that points at itself
    "question only": lambda q: q,
}


@pytest.mark.parametrize("lie", LIES)
def test_lies_are_temporary(make_office, lie):
    liar = Liar(own_address(), LIES[lie])
    office = make_office(config=liar.config(3) + QUICK)
    user = office.new_user("alice")
    with contextlib.closing(user.submission()) as client:
        client.sendmail(user.address, ["x@far.test"], LETTER)
    event = await_event(office, "deferred", "x@far.test")
    assert "4.4.3" in event["detail"] and not events(office, "bounced")
    liar.close()


def test_hosts_with_foreign_bytes_are_left_out(make_office):
    def answer(question):
        if asked(question)[-4:-2] != b"\0\x0f":
            return header(question, b"\x81\x83", 0) + asked(question)
        rdata = b"\0\x01\x09a\r\nb\0 c;d\x04test\0"
        return (header(question, b"\x81\x80", 1) + asked(question) + b"\xc0\x0c\0\x0f\0\x01"
                b"\0\0\0\x3c" + len(rdata).to_bytes(2, "big") + rdata)
    liar = Liar(own_address(), answer)
    office = make_office(config=liar.config(3) + QUICK)
    user = office.new_user("alice")
    with contextlib.closing(user.submission()) as client:
        client.sendmail(user.address, ["x@far.test"], LETTER)
    assert "5.4.4" in await_event(office, "bounced", "x@far.test")["detail"]
    liar.close()


def test_names_that_lead_to_private_addresses(make_office, town):
    office = make_office(start=False, config=town.knot.config() + QUICK)
    path = f"{office.folder}/postamt.conf"
    text = open(path).read().replace("allow-private-destinations = true", "")
    open(path, "w").write(text)
    office.start()
    user = office.new_user("alice")
    with contextlib.closing(user.submission()) as client:
        client.sendmail(user.address, ["x@pref.test"], LETTER)
    assert "allow-private-destinations" in await_event(office, "bounced", "x@pref.test")["detail"]
