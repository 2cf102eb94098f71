"""Amazon's own clients for JavaScript, nodemailer, the aws command and django-anymail, unmodified,
and SMTP with passwords as SES derives them."""
import base64
import hashlib
import hmac
import json
import os
import pathlib
import smtplib
import subprocess
import sys
import textwrap

import pytest

from office import OFFSET, PATIENCE, ROOT, unverified, until
from ses import REGION, Ses, parse

FILE = bytes(range(256)) * 500
NODE = pathlib.Path(ROOT) / "test" / "node"


@pytest.fixture(scope="module")
def ses(make_office):
    return Ses(make_office)


@pytest.fixture
def fresh(make_office):
    return Ses(make_office)


def node(ses, kind, operation, given=None, key=None):
    """One call of a client: its answer, or {"error": …}."""
    key = key or ses.key
    base = f"{ses.office.address}:{587 + OFFSET}" if kind == "smtp" else ses.url
    secret = password(key) if kind == "smtp" else key["secret"]
    result = subprocess.run(
        [str(NODE / "node_modules/node/bin/node"), str(NODE / "ses.js"), kind, base, key["id"],
         secret, operation], input=json.dumps(given), text=True, capture_output=True,
        timeout=PATIENCE)
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    return answer.get("output", answer)


def refused(answer):
    return answer["error"]["name"], answer["error"]["status"]


def password(key, region=REGION):
    """What Amazon's documentation derives of the secret."""
    sum = ("AWS4" + key["secret"]).encode()
    for part in ("11111111", region, "ses", "aws4_request", "SendRawEmail"):
        sum = hmac.new(sum, part.encode(), hashlib.sha256).digest()
    return base64.b64encode(b"\x04" + sum).decode()


def newest(ses, address):
    return parse(until(lambda: [one.data for one in ses.sink.letters
                                if address in one.recipients])[-1])


def data_of(content):
    return {"$base64": base64.b64encode(content).decode()}


# --- @aws-sdk/client-sesv2

def test_v2_simple_with_attachment_and_fields(ses):
    answer = node(ses, "sesv2", "SendEmail", {
        "FromEmailAddress": "Shop <shop@example.test>",
        "Destination": {"ToAddresses": ["v2@far.test"]},
        "Content": {"Simple": {
            "Subject": {"Data": "Grüße"}, "Headers": [{"Name": "X-Order", "Value": "7"}],
            "Body": {"Text": {"Data": "hällo"}, "Html": {"Data": "<img src='cid:p1'>"}},
            "Attachments": [
                {"FileName": "b.pdf", "RawContent": data_of(FILE), "ContentType": "application/pdf"},
                {"FileName": "p.png", "RawContent": data_of(FILE[:99]), "ContentId": "p1",
                 "ContentType": "image/png", "ContentDisposition": "INLINE"}]}}})
    letter = newest(ses, "v2@far.test")
    assert letter["Message-ID"] == f"<{answer['MessageId']}@example.test>"
    assert letter["Subject"] == "Grüße" and letter["X-Order"] == "7"
    parts = {part.get_filename(): part for part in letter.walk() if part.get_filename()}
    assert parts["b.pdf"].get_content() == FILE and parts["p.png"].get_content() == FILE[:99]
    assert parts["p.png"]["Content-ID"] == "<p1>"
    assert parts["p.png"].get_content_disposition() == "inline"
    assert letter.get_body(("plain",)).get_content().strip() == "hällo"


def test_v2_templates_and_a_batch(ses):
    content = {"Subject": "{{name}}", "Text": "Dear {{name}} of {{shop}}"}
    assert "error" not in node(ses, "sesv2", "CreateEmailTemplate",
                               {"TemplateName": "js", "TemplateContent": content})
    assert refused(node(ses, "sesv2", "CreateEmailTemplate",
                        {"TemplateName": "js", "TemplateContent": content})) == (
        "AlreadyExistsException", 400)
    assert node(ses, "sesv2", "GetEmailTemplate", {"TemplateName": "js"})[
        "TemplateContent"] == content
    node(ses, "sesv2", "SendEmail", {
        "FromEmailAddress": "shop@example.test", "Destination": {"ToAddresses": ["tp@far.test"]},
        "Content": {"Template": {"TemplateName": "js", "TemplateData": json.dumps(
            {"name": "Ann", "shop": "Acme"})}}})
    assert newest(ses, "tp@far.test").get_content().strip() == "Dear Ann of Acme"
    answer = node(ses, "sesv2", "SendBulkEmail", {
        "FromEmailAddress": "shop@example.test",
        "DefaultContent": {"Template": {"TemplateName": "js", "TemplateData": '{"shop": "Acme"}'}},
        "BulkEmailEntries": [
            {"Destination": {"ToAddresses": [f"js{n}@far.test"]},
             "ReplacementHeaders": [{"Name": "X-Number", "Value": str(n)}],
             "ReplacementEmailContent": {"ReplacementTemplate": {
                 "ReplacementTemplateData": json.dumps({"name": f"N{n}"})}}} for n in range(20)]})
    assert [one["Status"] for one in answer["BulkEmailEntryResults"]] == ["SUCCESS"] * 20
    for n in range(20):
        letter = newest(ses, f"js{n}@far.test")
        assert letter["Subject"] == f"N{n}" and letter["X-Number"] == str(n)
        assert letter.get_content().strip() == f"Dear N{n} of Acme"


def test_v2_errors_have_their_names(ses):
    letter = {"FromEmailAddress": "shop@example.test",
              "Destination": {"ToAddresses": ["bob@example.test"]},
              "Content": {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}}}
    before = len(ses.bob.letters())
    for given, error in (
            ({**letter, "FromEmailAddress": "a@foreign.test"}, ("MessageRejected", 400)),
            ({**letter, "Destination": {"ToAddresses": ["a@far.test"] * 51}},
             ("BadRequestException", 400)),
            ({**letter, "Content": {"Template": {"TemplateName": "none", "TemplateData": "{}"}}},
             ("NotFoundException", 404)),
            ({**letter, "Content": {}}, ("BadRequestException", 400))):
        answer = node(ses, "sesv2", "SendEmail", given)
        assert refused(answer) == error and answer["error"]["request"]
    assert refused(node(ses, "sesv2", "GetAccount", {},
                        key={"id": ses.key["id"], "secret": "wrong"})) == (
        "InvalidSignatureException", 403)
    assert refused(node(ses, "sesv2", "GetAccount", {}, key={"id": "AKIANOBODY", "secret": "x"})
                   ) == ("UnrecognizedClientException", 403)
    assert refused(node(ses, "sesv2", "ListContactLists", {})) == ("UnknownOperationException", 404)
    assert len(ses.bob.letters()) == before


# --- @aws-sdk/client-ses

def test_v1_sends_and_errors(ses):
    answer = node(ses, "ses", "SendEmail", {
        "Source": "shop@example.test", "Destination": {"ToAddresses": ["v1@far.test"]},
        "Message": {"Subject": {"Data": "Größe"}, "Body": {"Html": {"Data": "<p>a & b</p>"}}}})
    letter = newest(ses, "v1@far.test")
    assert letter["Subject"] == "Größe"
    assert letter["Message-ID"] == f"<{answer['MessageId']}@example.test>"
    raw = b"From: shop@example.test\r\nTo: raw@far.test\r\nSubject: raw\r\n\r\nbody\r\n"
    node(ses, "ses", "SendRawEmail", {"RawMessage": {"Data": data_of(raw)}})
    assert newest(ses, "raw@far.test")["Subject"] == "raw"
    node(ses, "ses", "CreateTemplate", {"Template": {
        "TemplateName": "js1", "SubjectPart": "Hi {{a}}", "TextPart": "x"}})
    node(ses, "ses", "SendTemplatedEmail", {
        "Source": "shop@example.test", "Destination": {"ToAddresses": ["t1@far.test"]},
        "Template": "js1", "TemplateData": '{"a": "A"}'})
    assert newest(ses, "t1@far.test")["Subject"] == "Hi A"
    answer = node(ses, "ses", "SendBulkTemplatedEmail", {
        "Source": "shop@example.test", "Template": "js1", "DefaultTemplateData": "{}",
        "Destinations": [{"Destination": {"ToAddresses": [f"b{n}@far.test"]},
                          "ReplacementTemplateData": json.dumps({"a": n})} for n in range(3)]})
    assert [one["Status"] for one in answer["Status"]] == ["Success"] * 3
    assert newest(ses, "b2@far.test")["Subject"] == "Hi 2"
    assert node(ses, "ses", "GetSendQuota", {})["SentLast24Hours"] > 0
    for operation, given, error in (
            ("GetTemplate", {"TemplateName": "none"}, "TemplateDoesNotExistException"),
            ("TestRenderTemplate", {"TemplateName": "js1", "TemplateData": "{}"},
             "MissingRenderingAttributeException"),
            ("CreateTemplate", {"Template": {"TemplateName": "js1", "SubjectPart": "x",
                                             "TextPart": "x"}}, "AlreadyExistsException"),
            ("SendEmail", {"Source": "a@foreign.test",
                           "Destination": {"ToAddresses": ["x@far.test"]},
                           "Message": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}},
             "MessageRejected"),
            ("ListReceiptRuleSets", {}, "InvalidAction")):
        assert refused(node(ses, "ses", operation, given)) == (error, 400), operation


# --- nodemailer

def test_nodemailer_by_ses(ses):
    told = node(ses, "nodemailer", "send", {
        "from": "Shop <shop@example.test>", "to": "Nö <nm@far.test>", "bcc": "nm2@far.test",
        "subject": "Grüße", "text": "hällo", "html": "<p>hällo</p>",
        "attachments": [{"filename": "d ä.bin", "content": base64.b64encode(FILE).decode(),
                         "encoding": "base64"}]})
    letter = newest(ses, "nm2@far.test")
    assert letter["Bcc"] is None and letter["Subject"] == "Grüße"
    attached, = letter.iter_attachments()
    assert attached.get_content() == FILE and attached.get_filename() == "d ä.bin"
    assert told["envelope"] == {"from": "shop@example.test", "to": ["nm@far.test", "nm2@far.test"]}
    assert node(ses, "nodemailer", "verify") is True


def test_nodemailer_by_smtp(ses):
    told = node(ses, "smtp", "send", {
        "from": "shop@example.test", "to": "ns@far.test", "subject": "s", "text": "t",
        "headers": {"X-SES-CONFIGURATION-SET": "mine"}})
    assert told["response"].startswith("250 Ok ")
    letter = newest(ses, "ns@far.test")
    assert letter["X-SES-CONFIGURATION-SET"] is None
    letter_id = told["response"].split()[-1]
    assert letter_id in {event["letter"] for event in ses.events("accepted")}
    assert node(ses, "smtp", "verify") is True


# --- SMTP

class Smtp(smtplib.SMTP):
    def __init__(self, ses, key=None, region=REGION):
        super().__init__(ses.office.address, 587 + OFFSET, timeout=PATIENCE)
        key = key or ses.key
        self.starttls(context=unverified())
        self.login(key["id"], password(key, region))

    def submit(self, sender, to, letter):
        """The reply to a letter."""
        assert self.mail(sender)[0] == 250
        for one in to:
            assert self.rcpt(one)[0] == 250
        code, text = self.data(letter)
        return code, text.decode()


def test_fields_of_ses_by_smtp(fresh):
    letter = (b"From: shop@example.test\r\nTo: bob@example.test\r\n"
              b"X-SES-CONFIGURATION-SET: mine\r\nx-ses-message-tags: a=b,\r\n c=d\r\n"
              b"X-SES-SOURCE-ARN: arn:1\r\nX-SES-FROM-ARN: arn:2\r\nX-SES-RETURN-PATH-ARN: arn:3\r\n"
              b"X-SES-LIST-MANAGEMENT-OPTIONS: list; topic=t\r\nX-Own: kept\r\n"
              b"Message-ID: <mine@id.test>\r\nSubject: s\r\n\r\nX-SES-CONFIGURATION-SET: body\r\n")
    with Smtp(fresh) as client:
        code, text = client.submit("shop@example.test", ["bob@example.test", "carol@far.test"],
                                   letter)
    accepted, = fresh.events("accepted")
    assert (code, text) == (250, f"Ok {accepted['letter']}")
    assert fresh.kept() == {"configuration_set": "mine", "list_management": "list; topic=t", "tags": [
        {"Name": "a", "Value": "b"}, {"Name": "c", "Value": "d"}]}
    for data in (fresh.bob.letter(), fresh.sink.letter().data):
        header, body = data.split(b"\r\n\r\n", 1)
        assert b"x-ses" not in header.lower() and body == b"X-SES-CONFIGURATION-SET: body\r\n"
        assert parse(data)["X-Own"] == "kept" and parse(data)["Message-ID"] == "<mine@id.test>"


def test_passwords_by_region(ses):
    for region in ("us-east-1", "eu-west-1", "ap-southeast-2"):
        with Smtp(ses, region=region) as client:
            assert client.noop()[0] == 250
    with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
        Smtp(ses, {"id": ses.key["id"], "secret": "other"})
    assert caught.value.smtp_code == 535
    with pytest.raises(smtplib.SMTPAuthenticationError):
        Smtp(ses, region="mars-north-7")


def test_refusals_by_smtp(make_office):
    ses = Ses(make_office, "\napi-recipients-per-day = 2\n")
    letter = b"From: shop@example.test\r\nTo: bob@example.test\r\n\r\nx\r\n"
    with Smtp(ses) as client:
        assert client.submit("a@example.test", [f"u{n}@far.test" for n in range(51)], letter) == (
            554, "Transaction failed: Recipient count exceeds 50.")
        assert client.submit("a@example.test", [f"u{n}@far.test" for n in range(3)], letter) == (
            454, "Throttling failure: Daily message quota exceeded")
        code, _ = client.submit("a@example.test", ["bob@example.test"], letter.replace(
            b"shop@example.test", b"shop@foreign.test"))
        assert code // 100 == 5
        assert ses.nothing_happened()
        assert client.submit("a@example.test", ["bob@example.test"], letter)[0] == 250
    reading = ses.new_key("--scope", "templates.read")
    with Smtp(ses, reading) as client:
        assert client.submit("a@example.test", ["bob@example.test"], letter)[0] == 554
    assert len(ses.bob.letters()) == 1 and ses.sink.letters == []


def test_the_simulator_by_smtp(fresh):
    with Smtp(fresh) as client:
        client.submit("shop@example.test", ["success@simulator.amazonses.com",
                                            "bounce@simulator.amazonses.com"],
                      b"From: shop@example.test\r\nTo: success@simulator.amazonses.com\r\n\r\nx\r\n")
    until(lambda: len(fresh.events()) == 3)
    assert {event["to"]: event["event"] for event in fresh.events() if event["to"]} == {
        "success@simulator.amazonses.com": "delivered",
        "bounce@simulator.amazonses.com": "bounced"}
    assert fresh.sink.connections == 0


# --- the aws command

def aws(ses, *words):
    result = subprocess.run(
        ["/usr/bin/aws", "--endpoint-url", ses.url, "--region", REGION, "--output", "json", "--no-cli-pager",
         *words], text=True, capture_output=True, timeout=PATIENCE * 2, env={
            **os.environ, "AWS_ACCESS_KEY_ID": ses.key["id"], "AWS_MAX_ATTEMPTS": "1",
            "AWS_SECRET_ACCESS_KEY": ses.key["secret"], "AWS_EC2_METADATA_DISABLED": "true"})
    return json.loads(result.stdout or "null") if result.returncode == 0 else result.stderr


def test_the_aws_command(ses):
    answer = aws(ses, "sesv2", "send-email", "--from-email-address", "shop@example.test",
                 "--destination", "ToAddresses=cli@far.test", "--content", json.dumps(
                     {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}}))
    assert newest(ses, "cli@far.test")["Message-ID"] == f"<{answer['MessageId']}@example.test>"
    answer = aws(ses, "ses", "send-email", "--from", "shop@example.test", "--to", "cli1@far.test",
                 "--subject", "Größe", "--text", "x=y&z")
    letter = newest(ses, "cli1@far.test")
    assert letter["Subject"] == "Größe" and letter.get_content().strip() == "x=y&z"
    assert aws(ses, "ses", "get-send-quota")["SentLast24Hours"] >= 2
    assert aws(ses, "sesv2", "get-account")["SendingEnabled"]
    assert "(TemplateDoesNotExist)" in aws(ses, "ses", "get-template", "--template-name", "none")
    assert "(UnknownOperationException)" in aws(ses, "sesv2", "list-configuration-sets")


# --- django-anymail

def anymail(ses, code):
    """Runs code with Django set up; its prints as JSON."""
    settings = {"AMAZON_SES_CLIENT_PARAMS": {
        "aws_access_key_id": ses.key["id"], "aws_secret_access_key": ses.key["secret"],
        "region_name": REGION, "endpoint_url": ses.url,
        "config": {"retries": {"max_attempts": 0}}}}
    script = textwrap.dedent(f"""
        import json
        from django.conf import settings
        settings.configure(EMAIL_BACKEND="anymail.backends.amazon_ses.EmailBackend",
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


def test_anymail(ses):
    told = anymail(ses, """
        m = AnymailMessage("Grüße", "Text", '"Shop, Inc." <shop@example.test>',
                           ['"Any, One" <any1@far.test>'], cc=["any2@far.test"],
                           bcc=["any3@far.test"], reply_to=["r@example.test"],
                           headers={"X-Own": "7"})
        m.attach_alternative("<p>Html</p>", "text/html")
        m.attach("data.bin", bytes(range(256)), "application/octet-stream")
        m.metadata = {"order": 7}
        m.tags = ["one"]
        m.send()
        print(json.dumps([m.anymail_status.message_id, sorted(s.status for s in
                          m.anymail_status.recipients.values())]))
    """)
    assert told[1] == ["queued"] * 3
    letter = newest(ses, "any3@far.test")
    assert told[0] in {event["letter"] for event in ses.events("accepted")}
    assert letter["Subject"] == "Grüße" and letter["From"].addresses[0].display_name == "Shop, Inc."
    assert letter["To"].addresses[0].display_name == "Any, One" and letter["X-Own"] == "7"
    assert letter["Cc"] == "any2@far.test" and letter["Bcc"] is None
    attached, = letter.iter_attachments()
    assert attached.get_content() == bytes(range(256)) and attached.get_filename() == "data.bin"


def test_anymail_merges_and_is_told_errors(ses):
    ses.v1.create_template(Template={"TemplateName": "any", "SubjectPart": "Hi {{name}}",
                                     "HtmlPart": "<p>{{name}} of {{shop}}</p>"})
    told = anymail(ses, """
        m = AnymailMessage(from_email="shop@example.test", to=["mg1@far.test", "mg2@far.test"])
        m.template_id = "any"
        m.merge_data = {"mg1@far.test": {"name": "Ann"}, "mg2@far.test": {"name": "Ben"}}
        m.merge_global_data = {"shop": "Acme"}
        m.send()
        told = [sorted(s.status for s in m.anymail_status.recipients.values())]
        for sender, template in (("x@foreign.test", None), ("shop@example.test", "none")):
            m = AnymailMessage("s", "t", sender, ["x@far.test"])
            if template:
                m = AnymailMessage(from_email=sender, to=["x@far.test"])
                m.template_id = template
            try:
                m.send()
                told.append(None)
            except AnymailAPIError as error:
                told.append(str(error))
        print(json.dumps(told))
    """)
    assert told[0] == ["queued", "queued"]
    assert "MessageRejected" in told[1] and "TemplateDoesNotExist" in told[2]
    assert newest(ses, "mg1@far.test")["Subject"] == "Hi Ann"
    assert "Ben of Acme" in newest(ses, "mg2@far.test").get_body(("html",)).get_content()
