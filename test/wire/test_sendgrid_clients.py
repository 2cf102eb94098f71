"""SendGrid's own clients and django-anymail, unmodified, pointed here."""
import base64
import json
import subprocess
import sys
import textwrap
import time

import pytest
from conftest import own_address
from office import PATIENCE, until
from sendgrid import SendGrid, parse, texts

FILE = bytes(range(256)) * 500


@pytest.fixture(scope="module")
def grid(make_office):
    return SendGrid(make_office, own_address())


def accepted(answer):
    assert answer["status"] == 202 and answer["body"] == "", answer
    return answer["headers"]["x-message-id"]


# --- @sendgrid/mail

def test_a_simple_letter(grid):
    message = accepted(grid.node("mail", {
        "to": "Bob <bob@example.test>", "from": "Shop <shop@example.test>", "cc": "c1@far.test",
        "subject": "hällo", "text": "Grüße", "html": "<p>Grüße</p>"}))
    until(lambda: "c1@far.test" in grid.letters())
    letter = parse(grid.bob.letters()[-1])
    assert letter["To"] == "Bob <bob@example.test>" and letter["Subject"] == "hällo"
    assert texts(letter) == {"plain": "Grüße", "html": "<p>Grüße</p>"}
    assert message in {event["letter"] for event in grid.events("delivered")}


def test_an_attachment(grid):
    accepted(grid.node("mail", {
        "to": "at@far.test", "from": "shop@example.test", "subject": "s", "text": "t",
        "attachments": [{"content": base64.b64encode(FILE).decode(), "filename": "b.pdf",
                         "type": "application/pdf", "disposition": "attachment",
                         "contentId": "mytext"}]}))
    letter = until(lambda: grid.letters().get("at@far.test"))
    attached, = letter.iter_attachments()
    assert attached.get_content() == FILE and attached.get_filename() == "b.pdf"
    assert attached.get_content_type() == "application/pdf"


def test_a_dynamic_template(grid):
    template = grid.template(subject="{{greeting}}", html_content="<p>{{name.first}}</p>")
    accepted(grid.node("mail", {
        "to": "tp@far.test", "from": "shop@example.test", "templateId": template,
        "dynamicTemplateData": {"greeting": "Hi & bye", "name": {"first": "<Ann>"}}}))
    letter = until(lambda: grid.letters().get("tp@far.test"))
    assert letter["Subject"] == "Hi & bye"
    assert texts(letter) == {"plain": "<Ann>", "html": "<p>&lt;Ann&gt;</p>"}


def test_a_personalised_batch(grid):
    accepted(grid.node("mail", {
        "from": "shop@example.test", "subject": "Hello {{name}}", "text": "Dear {{name}}!",
        "substitutionWrappers": ["{{", "}}"], "isMultiple": True,
        "personalizations": [{"to": f"sdk{n}@far.test", "substitutions": {"name": f"N{n}"},
                              "customArgs": {"n": str(n)}} for n in range(20)]}))
    until(lambda: sum(name.startswith("sdk") for name in grid.letters()) == 20)
    for n in range(20):
        letter = grid.letters()[f"sdk{n}@far.test"]
        assert letter["Subject"] == f"Hello N{n}" and texts(letter) == {"plain": f"Dear N{n}!"}
        assert letter["To"] == f"sdk{n}@far.test"


def test_many_recipients_one_by_one(grid):
    accepted(grid.node("many", {"to": ["mu1@far.test", "mu2@far.test"], "subject": "s",
                                "from": "shop@example.test", "text": "t"}))
    until(lambda: {"mu1@far.test", "mu2@far.test"} <= set(grid.letters()))
    assert grid.letters()["mu2@far.test"]["To"] == "mu2@far.test"


def test_a_letter_for_later_is_cancelled(grid):
    batch = grid.node("client", {"method": "POST", "url": "/v3/mail/batch"})["body"]["batch_id"]
    message = accepted(grid.node("mail", {
        "to": "later@far.test", "from": "shop@example.test", "subject": "s", "text": "t",
        "sendAt": int(time.time()) + 3600, "batchId": batch}))
    row, = grid.queue("--id", message)
    assert row["attempts"] == 0 and row["recipient"] == "later@far.test"
    answer = grid.node("client", {"method": "POST", "url": "/v3/user/scheduled_sends",
                                  "body": {"batch_id": batch, "status": "cancel"}})
    assert answer["status"] == 201 and grid.queue("--id", message) == []


def test_the_sandbox(grid):
    answer = grid.node("mail", {"to": "bob@example.test", "from": "shop@example.test",
                                "subject": "s", "text": "t",
                                "mailSettings": {"sandboxMode": {"enable": True}}})
    assert answer["status"] == 200


@pytest.mark.parametrize("change, status, field", [
    ({"to": "nobody"}, 400, "personalizations.0.to.0.email"),
    ({"from": "x@elsewhere.test"}, 403, "from"),
    ({"templateId": "d-none"}, 400, "template_id"),
    ({"sendAt": 1 << 33}, 400, "send_at"),
    ({"to": [f"n{n}@far.test" for n in range(1001)]}, 400, "personalizations.0.to"),
    ({"attachments": [{"content": "%", "filename": "x"}]}, 400, "attachments.0.content"),
])
def test_errors(grid, change, status, field):
    answer = grid.node("mail", {"to": "bob@example.test", "from": "shop@example.test",
                                "subject": "s", "text": "t", **change})
    assert answer["status"] == status, answer
    assert answer["body"]["errors"][0]["field"] == field
    answer = grid.node("mail", {"to": "bob@example.test", "from": "shop@example.test",
                                "subject": "s", "text": "t"}, key="SG.no.no")
    assert answer["status"] == 401 and "authorization grant" in answer["body"]["errors"][0]["message"]


def test_templates_and_keys_by_the_client(grid):
    made = grid.node("client", {"method": "POST", "url": "/v3/templates",
                                "body": {"name": "sdk", "generation": "dynamic"}})
    assert made["status"] == 201
    answer = grid.node("client", {"method": "GET", "url": "/v3/templates",
                                  "qs": {"generations": "dynamic", "page_size": 18}})
    assert made["body"]["id"] in {one["id"] for one in answer["body"]["result"]}
    answer = grid.node("client", {"method": "GET", "url": "/v3/scopes"})
    assert "mail.send" in answer["body"]["scopes"]
    answer = grid.node("client", {"method": "POST", "url": "/v3/api_keys",
                                  "body": {"name": "sdk", "scopes": ["mail.send"]}})
    assert grid.node("client", {"method": "GET", "url": "/v3/scopes"},
                     key=answer["body"]["api_key"])["body"] == {"scopes": ["mail.send"]}


# --- django-anymail

def anymail(grid, code):
    """Runs code with Django set up; its prints as JSON."""
    settings = {"SENDGRID_API_KEY": grid.key, "SENDGRID_API_URL": grid.base + "/v3/",
                "SENDGRID_MERGE_FIELD_FORMAT": "-{}-"}
    script = textwrap.dedent(f"""
        import json, datetime
        from django.conf import settings
        settings.configure(EMAIL_BACKEND="anymail.backends.sendgrid.EmailBackend",
                           ANYMAIL={settings!r}, USE_TZ=True)
        import django
        django.setup()
        from django.core.mail import EmailMultiAlternatives
        from anymail.exceptions import AnymailAPIError
        from anymail.message import AnymailMessage
        """) + textwrap.dedent(code)
    result = subprocess.run([sys.executable, "-W", "ignore", "-c", script], text=True,
                            capture_output=True, timeout=PATIENCE)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_anymail_sends_all_that_it_can(grid):
    told = anymail(grid, """
        m = AnymailMessage("Grüße", "Text", '"Shop, Inc." <shop@example.test>',
                           ['"Any, One" <any1@far.test>'], cc=["any2@far.test"],
                           reply_to=["r@example.test"], headers={"X-Own": "7"})
        m.attach_alternative("<p>Html</p>", "text/html")
        m.attach("data.bin", bytes(range(256)), "application/octet-stream")
        m.metadata = {"order": 7}
        m.tags = ["one", "two"]
        m.track_clicks = True
        m.send()
        print(json.dumps({k: v.status for k, v in m.anymail_status.recipients.items()}))
    """)
    assert told == {"any1@far.test": "queued", "any2@far.test": "queued"}
    letter = until(lambda: grid.letters().get("any1@far.test") or grid.letters().get("any2@far.test"))
    assert letter["Subject"] == "Grüße" and letter["From"].addresses[0].display_name == "Shop, Inc."
    assert letter["To"].addresses[0].display_name == "Any, One" and letter["X-Own"] == "7"
    assert letter["Cc"] == "any2@far.test" and letter["Reply-To"] == "r@example.test"
    assert texts(letter) == {"plain": "Text", "html": "<p>Html</p>"}
    attached, = letter.iter_attachments()
    assert attached.get_content() == bytes(range(256)) and attached.get_filename() == "data.bin"


def test_anymail_merges(grid):
    template = grid.template(subject="Hi {{name}}", html_content="<p>{{name}} of {{shop}}</p>")
    anymail(grid, f"""
        m = AnymailMessage(from_email="shop@example.test", to=["mg1@far.test", "mg2@far.test"])
        m.template_id = {template!r}
        m.merge_data = {{"mg1@far.test": {{"name": "Ann"}}, "mg2@far.test": {{"name": "Ben"}}}}
        m.merge_global_data = {{"shop": "Acme"}}
        m.merge_metadata = {{"mg1@far.test": {{"id": 1}}}}
        m.send()
        m = AnymailMessage("Hi -name-", "-name- of -shop-", from_email="shop@example.test",
                           to=["mg3@far.test", "mg4@far.test"])
        m.merge_data = {{"mg3@far.test": {{"name": "Cyd"}}, "mg4@far.test": {{"name": "Dan"}}}}
        m.merge_global_data = {{"shop": "Acme"}}
        m.send()
        print("null")
    """)
    until(lambda: sum(name.startswith("mg") for name in grid.letters()) == 4)
    letters = grid.letters()
    assert letters["mg1@far.test"]["Subject"] == "Hi Ann"
    assert texts(letters["mg2@far.test"])["html"] == "<p>Ben of Acme</p>"
    assert letters["mg4@far.test"]["Subject"] == "Hi Dan"
    assert texts(letters["mg3@far.test"]) == {"plain": "Cyd of Acme"}


def test_anymail_schedules_and_is_told_errors(grid):
    grid.office.rest()
    before = len(grid.queue())
    told = anymail(grid, """
        m = AnymailMessage("s", "t", "shop@example.test", ["at1@far.test"])
        m.send_at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=2)
        m.send()
        told = []
        for sender, to in (("x@elsewhere.test", "at1@far.test"), ("shop@example.test", "a@b@c")):
            try:
                AnymailMessage("s", "t", sender, [to]).send()
                told.append(None)
            except AnymailAPIError as error:
                told.append([error.status_code, str(error)])
            except Exception as error:
                told.append([0, str(error)])
        print(json.dumps(told))
    """)
    assert told[0][0] == 403 and "verified Sender Identity" in told[0][1] and told[1]
    assert len(grid.queue()) == before + 1
