"""Bad input at Mailgun's doors: their own errors, and nothing half sent."""
import base64
import contextlib
import json
import sqlite3

import pytest
from conftest import own_address
from mailgun import SIMPLE, Mailgun
from office import until
from test_fairness import move_to_second_tenant

MESSAGES = "/v3/example.test/messages"
EVIL = "a\r\nBcc: evil@far.test"
LETTER = b"From: shop@example.test\r\nSubject: s\r\n\r\nx\r\n"


@pytest.fixture(scope="module")
def gun(make_office):
    return Mailgun(make_office, own_address())


@contextlib.contextmanager
def nothing_sent(gun):
    gun.office.rest()
    events, waits = len(gun.events()), len(gun.queue())
    yield
    assert len(gun.events()) == events and len(gun.queue()) == waits
    assert "evil@far.test" not in gun.letters() and "bad@far.test" not in gun.letters()


# --- forms

@pytest.mark.parametrize("kind, body, status", [
    ("application/json", b'{"to": "bad@far.test"}', 400),
    ("application/x-www-form-urlencoded", b"to=%zz", 400),
    ("application/x-www-form-urlencoded", b"to=bad%40far.test&from=a%40example.test&text=%ff", 400),
    ("application/x-www-form-urlencoded", b"a=b&" * 3000, 413),
    ("multipart/form-data", b"--x\r\n", 400),
    ("multipart/form-data; boundary=x", b"--x\r\nContent-Dis", 400),
    ("multipart/form-data; boundary=x", b"--x\r\nA: b\r\n\r\nc\r\n--x--", 400),
    (None, None, 400),
])
@pytest.mark.parametrize("path", [MESSAGES, MESSAGES + ".mime"])
def test_forms_that_are_none(gun, path, kind, body, status):
    with nothing_sent(gun):
        got, answer = gun.call("POST", path, body, kind)
        assert got == status and answer["message"], (got, answer)
        assert got != 413 or "more than 2000 fields" in answer["message"]


@pytest.mark.parametrize("fields", [
    [("n" * 254 + "é", b"\xff")], [("o:deliverytime", "n" * 254 + "é")],
    [("h:" + "ä" * 400, "x")], [("template", "é" * 300)]])
def test_words_about_long_values_are_text(gun, fields):
    with nothing_sent(gun):
        status, answer = gun.form("POST", MESSAGES, [("to", "bad@far.test"), *fields, *[
            (name, value) for name, value in SIMPLE.items() if name not in ("to", "template")]])
    assert status == 400 and len(answer["message"]) > 20, answer


# --- another header than was meant

@pytest.mark.parametrize("field", ["from", "to", "cc", "bcc", "subject", "h:X-A", "h:Reply-To",
                                   "h:Sender", "h:Message-Id", "h:References", "h:X-A\r\nBcc"])
def test_no_field_makes_two(gun, field):
    value = {"from": "A\r\nBcc: evil@far.test <shop@example.test>",
             "to": "bad@far.test\r\nBcc: evil@far.test",
             "cc": "A\r\nBcc: evil@far.test <bad@far.test>"}.get(field, EVIL)
    with nothing_sent(gun):
        status, answer = gun.send({"to": "bad@far.test", field: value})
        assert status == 400 and answer["message"], (status, answer)


@pytest.mark.parametrize("name", ["h:X-A", "h:Reply-To", "h:From", "h:Received", "h:Content-Type",
                                  "h:DKIM-Signature", "h:X-A\r\nBcc"])
def test_no_field_beside_a_letter_makes_two(gun, name):
    value = "text/html" if "Content" in name else EVIL
    with nothing_sent(gun):
        status, answer = gun.form("POST", MESSAGES + ".mime", [
            ("to", "bad@far.test"), ("message", LETTER, "m", "message/rfc822"),
            (name.replace("\r\n", "%0D%0A"), value)])
        assert status == 400 and "'h:' parameter" in answer["message"], (status, answer)


def test_a_file_has_one_name(gun):
    gun.ask("POST", MESSAGES, [*SIMPLE.items(), ("to", "file@far.test"), (
        "attachment", b"x", "a%0D%0AX-Evil: 1", "text/plain")])
    letter = until(lambda: gun.letters().get("file@far.test"))
    part, = letter.iter_attachments()
    assert letter["X-Evil"] is None and part["X-Evil"] is None
    assert "evil@far.test" not in gun.letters()


@pytest.mark.parametrize("field", ["subject", "h:X-A", "from", "h:Reply-To"])
def test_a_recipients_variable_stays_in_its_field(gun, field):
    text = "%recipient.a% <shop@example.test>" if field in ("from", "h:Reply-To") else "%recipient.a%"
    with nothing_sent(gun):
        status, answer = gun.send({
            "to": ["good@far.test", "bad@far.test"], field: text, "text": "%recipient.b%",
            "recipient-variables": json.dumps({"good@far.test": {"a": "x", "b": EVIL},
                                               "bad@far.test": {"a": EVIL}})})
        assert status == 400 and "recipient-variables" in answer["message"], (status, answer)


# --- too much

def test_letters_over_the_limit(gun):
    with nothing_sent(gun):
        status, answer = gun.form("POST", MESSAGES, [
            *SIMPLE.items(), ("attachment", bytes(26 << 20), "a.bin", "application/x")])
        assert status == 413 and answer["message"] == "Message size exceeds 25MB limit"
        status, answer = gun.form("POST", MESSAGES + ".mime", [
            ("to", "bad@far.test"), ("message", LETTER + b"x\r\n" * (9 << 20), "m", "a/b")])
        assert status == 413 and answer["message"] == "Message size exceeds 25MB limit"


def test_options_over_the_limit(gun):
    for path, more in ((MESSAGES, [*SIMPLE.items()]),
                       (MESSAGES + ".mime", [("to", "bad@far.test"), ("message", LETTER)])):
        with nothing_sent(gun):
            status, answer = gun.form("POST", path, [*more, ("v:a", "x" * 10000),
                                                     ("o:tag", "y" * 7000)])
            assert status == 400 and "limited to 16 kB total" in answer["message"]


@pytest.mark.parametrize("lists", [{"to": 1001}, {"to": 1, "cc": 1000}, {"to": 1, "bcc": 1000}])
def test_a_recipient_too_many(gun, lists):
    with nothing_sent(gun):
        status, answer = gun.send({name: [f"{name}{i}@far.test" for i in range(count)]
                                   for name, count in lists.items()})
        assert (status, answer) == (400, {"message": "Too many recipients, max is 1000"})


@pytest.mark.parametrize("template", [
    '{{#*inline "a"}}{{> a}}{{/inline}}{{> a}}',
    "{{#each a}}{{#each ../a}}{{#each ../../a}}{{#each ../../../a}}x{{/each}}{{/each}}{{/each}}"
    "{{/each}}", "{{#if a}}" * 200 + "{{/if}}" * 200, "{{> none}}"])
def test_templates_without_an_end(gun, template):
    gun.call("DELETE", "/v3/example.test/templates/loop")
    gun.ask("POST", "/v3/example.test/templates", {"name": "loop", "template": template,
                                                   "tag": "v"})
    with nothing_sent(gun):
        status, answer = gun.send({"to": "bad@far.test", "text": None, "template": "loop",
                                   "t:variables": json.dumps({"a": list(range(400))})})
        assert status == 400 and answer["message"], (status, answer)


@pytest.mark.parametrize("name", ["t:variables", "recipient-variables"])
@pytest.mark.parametrize("value", ["[" * 5000, '{"a":' * 100 + "1" + "}" * 100, "{'a': 1}", "[]",
                                   '{"a": 1, "a": 2}', '{"a": 1} x', "1"])
def test_json_that_is_none(gun, name, value):
    with nothing_sent(gun):
        status, answer = gun.send({"to": "bad@far.test", name: value})
        assert (status, answer["message"]) == (400, f"'{name}' parameter is not a valid JSON")


# --- who

def test_wrong_credentials(gun):
    for header in ("Basic", "Basic !!!", "Basic " + base64.b64encode(b"api").decode(),
                   "Basic " + base64.b64encode(b"api:").decode(),
                   "Basic " + base64.b64encode(b"user:" + gun.key.encode()).decode()):
        with nothing_sent(gun):
            status, answer = gun.send({"to": "bad@far.test"}, headers={"Authorization": header})
            assert (status, answer) == (401, "Forbidden"), header


def test_another_tenants_key(make_office):
    gun = Mailgun(make_office, own_address())
    gun.office.run("domain", "add", "other.test")
    made = json.loads(gun.office.run("key", "add", "--dialect", "mailgun", "--json",
                                     "--domain", "other.test"))
    gun.ask("POST", "/v3/example.test/templates", {"name": "ours", "template": "t", "tag": "v"})
    gun.office.stop()
    move_to_second_tenant(gun.office, "other.test")
    with contextlib.closing(sqlite3.connect(f"{gun.office.folder}/postamt.db")) as db, db:
        db.execute("UPDATE api_key SET tenant = 2 WHERE name = ?", [made["id"]])
    gun.office.start()
    key, absent = made["secret"], {"message": "Domain not found: example.test"}
    with nothing_sent(gun):
        assert gun.send(key=key) == (404, absent)
        for method, path in (("GET", "/v3/example.test/templates/ours"),
                             ("DELETE", "/v3/example.test/templates/ours"),
                             ("DELETE", "/v3/example.test/templates"),
                             ("GET", "/v3/example.test/templates")):
            assert gun.call(method, path, key=key) == (404, absent)
        assert gun.call("GET", "/v4/domains/example.test", key=key)[0] == 404
        assert gun.send(path="/v3/other.test/messages", key=key)[0] == 403
        status, answer = gun.send({"from": "a@other.test", "text": None, "template": "ours"},
                                  path="/v3/other.test/messages", key=key)
        assert status == 400 and "not found" in answer["message"]
        names = [one["name"] for one in gun.ask("GET", "/v4/domains", key=key)["items"]]
        assert names == ["other.test"]
    assert gun.ask("GET", "/v3/example.test/templates/ours")["template"]["name"] == "ours"
