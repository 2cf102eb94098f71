"""SMTP.com's API: messages, messages/mime, channels, as specified and as its client sends them."""
import base64
import email.message
import json
import pathlib
import smtplib
import urllib.error
import urllib.parse
import urllib.request

import jsonschema
import pytest
from conftest import own_address
from office import OFFSET, PATIENCE, ROOT, until, unverified
from sendgrid import parse, texts
from sink import Sink

QUICK = """destination "*" { retry-seconds = {1} retry-then-seconds = 1 retry-jitter-percent = 0 }"""
FILE = bytes(range(256)) * 300


def person(address, name=None):
    return {"address": address} | ({"name": name} if name else {})


class SmtpCom:
    def __init__(self, make_office, address):
        self.sink = Sink(address, 2525)
        self.office = make_office(config=QUICK + f"""
            route "far.test" {{ host = "{self.sink.address}" port = 2525 }}""")
        self.bob = self.office.new_user("bob")
        made = json.loads(self.office.run("key", "add", "--dialect", "smtpcom", "--json"))
        self.key, self.channel = made["secret"], made["channel"]

    def call(self, method, path, body=None, key=None, how="header", headers=()):
        """(status, answer)"""
        key = self.key if key is None else key
        fields = {"header": {"X-SMTPCOM-API": key}, "query": {}, "none": {}, "basic": {
            "Authorization": "Basic " + base64.b64encode(f"api:{key}".encode()).decode()}}[how]
        if how == "query":
            path += ("&" if "?" in path else "?") + "api_key=" + urllib.parse.quote(key)
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://{self.office.address}:{80 + OFFSET}{path}", data, method=method,
            headers={"Content-Type": "application/json", **fields, **dict(headers)})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def send(self, change=None, path="/v4/messages", **more):
        body = {"channel": self.channel, "subject": "hello",
                "recipients": {"to": [person("bob@example.test")]},
                "originator": {"from": person("shop@example.test", "Shop")},
                "body": {"parts": [{"type": "text/plain", "charset": "utf-8", "content": "Hi!"}]},
                **(change or {})}
        return self.call("POST", path, {n: v for n, v in body.items() if v is not None}, **more)

    def sent(self, *args, **more):
        status, answer = self.send(*args, **more)
        assert status == 200 and answer["status"] == "success", (status, answer)
        return answer["data"]["msg_id"]

    def events(self):
        return json.loads(self.office.run("log", "--json"))

    def letters(self):
        return {to: parse(one.data) for one in self.sink.letters for to in one.recipients}


@pytest.fixture(scope="module")
def com(make_office):
    return SmtpCom(make_office, own_address())


# --- messages

def test_a_letter_to_all(com):
    message = com.sent({
        "recipients": {"to": [person("bob@example.test", "Bob"), person("t@far.test")],
                       "cc": [person("c@far.test")], "bcc": [person("b@far.test")]},
        "originator": {"from": person("shop@example.test", "Der Läden"),
                       "reply_to": person("r@example.test")},
        "custom_headers": {"X-One": "eins", "X-Two": ["a", "b"]}, "subject": "Grüße",
        "body": {"parts": [
            {"type": "text/plain", "charset": "utf-8", "content": "Grüße"},
            {"type": "text/html", "charset": "utf-8", "encoding": "base64",
             "content": base64.b64encode("<p>Grüße</p>".encode()).decode()}]}})
    until(lambda: {"t@far.test", "c@far.test", "b@far.test"} <= set(com.letters()))
    letter = parse(com.bob.letters()[-1])
    assert letter["From"].addresses[0].display_name == "Der Läden" and letter["Subject"] == "Grüße"
    assert letter["To"] == "Bob <bob@example.test>, t@far.test" and letter["Cc"] == "c@far.test"
    assert letter["Bcc"] is None and letter["Reply-To"] == "r@example.test"
    assert letter["X-One"] == "eins" and letter.get_all("X-Two") == ["a", "b"]
    assert texts(letter) == {"plain": "Grüße", "html": "<p>Grüße</p>"}
    assert message in {event["letter"] for event in com.events()}


def test_a_letter_to_each(com):
    com.sent({"recipients": {"bulk_list": [person(f"e{i}@far.test", f"E {i}") for i in range(5)]}})
    until(lambda: {f"e{i}@far.test" for i in range(5)} <= set(com.letters()))
    assert com.letters()["e3@far.test"]["To"] == "E 3 <e3@far.test>"


def test_attachments(com):
    com.sent({"recipients": {"to": [person("a@far.test")]}, "body": {
        "parts": [{"type": "text/html", "charset": "utf-8", "content": '<img src="cid:i@x">'}],
        "attachments": [
            {"type": "application/pdf", "disposition": "attachment", "filename": "Größe.pdf",
             "content": base64.b64encode(FILE).decode()},
            {"type": "image/png", "disposition": "inline", "filename": "i.png", "cid": "i@x",
             "content": base64.b64encode(b"\x89PNG").decode()}]}})
    letter = until(lambda: com.letters().get("a@far.test"))
    found = {part.get_filename(): part for part in letter.walk() if part.get_filename()}
    assert found["Größe.pdf"].get_content() == FILE
    assert found["i.png"]["Content-ID"] == "<i@x>"


def test_other_charsets(com):
    com.sent({"recipients": {"to": [person("l1@far.test")]}, "body": {"parts": [
        {"type": "text/plain", "charset": "iso-8859-1", "encoding": "quoted-printable",
         "content": "Gr=FC=DFe"}]}})
    assert texts(until(lambda: com.letters().get("l1@far.test"))) == {"plain": "Grüße"}


@pytest.mark.parametrize("path", ["/v4/messages/mime", "/v4/messages/mime/"])
def test_a_letter_as_it_is(com, path):
    to = f"m{len(path)}@far.test"
    mime = ("From: shop@example.test\nTo: List <all@far.test>\nBcc: x@far.test\nSubject: m\n"
            "Content-Type: text/plain; charset=utf-8\n\nGrüße\n")
    status, answer = com.call("POST", path, {
        "channel": com.channel, "mime": mime, "recipients": {"to": [person(to)]},
        "originator": {"from": person("shop@example.test")}})
    assert status == 200, answer
    letter = until(lambda: com.letters().get(to))
    assert letter["To"] == "List <all@far.test>" and letter["Bcc"] is None
    assert letter.get_content().strip() == "Grüße"


# --- who, and mistakes

@pytest.mark.parametrize("how", ["header", "query", "basic"])
def test_each_way_to_give_the_key(com, how):
    com.sent(how=how)
    status, answer = com.send(how=how, key="wrong")
    assert status == 401
    if how != "basic":
        assert answer == {"status": "fail", "data": {"errors": [{"api_key": "invalid"}]}}


@pytest.mark.parametrize("change, field", [
    ({"channel": None}, "channel"), ({"channel": "nobody's"}, "channel"), ({"channel": 7}, "channel"),
    ({"recipients": None}, "recipients"), ({"recipients": {}}, "recipients"),
    ({"recipients": {"to": [person("no address")]}}, "to"),
    ({"recipients": {"to": [person("a@far.test\r\nBcc: x@far.test")]}}, "to"),
    ({"recipients": {"to": [person("a@far.test", "x\r\nBcc: y")]}}, "to"),
    ({"recipients": {"to": [person("a@far.test")], "bulk_list": [person("b@far.test")]}},
     "bulk_list"),
    ({"recipients": {"to": [person(f"a{i}@far.test") for i in range(1001)]}}, "to"),
    ({"originator": None}, "originator"), ({"originator": {}}, "originator"),
    ({"originator": {"from": person("x@elsewhere.test")}}, "from"),
    ({"subject": "x" * 999}, "subject"), ({"subject": "a\r\nBcc: x@far.test"}, "subject"),
    ({"custom_headers": {"X-A": "a\r\nBcc: x@far.test"}}, "custom_headers"),
    ({"custom_headers": {"Bcc": "x@far.test"}}, "custom_headers"),
    ({"body": None}, "body"), ({"body": {"parts": []}}, "body"),
    ({"body": {"parts": [{"type": "message/rfc822", "content": "x"}]}}, "parts"),
    ({"body": {"parts": [{"type": "text/plain", "encoding": "base64", "content": "%%"}]}}, "parts"),
    ({"body": {"attachments": [{"content": "%%"}]}}, "attachments"),
    ({"body": {"parts": [{"type": "text/plain", "content": "x" * 11000000}]}}, "body"),
])
def test_mistakes_are_told_and_nothing_is_sent(com, change, field):
    before = len(com.events())
    status, answer = com.send(change)
    assert status == 400 and answer["status"] == "fail", answer
    assert list(answer["data"]["errors"]) == [field], answer
    assert len(com.events()) == before and com.office.run("queue", "list", "--json").strip() == "[ ]"


@pytest.mark.parametrize("body", [b"{", b'{"channel": 1, "channel": 2}', b"[]", b'"\xff"', b"",
                                  b"[" * 1000])
def test_what_is_no_call(com, body):
    status, answer = com.call("POST", "/v4/messages", body)
    assert status == 400 and answer["status"] == "fail" and answer["data"]["errors"], answer


def test_what_is_not_built(com):
    for method, path in (("GET", "/v4/account/"), ("GET", "/v4/stats/mtd/channel/x/event"),
                         ("POST", "/v4/alerts/"), ("DELETE", "/v4/callbacks/")):
        status, answer = com.call(method, path)
        assert status in (404, 405) and answer["status"] == "fail", (path, status, answer)


def test_the_same_key_and_request_again(com):
    one = com.sent({"subject": "once"}, headers={"Idempotency-Key": "k"})
    assert com.sent({"subject": "once"}, headers={"Idempotency-Key": "k"}) == one
    assert com.send({"subject": "other"}, headers={"Idempotency-Key": "k"})[0] == 422


# --- channels

@pytest.mark.parametrize("form", ["query", "json"])
def test_channels(com, form):
    name, login = f"news-{form}", f"{form}@example.com"
    values = {"name": name, "smtp_username": login, "smtp_password": "a secret of it", "quota": 3}
    status, answer = (com.call("POST", "/v4/channels/?" + urllib.parse.urlencode(values))
                      if form == "query" else com.call("POST", "/v4/channels", values, how="basic"))
    assert status == 200 and answer["data"]["quota"] == 3, answer
    assert com.call("POST", "/v4/channels", values)[0] == 400
    com.sent({"channel": name, "recipients": {"bulk_list": [person("q1@far.test"),
                                                            person("q2@far.test")]}})
    status, answer = com.call("GET", f"/v4/channels/{name}")
    assert (answer["data"]["usage"], answer["data"]["status"]) == (2, "active")
    status, answer = com.send({"channel": name, "recipients": {
        "to": [person("q3@far.test"), person("q4@far.test")]}})
    assert status == 400 and "quota" in answer["data"]["errors"]["channel"]
    assert com.call("GET", f"/v4/channels/{name}")[1]["data"]["usage"] == 2
    status, answer = com.call("PATCH", f"/v4/channels/{name}?quota=10")
    assert answer["data"]["quota"] == 10
    names = [one["name"] for one in com.call("GET", "/v4/channels/")[1]["data"]["items"]]
    assert names[0] == "default" and name in names
    by_smtp(com, login, "a secret of it", f"smtp-{form}@far.test")
    letter = until(lambda: com.letters().get(f"smtp-{form}@far.test"))
    assert letter["X-SMTPAPI"] is None
    assert com.call("GET", f"/v4/channels/{name}")[1]["data"]["usage"] == 3
    assert com.call("DELETE", f"/v4/channels/{name}")[1]["data"]["status"] == "canceled"
    assert com.send({"channel": name})[0] == 400
    with pytest.raises(smtplib.SMTPAuthenticationError):
        by_smtp(com, login, "a secret of it", "never@far.test")


def by_smtp(com, login, password, to):
    letter = email.message.EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "shop@example.test", to, "s"
    letter["X-SMTPAPI"] = json.dumps({"unique_args": {"order": "7"}})
    letter.set_content("Hi")
    with smtplib.SMTP(com.office.address, 587 + OFFSET) as client:
        client.starttls(context=unverified())
        client.login(login, password)
        client.send_message(letter)


@pytest.mark.parametrize("values, field", [
    ({"name": ""}, "name"), ({"name": "a b", "smtp_username": "u1"}, "name"),
    ({"smtp_password": "short"}, "smtp_password"), ({"quota": "many"}, "quota"),
    ({"quota": 0}, "quota"), ({"smtp_username": ""}, "smtp_username"),
    ({"name": "default"}, "name"),
])
def test_bad_channels(com, values, field):
    whole = {"name": "x", "smtp_username": "x", "smtp_password": "a secret of it", "quota": 1}
    status, answer = com.call("POST", "/v4/channels", {**whole, **values})
    assert status == 400 and list(answer["data"]["errors"]) == [field], answer
    assert com.call("GET", "/v4/channels/x")[0] == 404


# --- the specification

def test_answers_are_as_specified(com):
    whole = json.loads((pathlib.Path(ROOT) / "test/data/smtpcom/openapi.json").read_text())
    calls = {("post", "/v4/messages"): lambda: com.send(),
             ("post", "/v4/messages/mime"): lambda: com.call("POST", "/v4/messages/mime", {
                 "channel": "default", "mime": "From: shop@example.test\n\nx\n",
                 "recipients": {"to": [person("bob@example.test")]}}),
             ("get", "/v4/channels/"): lambda: com.call("GET", "/v4/channels/"),
             ("post", "/v4/channels/"): lambda: com.call("POST", "/v4/channels/", {
                 "name": "spec", "smtp_username": "spec", "smtp_password": "a secret of it",
                 "quota": 5}),
             ("get", "/v4/channels/{name}"): lambda: com.call("GET", "/v4/channels/spec"),
             ("patch", "/v4/channels/{name}"): lambda: com.call("PATCH", "/v4/channels/spec?quota=6"),
             ("delete", "/v4/channels/{name}"): lambda: com.call("DELETE", "/v4/channels/spec")}
    wanted = {(method, path) for path, item in whole["paths"].items() for method in item}
    assert set(calls) == wanted
    for (method, path), call in calls.items():
        status, answer = call()
        assert status == 200, (method, path, answer)
        schema = whole["paths"][path][method]["responses"]["200"]["content"]["application/json"][
            "schema"]
        jsonschema.Draft202012Validator({**schema, "components": whole["components"]}).validate(
            answer)
    for how in ("wrong", ""):
        status, answer = com.call("GET", "/v4/channels/", key=how or "x")
        schema = whole["paths"]["/v4/channels/"]["get"]["responses"]["401"]["content"][
            "application/json"]["schema"]
        jsonschema.Draft202012Validator({**schema, "components": whole["components"]}).validate(
            answer)
        assert status == 401
