"""Bad days with a turn of their own: replies out of turn, words too many, TLS that breaks, a server
that is gone at the worst moment. What is unclear is tried again, and nothing is taken for granted."""
import os

import pytest
from office import body_of, until
from sink import HANG_UP
from test_delivery import LETTER, Post

LARGE = LETTER + (b"0123456789" * 7 + b"\r\n") * 60000


def once(script, step, bad):
    """The step goes wrong one time."""
    def answer(dialogue):
        script.pop(step)
        return bad(dialogue) if callable(bad) else bad
    script[step] = answer


def misbehave(make_office, step, bad, letter=LETTER, **sink):
    post = Post(make_office, **sink)
    once(post.sink.script, step, bad)
    post.send(letter=letter)
    until(lambda: post.sink.letters)
    post.await_event("delivered")
    assert post.sink.letters[-1].data.endswith(body_of(letter))
    return post


OUT_OF_TURN = {
    "354 to RCPT": ("RCPT", "354 go on"), "354 to MAIL": ("MAIL", "354 go on"),
    "250 to DATA": ("DATA", "250 ok"), "354 to the letter": ("body", "354 go on"),
    "354 to EHLO": ("EHLO", "354 go on"), "354 as greeting": ("greeting", "354 go on"),
    "1yz": ("MAIL", "150 soon"), "6yz": ("RCPT", "650 never"), "a number": ("body", "2500 ok"),
    "two codes in one": ("RCPT", "250-one\r\n450 two"),
    "421 to RCPT": ("RCPT", "421 4.3.2 closing"), "421 to DATA": ("DATA", "421 4.3.2 closing"),
    "421 to the letter": ("body", "421 4.3.2 closing"),
}


@pytest.mark.parametrize("offers", [("8BITMIME",), ("PIPELINING", "8BITMIME")],
                         ids=["one by one", "pipelined"])
@pytest.mark.parametrize("name", OUT_OF_TURN)
def test_replies_that_cannot_be(make_office, name, offers):
    step, reply = OUT_OF_TURN[name]
    post = misbehave(make_office, step, reply, offers=offers)
    assert len(post.events("deferred")) == 1 and not post.events("bounced")


@pytest.mark.parametrize("offers", [("8BITMIME",), ("PIPELINING", "8BITMIME")],
                         ids=["one by one", "pipelined"])
@pytest.mark.parametrize("step", ["RCPT", "DATA"])
def test_a_taken_that_was_said_too_early(make_office, step, offers):
    """A 250 before the letter's end says nothing about the letter: what comes after it does."""
    def early(dialogue):
        dialogue.sink.script["body"] = "451 4.3.0 not taken after all"
        return ("250 ok" if step == "RCPT" else "354 go") + "\r\n250 2.0.0 taken"

    post = Post(make_office, offers=offers)
    once(post.sink.script, step, early)
    post.send()
    post.await_event("deferred")
    assert not post.events("delivered") and not post.sink.letters
    post.sink.script.clear()
    assert post.sink.letter() and post.await_event("delivered")


def test_an_extra_reply_after_the_last(make_office):
    """It does not answer the next letter."""
    post = Post(make_office, """destination "*" { connections = 1 }""")
    once(post.sink.script, "body", "250 2.0.0 taken\r\n550 5.7.1 and yet no")
    post.send("one@far.test")
    until(lambda: post.sink.letters)
    post.send("two@far.test")
    until(lambda: len(post.sink.letters) == 2)
    post.await_event("delivered", 2)
    assert {to for letter in post.sink.letters for to in letter.recipients} == {
        "one@far.test", "two@far.test"}
    assert not post.events("bounced")


# --- the moment after the letter

@pytest.mark.parametrize("how", ["421", "drop"])
def test_after_the_last_dot(make_office, how):
    """No word, or 421: it is tried again, though it may have been taken."""
    def end(dialogue):
        if how == "421":
            dialogue.say("421 4.3.2 shutting down")
        return HANG_UP

    post = misbehave(make_office, "body", end)
    event, = post.events("deferred")
    assert "421 4.3.2 shutting down" in event["detail"] or "broke at body" in event["detail"]
    assert len(post.sink.offered) == 2


def test_taken_and_gone(make_office):
    """The letter is taken and the server hangs up with its 250: delivered, once."""
    def take(dialogue):
        dialogue.say("250 2.0.0 taken")
        dialogue.sink.letters.append(dialogue.sink.offered[-1])
        return HANG_UP

    post = misbehave(make_office, "body", take)
    post.send("two@far.test")
    post.await_event("delivered", 2)
    assert len(post.sink.letters) == 2 and not post.events("deferred")


@pytest.mark.parametrize("tls", [False, True], ids=["in the clear", "TLS"])
def test_gone_in_the_middle_of_the_letter(make_office, certificate, tls):
    def leave(dialogue):
        while len(dialogue.pending) < 300_000:
            dialogue.pending += dialogue.socket.recv(65536)
        return HANG_UP

    post = misbehave(make_office, "354", leave, LARGE, **({"certificate": certificate} if tls else {}))
    event, = post.events("deferred")
    assert "body" in event["detail"] and post.sink.letters[-1].tls == tls
    assert len(post.sink.offered) == 1


# --- TLS that breaks

def noise(dialogue):
    """Bytes that are no record, past the TLS layer."""
    os.write(dialogue.socket.fileno(), b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10)
    return HANG_UP


@pytest.mark.parametrize("step", ["EHLO", "MAIL", "RCPT", "DATA", "354", "body"])
@pytest.mark.parametrize("how", ["noise", "drop"])
def test_tls_that_breaks_later(make_office, certificate, step, how):
    def after_tls(dialogue):
        if not dialogue.tls:
            once(post.sink.script, step, after_tls)
            return "250-sink.test\r\n250 STARTTLS"
        return noise(dialogue) if how == "noise" else HANG_UP

    post = Post(make_office, certificate=certificate)
    once(post.sink.script, step, after_tls)
    post.send()
    until(lambda: post.sink.letters)
    assert post.sink.letters[-1].data.endswith(body_of(LETTER)) and post.sink.letters[-1].tls
    assert len(post.await_event("deferred")) == 1 and len(post.await_event("delivered")) == 1


@pytest.mark.parametrize("what", ["drop", "noise", "454 4.7.0 TLS not available"])
def test_tls_that_is_promised_and_breaks_at_once(make_office, certificate, what):
    post = Post(make_office, certificate=certificate)
    step = "STARTTLS" if what[0] == "4" else "handshake"
    post.sink.script[step] = {"drop": HANG_UP, "noise": noise}.get(what, what)
    post.send()
    assert not post.sink.letter().tls and not post.events("deferred")


def test_a_route_that_wants_tls_says_what_was_said(make_office, certificate):
    post = Post(make_office, """destination "*" { retry-seconds = {3000} }
        route "must.test" { host = "MUST" port = 2525 tls = "required" }""",
                certificate=certificate, script={"STARTTLS": "454 4.7.0 TLS not available"})
    path = f"{post.office.folder}/postamt.conf"
    text = open(path).read().replace("MUST", post.sink.address)
    open(path, "w").write(text)
    post.office.stop()
    post.office.start()
    post.send("x@must.test")
    event, = post.await_event("deferred")
    assert "said after STARTTLS: 454 4.7.0 TLS not available" in event["detail"]
    assert not post.sink.offered
