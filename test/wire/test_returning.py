"""Aliases that lead outside (SRS), and bounces that find their letter (VERP)."""
import contextlib
import json
import re
import smtplib

import pytest
from office import OFFSET, PATIENCE, body_of, unverified, until
from test_delivery import LETTER, Post

REPORT = """From: MAILER-DAEMON@far.test
To: <{to}>
Subject: Undelivered
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

No.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; far.test

Final-Recipient: rfc822; bob@far.test
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 gone
 away

Final-Recipient: rfc822; carol@far.test
Action: relayed
Status: 2.0.0

--b--
""".replace("\n", "\r\n")


@pytest.fixture
def post(make_office):
    return Post(make_office)


def bounce_to(office, address, text="Subject: back\r\n\r\nback\r\n", sender="<>"):
    with office.mx() as wire:
        wire.say(f"MAIL FROM:{sender}", 250)
        code = wire.say(f"RCPT TO:<{address}>", "")[-1][:3]
        if code == "250":
            wire.say("DATA", 354)
            wire.send(text + ".\r\n")
            wire.expect(250)
        return code


def test_an_alias_to_the_outside(post):
    office = post.office
    office.run("alias", "add", "team@example.test", "alice@example.test", "bob@far.test",
               "carol@far.test")
    office.send("team@example.test", LETTER, sender="writer@near.test")
    letter = post.sink.letter()
    assert sorted(letter.recipients) == ["bob@far.test", "carol@far.test"]
    assert re.fullmatch(r"SRS0=[a-z2-7]{8}=[a-z2-7]{2}=near.test=writer@example.test",
                        letter.sender)
    assert b"DKIM-Signature" not in letter.data and letter.data.endswith(body_of(LETTER))
    assert post.alice.letter().endswith(body_of(LETTER))
    # the bounce goes back to the writer, through us
    with open(f"{office.folder}/postamt.conf", "a") as file:
        file.write(f'route "near.test" {{ host = "{post.sink.address}" port = 2525 }}\n')
    office.stop()
    office.start()
    assert bounce_to(office, letter.sender) == "250"
    until(lambda: len(post.sink.letters) == 2)
    assert post.sink.letters[1].recipients == ["writer@near.test"]
    assert post.sink.letters[1].sender == ""
    # and nobody makes one
    forged = letter.sender.replace("writer", "victim")
    assert bounce_to(office, forged) == "550"
    assert bounce_to(office, letter.sender, sender="<spam@near.test>") == "550"
    assert bounce_to(office, letter.sender.upper().replace("EXAMPLE.TEST", "example.test")) == "250"


def test_srs_of_srs_and_of_long_addresses(post):
    office = post.office
    office.run("alias", "add", "away@example.test", "bob@far.test")
    office.send("away@example.test", LETTER, sender="SRS0=abcd=xy=first.test=who@second.test")
    until(lambda: len(post.sink.letters) == 1)
    sender = post.sink.letters[0].sender
    assert re.fullmatch(r"SRS1=[a-z2-7]{8}=second.test==abcd=xy=first.test=who@example.test",
                        sender)
    assert bounce_to(office, sender) == "250"
    office.send("away@example.test", LETTER, sender="x" * 60 + "@long-enough.test")
    until(lambda: len(post.sink.letters) == 2)
    assert post.sink.letters[1].sender == ""
    office.send("away@example.test", LETTER, sender="")
    until(lambda: len(post.sink.letters) == 3)
    assert post.sink.letters[2].sender == ""


def test_a_forwarded_letter_that_is_refused_tells_no_stranger(make_office):
    post = Post(make_office, script={"RCPT": "550 5.1.1 no"})
    post.office.run("alias", "add", "away@example.test", "bob@far.test")
    post.office.send("away@example.test", LETTER, sender="writer@near.test")
    post.await_event("bounced")
    assert len(post.events("accepted")) == 1


def test_aliases_lead_to_domains_of_nobody_here_or_to_own_addresses(post):
    office = post.office
    assert office.command("alias", "add", "x@example.test", "nobody@example.test").returncode == 1
    office.run("alias", "add", "x@example.test", "y@far.test")
    assert "y@far.test" in office.run("alias", "list")


def test_a_bounce_finds_its_letter(post):
    office = post.office
    key = json.loads(office.run("key", "add", "--dialect", "native", "--json"))
    with contextlib.closing(smtplib.SMTP(office.address, 587 + OFFSET, timeout=PATIENCE)) as client:
        client.starttls(context=unverified())
        client.login(key["id"], key["secret"])
        client.sendmail("alice@example.test", ["bob@far.test"], LETTER)
    letter = post.sink.letter()
    assert re.fullmatch(r"bounce\+[0-9a-z]{13}-[a-z2-7]{8}@example.test", letter.sender)
    sent = post.await_event("delivered")[0]
    assert bounce_to(office, letter.sender, REPORT.format(to=letter.sender)) == "250"
    event, = post.await_event("returned")
    assert event["letter"] == sent["letter"] and event["to"] == "bob@far.test"
    assert event["detail"] == "5.1.1 550 5.1.1 gone   away" or "550 5.1.1 gone" in event["detail"]
    # an answer that is no report is no event; a forged address is unknown
    assert bounce_to(office, letter.sender) == "250"
    number = letter.sender[7:20]
    assert bounce_to(office, letter.sender.replace(number, "0" * 13)) == "550"
    assert bounce_to(office, letter.sender, sender="<x@near.test>") == "550"
    assert len(post.events("returned")) == 1


def test_a_persons_letter_keeps_its_reverse_path(post):
    post.send()
    assert post.sink.letter().sender == "alice@example.test"
