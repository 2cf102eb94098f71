"""postamt queue: what an operator sees and does."""
import json
import re

import pytest
from office import until
from test_delivery import Post

SLOW = """destination "*" { retry-seconds = {3000} }"""


@pytest.fixture
def post(make_office):
    return Post(make_office, SLOW, script={"RCPT": "450 4.2.2 Mailbox full"})


def rows(post, *words):
    return json.loads(post.office.run("queue", "list", "--json", *words))


def steer(post, *words):
    return json.loads(post.office.run("queue", *words, "--json"))["recipients"]


def waiting(post, count):
    return until(lambda: len(found := rows(post)) == count and all(r["attempts"] for r in found)
                 and found)


def test_list_and_show(post):
    post.send("bob@far.test", "carol@far.test")
    found = waiting(post, 2)
    assert {row["recipient"] for row in found} == {"bob@far.test", "carol@far.test"}
    for row in found:
        assert row["attempts"] == 1 and row["reason"] is None and row["due"] > "2026"
        assert row["last_reply"].endswith("said: 450 4.2.2 Mailbox full")
        assert row["sender"] == "alice@example.test"
    letter = found[0]["id"]
    assert post.events("accepted")[0]["letter"] == letter
    shown = post.office.run("queue", "show", letter)
    assert "bob@far.test" in shown and "450 4.2.2" in shown and re.search(r"due in \d+ min", shown)
    assert rows(post, "--to", "bob@far.test")[0]["recipient"] == "bob@far.test"
    assert rows(post, "--domain", "FAR.test") == found
    assert rows(post, "--sender", "alice@example.test", "--id", letter) == found
    assert not rows(post, "--domain", "other.test") and not rows(post, "--sender", "x@y.test")
    assert not rows(post, "--tenant", "2")
    assert "no such letter" in post.office.command("queue", "show", "0000000000001").stderr


def test_retry_now(post):
    post.send()
    waiting(post, 1)
    post.sink.script.clear()
    assert steer(post, "retry", "--domain", "far.test") == 1
    assert post.sink.letter() and until(lambda: not rows(post))


def test_retry_does_not_wait_for_a_resting_site(make_office):
    post = Post(make_office, SLOW, script={"greeting": "421 4.3.2 closed"})
    post.send()
    waiting(post, 1)
    post.sink.script.clear()
    assert steer(post, "retry", "--all") == 1
    post.sink.letter()


def test_hold_and_release(post):
    post.send("bob@far.test", "carol@far.test")
    waiting(post, 2)
    assert steer(post, "hold", "--to", "bob@far.test", "--reason", "looks odd") == 1
    held, = [row for row in rows(post) if row["reason"]]
    assert held["recipient"] == "bob@far.test" and held["reason"] == "looks odd"
    assert held["due"] is None
    assert "held: looks odd" in post.office.run("queue", "list")
    post.sink.script.clear()
    post.office.stop()
    post.office.start()
    assert steer(post, "retry", "--to", "carol@far.test") == 1
    until(lambda: len(rows(post)) == 1 and post.sink.letters)
    assert [l.recipients for l in post.sink.letters] == [["carol@far.test"]]
    assert steer(post, "release", "--all") == 1
    until(lambda: not rows(post) and len(post.sink.letters) == 2)
    assert post.sink.letters[-1].recipients == ["bob@far.test"]


def test_drop_bounces(post):
    post.send("bob@far.test", "carol@far.test")
    waiting(post, 2)
    assert steer(post, "drop", "--to", "bob@far.test", "--reason", "wrong list") == 1
    assert len(rows(post)) == 1
    event, = post.events("dropped")
    assert event["to"] == "bob@far.test" and "wrong list" in event["detail"]
    letter, = until(post.alice.letters)
    assert b"Dropped by the operator: wrong list" in letter and b"carol" not in letter
    assert steer(post, "drop", "--all", "--quiet") == 1
    assert not rows(post) and len(post.alice.letters()) == 1
    until(lambda: json.loads(post.office.run("status", "--json"))["queue_waiting"] <= 2)


def test_without_a_server(post):
    post.send()
    waiting(post, 1)
    post.office.stop()
    assert rows(post)[0]["recipient"] == "bob@far.test"
    assert steer(post, "hold", "--all") == 1 and rows(post)[0]["reason"] == "by the operator"
    assert steer(post, "drop", "--all") == 1 and not rows(post)
    post.office.start()
    assert b"Dropped by the operator" in post.alice.letter()


def test_mistakes(post):
    for words, said in ((["queue"], "usage"), (["queue", "frobnicate"], "usage"),
                        (["queue", "drop"], "--all"), (["queue", "list", "--id", "zzz"], "zzz"),
                        (["queue", "list", "--tenant", "x"], "x"),
                        (["queue", "list", "--domain", "a b"], "a b")):
        result = post.office.command(*words)
        assert result.returncode in (1, 2) and said in result.stderr, (words, result)
