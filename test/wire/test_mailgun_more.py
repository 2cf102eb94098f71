"""Mailgun beside sending: templates and versions, its specification, and django-anymail."""
import json
import pathlib
import subprocess
import sys
import textwrap
import urllib.parse

import jsonschema
import pytest
from conftest import own_address
from mailgun import Mailgun
from office import PATIENCE, ROOT, until
from sendgrid import texts

TEMPLATES = "/v3/example.test/templates"
VALUES = {  # for what the specification describes in words alone
    "from": "shop@example.test", "to": "spec@far.test", "cc": "speccc@far.test",
    "bcc": "specbcc@far.test", "subject": "s", "text": "t", "html": "<p>h</p>", "amp-html": "",
    "t:version": "", "t:variables": "{}", "o:tag": "a", "o:deliver-within": "24h",
    "o:deliverytime": "Thu, 26 Nov 2026 10:00:00 +0000", "o:deliverytime-optimize-period": "24h",
    "o:time-zone-localize": "02:04PM", "o:secondary-dkim": "example.test/s",
    "o:secondary-dkim-public": "example.test/s", "o:sending-ip": "192.0.2.1",
    "o:sending-ip-pool": "pool", "o:archive-to": "https://example.test/",
    "o:suppress-headers": "X-A", "h:X-My-Header": "v", "v:my-var": "v",
    "recipient-variables": '{"spec@far.test": {"a": 1}}', "template": "<p>{{a}}</p>",
    "message": "From: shop@example.test\r\nSubject: m\r\n\r\nm\r\n", "headers": '{"Subject": "x"}',
    "engine": "handlebars", "createdBy": "me", "description": "d", "comment": "c"}


@pytest.fixture(scope="module")
def gun(make_office):
    return Mailgun(make_office, own_address())


# --- templates

def test_templates_and_versions(gun):
    made = gun.ask("POST", TEMPLATES, {"name": "Life", "description": "one"})
    assert made["template"]["name"] == "life" and made["message"] == "template has been stored"
    assert gun.ask("POST", TEMPLATES, {"name": "life"}, 409)["message"] == "template already exists"
    gun.ask("POST", TEMPLATES + "/life/versions", {"template": "<p>{{a}}</p>", "tag": "v1"})
    gun.ask("POST", TEMPLATES + "/life/versions", {"template": "<b>{{a}}</b>", "tag": "v2",
                                                   "active": "yes"})
    gun.ask("PUT", TEMPLATES + "/life", {"description": "two"})
    one = gun.ask("GET", TEMPLATES + "/life?active=yes")["template"]
    assert one["description"] == "two" and one["version"]["tag"] == "v2"
    assert one["version"]["template"] == "<b>{{a}}</b>"
    gun.ask("PUT", TEMPLATES + "/life/versions/v1", {"comment": "c", "active": "yes"})
    versions = gun.ask("GET", TEMPLATES + "/life/versions")["template"]["versions"]
    assert {(v["tag"], v["active"]) for v in versions} == {("v1", True), ("v2", False)}
    gun.ask("PUT", TEMPLATES + "/life/versions/v1/copy/v3")
    assert gun.ask("GET", TEMPLATES + "/life/versions/v3")["template"]["version"]["template"] == (
        "<p>{{a}}</p>")
    gun.ask("DELETE", TEMPLATES + "/life/versions/v3")
    gun.ask("DELETE", TEMPLATES + "/life")
    assert gun.ask("GET", TEMPLATES + "/life", status=404)["message"] == "template not found"


def test_pages_of_templates(gun):
    for name in "abcde":
        gun.ask("POST", TEMPLATES, {"name": f"page-{name}"})
    found, path = [], TEMPLATES + "?limit=2"
    while True:
        answer = gun.ask("GET", path)
        if not answer["items"]:
            break
        found += [one["name"] for one in answer["items"]]
        url = urllib.parse.urlsplit(answer["paging"]["next"])
        path = f"{url.path}?{url.query}"
    assert found == sorted(found) and {f"page-{name}" for name in "abcde"} <= set(found)
    for name in "abcde":
        gun.ask("DELETE", TEMPLATES + f"/page-{name}")


@pytest.mark.parametrize("fields, words", [
    ({"name": ""}, "name"), ({"name": "x" * 300}, "name"),
    ({"name": "bad", "template": "x", "headers": "{"}, "headers"),
])
def test_bad_templates(gun, fields, words):
    assert words in gun.ask("POST", TEMPLATES, fields, 400)["message"]
    assert gun.call("GET", TEMPLATES + "/bad")[0] == 404


def test_a_template_that_is_none(gun):
    gun.ask("POST", TEMPLATES, {"name": "broken", "template": "{{#if}}", "tag": "v"})
    waits = len(gun.queue())
    status, answer = gun.send({"template": "broken", "text": None, "to": "broken@far.test"})
    assert status == 400 and "html" in answer["message"], answer
    assert len(gun.queue()) == waits


def test_templates_of_others_are_not_there(gun):
    gun.office.run("domain", "add", "second.test")
    gun.ask("POST", TEMPLATES, {"name": "mine", "template": "t", "tag": "v"})
    assert gun.call("GET", "/v3/second.test/templates/mine")[0] == 404
    narrow = gun.new_key("--domain", "second.test")
    assert gun.call("GET", TEMPLATES + "/mine", key=narrow)[0] == 404
    assert gun.send(key=narrow)[0] == 404


# --- the specification

def resolved(whole, value):
    while isinstance(value, dict) and "$ref" in value:
        found = whole
        for name in value["$ref"].split("/")[1:]:
            found = found[name]
        value = found
    return value


def form_of(whole, operation):
    """Forms with every field the specification names, one for each of a field's allowed values."""
    body = resolved(whole, operation.get("requestBody") or {})
    for content in body.get("content", {}).values():
        schema = resolved(whole, content["schema"])
        plain = {}
        for name, field in schema["properties"].items():
            field = resolved(whole, field)
            values = field.get("enum") or [VALUES.get(name, "x")]
            plain[name] = values[0]
        for change in [{}] + [{name: value} for name, field in schema["properties"].items()
                              for value in resolved(whole, field).get("enum", [])[1:]]:
            yield {**plain, **change}


def test_every_field_of_the_specification(gun):
    whole = json.loads((pathlib.Path(ROOT) / "test/data/mailgun/openapi.json").read_text())
    worked, counted, every = set(), 0, set()
    for route, methods in whole["paths"].items():
        for method, operation in methods.items():
            if method not in ("get", "post", "put", "delete"):
                continue
            every.add((method, route))
            forms = list(form_of(whole, operation)) or [None]
            for number, form in enumerate(forms):
                tag = f"s{counted}"
                gun.call("DELETE", TEMPLATES)
                gun.ask("POST", TEMPLATES, {"name": "spec", "template": "<p/>", "tag": "one"})
                path = route.format(domain_name="example.test", name="example.test",
                                    template_name="spec", version_name="one",
                                    new_version_name=tag)
                if form and "messages" in route:
                    form.pop("attachment", None), form.pop("inline", None)
                    if form.get("template"):  # it goes without html
                        form["template"] = "spec" if number % 2 else ""
                        form["html"] = "" if number % 2 else form.get("html", "")
                elif form:
                    form.update({"name": tag} if "name" in form else {})
                    form.update({"tag": tag} if "tag" in form else {})
                status, answer = (gun.form(method.upper(), path, form) if form
                                  else gun.call(method.upper(), path))
                counted += 1
                assert status < 500 and str(status) in operation["responses"], (
                    method, path, status, answer, form)
                if status == 200:
                    worked.add((method, route))
                response = resolved(whole, operation["responses"][str(status)])
                for content in response["content"].values():
                    schema = {**resolved(whole, content["schema"]),
                              "components": whole["components"]}
                    jsonschema.Draft202012Validator(schema).validate(answer)
    assert counted > 25 and worked == every, every - worked


# --- curl

def test_curl(gun, tmp_path):
    data = bytes(range(256)) * 3
    for name in ("cartman.jpg", "cartman.png"):
        (tmp_path / name).write_bytes(data)
    said = subprocess.run([
        "curl", "-s", "--user", f"api:{gun.key}", f"{gun.base}/v3/example.test/messages",
        "-F", "from=Excited User <mailgun@example.test>", "-F", "to=cu1@far.test",
        "-F", "to=cu2@far.test", "-F", "cc=cu3@far.test", "-F", "subject=Hello",
        "-F", "text=Testing some Mailgun awesomness!", "--form-string",
        'html=<html>Inline image: <img src="cid:cartman.jpg"></html>',
        "-F", f"inline=@{tmp_path}/cartman.jpg", "-F", f"attachment=@{tmp_path}/cartman.png",
        "-F", "o:tag=September newsletter", "-F", "o:tracking=yes",
        "-F", "h:X-My-Header=my-value", "-F", 'v:my-var={"my_message_id": 123}'],
        capture_output=True, check=True)
    answer = json.loads(said.stdout)
    assert answer["message"] == "Queued. Thank you."
    until(lambda: {"cu1@far.test", "cu2@far.test", "cu3@far.test"} <= set(gun.letters()))
    letter = gun.letters()["cu2@far.test"]
    assert letter["Message-ID"] == answer["id"] and letter["To"] == "cu1@far.test, cu2@far.test"
    assert letter["X-My-Header"] == "my-value"
    assert json.loads(letter["X-Mailgun-Variables"]) == {"my-var": '{"my_message_id": 123}'}
    images = {part.get_content_type(): part for part in letter.walk()
              if part.get_content_maintype() == "image"}
    assert images["image/jpeg"]["Content-ID"] == "<cartman.jpg>"
    assert [part.get_content() for part in images.values()] == [data, data]


# --- django-anymail

def anymail(gun, code):
    settings = {"MAILGUN_API_KEY": gun.key, "MAILGUN_API_URL": gun.base + "/v3",
                "MAILGUN_SENDER_DOMAIN": "example.test"}
    script = textwrap.dedent(f"""
        import json, datetime
        from django.conf import settings
        settings.configure(EMAIL_BACKEND="anymail.backends.mailgun.EmailBackend",
                           ANYMAIL={settings!r}, USE_TZ=True)
        import django
        django.setup()
        from anymail.exceptions import AnymailAPIError
        from anymail.message import AnymailMessage
        """) + textwrap.dedent(code)
    result = subprocess.run([sys.executable, "-W", "ignore", "-c", script], text=True,
                            capture_output=True, timeout=PATIENCE)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_anymail(gun):
    told = anymail(gun, """
        m = AnymailMessage("Grüße", "Text", '"Shop, Inc." <shop@example.test>',
                           ['"Any, One" <an1@far.test>'], cc=["an2@far.test"],
                           reply_to=["r@example.test"], headers={"X-Own": "7"})
        m.attach_alternative("<p>Html</p>", "text/html")
        m.attach("data.bin", bytes(range(256)), "application/octet-stream")
        m.metadata, m.tags, m.track_clicks = {"order": 7}, ["one", "two"], True
        m.send()
        first = m.anymail_status.message_id
        m = AnymailMessage("Hi %recipient.name%", "%recipient.name%", "shop@example.test",
                           ["an3@far.test", "an4@far.test"])
        m.merge_data = {"an3@far.test": {"name": "Ann"}, "an4@far.test": {"name": "Ben"}}
        m.send()
        m = AnymailMessage("s", "t", "shop@example.test", ["an5@far.test"])
        m.send_at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=2)
        m.send()
        try:
            AnymailMessage("s", "t", "x@elsewhere.test", ["an6@far.test"]).send()
            error = None
        except AnymailAPIError as told:
            error = told.status_code
        print(json.dumps([first, error]))
    """)
    until(lambda: {f"an{i}@far.test" for i in range(1, 5)} <= set(gun.letters()))
    letter = gun.letters()["an1@far.test"]
    assert told == [letter["Message-ID"], 403]
    assert letter["From"].addresses[0].display_name == "Shop, Inc." and letter["X-Own"] == "7"
    assert [a.get_content() for a in letter.iter_attachments()] == [bytes(range(256))]
    assert texts(letter) == {"plain": "Text", "html": "<p>Html</p>"}
    assert gun.letters()["an4@far.test"]["Subject"] == "Hi Ben"
    assert "an5@far.test" in {row["recipient"] for row in gun.queue()}


def test_anymail_templates_and_errors(gun):
    gun.ask("POST", TEMPLATES, {"name": "any", "template": "<p>{{name}} of {{shop}}</p>",
                                "tag": "v", "headers": '{"Subject": "Dear {{name}}"}'})
    told = anymail(gun, """
        m = AnymailMessage(None, "", "shop@example.test", ["at1@far.test", "at2@far.test"])
        m.template_id = "any"
        m.merge_data = {"at1@far.test": {"name": "Ann"}, "at2@far.test": {"name": "Ben"}}
        m.merge_global_data = {"shop": "Acme"}
        m.send()
        errors = []
        for key, to, template in (("wrong", "at3@far.test", None), (None, "at3@far.test", "none"),
                                  (None, ["at%d@far.test" % i for i in range(1001)], None)):
            from django.core.mail import get_connection
            m = AnymailMessage("s", "t", "shop@example.test", to if type(to) is list else [to],
                               connection=get_connection(**({"api_key": key} if key else {})))
            if template:
                m.template_id, m.body = template, ""
            try:
                m.send()
                errors.append(None)
            except AnymailAPIError as told:
                errors.append(told.status_code)
        print(json.dumps(errors))
    """)
    assert told == [401, 400, 400]
    until(lambda: {"at1@far.test", "at2@far.test"} <= set(gun.letters()))
    for to, name in (("at1@far.test", "Ann"), ("at2@far.test", "Ben")):
        assert gun.letters()[to]["Subject"] == f"Dear {name}"
        assert texts(gun.letters()[to])["html"] == f"<p>{name} of Acme</p>"
    assert "at3@far.test" not in gun.letters()
