"""What Mailgun's options do to a letter, by form, beside a letter that is one, and by SMTP."""
import base64
import datetime
import email.utils
import json
import subprocess

import pytest
from conftest import own_address
from mailgun import NODE, SIMPLE, Mailgun
from office import OFFSET, until
from sendgrid import texts

MESSAGES = "/v3/example.test/messages"
TEMPLATES = "/v3/example.test/templates"
LETTER = (b"From: shop@example.test\r\nReply-To: old@example.test\r\nSubject: s\r\nX-Own: old\r\n"
          b"X-Kept: yes\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHi %recipient.n%\r\n")


@pytest.fixture(scope="module")
def gun(make_office):
    return Mailgun(make_office, own_address())


def came(gun, to):
    return until(lambda: gun.letters().get(to))


def later(hours):
    return email.utils.format_datetime(datetime.datetime.now(datetime.timezone.utc)
                                       + datetime.timedelta(hours=hours))


# --- by form

def test_all_bodies(gun):
    gun.sent({"to": "amp@far.test", "html": "<p>h</p>", "amp-html": "<!doctype html><html amp4email>"
              "<body>ä</body></html>"})
    parts = [(part.get_content_type(), part.get_content().strip())
             for part in came(gun, "amp@far.test").walk() if not part.is_multipart()]
    assert parts == [("text/plain", "Hi!"), ("text/x-amp-html", "<!doctype html><html amp4email>"
                                             "<body>ä</body></html>"), ("text/html", "<p>h</p>")]


def test_variables_are_told_the_recipient(gun):
    gun.sent({"to": "shown@far.test", "v:order": "7", "v:ö": "größe \r\n\"x\""})
    told = json.loads(came(gun, "shown@far.test")["X-Mailgun-Variables"])
    assert told == {"order": "7", "ö": "größe \r\n\"x\""}
    for number, names in enumerate(("all", "X-Mailgun-Tag, x-mailgun-variables")):
        gun.sent({"to": f"hid{number}@far.test", "v:order": "7", "o:suppress-headers": names})
        assert came(gun, f"hid{number}@far.test")["X-Mailgun-Variables"] is None
    gun.sent({"to": "part@far.test", "v:a": "%recipient.x%", "v:b": "1", "text": "%recipient.x%",
              "recipient-variables": json.dumps({"part@far.test": {"x": "a\r\nX-Evil: 1"}})})
    letter = came(gun, "part@far.test")
    assert json.loads(letter["X-Mailgun-Variables"]) == {"b": "1"} and letter["X-Evil"] is None


def test_a_version_of_a_template(gun):
    gun.ask("POST", TEMPLATES, {"name": "two", "template": "<p>one {{a}}</p>", "tag": "v1"})
    gun.ask("POST", TEMPLATES + "/two/versions", {"template": "<p>two {{a}}</p>", "tag": "v2"})
    base = {"text": None, "template": "two", "v:a": '{"b": 1}', "t:variables": '{"a": "t"}'}
    gun.sent({**base, "to": "v0@far.test"})
    gun.sent({**base, "to": "v2@far.test", "t:version": "V2", "t:text": "yes"})
    assert texts(came(gun, "v0@far.test")) == {"html": "<p>one t</p>"}
    assert {kind: text.strip() for kind, text in texts(came(gun, "v2@far.test")).items()} == {
        "html": "<p>two t</p>", "plain": "two t"}
    status, answer = gun.send({**base, "t:version": "v3"})
    assert status == 400 and "version is not found" in answer["message"]


def test_times_far_away(gun):
    gun.sent({"to": "past@far.test", "o:deliverytime": "Fri, 14 Oct 2011 12:00:00 +0000"})
    came(gun, "past@far.test")
    gun.sent({"to": "soon@far.test", "o:deliverytime": later(70)})
    assert "soon@far.test" in {row["recipient"] for row in gun.queue()}
    gun.office.run("queue", "retry", "--to", "soon@far.test")
    assert texts(came(gun, "soon@far.test")) == {"plain": "Hi!"}


def test_the_quota(make_office):
    gun = Mailgun(make_office, own_address(), config="api-recipients-per-day = 3")
    gun.sent({"to": ["q1@far.test", "q2@far.test"]})
    status, answer = gun.send({"to": ["q3@far.test", "q4@far.test"]})
    assert status == 429 and answer["message"].startswith(
        "Domain example.test is not allowed to send: recipient limit exceeded, try again after ")
    told = gun.node("messages.create", "example.test", {**SIMPLE, "to": ["q3@far.test",
                                                                         "q4@far.test"]})
    assert told["status"] == 429 and "limit exceeded" in told["details"], told
    gun.sent({"to": "q5@far.test"})


# --- beside a letter

def given(to, *more):
    return [("to", to), ("message", LETTER, "m", "message/rfc822"), ("h:X-Own", "größe"),
            ("h:X-New", "n"), ("h:Reply-To", "R <new@example.test>"), ("v:a", "1"), *more]


@pytest.mark.parametrize("more, text", [
    ([], "Hi %recipient.n%"),
    ([("recipient-variables", '{"beside1@far.test": {"n": "Ann"}}')], "Hi Ann")])
def test_fields_beside_a_letter(gun, more, text):
    to = f"beside{len(more)}@far.test"
    gun.ask("POST", MESSAGES + ".mime", given(to, *more))
    letter = came(gun, to)
    assert letter.get_all("X-Own") == ["größe"] and letter["X-New"] == "n"
    assert letter.get_all("Reply-To") == ["R <new@example.test>"] and letter["X-Kept"] == "yes"
    assert letter.get_all("From") == ["shop@example.test"]
    assert json.loads(letter["X-Mailgun-Variables"]) == {"a": "1"}
    assert {kind: body.strip() for kind, body in texts(letter).items()} == {"plain": text}


def test_a_template_beside_a_letter(gun):
    gun.ask("POST", TEMPLATES, {"name": "beside", "template": "<p>{{a}}</p>", "tag": "v1"})
    gun.ask("POST", MESSAGES + ".mime", given("bt@far.test", ("template", "beside")))
    letter = came(gun, "bt@far.test")
    assert texts(letter)["html"] == "<p>1</p>" and letter["X-Own"] == "größe"
    gun.ask("POST", MESSAGES + ".mime", given("bl@far.test", ("o:deliverytime", later(1))))
    assert "bl@far.test" in {row["recipient"] for row in gun.queue()}
    gun.ask("POST", MESSAGES + ".mime", given("bn@far.test", ("o:testmode", "yes")))
    assert "bn@far.test" not in {row["recipient"] for row in gun.queue()}


@pytest.mark.parametrize("fields, words", [
    ([("message", LETTER)], "to parameter is missing"),
    ([("to", "x@far.test")], "message parameter is missing"),
    ([("to", "x"), ("message", LETTER)], "to parameter is not a valid address"),
    ([("to", "x@far.test"), ("message", b"a\rb\r\n\r\n")], "not a MIME letter"),
    ([("to", "x@far.test"), ("message", b"From: a@example.test\r\nno field\r\n\r\nx")], "no field"),
    ([("to", "x@far.test"), ("message", b"From: a@example.test\r\nX-Mailgun-Variables: {\r\n\r\n")],
     "not a valid JSON"),
    ([("to", "x@far.test"), ("message", b"From: a@example.test\r\n\r\n"), ("o:tag", b"\xff")],
     "'o:tag' parameter is not valid UTF-8"),
])
def test_letters_that_are_none(gun, fields, words):
    answer = gun.ask("POST", MESSAGES + ".mime", fields, 400)
    assert words in answer["message"] and "x@far.test" not in gun.letters()


# --- by SMTP

def nodemailer(gun, *letters, user="postmaster@example.test"):
    said = subprocess.run([NODE / "node_modules/node/bin/node", NODE / "smtp.js",
                           gun.office.address, str(587 + OFFSET), user, gun.key],
                          input=json.dumps(letters), capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


def letter(to, text="Hi", **fields):
    return {"from": "shop@example.test", "to": to, "subject": "by smtp", "text": text,
            "headers": [{"key": "X-Mailgun-" + name.replace("_", "-"), "value": value}
                        for name, values in fields.items()
                        for value in (values if isinstance(values, list) else [values])]}


def test_every_option_stays_here(gun):
    said, = nodemailer(gun, letter(
        "opt@far.test", Tag=["one", "two"], Dkim="yes", Track="yes", Track_Clicks="htmlonly",
        Track_Opens="no", Require_TLS="no", Skip_Verification="yes", Sending_Ip="192.0.2.1",
        Sending_Ip_Pool="p", Variables=['{"a": 1}', '{"b": 2}'], Suppress_Headers="all",
        Time_Zone_Localize="02:04PM", Deliver_Within="24h", Whatever="x"))
    assert said["response"].startswith("250 "), said
    got = came(gun, "opt@far.test")
    assert not [name for name in got.keys() if name.lower().startswith("x-mailgun-")]
    assert texts(got) == {"plain": "Hi"}


@pytest.mark.parametrize("field", ["Deliver_By", "Delivery_Time"])
def test_later_by_smtp(gun, field):
    to = f"{field.lower()}@far.test"
    said, = nodemailer(gun, letter(to, **{field: later(2)}))
    assert said["response"].startswith("250 "), said
    assert [row["attempts"] for row in gun.queue() if row["recipient"] == to] == [0]
    gun.office.run("queue", "retry", "--to", to)
    assert came(gun, to)["X-Mailgun-" + field.replace("_", "-")] is None


def test_templates_by_smtp(gun):
    gun.ask("POST", TEMPLATES, {"name": "smtp", "template": "<p>{{a}} {{b}}</p>", "tag": "v1"})
    said, = nodemailer(gun, letter("st@far.test", Template_Name="smtp", Variables='{"a": "v"}',
                                   Template_Variables='{"b": "ü"}'))
    assert said["response"].startswith("250 "), said
    assert texts(came(gun, "st@far.test"))["html"].strip() == "<p>v ü</p>"


def test_mistakes_by_smtp(gun):
    gun.office.rest()
    events = len(gun.events())
    said = nodemailer(gun, letter("se@far.test", Variables="{"),
                      letter("se@far.test", Recipient_Variables="[]"),
                      letter("se@far.test", Deliver_By="soon"),
                      letter("se@far.test", Template_Name="none"),
                      {**letter("se@far.test"), "from": "a@elsewhere.test"})
    assert [one["code"] for one in said] == [550] * 4 + [553], said
    for one, words in zip(said, ("not a valid JSON", "not a valid JSON", "RFC-2822", "not found",
                                 "do not own this sender")):
        assert words in one["error"], one
    assert len(gun.events()) == events
    said, = nodemailer(gun, letter("se@far.test"), user="postmaster@elsewhere.test")
    assert said["code"] == 535, said


def container(to, variables, inner):
    """multipart/mailgun-variables: the letter in it is the letter."""
    return {"envelope": {"from": "shop@example.test", "to": to}, "raw": "\r\n".join([
        "From: outer@example.test", "Subject: outer", "X-Mailgun-Tag: t", "MIME-Version: 1.0",
        "Content-Type: multipart/mailgun-variables; boundary=b", "", "--b",
        "Content-Type: application/json", "Content-Transfer-Encoding: base64", "",
        base64.b64encode(variables.encode()).decode(), "--b", "Content-Type: message/rfc822", "",
        *inner, "--b--", ""])}


def test_variables_in_a_container(gun):
    gun.ask("POST", TEMPLATES, {"name": "held", "template": "<p>{{a}}</p>", "tag": "v1"})
    inner = ["From: shop@example.test", "Subject: inner", "X-Mailgun-Tag: u"]
    said = nodemailer(
        gun, container("c1@far.test", '{"a": "ü"}', [*inner, "", "text"]),
        container("c2@far.test", '{"a": "ü"}', [*inner, "X-Mailgun-Template-Name: held", "", "t"]),
        container("c3@far.test", "{", [*inner, "", "text"]),
        container("c3@far.test", "{}", []),
        container("c3@far.test", "{}", ["From: a@elsewhere.test", "", "text"]))
    assert ["response" in one for one in said] == [True, True, False, False, False], said
    letter = came(gun, "c1@far.test")
    assert letter["Subject"] == "inner" and letter["From"] == "shop@example.test"
    assert {kind: text.strip() for kind, text in texts(letter).items()} == {"plain": "text"}
    assert letter["X-Mailgun-Tag"] is None
    assert texts(came(gun, "c2@far.test"))["html"].strip() == "<p>ü</p>"
    assert not [event for event in gun.events() if event.get("to") == "c3@far.test"]


# --- domains

def test_domains_are_found_and_sorted(gun):
    for name in ("alpha.test", "beta.test"):
        gun.office.run("domain", "add", name)

    def names(query=""):
        answer = gun.ask("GET", "/v4/domains" + query)
        return [one["name"] for one in answer["items"]], answer["total_count"]
    assert names() == (["beta.test", "alpha.test", "example.test"], 3)
    assert names("?sort=name") == (["alpha.test", "beta.test", "example.test"], 3)
    assert names("?sort=name:desc&limit=2") == (["example.test", "beta.test"], 3)
    assert names("?sort=name:asc&skip=1&limit=1") == (["beta.test"], 3)
    assert names("?search=BETA") == (["beta.test"], 1) and names("?search=none") == ([], 0)
    assert names("?state=active")[1] == 3 and names("?state=disabled") == ([], 0)
    assert names("?skip=3") == ([], 3)
    for query in ("limit=x", "limit=1001", "skip=-1", "sort=age", "state=new"):
        assert query.split("=")[0] in gun.ask("GET", "/v4/domains?" + query, status=400)["message"]
