"""SendGrid by SMTP: user "apikey", and the X-SMTPAPI field, sent with nodemailer and smtplib."""
import base64
import email.message
import json
import smtplib
import subprocess
import time

import pytest
from conftest import own_address
from office import OFFSET, until, unverified
from sendgrid import NODE, SendGrid, parse, texts


@pytest.fixture(scope="module")
def grid(make_office):
    return SendGrid(make_office, own_address())


def nodemailer(grid, *letters):
    said = subprocess.run([NODE / "node_modules/node/bin/node", NODE / "smtp.js",
                           grid.office.address, str(587 + OFFSET), "apikey", grid.key],
                          input=json.dumps(letters), capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


def letter(api, to="a@far.test", **more):
    return {"from": "Shop <shop@example.test>", "to": to, "subject": "Hi -name-",
            "text": "Dear -name-, -greeting-", "html": "<p>Dear -name-</p>",
            "headers": {"X-SMTPAPI": {"prepared": True, "value": json.dumps(api)}}, **more}


def sent(grid, count=1):
    """The letters that the next count recipients get, by recipient."""
    until(lambda: len(grid.sink.letters) >= count)
    found = {to: parse(one.data) for one in grid.sink.letters for to in one.recipients}
    grid.sink.letters.clear()
    for one in found.values():
        assert one["X-SMTPAPI"] is None and one["Received"] is None
    return found


def test_a_letter_is_told_its_id(grid):
    reply, = nodemailer(grid, letter({"category": "welcome", "unique_args": {"n": 7}}))
    assert reply["response"].startswith("250 Ok: queued as "), reply
    message = reply["response"].split()[-1]
    until(lambda: message in {event["letter"] for event in grid.events("delivered")})
    found = sent_keeping_trace(grid)
    assert found["Subject"] == "Hi -name-" and found["X-SMTPAPI"] is None
    assert texts(found)["plain"].strip() == "Dear -name-, -greeting-"


def sent_keeping_trace(grid):
    until(lambda: grid.sink.letters)
    found = parse(grid.sink.letters[-1].data)
    grid.sink.letters.clear()
    return found


def test_each_recipient_has_a_letter_of_their_own(grid):
    api = {"to": ["Ann <ann@far.test>", "ben@far.test"],
           "sub": {"-name-": ["Änn & Co", "Ben"], "-greeting-": ["-long-", "-short-"]},
           "section": {"-long-": "welcome, -name-", "-short-": "hi"}}
    reply, = nodemailer(grid, letter(api, to="nobody@far.test", cc="c@far.test"))
    assert reply["response"].startswith("250 "), reply
    found = sent(grid, 2)
    assert sorted(found) == ["ann@far.test", "ben@far.test"]
    assert found["ann@far.test"]["To"] == "Ann <ann@far.test>"
    assert found["ann@far.test"]["Subject"] == "Hi Änn & Co"
    assert texts(found["ann@far.test"])["plain"].strip() == "Dear Änn & Co, welcome, Änn & Co"
    assert texts(found["ben@far.test"])["plain"].strip() == "Dear Ben, hi"
    assert found["ben@far.test"]["Cc"] is None


def test_attachments_go_along(grid):
    data = bytes(range(256)) * 300
    one = letter({"to": ["at@far.test"], "sub": {"-name-": ["A"]}}, attachments=[
        {"filename": "Größe.pdf", "content": base64.b64encode(data).decode(), "encoding": "base64",
         "contentType": "application/pdf"},
        {"filename": "i.png", "content": base64.b64encode(b"\x89PNG").decode(),
         "encoding": "base64", "cid": "pic@x", "contentDisposition": "inline"}])
    one["html"] += '<img src="cid:pic@x">'
    nodemailer(grid, one)
    found = sent(grid)["at@far.test"]
    attached = {part.get_filename(): part for part in found.walk() if part.get_filename()}
    assert attached["Größe.pdf"].get_content() == data
    assert attached["i.png"].get_content() == b"\x89PNG"
    assert attached["i.png"]["Content-ID"] == "<pic@x>"
    assert texts(found)["plain"].strip() == "Dear A, -greeting-"


def test_tags_without_recipients(grid):
    nodemailer(grid, letter({"sub": {"-name-": ["All"]}}, to="x@far.test, y@far.test"))
    found = sent(grid, 1)
    assert sorted(found) == ["x@far.test", "y@far.test"]
    assert found["x@far.test"]["To"] == "x@far.test, y@far.test"
    assert found["x@far.test"]["Subject"] == "Hi All"


def test_a_legacy_template_and_a_footer(grid):
    template = grid.template(generation="legacy", subject="[<%subject%>]",
                             html_content="<h1>-name-</h1><%body%>",
                             plain_content="== <%body%>")
    nodemailer(grid, letter({"to": ["t@far.test"], "sub": {"-name-": ["T"]}, "filters": {
        "templates": {"settings": {"enable": 1, "template_id": template}},
        "footer": {"settings": {"enable": 1, "text/plain": "Bye.", "text/html": "<i>Bye</i>"}}}}))
    found = sent(grid)["t@far.test"]
    assert found["Subject"] == "[Hi T]"
    assert texts(found)["html"].strip() == "<h1>T</h1><p>Dear T</p><i>Bye</i>"
    assert texts(found)["plain"].split() == ["==", "Dear", "T,", "-greeting-", "Bye."]


def test_later_and_each_at_its_time(grid):
    soon = int(time.time()) + 3600
    nodemailer(grid, letter({"send_at": soon}, to="l1@far.test"),
               letter({"to": ["l2@far.test", "l3@far.test"], "send_each_at": [soon, soon + 60]}))
    rows = {row["recipient"]: row for row in json.loads(grid.office.run("queue", "list", "--json"))}
    assert {"l1@far.test", "l2@far.test", "l3@far.test"} <= set(rows)
    assert rows["l3@far.test"]["due"] > rows["l2@far.test"]["due"]
    grid.office.run("queue", "drop", "--domain", "far.test")


def test_a_batch_is_cancelled(grid):
    batch = grid.call("POST", "/v3/mail/batch")[1]["batch_id"]
    nodemailer(grid, letter({"send_at": int(time.time()) + 3600, "batch_id": batch},
                            to="b1@far.test"))
    status, _, _ = grid.call("POST", "/v3/user/scheduled_sends",
                             {"batch_id": batch, "status": "cancel"})
    assert status == 201
    assert "b1@far.test" not in grid.office.run("queue", "list", "--json")


@pytest.mark.parametrize("api, why", [
    ("{", "Invalid JSON"), ("[]", "Invalid JSON"), ('{"to": 5}', "at most 10,000"),
    ('{"to": ["no address"]}', "to.0: Does not contain a valid address."),
    ('{"to": ["a@far.test\\r\\nBcc: evil@far.test"]}', "to.0"),
    ('{"sub": {"-a-": "x"}}', "sub.-a-"), ('{"filters": {"footer": 1}}', "filters.footer"),
    ('{"category": ["a", "a"]}', "unique"), ('{"send_at": "soon"}', "send_at"),
    ('{"batch_id": "none"}', "batch"), ('{"to": ["a@far.test"], "send_each_at": [1, "x"]}', None),
    ('{"a": 1, "a": 2}', "Invalid JSON"), ("[" * 100, "Invalid JSON"),
    ('{"filters": {"templates": {"settings": {"enable": 1, "template_id": "no"}}}}', "template"),
])
def test_bad_fields_are_refused_whole(grid, api, why):
    grid.sink.letters.clear()
    one = letter({}, to="bad@far.test")
    one["headers"]["X-SMTPAPI"]["value"] = api.replace("\r\n", "\\r\\n")
    reply, = nodemailer(grid, one)
    if why is None:
        assert "response" in reply, reply
        until(lambda: grid.sink.letters)
        grid.office.rest()
        return
    assert reply["code"] == 550 and why in reply["error"], reply
    assert grid.queue() == [] and grid.sink.letters == []


def test_folded_and_encoded_by_smtplib(grid):
    grid.sink.letters.clear()
    message = email.message.EmailMessage()
    message["From"], message["To"], message["Subject"] = "shop@example.test", "f@far.test", "-n-"
    message["X-SMTPAPI"] = json.dumps({"to": [f"f{i}@far.test" for i in range(20)],
                                       "sub": {"-n-": [f"größe {i}" for i in range(20)]}},
                                      ensure_ascii=False)
    message.set_content("text")
    with smtplib.SMTP(grid.office.address, 587 + OFFSET) as smtp:
        smtp.starttls(context=unverified())
        smtp.login("apikey", grid.key)
        smtp.send_message(message)
    found = sent(grid, 20)
    assert len(found) == 20
    assert {found[f"f{i}@far.test"]["Subject"] for i in range(20)} == {
        f"größe {i}" for i in range(20)}


def test_a_foreign_author(grid):
    envelope = {"from": "shop@example.test", "to": "a@far.test"}
    inside, outside = nodemailer(grid, letter({}) | {"from": "x@elsewhere.test",
                                                     "envelope": envelope},
                                 letter({}) | {"from": "x@elsewhere.test"})
    assert inside["code"] == 550 and "verified Sender Identity" in inside["error"], inside
    assert outside["code"] == 553, outside
