"""Mailgun's doors: messages, messages.mime, domains, SMTP; by form, by mail and by its own client."""
import base64
import datetime
import email.message
import email.utils
import json
import smtplib

import pytest
from conftest import own_address
from mailgun import SIMPLE, Mailgun
from office import OFFSET, until, unverified
from sendgrid import parse, texts

FILE = bytes(range(256)) * 400
MESSAGES = "/v3/example.test/messages"


@pytest.fixture(scope="module")
def gun(make_office):
    return Mailgun(make_office, own_address())


def later(hours):
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)
    return email.utils.format_datetime(when)


def waiting(gun):
    return {row["recipient"] for row in gun.queue()}


# --- messages

def test_a_simple_letter(gun):
    message = gun.sent({"to": "Bob <bob@example.test>, simple@far.test", "cc": "c@far.test",
                        "bcc": "secret@far.test", "subject": "hällo", "text": "Grüße",
                        "html": "<p>Grüße</p>", "h:X-Own": "sieben", "h:Reply-To": "r@example.test",
                        "o:tag": ["one", "two"], "v:order": "7"})
    until(lambda: {"simple@far.test", "c@far.test", "secret@far.test"} <= set(gun.letters()))
    letter = parse(gun.bob.letters()[-1])
    assert letter["Message-ID"] == f"<{message}>" and letter["Subject"] == "hällo"
    assert letter["To"] == "Bob <bob@example.test>, simple@far.test" and letter["Cc"] == "c@far.test"
    assert letter["Bcc"] is None and letter["X-Own"] == "sieben"
    assert letter["Reply-To"] == "r@example.test"
    assert texts(letter) == {"plain": "Grüße", "html": "<p>Grüße</p>"}


def test_files(gun):
    fields = [*SIMPLE.items(), ("to", "files@far.test"), ("html", '<img src="cid:a b.png">'),
              ("attachment", FILE, "Größe.pdf", "application/pdf"),
              ("attachment", b"two", "two.txt", "text/plain"),
              ("inline", b"\x89PNG", "a b.png", "image/png")]
    gun.ask("POST", MESSAGES, fields)
    letter = until(lambda: gun.letters().get("files@far.test"))
    found = {part.get_filename(): part for part in letter.walk() if part.get_filename()}
    assert found["Größe.pdf"].get_content() == FILE
    assert found["two.txt"].get_content().strip() == "two"
    assert found["a b.png"].get_content() == b"\x89PNG" and found["a b.png"]["Content-ID"]


def test_each_of_a_batch_has_a_letter(gun):
    message = gun.sent({
        "to": ["Ann <ann@far.test>", "Ben <ben@far.test>"], "subject": "Hi %recipient.first%",
        "text": "%recipient% %recipient_email% %recipient.id% %recipient.none%",
        "html": "<b>%recipient_fname%</b>", "v:n": "%recipient.id%",
        "recipient-variables": json.dumps({"ann@far.test": {"first": "Ann", "id": 1},
                                           "ben@far.test": {"first": "<Ben>", "id": 2}})})
    until(lambda: {"ann@far.test", "ben@far.test"} <= set(gun.letters()))
    ann, ben = gun.letters()["ann@far.test"], gun.letters()["ben@far.test"]
    assert ann["To"] == "Ann <ann@far.test>" and ann["Subject"] == "Hi Ann"
    assert texts(ann)["plain"].split() == ["Ann", "<ann@far.test>", "ann@far.test", "1",
                                           "%recipient.none%"]
    assert ben["Subject"] == "Hi <Ben>" and texts(ben)["html"] == "<b>Ben</b>"
    assert ann["Message-ID"] == ben["Message-ID"] == f"<{message}>"


def test_a_stored_template(gun):
    gun.ask("POST", "/v3/example.test/templates", {
        "name": "Welcome", "description": "d", "template": "<h1>Hi {{name}} {{#if vip}}!{{/if}}</h1>",
        "tag": "v1", "headers": json.dumps({"Subject": "Dear {{name}}"})})
    gun.sent({"to": "tpl@far.test", "text": None, "subject": None, "template": "welcome",
              "t:text": "yes", "t:variables": json.dumps({"name": "A & B", "vip": True})})
    letter = until(lambda: gun.letters().get("tpl@far.test"))
    assert letter["Subject"] == "Dear A & B"
    assert texts(letter)["html"] == "<h1>Hi A &amp; B !</h1>"
    assert texts(letter)["plain"].strip() == "Hi A & B !"


def test_a_template_for_each_of_a_batch(gun):
    gun.ask("POST", "/v3/example.test/templates", {
        "name": "each", "template": "<p>{{name}} of {{shop}}</p>", "tag": "v1"})
    gun.sent({"to": ["tb1@far.test", "tb2@far.test"], "text": None, "template": "each",
              "v:name": "%recipient.name%", "v:shop": "Acme",
              "recipient-variables": json.dumps({"tb1@far.test": {"name": "One"},
                                                 "tb2@far.test": {"name": "Two"}})})
    until(lambda: {"tb1@far.test", "tb2@far.test"} <= set(gun.letters()))
    assert texts(gun.letters()["tb1@far.test"])["html"] == "<p>One of Acme</p>"
    assert texts(gun.letters()["tb2@far.test"])["html"] == "<p>Two of Acme</p>"


def test_later_and_in_test_mode(gun):
    gun.sent({"to": "later@far.test", "o:deliverytime": later(2)})
    row, = [row for row in gun.queue() if row["recipient"] == "later@far.test"]
    assert row["attempts"] == 0
    gun.office.run("queue", "drop", "--to", "later@far.test")
    gun.office.rest()
    before = len(gun.events())
    gun.sent({"to": "never@far.test", "o:testmode": "yes"})
    assert len(gun.events()) == before and "never@far.test" not in waiting(gun)


# --- messages.mime

def mime(**fields):
    letter = email.message.EmailMessage()
    for name, value in {"From": "shop@example.test", "Subject": "mime",
                        "To": "List <all@far.test>", **fields}.items():
        letter[name] = value
    letter.set_content("Grüße, %recipient.name%")
    letter.add_attachment(FILE, maintype="application", subtype="pdf", filename="f.pdf")
    return letter.as_bytes()


@pytest.mark.parametrize("file", [True, False])
def test_a_letter_as_it_is(gun, file):
    to, data = f"mime{file}@far.test".lower(), mime(Bcc="x@far.test", **{"X-Mailgun-Tag": "t"})
    part = ("message", data, "m.eml", "message/rfc822") if file else ("message", data)
    answer = gun.ask("POST", MESSAGES + ".mime", [("to", to), part, ("o:tag", "a")])
    assert answer["id"].startswith("<")
    letter = until(lambda: gun.letters().get(to))
    assert letter["To"] == "List <all@far.test>" and letter["Bcc"] is None
    assert letter["X-Mailgun-Tag"] is None and letter["Message-ID"] == answer["id"]
    assert [a.get_content() for a in letter.iter_attachments()] == [FILE]
    assert "x@far.test" not in gun.letters()


def test_a_letter_for_each(gun):
    gun.ask("POST", MESSAGES + ".mime", [
        ("to", "me1@far.test"), ("to", "me2@far.test"), ("message", mime(), "m", "message/rfc822"),
        ("recipient-variables", json.dumps({"me1@far.test": {"name": "Öne"},
                                            "me2@far.test": {"name": "Two"}}))])
    until(lambda: {"me1@far.test", "me2@far.test"} <= set(gun.letters()))
    one = gun.letters()["me1@far.test"]
    assert one["To"] == "me1@far.test"
    assert one.get_body(("plain",)).get_content().strip() == "Grüße, Öne"
    assert [a.get_content() for a in one.iter_attachments()] == [FILE]


# --- errors

@pytest.mark.parametrize("change, status, words", [
    ({"from": None}, 400, "from parameter is missing"),
    ({"to": None}, 400, "to parameter is missing"),
    ({"text": None}, 400, "Need at least one of 'text', 'html', 'amp-html' or 'template'"),
    ({"template": "x", "html": "y"}, 400, "Only one parameters 'html' or 'template' is allowed"),
    ({"to": "no address"}, 400, "to parameter is not a valid address. please check documentation"),
    ({"from": "a b"}, 400, "from parameter is not a valid address. please check documentation"),
    ({"recipient-variables": "{"}, 400, "'recipient-variables' parameter is not a valid JSON"),
    ({"recipient-variables": '{"a": 1, "a": 2}'}, 400, "is not a valid JSON"),
    ({"recipient-variables": "[" * 200}, 400, "is not a valid JSON"),
    ({"t:variables": "no", "template": "x", "text": None}, 400, "is not a valid JSON"),
    ({"o:deliverytime": "tomorrow"}, 400, "tomorrow is not an RFC-2822 compliant date"),
    ({"h:Bäd": "x"}, 400, "Header name must be pure ASCII"),
    ({"h:X-A": "a\r\nBcc: evil@far.test"}, 400, "h:"),
    ({"h:Bcc": "evil@far.test"}, 400, "h:"),
    ({"subject": "a\nBcc: evil@far.test"}, 400, "subject"),
    ({"from": "Evil\r\nBcc: evil@far.test <shop@example.test>"}, 400, "from"),
    ({"v:big": "x" * 17000}, 400, "limited to 16 kB total"),
    ({"to": [f"a{i}@far.test" for i in range(1001)]}, 400, "Too many recipients, max is 1000"),
    ({"from": "a@elsewhere.test"}, 403, "elsewhere.test"),
    ({"template": "none", "text": None}, 400, "template 'none' is not found"),
    ({"text": b"\xff\xfe"}, 400, "not well-formed"),
])
def test_mistakes_are_told_and_nothing_is_sent(gun, change, status, words):
    gun.office.rest()
    before, waits = len(gun.events()), waiting(gun)
    got, answer = gun.send({"to": "bad@far.test", **change})
    assert got == status and words in answer["message"], (got, answer)
    assert len(gun.events()) == before and waiting(gun) == waits


def test_who_is_asked_for(gun):
    assert gun.send(key="wrong") == (401, "Forbidden")
    status, answer = gun.send(path="/v3/elsewhere.test/messages")
    assert status == 404 and answer["message"] == "Domain not found: elsewhere.test"
    assert gun.call("GET", "/v4/domains", key="wrong") == (401, {"message": "Invalid private key"})
    assert gun.call("GET", "/v3/example.test/nothing")[0] == 404
    narrow = gun.new_key("--scope", "templates.read")
    assert gun.send(key=narrow) == (401, "Forbidden")
    made = json.loads(gun.office.run("key", "add", "--dialect", "mailgun", "--json"))
    gun.office.run("key", "revoke", made["id"])
    assert gun.send(key=made["secret"]) == (401, "Forbidden")


def test_the_same_key_and_request_again(gun):
    fields = {"to": "again@far.test"}
    first = gun.sent(fields, headers={"Idempotency-Key": "k1"})
    assert gun.sent(fields, headers={"Idempotency-Key": "k1"}) == first
    status, answer = gun.send({"to": "other@far.test"}, headers={"Idempotency-Key": "k1"})
    assert status == 422, answer
    until(lambda: "again@far.test" in gun.letters())
    assert [one for one in gun.sink.letters if "again@far.test" in one.recipients].__len__() == 1


# --- domains

def test_domains(gun):
    answer = gun.ask("GET", "/v4/domains")
    assert answer["total_count"] == 1 and answer["items"][0]["name"] == "example.test"
    one = gun.ask("GET", "/v4/domains/example.test")
    assert one["domain"]["state"] == "active"
    mx, = one["receiving_dns_records"]
    assert mx["record_type"] == "MX" and mx["priority"] == "10"
    assert any("v=spf1" in record["value"] for record in one["sending_dns_records"])
    assert gun.ask("PUT", "/v4/domains/example.test/verify")["message"]
    assert gun.ask("GET", "/v4/domains/none.test", status=404)["message"] == "Domain not found"


# --- mailgun.js

def test_its_own_client(gun):
    sent = gun.node("messages.create", "example.test", {
        **SIMPLE, "to": ["js@far.test"], "attachment": [
            {"$file": base64.b64encode(FILE).decode(), "name": "js.bin"}],
        "o:tag": ["a", "b"], "h:X-J": "1"})
    assert sent["value"]["status"] == 200 and sent["value"]["message"] == "Queued. Thank you.", sent
    letter = until(lambda: gun.letters().get("js@far.test"))
    assert [a.get_content() for a in letter.iter_attachments()] == [FILE] and letter["X-J"] == "1"


def test_its_client_batches_and_schedules(gun):
    sent = gun.node("messages.create", "example.test", {
        **SIMPLE, "to": ["jb1@far.test", "jb2@far.test"], "text": "%recipient.n%",
        "recipient-variables": json.dumps({"jb1@far.test": {"n": 1}, "jb2@far.test": {"n": 2}})})
    assert "value" in sent, sent
    until(lambda: {"jb1@far.test", "jb2@far.test"} <= set(gun.letters()))
    assert texts(gun.letters()["jb2@far.test"]) == {"plain": "2"}
    gun.node("messages.create", "example.test", {**SIMPLE, "to": "jl@far.test",
                                                 "o:deliverytime": later(1)})
    assert "jl@far.test" in waiting(gun)
    raw = gun.node("messages.create", "example.test", {
        "to": "jm@far.test", "message": mime().decode()})
    assert "value" in raw, raw
    assert until(lambda: gun.letters().get("jm@far.test"))["Subject"] == "mime"


def test_its_client_is_told_errors(gun):
    told = gun.node("messages.create", "example.test", {**SIMPLE, "to": "no"})
    assert told["status"] == 400 and "valid address" in told["details"]
    told = gun.node("messages.create", "elsewhere.test", SIMPLE)
    assert told["status"] == 404 and "Domain not found" in told["details"]
    told = gun.node("messages.create", "example.test", {**SIMPLE, "from": "a@elsewhere.test"})
    assert told["status"] == 403 and "elsewhere.test" in told["details"]
    told = gun.node("messages.create", "example.test", {**SIMPLE, "attachment": [
        {"$file": base64.b64encode(bytes(26 << 20)).decode(), "name": "big.bin"}]})
    assert told["status"] == 413 and "25MB" in told["details"]
    told = gun.node("domains.domainTemplates.get", "example.test", "none")
    assert told["status"] == 404 and told["details"] == "template not found"
    told = gun.node("messages.create", "example.test", SIMPLE, key="wrong")
    assert told["status"] == 401, told


def test_its_client_makes_templates(gun):
    made = gun.node("domains.domainTemplates.create", "example.test", {
        "name": "js", "description": "one", "template": "<p>{{a}}</p>", "tag": "v1",
        "engine": "handlebars"})
    assert made["value"]["name"] == "js", made
    got = gun.node("domains.domainTemplates.get", "example.test", "js", {"active": "yes"})
    assert got["value"]["version"]["template"] == "<p>{{a}}</p>", got
    assert gun.node("domains.domainTemplates.createVersion", "example.test", "js", {
        "template": "<b>{{a}}</b>", "tag": "v2", "active": "yes"})["value"]
    listed = gun.node("domains.domainTemplates.list", "example.test", {"limit": 10})
    assert "js" in [one["name"] for one in listed["value"]["items"]]
    versions = gun.node("domains.domainTemplates.listVersions", "example.test", "js")
    assert {v["tag"] for v in versions["value"]["template"]["versions"]} == {"v1", "v2"}
    gun.node("messages.create", "example.test", {
        "from": SIMPLE["from"], "to": "jt@far.test", "subject": "s", "template": "js",
        "t:variables": json.dumps({"a": 7})})
    assert texts(until(lambda: gun.letters().get("jt@far.test")))["html"] == "<b>7</b>"
    assert gun.node("domains.domainTemplates.destroy", "example.test", "js")["value"]
    listed = gun.node("domains.list")
    assert listed["value"][0]["name"] == "example.test", listed


# --- SMTP

def smtp(gun, to, **fields):
    letter = email.message.EmailMessage()
    for name, value in {"From": "shop@example.test", "To": ", ".join(to), "Subject": "by smtp",
                        **{name.replace("_", "-"): value for name, value in fields.items()}}.items():
        letter[name] = value
    letter.set_content("Hello %recipient.name%")
    with smtplib.SMTP(gun.office.address, 587 + OFFSET) as client:
        client.starttls(context=unverified())
        client.login("postmaster@example.test", gun.key)
        client.send_message(letter, "shop@example.test", to)


def test_smtp_as_it_is(gun):
    smtp(gun, ["s1@far.test"], X_Mailgun_Tag="t", X_Mailgun_Variables='{"a": 1}', X_Other="kept")
    letter = until(lambda: gun.letters().get("s1@far.test"))
    assert letter["X-Other"] == "kept" and letter["X-Mailgun-Tag"] is None
    assert letter["X-Mailgun-Variables"] is None
    assert texts(letter) == {"plain": "Hello %recipient.name%"}


def test_smtp_for_each(gun):
    smtp(gun, ["s2@far.test", "s3@far.test"], X_Mailgun_Recipient_Variables=json.dumps(
        {"s2@far.test": {"name": "Zwö"}, "s3@far.test": {"name": "Three"}}, ensure_ascii=False))
    until(lambda: {"s2@far.test", "s3@far.test"} <= set(gun.letters()))
    assert texts(gun.letters()["s2@far.test"]) == {"plain": "Hello Zwö"}
    assert gun.letters()["s3@far.test"]["To"] == "s3@far.test"


def test_smtp_later_dropped_and_wrong(gun):
    smtp(gun, ["s4@far.test"], X_Mailgun_Deliver_By=later(1))
    assert "s4@far.test" in waiting(gun)
    smtp(gun, ["s5@far.test"], X_Mailgun_Drop_Message="yes")
    with pytest.raises(smtplib.SMTPDataError) as refused:
        smtp(gun, ["s6@far.test"], X_Mailgun_Recipient_Variables="{")
    assert refused.value.smtp_code == 550
    assert b"not a valid JSON" in refused.value.smtp_error
    assert not {"s5@far.test", "s6@far.test"} & waiting(gun)
    assert not [e for e in gun.events() if e.get("to") in ("s5@far.test", "s6@far.test")]
