"""Amazon SES, version 2, as boto3 speaks it."""
import contextlib
import json
import sqlite3

import pytest
from botocore.exceptions import ClientError

from office import until
from ses import Ses, parse
from test_fairness import move_to_second_tenant

PICTURE = bytes(range(256)) * 40


@pytest.fixture(scope="module")
def ses(make_office):
    return Ses(make_office)


@pytest.fixture
def fresh(make_office):
    return Ses(make_office)


def simple(subject="hello", text="Hi!", **more):
    return {"Simple": {"Subject": {"Data": subject}, "Body": {"Text": {"Data": text}}, **more}}


def refused(call, **arguments):
    """(error name, status, message)"""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    assert answer["ResponseMetadata"]["RequestId"]
    return (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"],
            answer["Error"]["Message"])


def test_a_simple_letter(fresh):
    answer = fresh.v2.send_email(
        FromEmailAddress="=?utf-8?q?Gr=C3=BC=C3=9Fe?= <shop@example.test>",
        Destination={"ToAddresses": ["Bob <bob@example.test>"], "CcAddresses": ["carol@far.test"],
                     "BccAddresses": ["dora@far.test"]},
        ReplyToAddresses=["answers@elsewhere.test"],
        Content={"Simple": {"Subject": {"Data": "Größe", "Charset": "UTF-8"},
                            "Body": {"Text": {"Data": "Hi {{x}}\n"}, "Html": {"Data": "<p>é</p>"}}}},
        EmailTags=[{"Name": "campaign", "Value": "spring"}], ConfigurationSetName="mine")
    assert answer["ResponseMetadata"]["RequestId"]
    far = fresh.sink.letter()
    assert sorted(far.recipients) == ["carol@far.test", "dora@far.test"]
    for data in (far.data, fresh.bob.letter()):
        letter = parse(data)
        assert letter["From"] == "Grüße <shop@example.test>" and letter["Subject"] == "Größe"
        assert letter["To"] == "Bob <bob@example.test>" and letter["Cc"] == "carol@far.test"
        assert letter["Reply-To"] == "answers@elsewhere.test" and letter["Bcc"] is None
        assert letter["Message-ID"] == f"<{answer['MessageId']}@example.test>"
        assert [part.get_content().strip() for part in letter.iter_parts()] == ["Hi {{x}}",
                                                                               "<p>é</p>"]
    until(lambda: len(fresh.events("delivered")) == 3)
    assert {event["letter"] for event in fresh.events()} == {answer["MessageId"]}
    assert fresh.kept() == {"configuration_set": "mine", "tags": [{"Name": "campaign",
                                                                   "Value": "spring"}]}


def test_a_letter_of_ones_own(fresh):
    raw = ("From: Shop <shop@example.test>\nTo: bob@example.test\nBcc: carol@far.test\n"
           "X-SES-CONFIGURATION-SET: mine\nx-ses-message-tags: a=b,\n c=d\nX-Own: kept\n"
           "Message-ID: <my.own@id.test>\nSubject: raw\n\nbody\n")
    fresh.v2.send_email(Content={"Raw": {"Data": raw.encode()}},
                        EmailTags=[{"Name": "of", "Value": "the-call"}])
    assert fresh.kept() == {"configuration_set": "mine",  # tags of the call stand in for the field's
                            "tags": [{"Name": "of", "Value": "the-call"}]}
    far, here = fresh.sink.letter(), fresh.bob.letter()
    assert far.recipients == ["carol@far.test"]
    for data in (far.data, here):
        assert b"X-SES" not in data.upper() and b"Bcc" not in data
        letter = parse(data)
        assert letter["X-Own"] == "kept" and letter["Message-ID"] == "<my.own@id.test>"
        assert letter.get_content().replace("\r\n", "\n") == "body\n"
    fresh.sink.letters.clear()
    fresh.v2.send_email(Content={"Raw": {"Data": raw.encode()}},
                        FromEmailAddress="returns@example.test",
                        Destination={"ToAddresses": ["only@far.test"]})
    assert fresh.sink.letter().recipients == ["only@far.test"]
    assert len(fresh.bob.letters()) == 1


def call(ses, **body):
    """A call that this boto3 has no model for, signed by botocore."""
    return ses.signed("POST", "/v2/email/outbound-emails", json.dumps(body).encode())


def test_fields_and_attachments(fresh):
    import base64
    status, answer = call(
        fresh, FromEmailAddress="shop@example.test", Destination={"ToAddresses": ["bob@example.test"]},
        Content=simple(Headers=[{"Name": "X-Order", "Value": "N° 7"}], Attachments=[
            {"FileName": "Prüfung.bin", "RawContent": base64.b64encode(PICTURE).decode(),
             "ContentType": "application/octet-stream", "ContentDisposition": "ATTACHMENT"}]))
    assert status == 200 and answer["MessageId"]
    letter = parse(fresh.bob.letter())
    assert letter["X-Order"] == "N° 7"
    attachment, = letter.iter_attachments()
    assert attachment.get_filename() == "Prüfung.bin" and attachment.get_content() == PICTURE


def test_templates(ses):
    content = {"Subject": "Hi {{name}}", "Text": "Dear {{name}}", "Html": "<b>{{name}}</b>"}
    ses.v2.create_email_template(TemplateName="greeting", TemplateContent=content)
    assert refused(ses.v2.create_email_template, TemplateName="greeting",
                   TemplateContent=content)[:2] == ("AlreadyExistsException", 400)
    got = ses.v2.get_email_template(TemplateName="greeting")
    assert got["TemplateName"] == "greeting" and got["TemplateContent"] == content
    ses.v2.update_email_template(TemplateName="greeting",
                                 TemplateContent={**content, "Subject": "Hello {{name}}"})
    rendered = ses.v2.test_render_email_template(TemplateName="greeting",
                                                 TemplateData='{"name": "<Ann & Bo>"}')
    letter = parse(rendered["RenderedTemplate"].encode())
    assert letter["Subject"] == "Hello <Ann & Bo>" and letter["From"] is None
    assert letter.get_body(("html",)).get_content().strip() == "<b><Ann & Bo></b>"
    assert refused(ses.v2.test_render_email_template, TemplateName="greeting",
                   TemplateData="{}") == (
        "BadRequestException", 400, "Attribute 'name' is not present in the rendering data.")
    ses.v2.delete_email_template(TemplateName="greeting")
    for name in ("get_email_template", "delete_email_template"):
        assert refused(getattr(ses.v2, name), TemplateName="greeting") == (
            "NotFoundException", 404, "Template greeting does not exist.")
    assert refused(ses.v2.update_email_template, TemplateName="greeting",
                   TemplateContent=content)[:2] == ("NotFoundException", 404)


def test_lists_of_templates_by_pages(fresh):
    names = [f"t{n:02}" for n in range(25)]
    for name in names:
        fresh.v2.create_email_template(TemplateName=name,
                                       TemplateContent={"Subject": "x", "Text": "x"})
    seen, arguments = [], {"PageSize": 10}
    while True:
        page = fresh.v2.list_email_templates(**arguments)
        assert len(page["TemplatesMetadata"]) <= 10
        seen += [one["TemplateName"] for one in page["TemplatesMetadata"]]
        assert all(one["CreatedTimestamp"].year > 2000 for one in page["TemplatesMetadata"])
        if "NextToken" not in page:
            break
        arguments["NextToken"] = page["NextToken"]
    assert seen == names
    assert refused(fresh.v2.list_email_templates, NextToken="no such/token")[:2] == (
        "BadRequestException", 400)


def test_a_template_is_sent(fresh):
    fresh.v2.create_email_template(TemplateName="order", TemplateContent={
        "Subject": "Order {{order.id}}", "Html": "{{#each items}}<i>{{this}}</i>{{/each}}"})
    fresh.v2.send_email(
        FromEmailAddress="shop@example.test", Destination={"ToAddresses": ["bob@example.test"]},
        Content={"Template": {"TemplateName": "order", "TemplateData": json.dumps(
            {"order": {"id": 7}, "items": ["a&b", "<c>"]})}})
    letter = parse(fresh.bob.letter())
    assert letter["Subject"] == "Order 7"
    assert letter.get_body(("html",)).get_content().strip() == "<i>a&b</i><i><c></i>"
    status, _ = call(
        fresh, FromEmailAddress="shop@example.test", Destination={"ToAddresses": ["eve@far.test"]},
        Content={"Template": {"TemplateContent": {"Subject": "{{a}}", "Text": "{{b}}"},
                              "TemplateData": '{"a": "A", "b": "B"}'}})
    assert status == 200 and parse(fresh.sink.letter().data)["Subject"] == "A"


def test_many_get_letters_of_their_own(fresh):
    fresh.v2.create_email_template(TemplateName="news", TemplateContent={
        "Subject": "{{user.name}} in {{user.city}}", "Text": "{{user.name}}: {{list}}"})
    entries = [{"Destination": {"ToAddresses": [f"user{n}@far.test"]},
                "ReplacementEmailContent": {"ReplacementTemplate": {
                    "ReplacementTemplateData": json.dumps({"user": {"name": f"N{n}"}})}}}
               for n in range(20)]
    entries[7]["ReplacementEmailContent"]["ReplacementTemplate"]["ReplacementTemplateData"] = "{"
    entries.insert(3, {"Destination": {"ToAddresses": ["nobody at all"]}})
    entries.append({"Destination": {"ToAddresses": ["bob@example.test"]}})  # has no name
    answer = fresh.v2.send_bulk_email(
        FromEmailAddress="Shop <shop@example.test>", BulkEmailEntries=entries,
        DefaultContent={"Template": {"TemplateName": "news", "TemplateData": json.dumps(
            {"user": {"city": "Ulm"}, "list": [1, 2]})}})
    results = answer["BulkEmailEntryResults"]
    assert [n for n, one in enumerate(results) if one["Status"] != "SUCCESS"] == [3, 8, 21]
    assert all(results[n]["Status"] == "INVALID_PARAMETER" for n in (3, 8, 21))
    assert results[21]["Error"] == "Attribute 'user.name' is not present in the rendering data."
    found = {one.recipients[0]: parse(one.data) for one in fresh.letters(19)}
    assert len(found) == 19 and fresh.bob.letters() == []
    for entry, result in zip(entries, results):
        to = entry["Destination"]["ToAddresses"][0]
        if result["Status"] == "SUCCESS":
            assert found[to]["Message-ID"] == f"<{result['MessageId']}@example.test>"
            assert found[to]["Subject"] == f"N{to[4:].split('@')[0]} in Ulm"
            assert found[to]["To"] == to
    assert len({one.get("MessageId") for one in results}) == 20


def test_a_bulk_of_one_and_of_none(fresh):
    fresh.v2.create_email_template(TemplateName="n", TemplateContent={"Subject": "{{a}}",
                                                                      "Text": "x"})
    arguments = {"FromEmailAddress": "shop@example.test", "DefaultContent": {
        "Template": {"TemplateName": "n", "TemplateData": "{}"}}}
    answer = fresh.v2.send_bulk_email(**arguments, BulkEmailEntries=[
        {"Destination": {"ToAddresses": ["bob@example.test"]}}])
    assert answer["BulkEmailEntryResults"][0]["Status"] == "INVALID_PARAMETER"
    assert fresh.nothing_happened()
    answer = fresh.v2.send_bulk_email(**arguments, BulkEmailEntries=[
        {"Destination": {"ToAddresses": ["bob@example.test"]}, "ReplacementEmailContent": {
            "ReplacementTemplate": {"ReplacementTemplateData": '{"a": "one"}'}}}])
    letter = parse(until(fresh.bob.letters)[0])
    assert letter["Message-ID"] == f"<{answer['BulkEmailEntryResults'][0]['MessageId']}@example.test>"
    assert refused(fresh.v2.send_bulk_email, **arguments, BulkEmailEntries=[
        {"Destination": {"ToAddresses": ["bob@example.test"]}}] * 51)[0] == "BadRequestException"
    assert len(fresh.bob.letters()) == 1


def test_the_account(make_office):
    ses = Ses(make_office, "\napi-recipients-per-day = 3\n")
    account = ses.v2.get_account()
    assert account["SendQuota"]["Max24HourSend"] == 3 and account["SendingEnabled"]
    arguments = {"FromEmailAddress": "shop@example.test", "Content": simple()}
    ses.v2.send_email(**arguments, Destination={"ToAddresses": ["bob@example.test", "a@far.test"]})
    assert ses.v2.get_account()["SendQuota"]["SentLast24Hours"] == 2
    assert refused(ses.v2.send_email, **arguments, Destination={
        "ToAddresses": ["bob@example.test", "a@far.test"]}) == (
        "TooManyRequestsException", 429, "Daily message quota exceeded.")
    assert len(ses.bob.letters()) == 1


def test_identities(fresh):
    fresh.office.run("domain", "add", "second.test")
    page = fresh.v2.list_email_identities(PageSize=1)
    assert [one["IdentityName"] for one in page["EmailIdentities"]] == ["example.test"]
    page = fresh.v2.list_email_identities(PageSize=1, NextToken=page["NextToken"])
    assert [one["IdentityName"] for one in page["EmailIdentities"]] == ["second.test"]
    assert "NextToken" not in page
    got = fresh.v2.get_email_identity(EmailIdentity="example.test")
    records = json.loads(fresh.office.run("domain", "dns", "example.test", "--json"))
    tokens = got["DkimAttributes"]["Tokens"]
    assert tokens and {f"{token}._domainkey.example.test" for token in tokens} == {
        record["name"] for record in records if "_domainkey" in record["name"]}
    assert got["IdentityType"] == "DOMAIN" and got["VerifiedForSendingStatus"]
    got = fresh.v2.get_email_identity(EmailIdentity="anyone@example.test")
    assert got["IdentityType"] == "EMAIL_ADDRESS"
    for name in ("foreign.test", "a@foreign.test"):
        assert refused(fresh.v2.get_email_identity, EmailIdentity=name) == (
            "NotFoundException", 404, f"Email identity {name} does not exist.")
        assert refused(fresh.v2.delete_email_identity, EmailIdentity=name)[0] == "NotFoundException"
        assert refused(fresh.v2.create_email_identity, EmailIdentity=name)[:2] == (
            "BadRequestException", 400)
    assert refused(fresh.v2.create_email_identity, EmailIdentity="second.test")[:2] == (
        "AlreadyExistsException", 400)
    assert fresh.v2.create_email_identity(EmailIdentity="a@second.test")["VerifiedForSendingStatus"]
    assert refused(fresh.v2.delete_email_identity, EmailIdentity="example.test")[:2] == (
        "BadRequestException", 400)  # it has a user
    fresh.v2.delete_email_identity(EmailIdentity="second.test")
    assert [one["IdentityName"] for one in fresh.v2.list_email_identities()["EmailIdentities"]] == [
        "example.test"]


def test_a_key_of_one_domain_knows_no_other(fresh):
    fresh.office.run("domain", "add", "second.test")
    v2 = fresh.client("sesv2", fresh.new_key("--domain", "second.test"))
    assert [one["IdentityName"] for one in v2.list_email_identities()["EmailIdentities"]] == [
        "second.test"]
    assert refused(v2.get_email_identity, EmailIdentity="example.test")[0] == "NotFoundException"
    arguments = {"Destination": {"ToAddresses": ["bob@example.test"]}, "Content": simple()}
    assert refused(v2.send_email, FromEmailAddress="a@example.test", **arguments) == (
        "MessageRejected", 400, "Email address is not verified. The following identities failed"
        " the check in region EU-CENTRAL-1: a@example.test")
    assert fresh.nothing_happened()
    v2.send_email(FromEmailAddress="a@second.test", **arguments)
    assert len(fresh.bob.letters()) == 1


def test_another_tenants_key(make_office):
    ses = Ses(make_office)
    ses.office.run("domain", "add", "other.test")
    key = ses.new_key("--domain", "other.test")
    ses.v2.create_email_template(TemplateName="ours", TemplateContent={"Subject": "x", "Text": "x"})
    ses.office.stop()
    move_to_second_tenant(ses.office, "other.test")
    with contextlib.closing(sqlite3.connect(f"{ses.office.folder}/postamt.db")) as db, db:
        db.execute("UPDATE api_key SET tenant = 2 WHERE name = ?", [key["id"]])
    ses.office.start()
    v2 = ses.client("sesv2", key)
    assert v2.list_email_templates()["TemplatesMetadata"] == []
    assert [one["IdentityName"] for one in v2.list_email_identities()["EmailIdentities"]] == [
        "other.test"]
    for call, arguments in (("get_email_template", {"TemplateName": "ours"}),
                            ("delete_email_template", {"TemplateName": "ours"}),
                            ("get_email_identity", {"EmailIdentity": "example.test"}),
                            ("delete_email_identity", {"EmailIdentity": "example.test"})):
        assert refused(getattr(v2, call), **arguments)[:2] == ("NotFoundException", 404)
    to = {"ToAddresses": ["bob@example.test"]}
    assert refused(v2.send_email, FromEmailAddress="a@example.test", Destination=to,
                   Content=simple())[0] == "MessageRejected"
    assert refused(v2.send_email, FromEmailAddress="a@other.test", Destination=to, Content={
        "Template": {"TemplateName": "ours", "TemplateData": "{}"}})[0] == "NotFoundException"
    assert ses.v2.get_email_template(TemplateName="ours")["TemplateName"] == "ours"
    assert ses.nothing_happened()


def test_scopes(fresh):
    v2 = fresh.client("sesv2", fresh.new_key("--scope", "templates.read"))
    assert v2.list_email_templates()["TemplatesMetadata"] == []
    assert refused(v2.send_email, FromEmailAddress="a@example.test", Content=simple(),
                   Destination={"ToAddresses": ["bob@example.test"]})[:2] == (
        "AccessDeniedException", 403)
    assert fresh.nothing_happened()


def test_the_mailbox_simulator(fresh):
    names = ["success", "bounce", "ooto", "complaint", "suppressionlist", "bounce+label"]
    for _ in range(2):  # who bounced is not suppressed the next time
        fresh.v2.send_email(FromEmailAddress="shop@example.test", Content=simple(), Destination={
            "ToAddresses": [f"{name}@simulator.amazonses.com" for name in names]})
    until(lambda: len(fresh.events("delivered")) == 6 and len(fresh.events("bounced")) == 4
          and len(fresh.events("complained")) == 2)
    ends = {(event["to"].split("@")[0], event["event"]) for event in fresh.events()
            if event["event"] != "accepted"}
    assert ends == {("success", "delivered"), ("ooto", "delivered"), ("complaint", "delivered"),
                    ("complaint", "complained"),
                    ("bounce", "bounced"), ("bounce+label", "bounced"),
                    ("suppressionlist", "dropped")}
    assert fresh.sink.connections == 0
    assert json.loads(fresh.office.run("queue", "list", "--json")) == []


def test_the_same_key_sends_once(fresh):
    def send():
        return call(fresh.with_header("Idempotency-Key", "order 7"),
                    FromEmailAddress="shop@example.test", Content=simple(),
                    Destination={"ToAddresses": ["bob@example.test"]})
    first, again = send(), send()
    assert first == again and first[0] == 200
    assert len(fresh.bob.letters()) == 1


def test_the_same_key_sends_a_bulk_once(fresh):
    fresh.v2.create_email_template(TemplateName="n", TemplateContent={"Subject": "{{a}}",
                                                                      "Text": "x"})
    data = ['{"a": 1}', "{}", '{"a": 2}']
    body = json.dumps({
        "FromEmailAddress": "shop@example.test", "BulkEmailEntries": [
            {"Destination": {"ToAddresses": [f"u{n}@far.test"]}, "ReplacementEmailContent": {
                "ReplacementTemplate": {"ReplacementTemplateData": one}}}
            for n, one in enumerate(data)],
        "DefaultContent": {"Template": {"TemplateName": "n", "TemplateData": "{}"}}}).encode()
    keyed = fresh.with_header("Idempotency-Key", "bulk 7")
    first, again = (keyed.signed("POST", "/v2/email/outbound-bulk-emails", body) for _ in range(2))
    assert first == again and [one["Status"] for one in first[1]["BulkEmailEntryResults"]] == [
        "SUCCESS", "INVALID_PARAMETER", "SUCCESS"]
    assert {one.recipients[0] for one in fresh.letters(2)} == {"u0@far.test", "u2@far.test"}
    assert len(fresh.events("accepted")) == 1
    status, answer = keyed.signed("POST", "/v2/email/outbound-bulk-emails",
                                  body.replace(b"u2@", b"u3@"))
    assert (status, answer["__type"]) == (400, "BadRequestException")
