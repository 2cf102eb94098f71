"""A disk that fails under the doors of applications: 503 with Retry-After, or 4xx by SMTP, and
nothing half-sent (P4)."""
import base64
import json
import os
import pathlib
import smtplib
import sys
import urllib.error
import urllib.parse
import urllib.request

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from faults import EIO, ENOSPC, SYNC, TORN, WRITE, Faults  # noqa: E402
from office import OFFSET, PATIENCE, unverified, until  # noqa: E402

DIALECTS = ("native", "sendgrid", "mailgun", "smtpcom")


class Doors:
    def __init__(self, office):
        self.office = office
        office.faults = Faults(os.path.dirname(office.folder), office.folder)
        office.start(env=office.faults.environment)
        self.worker = office.worker()
        self.keys = {dialect: json.loads(office.run("key", "add", "--dialect", dialect, "--json")
                                         )["secret"] for dialect in DIALECTS}

    def call(self, path, body, fields):
        """(status, Retry-After)"""
        request = urllib.request.Request(f"http://{self.office.address}:{80 + OFFSET}{path}", body,
                                         fields, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, None
        except urllib.error.HTTPError as error:
            return error.code, error.headers["Retry-After"]

    def by_json(self, path, body, **fields):
        return self.call(path, json.dumps(body).encode(),
                         {"Content-Type": "application/json",
                          **{name.replace("_", "-"): value for name, value in fields.items()}})

    def native(self, to, text):
        return self.by_json("/api/v1/messages", {
            "from": "shop@example.test", "to": to, "subject": "s", "text": text},
            Authorization=f"Bearer {self.keys['native']}")

    def sendgrid(self, to, text):
        return self.by_json("/v3/mail/send", {
            "personalizations": [{"to": [{"email": to}]}], "from": {"email": "shop@example.test"},
            "subject": "s", "content": [{"type": "text/plain", "value": text}]},
            Authorization=f"Bearer {self.keys['sendgrid']}")

    def mailgun(self, to, text):
        key = base64.b64encode(f"api:{self.keys['mailgun']}".encode()).decode()
        return self.call("/v3/example.test/messages", urllib.parse.urlencode({
            "from": "shop@example.test", "to": to, "subject": "s", "text": text}).encode(),
            {"Authorization": f"Basic {key}"})

    def smtpcom(self, to, text):
        return self.by_json("/v4/messages", {
            "channel": "default", "subject": "s", "recipients": {"to": [{"address": to}]},
            "originator": {"from": {"address": "shop@example.test"}},
            "body": {"parts": [{"type": "text/plain", "content": text}]}},
            X_SMTPCOM_API=self.keys["smtpcom"])

    def smtp(self, to, text):
        """Made anew for its recipient by X-SMTPAPI."""
        with smtplib.SMTP(self.office.address, 587 + OFFSET, "client.example.net",
                          timeout=PATIENCE) as client:
            client.starttls(context=unverified())
            try:
                client.login("apikey", self.keys["sendgrid"])
                client.sendmail("shop@example.test", to, (
                    f"From: shop@example.test\r\nTo: {to}\r\nSubject: s\r\n"
                    'X-SMTPAPI: {"sub": {"-x-": ["y"]}}\r\n\r\n' + text + "\r\n").encode())
            except smtplib.SMTPResponseException as error:
                return error.smtp_code, None
        return 250, None


@pytest.fixture(scope="module")
def doors(make_office):
    return Doors(make_office(start=False))


@pytest.mark.parametrize("size", [100, 100_000])
@pytest.mark.parametrize("what, nth, error, always", [
    (WRITE, 1, ENOSPC, True), (WRITE, 2, ENOSPC, False), (SYNC, 1, EIO, True), (SYNC, 1, EIO, False),
    (TORN, 1, EIO, False), (TORN, 3, ENOSPC, False)])
@pytest.mark.parametrize("door", [*DIALECTS, "smtp"])
def test_a_failing_disk(doors, door, what, nth, error, always, size):
    user = doors.office.new_user()
    send, text = getattr(doors, door), "\r\n".join(["x" * 70] * (size // 72 + 1))
    doors.office.faults.set(what, nth, error, always)
    answers = []
    while not doors.office.faults.hits or len(answers) < 4:
        answers.append(send(user.address, text))
        assert len(answers) < 50, "the fault never struck"
    doors.office.faults.clear()
    until(lambda: answers.append(send(user.address, text)) or answers[-1][0] // 100 == 2)
    for status, after in answers:
        assert status // 100 == 2 or status in (451, 452, 454) or (status == 503 and after), answers
    assert len(user.letters()) == sum(status // 100 == 2 for status, _ in answers), answers
    assert doors.office.worker() == doors.worker
