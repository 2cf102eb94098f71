"""Letters that leave, to servers of the test's own: static routes, the dialogue, bad days."""
import contextlib
import json
import socket
import threading

import pytest
from conftest import own_address
from office import body_of, until
from sink import HANG_UP, Sink

LETTER = (b"From: alice@example.test\r\nTo: bob@far.test\r\nSubject: hello\r\n\r\n"
          b"Dear Bob,\r\n.a dot\r\n..two\r\nend\r\n")
QUICK = """destination "*" { retry-seconds = {1} retry-then-seconds = 1 retry-jitter-percent = 0 }"""


class Post:
    """An office with a user, and sinks that its routes lead to."""

    def __init__(self, make_office, config=QUICK, **sink):
        self.sink = Sink(own_address(), 2525, **sink)
        self.office = make_office(config=config + f"""
            route "far.test" {{ host = "{self.sink.address}" port = 2525 }}""")
        self.alice = self.office.new_user("alice")

    def send(self, *to, letter=LETTER, options=()):
        with contextlib.closing(self.alice.submission()) as client:
            client.sendmail(self.alice.address, list(to) or ["bob@far.test"], letter, options)

    def events(self, kind=None):
        events = json.loads(self.office.run("log", "--json"))
        return [event for event in events if kind in (None, event["event"])]

    def await_event(self, kind, count=1):
        return until(lambda: len(found := self.events(kind)) >= count and found)


@pytest.fixture(scope="module")
def post(make_office):
    return Post(make_office)


def test_a_letter_leaves(post):
    post.send()
    letter = post.sink.letter()
    assert letter.sender == "alice@example.test" and letter.recipients == ["bob@far.test"]
    assert letter.hello == "mail.example.test"
    assert b"\r\nReceived: " in letter.data and letter.data.endswith(body_of(LETTER))
    event, = post.await_event("delivered")
    assert event["to"] == "bob@far.test" and "250 2.0.0 taken" in event["detail"]
    assert post.sink.address in event["detail"]
    assert [e["event"] for e in post.events()] == ["accepted", "delivered"]


# --- the dialogue

def test_many_recipients_travel_together(make_office):
    post = Post(make_office)
    post.send(*(f"user{n}@far.test" for n in range(250)))
    until(lambda: sum(len(letter.recipients) for letter in post.sink.letters) == 250)
    assert all(len(letter.recipients) <= 100 for letter in post.sink.letters)
    assert len({r for letter in post.sink.letters for r in letter.recipients}) == 250


def test_without_esmtp(make_office):
    post = Post(make_office, script={"EHLO": "502 5.5.1 what?"}, offers=())
    post.send()
    assert post.sink.letter().data.endswith(body_of(LETTER))
    assert any(line.startswith("HELO ") for line in post.sink.lines)
    assert "MAIL FROM:<alice@example.test>" in post.sink.lines


def test_connections_are_kept(make_office):
    post = Post(make_office, """destination "*" { letters-per-connection = 3 connections = 1 }""")
    for _ in range(7):
        post.send()
    until(lambda: len(post.sink.letters) == 7)
    assert post.sink.connections == 3


def test_a_kept_connection_that_was_closed_is_no_failure(make_office):
    post = Post(make_office)
    post.send()
    post.sink.letter()
    for dialogue in post.sink.dialogues:  # as a server does that has waited long enough
        dialogue.socket.shutdown(socket.SHUT_RDWR)
    post.send()
    until(lambda: len(post.sink.letters) == 2)
    assert not post.events("deferred")


def test_limit_of_connections(make_office):
    gate = threading.Event()
    post = Post(make_office, """destination "*" { connections = 3 }""",
                script={"body": lambda _: gate.wait(60) and "250 ok"})
    for n in range(10):
        post.send(f"user{n}@far.test")
    until(lambda: post.sink.most_open == 3 or len(post.sink.letters))
    gate.set()
    until(lambda: len(post.sink.letters) == 10)
    assert post.sink.most_open == 3


def test_starttls_when_offered(make_office, certificate):
    post = Post(make_office, certificate=certificate)
    post.send()
    assert post.sink.letter().tls


def test_a_broken_handshake_is_no_reason_not_to_deliver(make_office, certificate):
    post = Post(make_office, certificate=certificate,
                script={"handshake": lambda d: b"this is no TLS at all\r\n" if not d.tls else b""})
    post.send()
    assert not post.sink.letter().tls
    assert not post.events("deferred")


def test_input_before_the_handshake_is_never_taken_for_tls(make_office, certificate):
    post = Post(make_office, certificate=certificate,
                script={"STARTTLS": b"220 go\r\n250-PIPELINING\r\n250 SIZE 1\r\n"})
    post.send()
    assert not post.sink.letter().tls  # once more, in the clear


@pytest.mark.parametrize("kind", ["starttls", "implicit"])
def test_smarthost_with_a_password(make_office, certificate, kind):
    sink = Sink(own_address(), 2525, certificate=certificate, implicit_tls=kind == "implicit",
                users={"us": "secret"})
    office = make_office(config=QUICK + f"""
        route "*" {{ host = "{sink.address}" port = 2525 username = "us" password = "secret"
                    implicit-tls = {"true" if kind == "implicit" else "false"} }}""")
    user = office.new_user("alice")
    with contextlib.closing(user.submission()) as client:
        client.sendmail(user.address, ["any@where.test", "other@elsewhere.test"], LETTER)
    letter = sink.letter()
    assert letter.tls and sorted(letter.recipients) == ["any@where.test", "other@elsewhere.test"]
    assert sink.dialogues[0].user == "us"


def test_a_password_never_goes_in_the_clear(make_office):
    sink = Sink(own_address(), 2525, users={"us": "secret"})
    office = make_office(config=QUICK + f"""
        route "*" {{ host = "{sink.address}" port = 2525 username = "us" password = "secret" }}""")
    user = office.new_user("alice")
    with contextlib.closing(user.submission()) as client:
        client.sendmail(user.address, ["any@where.test"], LETTER)
    until(lambda: [e for e in json.loads(office.run("log", "--json")) if e["event"] == "deferred"])
    assert not any(line.startswith("AUTH") for line in sink.lines) and not sink.letters


def test_verified_tls_wants_a_known_authority(make_office, certificate):
    sink = Sink(own_address(), 2525, certificate=certificate)
    office = make_office(config=QUICK + f"""
        route "*" {{ host = "{sink.address}" port = 2525 tls = "verified" }}""")
    user = office.new_user("alice")
    with contextlib.closing(user.submission()) as client:
        client.sendmail(user.address, ["any@where.test"], LETTER)
    event, *_ = until(lambda: [e for e in json.loads(office.run("log", "--json"))
                               if e["event"] == "deferred"])
    assert "TLS" in event["detail"] and not sink.offered


# --- what servers answer

def test_each_recipient_has_its_own_verdict(make_office):
    replies = {"no@far.test": "550 5.1.1 No such user", "later@far.test": "450 4.2.2 Full"}
    post = Post(make_office, """destination "*" { retry-seconds = {100} }""",
                script={"RCPT": lambda d: replies.get(d.recipient, "250 ok")})
    post.send("yes@far.test", "no@far.test", "later@far.test")
    until(lambda: len([e for e in post.events() if e["to"].endswith("far.test")]) == 3)
    ends = {event["to"]: (event["event"], event["detail"]) for event in post.events()
            if event["event"] != "accepted"}
    assert ends["yes@far.test"][0] == "delivered"
    assert ends["no@far.test"][0] == "bounced" and "550 5.1.1 No such user" in ends["no@far.test"][1]
    assert ends["later@far.test"][0] == "deferred" and "450 4.2.2 Full" in ends["later@far.test"][1]


def test_temporary_is_tried_again_until_it_works(make_office):
    answers = iter(["451 4.3.0 a moment", "421 4.3.2 busy"])
    post = Post(make_office, script={"MAIL": lambda d: next(answers, "250 ok")})
    post.send()
    assert post.sink.letter().recipients == ["bob@far.test"]
    post.await_event("delivered")
    assert [e["event"] for e in post.events()] == ["accepted", "deferred", "deferred", "delivered"]


def test_expiry(make_office):
    post = Post(make_office, """destination "*" { retry-seconds = {1} retry-then-seconds = 1
        expiry-seconds = 5 }""", script={"RCPT": "450 4.2.1 never"})
    post.send()
    event, = post.await_event("expired")
    assert "450 4.2.1 never" in event["detail"] and len(post.events("deferred")) >= 1
    until(lambda: json.loads(post.office.run("status", "--json"))["queue_waiting"] == 0)


STEPS = ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "354", "body"]


@pytest.mark.parametrize("how", ["hang up", "421", "nonsense", "endless line", "endless lines"])
def test_bad_days_at_every_step(make_office, how):
    """Each step goes wrong once, on a connection of its own; in the end the letter is there."""
    bad = {"hang up": HANG_UP, "421": "421 4.3.2 closing", "nonsense": "what do you want\r\nfrom me",
           "endless line": b"250-" + b"x" * 100000, "endless lines": b"250-x\r\n" * 3000}[how]
    steps = [step for step in STEPS if not (step == "354" and how == "421")]
    wrong = iter(steps)
    state = {"step": next(wrong), "connection": 1}

    def play(step, good):
        def answer(dialogue):
            if state["step"] == step:
                state["step"] = next(wrong, None)
                if isinstance(bad, str) and how == "421":
                    dialogue.say(bad)
                    return HANG_UP
                return bad
            return good
        return answer

    script = {"greeting": play("greeting", "220 hello"), "MAIL": play("MAIL", "250 ok"),
              "RCPT": play("RCPT", "250 ok"), "DATA": play("DATA", "354 go"),
              "354": play("354", b""), "body": play("body", "250 ok"),
              "EHLO": play("EHLO", "250 sink.test")}
    post = Post(make_office, script=script)
    post.send()
    letter = until(lambda: post.await_event("delivered") and post.sink.letters)[-1]
    assert letter.data.endswith(body_of(LETTER)) and state["step"] is None
    assert len(post.events("deferred")) >= len(steps) - 1  # what follows a lie nobody hears
    assert post.office.worker()


def test_a_site_that_is_down_does_not_hold_up_others(make_office):
    post = Post(make_office)
    dead = own_address()  # nobody listens there
    with open(f"{post.office.folder}/postamt.conf", "a") as file:
        for n in range(300):
            file.write(f'route "dead{n}.test" {{ host = "{dead}" port = {3000 + n} }}\n')
    post.office.stop()
    post.office.start()
    post.send(*(f"x@dead{n}.test" for n in range(300)))
    post.send()
    post.sink.letter()
    until(lambda: len({e["to"] for e in post.events("deferred")}) == 300)


def test_waiting_letters_survive_a_restart(make_office):
    post = Post(make_office, script={"greeting": "421 4.3.2 not yet"})
    post.send()
    post.await_event("deferred")
    post.office.kill()
    post.sink.script.clear()
    post.office.start()
    assert post.sink.letter().data.endswith(body_of(LETTER))


def test_private_addresses_are_refused_unless_allowed(make_office):
    post = Post(make_office)
    path = f"{post.office.folder}/postamt.conf"
    text = open(path).read().replace("allow-private-destinations = true", "")
    open(path, "w").write(text)
    post.office.stop()
    post.office.start()
    post.send(f"x@[{post.sink.address}]", "y@[127.0.0.1]", "z@[10.1.2.3]", "v@[IPv6:::1]")
    events = post.await_event("bounced", 4)
    assert all("allow-private-destinations" in event["detail"] for event in events)
    assert not post.sink.connections


def test_eight_bits(make_office):
    post = Post(make_office)
    post.send(letter=LETTER + "Grüße\r\n".encode(), options=["body=8bitmime"])
    assert "Grüße".encode() in post.sink.letter().data
    assert any("BODY=8BITMIME" in line for line in post.sink.lines)
    post.send()
    until(lambda: len(post.sink.letters) == 2)
    assert sum("BODY=8BITMIME" in line for line in post.sink.lines) == 1


def test_a_large_letter_is_streamed(make_office):
    post = Post(make_office)
    large = LETTER + b"x" * 70 + b"\r\n" + (b"0123456789" * 7 + b"\r\n") * 60000
    post.send(letter=large)
    assert post.sink.letter().data.endswith(body_of(large))
