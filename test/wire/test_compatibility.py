"""doc/compatibility.md tells the truth, and what is not built is refused as its provider does."""
import base64
import json
import pathlib
import re
import subprocess
import urllib.error
import urllib.request

import pytest
from office import OFFSET, PATIENCE, ROOT

DOCUMENT = pathlib.Path(ROOT) / "doc" / "compatibility.md"


def test_the_document_is_what_the_route_tables_say():
    said = subprocess.run([pathlib.Path(ROOT) / "tools" / "compatibility", "--check"],
                          capture_output=True, text=True)
    assert said.returncode == 0, said.stderr


def section(name):
    """[(method, path, built)] of a provider's table."""
    text = DOCUMENT.read_text().split(f"\n## {name}", 1)[1].split("\n## ")[0]
    return [(*endpoint.split(" "), built) for endpoint, built in
            re.findall(r"^\| `([^`]+)` \| (\w+) \|", text, re.M)]


@pytest.fixture(scope="module")
def office(make_office):
    office = make_office()
    office.keys = {}
    return office


def call(office, dialect, method, path):
    if dialect not in office.keys:
        office.keys[dialect] = json.loads(office.run("key", "add", "--dialect", dialect,
                                                     "--json"))["secret"]
    key = office.keys[dialect]
    basic = "Basic " + base64.b64encode(f"api:{key}".encode()).decode()
    headers = {"sendgrid": {"Authorization": f"Bearer {key}"}, "mailgun": {"Authorization": basic},
               "smtpcom": {"X-SMTPCOM-API": key}}[dialect]
    request = urllib.request.Request(
        f"http://{office.address}:{80 + OFFSET}{path}", method=method, headers=headers,
        data=b"{}" if method in ("POST", "PUT", "PATCH") else None)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null")


SHAPES = {"sendgrid": lambda answer: answer["errors"][0]["message"],
          "mailgun": lambda answer: answer["message"],
          "smtpcom": lambda answer: answer["status"] == "fail" and answer["data"]["errors"]}


@pytest.mark.parametrize("dialect, name", [("sendgrid", "SendGrid"), ("mailgun", "Mailgun"),
                                           ("smtpcom", "SMTP.com")])
def test_what_is_not_built_is_refused(office, dialect, name):
    rows = section(name)
    assert len(rows) > 40
    for method, path, built in rows:
        status, answer = (call(office, dialect, method, re.sub(r"\{[^}]*\}", "example.test", path))
                          if built == "no" else (None, None))
        if built == "no":
            assert status in (404, 405), (method, path, status, answer)
            assert SHAPES[dialect](answer), (method, path, answer)
