"""Every operation of SES that botocore's models know: those that are built answer in their shapes,
the others with SES's own error; and what nobody should send."""
import base64
import datetime
import email
import email.policy
import functools
import http.client
import json
import urllib.parse
import xml.etree.ElementTree

import botocore
import botocore.loaders
import pytest
from botocore.exceptions import ClientError

from office import PATIENCE
from ses import Ses

NAMESPACE = "{http://ses.amazonaws.com/doc/2010-12-01/}"
BUILT_V2 = {"SendEmail", "SendBulkEmail", "CreateEmailTemplate", "GetEmailTemplate",
            "UpdateEmailTemplate", "DeleteEmailTemplate", "ListEmailTemplates",
            "TestRenderEmailTemplate", "ListEmailIdentities", "CreateEmailIdentity",
            "GetEmailIdentity", "DeleteEmailIdentity", "GetAccount"}
BUILT_V1 = {"SendEmail", "SendRawEmail", "SendTemplatedEmail", "SendBulkTemplatedEmail",
            "CreateTemplate", "UpdateTemplate", "DeleteTemplate", "GetTemplate", "ListTemplates",
            "TestRenderTemplate", "ListIdentities", "GetIdentityVerificationAttributes",
            "GetIdentityDkimAttributes", "VerifyEmailIdentity", "VerifyEmailAddress",
            "VerifyDomainIdentity", "VerifyDomainDkim", "DeleteIdentity", "GetSendQuota",
            "GetAccountSendingEnabled"}


@functools.cache
def model(service):
    return botocore.loaders.Loader().load_service_model(service, "service-2")


@pytest.fixture(scope="module")
def ses(make_office):
    return Ses(make_office)


@pytest.fixture
def fresh(make_office):
    return Ses(make_office)


# --- what is not built

def test_what_v2_does_not_have(ses):
    operations = model("sesv2")["operations"]
    assert BUILT_V2 < set(operations)
    for name in sorted(set(operations) - BUILT_V2):
        http = operations[name]["http"]
        path = urllib.parse.quote(http["requestUri"].replace("{", "").replace("}", ""), "/")
        body = None if http["method"] in ("GET", "DELETE") else b"{}"
        status, answer = ses.signed(http["method"], path, body)
        assert answer["__type"] == "UnknownOperationException" and answer["message"], name
        assert status in (404, 405), name


def test_what_v1_does_not_have(ses):
    operations = model("ses")["operations"]
    assert BUILT_V1 < set(operations)
    fields = {"Content-Type": "application/x-www-form-urlencoded"}
    for name in sorted(set(operations) - BUILT_V1):
        body = f"Action={name}&Version=2010-12-01".encode()
        status, answer, _ = ses.raw("POST", "/", body, ses.sign("POST", "/", body, fields))
        error = xml.etree.ElementTree.fromstring(answer).find(NAMESPACE + "Error")
        assert (status, error.find(NAMESPACE + "Code").text) == (400, "InvalidAction"), name


# --- shapes

def wrong(shapes, name, value, where=""):
    """What is wrong with a JSON value of a shape; members that the model does not know, too."""
    shape = shapes[name]
    kind = shape["type"]
    if kind == "structure":
        if not isinstance(value, dict):
            return [f"{where}: no structure"]
        found = [f"{where}.{one}: missing" for one in shape.get("required", ()) if one not in value]
        for member, inner in value.items():
            if member not in shape["members"]:
                found.append(f"{where}.{member}: unknown")
            else:
                found += wrong(shapes, shape["members"][member]["shape"], inner,
                               f"{where}.{member}")
        return found
    if kind == "list":
        if not isinstance(value, list):
            return [f"{where}: no list"]
        return [one for inner in value for one in wrong(shapes, shape["member"]["shape"], inner,
                                                        where + "[]")]
    if kind == "map":
        return [] if isinstance(value, dict) else [f"{where}: no map"]
    types = {"string": str, "boolean": bool, "timestamp": (int, float), "double": (int, float),
             "integer": int, "long": int}
    if not isinstance(value, types[kind]) or (kind != "boolean" and isinstance(value, bool)):
        return [f"{where}: {value!r} is no {kind}"]
    if "enum" in shape and value not in shape["enum"]:
        return [f"{where}: {value!r} is none of {shape['enum']}"]
    return []


LETTER = {"FromEmailAddress": "shop@example.test", "Destination": {"ToAddresses": ["bob@far.test"]},
          "Content": {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}}}
CONTENT = {"Subject": "{{a}}", "Text": "x"}


def test_answers_of_v2_have_their_shapes(ses):
    shapes, operations = model("sesv2")["shapes"], model("sesv2")["operations"]
    bulk = {"FromEmailAddress": "shop@example.test",
            "DefaultContent": {"Template": {"TemplateName": "t", "TemplateData": "{}"}},
            "BulkEmailEntries": [{"Destination": {"ToAddresses": ["bob@far.test"]}}]}
    calls = [("CreateEmailTemplate", {}, {"TemplateName": "t", "TemplateContent": CONTENT}),
             ("UpdateEmailTemplate", {"TemplateName": "t"}, {"TemplateContent": CONTENT}),
             ("GetEmailTemplate", {"TemplateName": "t"}, None), ("ListEmailTemplates", {}, None),
             ("TestRenderEmailTemplate", {"TemplateName": "t"}, {"TemplateData": '{"a": "b"}'}),
             ("SendEmail", {}, LETTER), ("SendBulkEmail", {}, bulk),
             ("DeleteEmailTemplate", {"TemplateName": "t"}, None),
             ("ListEmailIdentities", {}, None), ("GetAccount", {}, None),
             ("GetEmailIdentity", {"EmailIdentity": "example.test"}, None),
             ("CreateEmailIdentity", {}, {"EmailIdentity": "a@example.test"}),
             ("DeleteEmailIdentity", {"EmailIdentity": "second.test"}, None)]
    ses.office.run("domain", "add", "second.test")
    assert {name for name, _, _ in calls} == BUILT_V2
    for name, parameters, body in calls:
        operation = operations[name]
        status, answer = ses.signed(
            operation["http"]["method"], operation["http"]["requestUri"].format(**parameters),
            None if body is None else json.dumps(body).encode())
        assert status == 200, (name, answer)
        # of 2024, behind Debian's model
        answer.pop("VerificationStatus", None)
        for one in answer.get("EmailIdentities", []):
            one.pop("VerificationStatus", None)
        assert not wrong(shapes, operation["output"]["shape"], answer), name


def xml_wrong(shapes, name, element, where):
    """The same for XML: members and their order do not matter, names do."""
    shape = shapes[name]
    children = [(child.tag.removeprefix(NAMESPACE), child) for child in element]
    if shape["type"] == "structure":
        tags = [tag for tag, _ in children]
        found = [f"{where}.{one}: missing" for one in shape.get("required", ()) if one not in tags]
        for tag, child in children:
            if tag not in shape["members"] or tags.count(tag) > 1:
                found.append(f"{where}.{tag}: unknown, or twice")
            else:
                found += xml_wrong(shapes, shape["members"][tag]["shape"], child, f"{where}.{tag}")
        return found
    if shape["type"] == "list":
        return [f"{where}.{tag}: no member" for tag, _ in children if tag != "member"] + [
            one for _, child in children
            for one in xml_wrong(shapes, shape["member"]["shape"], child, where + "[]")]
    if shape["type"] == "map":
        found = []
        for tag, child in children:
            if tag != "entry" or [one.tag for one in child] != [NAMESPACE + "key",
                                                                NAMESPACE + "value"]:
                return [f"{where}: no entry"]
            found += xml_wrong(shapes, shape["value"]["shape"], child[1], where + "[]")
        return found
    text = element.text or ""
    if children:
        return [f"{where}: children"]
    if "enum" in shape and text not in shape["enum"]:
        return [f"{where}: {text!r} is none of {shape['enum']}"]
    if shape["type"] == "boolean" and text not in ("true", "false"):
        return [f"{where}: {text!r}"]
    if shape["type"] == "double":
        float(text)
    if shape["type"] == "timestamp":
        datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")
    return []


def test_answers_of_v1_have_their_shapes(ses):
    shapes, operations = model("ses")["shapes"], model("ses")["operations"]
    parts = {"Template.TemplateName": "v1", "Template.SubjectPart": "{{a}}", "Template.TextPart": "x"}
    to = {"Source": "shop@example.test", "Destination.ToAddresses.member.1": "bob@far.test"}
    raw = base64.b64encode(b"From: a@example.test\nTo: bob@far.test\n\nx\n").decode()
    calls = [("CreateTemplate", parts), ("UpdateTemplate", parts),
             ("GetTemplate", {"TemplateName": "v1"}), ("ListTemplates", {}),
             ("TestRenderTemplate", {"TemplateName": "v1", "TemplateData": '{"a": "b"}'}),
             ("SendEmail", {**to, "Message.Subject.Data": "s", "Message.Body.Text.Data": "t"}),
             ("SendRawEmail", {"RawMessage.Data": raw}),
             ("SendTemplatedEmail", {**to, "Template": "v1", "TemplateData": '{"a": "b"}'}),
             ("SendBulkTemplatedEmail", {
                 "Source": "shop@example.test", "Template": "v1", "DefaultTemplateData": "{}",
                 "Destinations.member.1.Destination.ToAddresses.member.1": "bob@far.test",
                 "Destinations.member.2.Destination.ToAddresses.member.1": "bob@far.test",
                 "Destinations.member.2.ReplacementTemplateData": '{"a": "b"}'}),
             ("DeleteTemplate", {"TemplateName": "v1"}), ("ListIdentities", {}),
             ("GetIdentityVerificationAttributes", {"Identities.member.1": "example.test"}),
             ("GetIdentityDkimAttributes", {"Identities.member.1": "example.test"}),
             ("VerifyEmailIdentity", {"EmailAddress": "a@example.test"}),
             ("VerifyEmailAddress", {"EmailAddress": "a@example.test"}),
             ("VerifyDomainIdentity", {"Domain": "example.test"}),
             ("VerifyDomainDkim", {"Domain": "example.test"}),
             ("DeleteIdentity", {"Identity": "third.test"}), ("GetSendQuota", {}),
             ("GetAccountSendingEnabled", {})]
    ses.office.run("domain", "add", "third.test")
    assert {name for name, _ in calls} == BUILT_V1
    fields = {"Content-Type": "application/x-www-form-urlencoded"}
    for name, form in calls:
        body = urllib.parse.urlencode({"Action": name, "Version": "2010-12-01", **form}).encode()
        status, answer, _ = ses.raw("POST", "/", body, ses.sign("POST", "/", body, fields))
        assert status == 200, (name, answer)
        root = xml.etree.ElementTree.fromstring(answer)
        assert root.tag == f"{NAMESPACE}{name}Response"
        assert root.find(f"{NAMESPACE}ResponseMetadata/{NAMESPACE}RequestId").text, name
        output = operations[name].get("output")
        result = root.find(f"{NAMESPACE}{name}Result")
        if output:
            assert output["resultWrapper"] == f"{name}Result"
            assert not xml_wrong(shapes, output["shape"], result, ""), name
        else:
            assert result is None, name


def test_the_examples_of_the_model(ses):
    examples = botocore.loaders.Loader().load_data_with_path("ses/2010-12-01/examples-1")[0]
    for name, list_of in examples["examples"].items():
        for example in list_of:
            method = "".join("_" + c.lower() if c.isupper() else c for c in name)[1:]
            try:
                getattr(ses.v1, method)(**example.get("input", {}))
                assert name in BUILT_V1
            except ClientError as error:
                assert error.response["Error"]["Type"] == "Sender", name
                assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400, name
                if name not in BUILT_V1:
                    assert error.response["Error"]["Code"] == "InvalidAction", name


# --- what nobody should send

def send(ses, body):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    status, answer = ses.signed("POST", "/v2/email/outbound-emails", body)
    return status, answer.get("__type")


def changed(path, value):
    """LETTER with another value at a path."""
    letter = json.loads(json.dumps(LETTER))
    place = letter
    for name in path[:-1]:
        place = place.setdefault(name, {})
    place[path[-1]] = value
    return letter


def test_bodies_that_are_no_input(fresh):
    text = json.dumps(LETTER)
    for body in (b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", text.encode()[:-1],
                 text.replace('"t"', '"\udcff"').encode("utf-8", "surrogateescape"),
                 text.replace('"t"', '"\\ud800"').encode(),
                 text.replace('"s"', '"\\u0000"').encode(),
                 text.replace('"t"', '"t", "Data": "again"').encode(),
                 (text[:-1] + ', "FromEmailAddress": "a@example.test"}').encode(),
                 (text[:-1] + ', "x": ' + "[" * 10000 + "]" * 10000 + "}").encode(),
                 (text[:-1] + ', "x": ' + '{"a":' * 10000 + "1" + "}" * 10001).encode()):
        assert send(fresh, body) == (400, "BadRequestException"), body[:200]
    assert fresh.nothing_happened()


def test_members_of_other_types(fresh):
    for path in (["FromEmailAddress"], ["Destination"], ["Destination", "ToAddresses"], ["Content"],
                 ["ReplyToAddresses"], ["FeedbackForwardingEmailAddress"], ["EmailTags"],
                 ["ConfigurationSetName"], ["ListManagementOptions"], ["Content", "Simple"],
                 ["Content", "Simple", "Subject"], ["Content", "Simple", "Subject", "Data"],
                 ["Content", "Simple", "Body"], ["Content", "Simple", "Body", "Text"],
                 ["Content", "Simple", "Headers"], ["Content", "Simple", "Attachments"]):
        for value in (7, True, [7], [[]], [None], [{"a": {}}]):
            status, error = send(fresh, changed(path, value))
            assert (status, error) == (400, "BadRequestException"), (path, value)
    assert fresh.nothing_happened()


def test_words_of_a_refusal_are_text(fresh):
    long = "x" + "ü" * 300
    for path, value in ((["FromEmailAddress"], f"\"{long}\" <a@foreign.test>"),
                        (["FromEmailAddress"], f"a@{'ü' * 60}.test"),
                        (["EmailTags"], [{"Name": long, "Value": "a"}]),
                        (["Content"], {"Template": {"TemplateName": long, "TemplateData": "{}"}}),
                        (["Content"], {"Template": {"TemplateData": "{}", "TemplateContent": {
                            "Subject": "s", "Text": "{{" + "ü" * 400 + "}}"}}})):
        status, answer = fresh.signed("POST", "/v2/email/outbound-emails",
                                      json.dumps(changed(path, value)).encode())
        assert status in (400, 404) and answer["message"], path


def test_header_injection(fresh):
    for line in ("a\r\nBcc: evil@far.test", "a\nBcc: evil@far.test", "a\rBcc: evil@far.test",
                 "a\0", "a\r\n\r\nbody", "=?utf-8?q?a?=\r\n Bcc: evil@far.test"):
        mailbox = f'"{line}" <shop@example.test>'
        for letter in (
                changed(["FromEmailAddress"], mailbox),
                changed(["FromEmailAddress"], f"shop@example.test{line}"),
                changed(["ReplyToAddresses"], [mailbox]),
                changed(["Destination", "ToAddresses"], [mailbox]),
                changed(["Destination", "CcAddresses"], [f"bob@far.test{line}"]),
                changed(["FeedbackForwardingEmailAddress"], f"shop@example.test{line}"),
                changed(["Content", "Simple", "Subject", "Data"], line),
                changed(["Content", "Simple", "Headers"], [{"Name": line, "Value": "a"}]),
                changed(["Content", "Simple", "Headers"], [{"Name": "X-A", "Value": line}]),
                changed(["Content", "Simple", "Headers"], [{"Name": "Bcc", "Value": "e@far.test"}]),
                changed(["EmailTags"], [{"Name": "a", "Value": line}]),
                changed(["Content", "Simple", "Attachments"], [
                    {"FileName": line, "RawContent": "eA=="}]),
                changed(["Content", "Simple", "Attachments"], [
                    {"FileName": "a", "ContentType": f"text/plain; {line}", "RawContent": "eA=="}]),
                changed(["Content", "Simple", "Attachments"], [
                    {"FileName": "a", "ContentId": line, "RawContent": "eA=="}])):
            status, error = send(fresh, letter)
            assert (status, error) == (400, "BadRequestException"), letter
    assert fresh.nothing_happened()


def encoded(text):
    return f"=?utf-8?b?{base64.b64encode(text.encode()).decode()}?="


def test_header_injection_in_encoded_words(fresh):
    evil = encoded("a\r\nBcc: evil@far.test\r\n\r\nx")
    letter = changed(["Content", "Simple", "Subject", "Data"], evil)
    letter["FromEmailAddress"] = f"{evil} <shop@example.test>"
    assert send(fresh, letter) == (200, None)
    far = fresh.sink.letter()
    assert far.recipients == ["bob@far.test"] and b"\nbcc:" not in far.data.lower()
    found = email.message_from_bytes(far.data, policy=email.policy.default)
    assert found["Bcc"] is None and found.get_content().strip() == "t"
    assert found["Subject"].startswith("a") and found["From"].addresses[0].domain == "example.test"


def test_more_than_the_limits(fresh):
    many = [f"u{n}@far.test" for n in range(1001)]
    big = base64.b64encode(b"x" * (41 * 1024 * 1024)).decode()
    for letter in (
            changed(["Destination", "ToAddresses"], many),
            changed(["Destination", "BccAddresses"], many[:50]),
            changed(["Content", "Simple", "Headers"],
                    [{"Name": f"X-{n}", "Value": "x"} for n in range(16)]),
            changed(["Content", "Simple", "Headers"], [{"Name": "X" * 127, "Value": "x"}]),
            changed(["Content", "Simple", "Headers"], [{"Name": "X-A", "Value": "x" * 996}]),
            changed(["Content", "Simple", "Attachments"],
                    [{"FileName": "x" * 256, "RawContent": "eA=="}]),
            changed(["Content", "Simple", "Attachments"],
                    [{"FileName": "a", "RawContent": "no base64!"}]),
            changed(["Content", "Simple", "Attachments"],
                    [{"FileName": "a", "RawContent": big}]),
            changed(["Content"], {"Raw": {"Data": big}}),
            changed(["Content"], {"Raw": {"Data": "no base64!"}}),
            changed(["ConfigurationSetName"], "x" * 65),
            changed(["EmailTags"], [{"Name": "a", "Value": "b"}] * 51)):
        assert send(fresh, letter) == (400, "BadRequestException")
    # What is announced as too long is refused before it comes.
    fields = fresh.sign("POST", "/v2/email/outbound-emails", b"x")
    client = http.client.HTTPConnection(fresh.url.split("//")[1], timeout=PATIENCE)
    client.request("POST", "/v2/email/outbound-emails", headers={
        **fields, "Content-Length": str(70 * 1024 * 1024)})
    answer = client.getresponse()
    assert answer.status == 413 and json.load(answer)["__type"] == "BadRequestException"
    assert fresh.nothing_happened()


def template(text, data):
    letter = json.loads(json.dumps(LETTER))
    letter["Content"] = {"Template": {"TemplateData": data, "TemplateContent": {
        "Subject": "s", "Text": text}}}
    return letter


def test_templates_that_do_not_end(fresh):
    assert send(fresh, changed(["Content"], {"Template": {
        "TemplateName": "none", "TemplateData": "{}"}})) == (404, "NotFoundException")
    loop = '{{#*inline "a"}}{{> a}}{{/inline}}{{> a}}'
    power = "".join("{{#each %sa}}" % ("../" * n) for n in range(6)) + "x" + "{{/each}}" * 6
    for text, data in (
            (loop, "{}"), ("{{> none}}", "{}"), ("{{#if a}}" * 5000 + "{{/if}}" * 5000, "{}"),
            ("{{a", "{}"), ("{{missing}}", "{}"), ("x", "[]"), ("x", "{"), ("x", "7"),
            ("x", '{"a": 1, "a": 2}'), ("x", '{"a": "' + "x" * 262144 + '"}'),
            ("x", '{"a":' * 2000 + "1" + "}" * 2000), (power, json.dumps({"a": [1] * 40})),
            ("x" * (501 * 1024), "{}"),
            ("{{#each a}}{{#each ../a}}{{#each ../../a}}{{../../../b}}{{/each}}{{/each}}{{/each}}",
             json.dumps({"a": [1] * 500, "b": "x" * 1000}))):
        assert send(fresh, template(text, data)) == (400, "BadRequestException"), text[:100]
    # Names of our objects are names like all others.
    assert send(fresh, template("{{constructor}}{{__proto__}}", "{}")) == (
        400, "BadRequestException")
    assert fresh.nothing_happened()
