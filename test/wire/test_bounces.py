"""What senders are told: notices of failure and of delay."""
import contextlib
import email
import email.policy

from office import until
from test_delivery import LETTER, Post

REPLIES = {"no@far.test": "550-5.1.1 No such user\r\n550 5.1.1 here",
           "full@far.test": "552 Mailbox full", "odd@far.test": "550 5.7.1 \x1b[31mSpam\xff\t!"}


def notice(user):
    """The one letter in the mailbox, as a report: (message, text, per-recipient fields, header)."""
    message = email.message_from_bytes(until(user.letters)[-1], policy=email.policy.default)
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    text, status, header = message.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert status.get_content_type() == "message/delivery-status"
    assert header.get_content_type() == "text/rfc822-headers"
    first, *recipients = status.get_payload()
    assert first["Reporting-MTA"] == "dns; mail.example.test"
    return message, text.get_content(), recipients, header.get_payload()


def test_a_bounce(make_office):
    post = Post(make_office, script={"RCPT": lambda d: REPLIES.get(d.recipient, "250 ok")})
    post.send(*REPLIES, "yes@far.test")
    message, text, recipients, header = notice(post.alice)
    assert "MAILER-DAEMON@mail.example.test" in message["From"]
    assert message["To"] == "alice@example.test" and message["Auto-Submitted"] == "auto-replied"
    assert message["Return-Path"] == "<>"
    assert {r["Final-Recipient"] for r in recipients} == {f"rfc822; {to}" for to in REPLIES}
    fields = {r["Final-Recipient"][8:]: r for r in recipients}
    assert all(r["Action"] == "failed" for r in recipients)
    assert fields["no@far.test"]["Status"] == "5.1.1"
    assert fields["no@far.test"]["Diagnostic-Code"] == "smtp; 550 5.1.1 No such user here"
    assert fields["full@far.test"]["Status"] == "5.0.0"
    assert fields["odd@far.test"]["Diagnostic-Code"] == "smtp; 550 5.7.1 ?[31mSpam???!"
    assert post.sink.address in fields["no@far.test"]["Remote-MTA"]
    assert "No such user here" in text and "Subject: hello" in text
    assert "Subject: hello" in header and "Dear Bob" not in header
    assert len(post.alice.letters()) == 1
    assert {e["to"] for e in post.events("delivered")} == {"alice@example.test", "yes@far.test"}


def test_expiry_is_told(make_office):
    post = Post(make_office, """destination "*" { retry-seconds = {1} retry-then-seconds = 1
        expiry-seconds = 2 }""", script={"RCPT": "450 4.2.1 not now"})
    post.send()
    _, text, (recipient,), _ = notice(post.alice)
    assert recipient["Status"] == "5.4.7" and recipient["Action"] == "failed"
    assert recipient["Diagnostic-Code"] == "smtp; 450 4.2.1 not now"


def test_a_delay_is_told_once(make_office):
    post = Post(make_office, """destination "*" { retry-seconds = {1} retry-then-seconds = 1
        delay-notice-seconds = 1 expiry-seconds = 500 }""", script={"RCPT": "450 4.2.1 not now"})
    post.send()
    message, text, (recipient,), _ = notice(post.alice)
    assert message["Subject"].startswith("Delayed") and recipient["Action"] == "delayed"
    assert recipient["Status"] == "4.2.1" and recipient["Will-Retry-Until"]
    post.await_event("deferred", 5)
    assert len(post.alice.letters()) == 1


def test_never_a_bounce_for_a_bounce(make_office):
    """A notice whose recipient is elsewhere and refuses it ends there."""
    post = Post(make_office, script={"RCPT": "550 5.1.1 no"})
    post.office.run("send", "-f", "gone@far.test", "x@far.test", text="Subject: x\n\nx\n")
    until(lambda: len(post.events("bounced")) == 2)  # the letter, then its notice
    assert sorted(e["from"] for e in post.events("bounced")) == ["", "gone@far.test"]
    assert len(post.events("accepted")) == 2


def test_the_null_sender_gets_none(make_office):
    post = Post(make_office, script={"RCPT": "550 5.1.1 no"})
    with contextlib.closing(post.alice.submission()) as client:
        client.sendmail("", ["x@far.test"], LETTER)
    post.await_event("bounced")
    assert len(post.events("accepted")) == 1 and not post.alice.letters()


def test_a_huge_header_is_cut(make_office):
    post = Post(make_office, script={"RCPT": "550 5.1.1 no"})
    fields = b"".join(b"X-Field-%d: %s\r\n" % (n, b"y" * 900) for n in range(200))
    post.send(letter=fields + LETTER)
    message, _, _, header = notice(post.alice)
    assert len(message.as_bytes()) < 80000 and "X-Field-10:" in header
