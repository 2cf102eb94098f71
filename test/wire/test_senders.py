"""Programs that send by SMTP for others, unmodified: PHPMailer, which WordPress and many use."""
import email
import email.policy
import json
import pathlib
import subprocess

import pytest
from conftest import own_address
from office import OFFSET, until
from sink import Sink

SCRIPT = pathlib.Path(__file__).with_name("phpmailer.php")


@pytest.fixture(scope="module")
def place(make_office):
    sink = Sink(own_address(), 2525)
    office = make_office(config=f'route "far.test" {{ host = "{sink.address}" port = 2525 }}')
    return office, sink, office.new_user("bob")


def phpmailer(office, user, password, sender="shop@example.test", to="bob@example.test"):
    return subprocess.run(["php", SCRIPT, office.address, str(587 + OFFSET), user, password, sender,
                           to], capture_output=True, text=True, check=True).stdout


def key(office, dialect):
    made = json.loads(office.run("key", "add", "--dialect", dialect, "--json"))
    login = {"sendgrid": "apikey", "mailgun": "postmaster@example.test"}.get(dialect, made["id"])
    return login, made["secret"]


@pytest.mark.parametrize("dialect", ["native", "sendgrid", "mailgun", "smtpcom"])
def test_phpmailer(place, dialect):
    office, sink, bob = place
    before, far = len(bob.letters()), len(sink.letters)
    said = phpmailer(office, *key(office, dialect))
    assert said.startswith("sent <"), said
    data = bob.letters()[before]
    letter = email.message_from_bytes(data, policy=email.policy.default)
    assert letter["Message-ID"] == said[5:] and letter["Bcc"] is None
    assert letter["Subject"] == "Ihre Bestellung – danke"
    assert letter["From"].addresses[0].display_name == "Der Läden"
    assert letter.get_body(("html",)).get_content().strip() == "<p>Grüße</p>"
    attachment, = letter.iter_attachments()
    assert attachment.get_filename() == "Rechnung Nr. 7.pdf"
    assert attachment.get_content() == b"\0\xff" * 5000
    until(lambda: len(sink.letters) == far + 1)
    assert sink.letters[-1].recipients == ["secret@far.test"]
    assert b"\nBcc:" not in sink.letters[-1].data


def test_phpmailer_is_told_why(place):
    office, _, _ = place
    login, secret = key(office, "native")
    assert "authenticate" in phpmailer(office, login, "wrong")
    said = phpmailer(office, login, secret, sender="x@elsewhere.test")
    assert "You do not own this sender address" in said, said
