"""Our own API: letters sent by HTTP, to mailboxes here and to servers elsewhere."""
import json
import time

import pytest
from conftest import own_address
from native import Native, parse
from office import until

@pytest.fixture
def api(make_office):
    return Native(make_office, own_address())


def test_a_letter_to_a_mailbox_here_and_one_elsewhere(api):
    status, answer = api.send(to=["Bob <bob@example.test>", "carol@far.test"], text="Grüße\n",
                              html="<p>Grüße</p>")
    assert status == 202 and answer["recipients"] == 2
    far = api.sink.letter()
    assert far.recipients == ["carol@far.test"]
    for data in (far.data, api.bob.letter()):
        letter = parse(data)
        assert letter["Subject"] == "hello" and letter["From"] == "Shop <shop@example.test>"
        assert letter["To"] == "Bob <bob@example.test>, carol@far.test"
        assert letter["Message-ID"] == answer["message_id"] == f"<{answer['id']}@example.test>"
        assert [part.get_content().strip() for part in letter.iter_parts()] == [
            "Grüße", "<p>Grüße</p>"]
    assert far.data.count(b"DKIM-Signature:") == 2
    until(lambda: len(api.events("delivered")) == 2)
    assert {event["letter"] for event in api.events()} == {answer["id"]}


def test_each_recipient_has_data_of_its_own(api):
    people = [{"to": f"user{n}@far.test", "data": {"name": f"N°{n}"}} for n in range(25)]
    people += [{"to": "bob@example.test", "data": {"name": "Bob & Co"}},
               {"to": "nobody@example.test", "data": {"name": "X"}}]
    status, answer = api.send(subject="Hi {{name}}", text="Dear {{name}},", recipients=people,
                              html="<b>{{name}}</b>")
    assert status == 202 and answer["recipients"] == 27
    letters = until(lambda: len(api.sink.letters) == 25 and api.sink.letters)
    seen = set()
    for one in letters:
        letter = parse(one.data)
        number = one.recipients[0][4:].split("@")[0]
        assert letter["To"] == one.recipients[0] and letter["Subject"] == f"Hi N°{number}"
        assert f"Dear N°{number}," in letter.get_body(("plain",)).get_content()
        assert one.data.count(b"DKIM-Signature:") == 2
        seen.add(letter["Message-ID"])
    assert len(seen) == 25
    letter = parse(until(api.bob.letters)[0])
    assert letter.get_body(("html",)).get_content().strip() == "<b>Bob &amp; Co</b>"
    assert letter["Subject"] == "Hi Bob & Co"
    until(lambda: len(api.events("delivered")) == 26)
    event, = until(lambda: api.events("bounced"))
    assert event["to"] == "nobody@example.test" and "Nobody has this address" in event["detail"]
    assert json.loads(api.office.run("queue", "list", "--json")) == []


def test_a_letter_for_later(api):
    status, answer = api.send(to="bob@example.test", send_at=int(time.time()) + 3600)
    assert status == 202
    entry, = json.loads(api.office.run("queue", "list", "--json"))
    assert entry["id"] == answer["id"] and entry["attempts"] == 0
    assert api.bob.letters() == []
    api.office.run("queue", "retry", "--id", answer["id"])
    assert parse(until(api.bob.letters)[0])["Subject"] == "hello"


def test_the_same_key_sends_once(api):
    header = {"Idempotency-Key": "order 7"}
    first = api.send(header, to="bob@example.test")
    again = api.send(header, to="bob@example.test")
    assert first == again and first[0] == 202
    assert len(api.bob.letters()) == 1
    status, problem = api.send(header, to="bob@example.test", text="another")
    assert status == 422 and problem["field"] == "Idempotency-Key"
    assert len(api.bob.letters()) == 1


def test_a_test_sends_nothing(api):
    status, answer = api.send(to="bob@example.test", test=True)
    assert status == 200 and answer["test"] is True
    assert api.bob.letters() == [] and api.events() == []


@pytest.mark.parametrize("change, status, field", [
    ({"from": "a@elsewhere.test"}, 403, "from"),
    ({"from": "no address"}, 400, "from[0]"),
    ({"to": []}, 400, "to"),
    ({"to": ["bob@example.test", "x"]}, 400, "to[1]"),
    ({"subject": "a\r\nBcc: x@y.test"}, 400, "subject"),
    ({"headers": {"Bcc": "x@y.test"}}, 400, "headers"),
    ({"headers": {"X-A": "b\nc"}}, 400, "headers"),
    ({"text": 7}, 400, "text"),
    ({"attachments": [{"content": "%%%"}]}, 400, "attachments[0].content"),
    ({"text": "{{#if}}", "data": {}}, 400, "template"),
    ({"text": "{{name}}", "data": {}, "strict": True}, 400, "template"),
    ({"template": "none"}, 400, "text"),
    ({"template": "none", "text": None}, 400, "template"),
    ({"recipients": [{"to": "bob@example.test"}, {"to": "x@y z"}]}, 400, None),
    ({"send_at": "tomorrow"}, 400, "send_at"),
])
def test_a_mistake_names_its_field(api, change, status, field):
    got, problem = api.send(**{"to": "bob@example.test", **change})
    assert got == status and problem["status"] == status and problem["detail"], problem
    if field:
        assert problem["field"] == field, problem
    assert api.events() == [] and api.bob.letters() == []


def test_strangers_are_refused(api):
    assert api.send(to="bob@example.test", key="wrong")[0] == 401
    narrow = json.loads(api.office.run("key", "add", "--scope", "templates.read", "--json"))
    assert api.send(to="bob@example.test", key=narrow["secret"])[0] == 403
    assert api.call("POST", "/api/v1/messages", b'{"to": 1, "to": 2}')[0] == 400
    assert api.call("GET", "/api/v1/nothing")[0] == 404
    assert api.call("PUT", "/api/v1/messages", {})[0] == 405


def test_a_limit_a_day(make_office):
    api = Native(make_office, own_address(), "\napi-recipients-per-day = 3\n")
    assert api.send(to=["bob@example.test", "a@far.test"])[0] == 202
    assert api.send(to=["bob@example.test", "a@far.test"])[0] == 429
    assert api.send(to="bob@example.test")[0] == 202


def test_who_is_not_there_is_not_written_to_again(api):
    """A final bounce puts the address on the suppression list; an operator may take it off."""
    api.sink.script["RCPT"] = lambda dialogue: (
        "550 5.1.1 no such user" if dialogue.recipient == "gone@far.test" else "250 2.1.5 ok")
    assert api.send(to="gone@far.test")[0] == 202
    until(lambda: api.events("bounced"))
    one, = json.loads(api.office.run("suppression", "list", "--json"))
    assert one["address"] == "gone@far.test" and "no such user" in one["detail"]
    status, answer = api.send(to=["Gone@far.test", "bob@example.test"])
    assert status == 202
    event, = api.events("dropped")
    assert event["to"] == "Gone@far.test" and "suppression list" in event["detail"]
    assert event["letter"] == answer["id"] and len(api.bob.letters()) == 1
    people = [{"to": "gone@far.test", "data": {}}, {"to": "other@far.test", "data": {}}]
    assert api.send(recipients=people)[0] == 202
    assert api.sink.letter().recipients == ["other@far.test"]
    assert api.send(to="gone@far.test")[0] == 202
    assert len(api.events("dropped")) == 3
    api.office.run("suppression", "remove", "gone@far.test")
    del api.sink.script["RCPT"]
    assert api.send(to="gone@far.test")[0] == 202
    until(lambda: len(api.sink.letters) == 2)
    assert api.office.command("suppression", "remove", "gone@far.test").returncode == 1
