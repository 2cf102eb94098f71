"""Amazon SES, version 1 (forms in, XML out), as boto3 speaks it."""
import json
import urllib.parse
import xml.etree.ElementTree

import pytest
from botocore.exceptions import ClientError

from office import until
from ses import Ses, parse

NAMESPACE = "{http://ses.amazonaws.com/doc/2010-12-01/}"


@pytest.fixture(scope="module")
def ses(make_office):
    return Ses(make_office)


@pytest.fixture
def fresh(make_office):
    return Ses(make_office)


def message(subject="hello", text="Hi!"):
    return {"Subject": {"Data": subject}, "Body": {"Text": {"Data": text}}}


def refused(call, **arguments):
    """(code, status, message)"""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    assert answer["Error"]["Type"] == "Sender" and answer["ResponseMetadata"]["RequestId"]
    return (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"],
            answer["Error"]["Message"])


def test_a_simple_letter(fresh):
    answer = fresh.v1.send_email(
        Source="=?utf-8?b?R3LDvMOfZQ==?= <shop@example.test>",
        Destination={"ToAddresses": ["bob@example.test"], "CcAddresses": ["carol@far.test"],
                     "BccAddresses": ["dora@far.test"]},
        Message={"Subject": {"Data": "Größe & <co>", "Charset": "UTF-8"},
                 "Body": {"Text": {"Data": "a+b c%20d &amp;\n"}, "Html": {"Data": "<p>é</p>"}}},
        ReplyToAddresses=["one@elsewhere.test", "two@elsewhere.test"],
        ReturnPath="returns@example.test", Tags=[{"Name": "a", "Value": "b"}],
        ConfigurationSetName="mine")
    letters = fresh.letters(1)
    assert sorted(letters[0].recipients) == ["carol@far.test", "dora@far.test"]
    for data in (letters[0].data, fresh.bob.letter()):
        letter = parse(data)
        assert letter["From"] == "Grüße <shop@example.test>"
        assert letter["Subject"] == "Größe & <co>" and letter["Cc"] == "carol@far.test"
        assert letter["Reply-To"] == "one@elsewhere.test, two@elsewhere.test"
        assert letter["Bcc"] is None
        assert letter["Message-ID"] == f"<{answer['MessageId']}@example.test>"
        assert [part.get_content().strip() for part in letter.iter_parts()] == [
            "a+b c%20d &amp;", "<p>é</p>"]


def test_a_letter_of_ones_own(fresh):
    raw = ("From: Shop <shop@example.test>\r\nTo: bob@example.test\r\nBcc: carol@far.test\r\n"
           "X-SES-CONFIGURATION-SET: mine\r\nSubject: raw\r\n\r\nbody\r\n").encode()
    answer = fresh.v1.send_raw_email(RawMessage={"Data": raw})
    assert answer["MessageId"]
    assert fresh.letters(1)[0].recipients == ["carol@far.test"]
    letter = fresh.bob.letter()
    assert b"X-SES" not in letter and b"Bcc" not in letter and letter.endswith(b"\r\n\r\nbody\r\n")
    fresh.v1.send_raw_email(RawMessage={"Data": raw}, Source="returns@example.test",
                            Destinations=["only@far.test"])
    assert fresh.letters(2)[1].recipients == ["only@far.test"]
    assert len(fresh.bob.letters()) == 1


def test_the_return_path_is_what_the_call_says(fresh):
    fresh.v1.send_email(Source="shop@example.test", ReturnPath="returns@example.test",
                        Destination={"ToAddresses": ["bob@example.test"]}, Message=message())
    raw = b"From: shop@example.test\nTo: bob@example.test\nSubject: raw\n\nx\n"
    fresh.v1.send_raw_email(Source="other@example.test", RawMessage={"Data": raw})
    assert [event["from"] for event in fresh.events("accepted")] == [
        "returns@example.test", "other@example.test"]


def test_templates(fresh):
    template = {"TemplateName": "greeting", "SubjectPart": "Hi {{name}}",
                "TextPart": "Dear {{name}}", "HtmlPart": "<b>{{name}}</b>"}
    fresh.v1.create_template(Template=template)
    assert refused(fresh.v1.create_template, Template=template)[:2] == ("AlreadyExists", 400)
    assert fresh.v1.get_template(TemplateName="greeting")["Template"] == template
    fresh.v1.update_template(Template={**template, "SubjectPart": "Hello {{name}}"})
    listed, = fresh.v1.list_templates()["TemplatesMetadata"]
    assert listed["Name"] == "greeting" and listed["CreatedTimestamp"].year > 2000
    rendered = fresh.v1.test_render_template(TemplateName="greeting",
                                             TemplateData='{"name": "<Ann & Bo>"}')
    letter = parse(rendered["RenderedTemplate"].encode())
    assert letter["Subject"] == "Hello <Ann & Bo>"
    assert letter.get_body(("html",)).get_content().strip() == "<b><Ann & Bo></b>"
    assert refused(fresh.v1.test_render_template, TemplateName="greeting", TemplateData="{}") == (
        "MissingRenderingAttribute", 400, "Attribute 'name' is not present in the rendering data.")
    assert refused(fresh.v1.test_render_template, TemplateName="greeting",
                   TemplateData="[")[:2] == ("InvalidRenderingParameter", 400)
    for source in ("{{#if a}}", "{{/if}}", "{{a"):
        assert refused(fresh.v1.create_template, Template={
            **template, "TemplateName": "broken", "TextPart": source})[:2] == (
            "InvalidTemplate", 400)
    answer = fresh.v1.send_templated_email(
        Source="shop@example.test", Destination={"ToAddresses": ["bob@example.test"]},
        Template="greeting", TemplateData='{"name": "Ann"}')
    letter = parse(fresh.bob.letter())
    assert letter["Subject"] == "Hello Ann"
    assert letter["Message-ID"] == f"<{answer['MessageId']}@example.test>"
    fresh.v1.delete_template(TemplateName="greeting")
    fresh.v1.delete_template(TemplateName="greeting")
    for name, arguments in (
            ("get_template", {"TemplateName": "greeting"}),
            ("update_template", {"Template": template}),
            ("send_templated_email", {
                "Source": "shop@example.test", "Destination": {"ToAddresses": ["bob@far.test"]},
                "Template": "greeting", "TemplateData": "{}"})):
        assert refused(getattr(fresh.v1, name), **arguments) == (
            "TemplateDoesNotExist", 400, "Template greeting does not exist.")
    assert fresh.sink.letters == [] and len(fresh.bob.letters()) == 1


def test_many_get_letters_of_their_own(fresh):
    fresh.v1.create_template(Template={"TemplateName": "news", "TextPart": "{{name}} in {{city}}",
                                       "SubjectPart": "for {{name}}"})
    answer = fresh.v1.send_bulk_templated_email(
        Source="shop@example.test", Template="news", DefaultTemplateData='{"city": "Ulm"}',
        DefaultTags=[{"Name": "a", "Value": "b"}], Destinations=[
            *({"Destination": {"ToAddresses": [f"u{n}@far.test"]},
               "ReplacementTags": [{"Name": "n", "Value": str(n)}],
               "ReplacementTemplateData": json.dumps({"name": f"N{n}"})} for n in range(15)),
            {"Destination": {"ToAddresses": ["bob@example.test"]}}])
    results = answer["Status"]
    assert [one["Status"] for one in results] == ["Success"] * 15 + ["InvalidParameterValue"]
    assert results[15]["Error"] == "Attribute 'name' is not present in the rendering data."
    found = {one.recipients[0]: parse(one.data) for one in fresh.letters(15)}
    for n in range(15):
        letter = found[f"u{n}@far.test"]
        assert letter["Subject"] == f"for N{n}" and letter["To"] == f"u{n}@far.test"
        assert letter.get_content().strip() == f"N{n} in Ulm"
        assert letter["Message-ID"] == f"<{results[n]['MessageId']}@example.test>"
    assert fresh.bob.letters() == []


def test_quota_and_identities(make_office):
    ses = Ses(make_office, "\napi-recipients-per-day = 2\n")
    assert ses.v1.get_account_sending_enabled()["Enabled"]
    assert ses.v1.list_identities()["Identities"] == ["example.test"]
    assert ses.v1.list_identities(IdentityType="EmailAddress")["Identities"] == []
    found = ses.v1.get_identity_verification_attributes(
        Identities=["example.test", "a@example.test", "foreign.test"])["VerificationAttributes"]
    assert {name: one["VerificationStatus"] for name, one in found.items()} == {
        "example.test": "Success", "a@example.test": "Success"}
    dkim = ses.v1.get_identity_dkim_attributes(Identities=["example.test"])["DkimAttributes"]
    tokens = dkim["example.test"]["DkimTokens"]
    assert tokens and ses.v1.verify_domain_dkim(Domain="example.test")["DkimTokens"] == tokens
    assert ses.v1.verify_domain_identity(Domain="example.test")["VerificationToken"]
    ses.v1.verify_email_identity(EmailAddress="a@example.test")
    ses.v1.verify_email_address(EmailAddress="a@example.test")
    assert refused(ses.v1.verify_email_identity, EmailAddress="a@foreign.test")[:2] == (
        "InvalidParameterValue", 400)
    arguments = {"Source": "shop@example.test", "Message": message()}
    ses.v1.send_email(Destination={"ToAddresses": ["bob@example.test"]}, **arguments)
    quota = ses.v1.get_send_quota()
    assert (quota["Max24HourSend"], quota["SentLast24Hours"]) == (2, 1) and quota["MaxSendRate"] > 0
    assert refused(ses.v1.send_email, Destination={
        "ToAddresses": ["bob@example.test", "c@far.test"]}, **arguments) == (
        "Throttling", 400, "Daily message quota exceeded.")
    assert len(ses.bob.letters()) == 1 and ses.sink.letters == []


def test_domains_come_and_go(fresh):
    fresh.office.run("domain", "add", "second.test")
    assert refused(fresh.v1.delete_identity, Identity="example.test")[0] == "InvalidParameterValue"
    fresh.v1.delete_identity(Identity="second.test")
    assert fresh.v1.list_identities()["Identities"] == ["example.test"]


def test_every_refusal_of_a_send(fresh):
    ok = {"Source": "shop@example.test", "Destination": {"ToAddresses": ["bob@example.test"]},
          "Message": message()}
    for change, code in (
            ({"Source": "me@foreign.test"}, "MessageRejected"),
            ({"Source": "nobody"}, "InvalidParameterValue"),
            ({"Source": "a@example.test\r\nBcc: x@far.test"}, "InvalidParameterValue"),
            ({"ReturnPath": "me@foreign.test"}, "MessageRejected"),
            ({"ReplyToAddresses": ["a@b@c"]}, "InvalidParameterValue"),
            ({"Destination": {}}, "InvalidParameterValue"),
            ({"Destination": {"ToAddresses": ["bob@example.test"] * 51}}, "InvalidParameterValue"),
            ({"Destination": {"ToAddresses": ["bob@example.test", "x y"]}},
             "InvalidParameterValue"),
            ({"Message": message(subject="a\r\nBcc: x@far.test")}, "InvalidParameterValue"),
            ({"Message": {"Subject": {"Data": "x"}, "Body": {}}}, "InvalidParameterValue"),
            ({"Tags": [{"Name": "a b", "Value": "c"}]}, "InvalidParameterValue")):
        got = refused(fresh.v1.send_email, **{**ok, **change})
        assert got[:2] == (code, 400), change
    for raw in (b"", b"no header", b"From: me@foreign.test\nTo: bob@example.test\n\nx",
                b"To: bob@example.test\n\nx", b"From: a@example.test\n\nx",
                b"From: a@example.test\nFrom: b@example.test\nTo: bob@example.test\n\nx",
                b"From: a@example.test\nTo: bob@example.test\n\n\x00",
                b"From: a@example.test\nTo: " + b"bob@example.test, " * 50 + b"b@far.test\n\nx"):
        refused(fresh.v1.send_raw_email, RawMessage={"Data": raw})
    assert fresh.nothing_happened()


# --- the protocol

def query(ses, form, headers=()):
    """(status, root of the XML, fields) of a form as it stands."""
    body = form if isinstance(form, bytes) else urllib.parse.urlencode(form).encode()
    fields = {"Content-Type": "application/x-www-form-urlencoded", **dict(headers)}
    status, answer, got = ses.raw("POST", "/", body, ses.sign("POST", "/", body, fields))
    assert got["Content-Type"].startswith("text/xml"), answer
    return status, xml.etree.ElementTree.fromstring(answer), got


def code(root):
    assert root.tag == NAMESPACE + "ErrorResponse"
    assert root.find(NAMESPACE + "RequestId").text
    return root.find(f"{NAMESPACE}Error/{NAMESPACE}Code").text


def test_the_answer_is_the_documented_xml(ses):
    status, root, got = query(ses, {"Action": "GetSendQuota", "Version": "2010-12-01"})
    assert status == 200 and root.tag == NAMESPACE + "GetSendQuotaResponse"
    assert float(root.find(f"{NAMESPACE}GetSendQuotaResult/{NAMESPACE}SentLast24Hours").text) >= 0
    identity = root.find(f"{NAMESPACE}ResponseMetadata/{NAMESPACE}RequestId").text
    assert identity == got["x-amzn-RequestId"]


def test_forms_that_are_none(ses):
    before = len(ses.events())
    send = ("Action=SendEmail&Source=a@example.test&Destination.ToAddresses.member.1=bob@example.test"
            "&Message.Subject.Data=s")
    for form, expected in (
            (b"", "MissingAction"), (b"Version=2010-12-01", "MissingAction"),
            (b"Action=NoSuchThing", "InvalidAction"), (b"Action=%zz", "InvalidParameterValue"),
            (b"Action=SendEmail&Action=GetSendQuota", "InvalidParameterValue"),
            (b"Action=SendEmail&Source=%ff%fe", "InvalidParameterValue"),
            (b"Action=SendEmail&Source=a%00@example.test", "InvalidParameterValue"),
            (b"Action=SendEmail&Source.member.1=a@example.test", "InvalidParameterValue"),
            (f"{send}&Message.Body.Text.Data=a&Message.Body.Text.Data=b".encode(),
             "InvalidParameterValue"),
            (f"{send}&Message.Body=a".encode(), "InvalidParameterValue"),
            (f"{send}&Message.Body.Text=a&Message.Body.Text.Data=b".encode(),
             "InvalidParameterValue"),
            (f"{send}&Tags.member.0.Name=a".encode(), "InvalidParameterValue"),
            (f"{send}&Tags.member.4000000000.Name=a".encode(), "InvalidParameterValue"),
            (f"{send}&Tags.member.100.Name=a&Message.Body.Text.Data=b".encode(),
             "InvalidParameterValue"),
            (f"{send}&{'a.' * 1000}=1".encode(), "InvalidParameterValue"),
            (("Action=SendEmail" + "".join(f"&x{n}=1" for n in range(20000))).encode(),
             "InvalidParameterValue")):
        status, root, _ = query(ses, form)
        assert (status, code(root)) == (400, expected), form[:200]
    status, root, _ = query(ses, b"{}", {"Content-Type": "application/json"})
    assert (status, code(root)) == (400, "InvalidParameterValue")
    assert len(ses.events()) == before and ses.bob.letters() == []


def test_a_missing_scope(ses):
    v1 = ses.client("ses", ses.new_key("--scope", "templates.read"))
    assert v1.list_templates()["TemplatesMetadata"] == []
    assert refused(v1.get_send_quota)[:2] == ("AccessDenied", 403)
