"""Our own API against its description: the same routes, and answers as it says."""
import json
import pathlib
import re
import time

import jsonschema
import pytest
from conftest import own_address
from office import ROOT
from native import Native

SOURCE = pathlib.Path(ROOT) / "src" / "api" / "native.c"
LETTER = {"from": "shop@example.test", "to": "bob@example.test", "subject": "s", "text": "t"}


@pytest.fixture(scope="module")
def api(make_office):
    return Native(make_office, own_address())


@pytest.fixture(scope="module")
def described(api):
    status, document = api.call("GET", "/api/v1/openapi.json")
    assert status == 200 and document["openapi"] == "3.1.0"
    return document


def operations(document):
    return {(method.upper(), path) for path, item in document["paths"].items()
            for method in item if method != "parameters"}


def test_every_route_is_described(described):
    text = SOURCE.read_text().replace('V1 "', '"/api/v1')
    routes = set(re.findall(r'\{METHOD_(\w+),\s+"([^"]+)"', text))
    assert len(routes) > 30
    assert routes == operations(described)


def test_every_reference_leads_somewhere(described):
    text = json.dumps(described)
    names = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert names == set(described["components"]["schemas"])


class Checked:
    """Calls, and holds each answer, and each body that was taken, against the description."""

    def __init__(self, api, document):
        self.api, self.document, self.seen = api, document, set()

    def validate(self, value, schema):
        whole = {**schema, "components": self.document["components"]}
        jsonschema.Draft202012Validator(whole).validate(value)

    def operation(self, method, path):
        plain = path.split("?")[0]
        for pattern, item in self.document["paths"].items():
            if method.lower() in item and re.fullmatch(
                    re.sub(r"\{\w+\}", "[^/]+", pattern), plain):
                if "{" not in pattern or plain not in self.document["paths"]:
                    self.seen.add((method, pattern))
                    return item[method.lower()]
        raise AssertionError(f"{method} {path} is not described")

    def __call__(self, method, path, body=None, status=200, **more):
        operation = self.operation(method, "/api/v1" + path)
        got, answer = self.api.call(method, "/api/v1" + path, body, **more)
        assert got == status, (method, path, got, answer)
        said = operation["responses"].get(str(status), operation["responses"]["default"])
        for content in said.get("content", {}).values():
            self.validate(answer, content["schema"])
        if status < 300 and isinstance(body, dict):
            self.validate(body, operation["requestBody"]["content"]["application/json"]["schema"])
        return answer


def walk_messages(call):
    sent = call("POST", "/messages", LETTER, 202)
    call("POST", "/messages", {**LETTER, "test": True})
    call("GET", f"/messages/{sent['id']}")
    call("POST", "/messages/preview", {**LETTER, "text": "{{n}}", "data": {"n": 1}})
    call("POST", "/messages/raw?to=bob@example.test",
         b"From: shop@example.test\r\nTo: bob@example.test\r\n\r\nraw\r\n", 202,
         headers={"Content-Type": "message/rfc822"})
    many = call("POST", "/messages", {
        "from": "Shop <shop@example.test>", "subject": "{{n}}", "text": "{{n}}",
        "attachments": [{"filename": "a.txt", "content": "aGk="}], "metadata": {"order": 7},
        "recipients": [{"to": {"email": f"r{i}@far.test", "name": "R"}, "data": {"n": i}}
                       for i in range(3)]}, 202)
    first = page = call("GET", f"/messages/{many['id']}?limit=2")
    found = {item["to"] for item in page["items"]}
    while page["next_cursor"]:  # a third, when one who ended between two pages is on both
        page = call("GET", f"/messages/{many['id']}?limit=2&cursor={page['next_cursor']}")
        found |= {item["to"] for item in page["items"]}
    assert sorted(found) == [f"r{i}@far.test" for i in range(3)]
    assert first["metadata"] == {"order": 7}


def walk_templates(call):
    call("POST", "/templates", {"name": "welcome", "version": "v1", "subject": "Hi {{name}}",
                                "text": "Hello {{name}}"}, 201)
    call("GET", "/templates")
    call("GET", "/templates/welcome")
    call("PATCH", "/templates/welcome", {"title": "Welcome"})
    call("POST", "/templates/welcome/versions", {"version": "v2", "subject": "2", "text": "2",
                                                 "active": True}, 201)
    call("GET", "/templates/welcome/versions")
    call("GET", "/templates/welcome/versions/v2")
    call("PATCH", "/templates/welcome/versions/v1", {"active": True})
    shown = call("POST", "/templates/welcome/preview", {"data": {"name": "Ann"}})
    assert shown["subject"] == "Hi Ann" and shown["text"].strip() == "Hello Ann"
    call("DELETE", "/templates/welcome/versions/v2", status=204)
    call("DELETE", "/templates/welcome", status=204)
    assert call("GET", "/templates/welcome", status=404)["field"] == "name"


def walk_queue(call):
    batch = call("POST", "/batches", status=201)
    later = call("POST", "/messages", {**LETTER, "to": "later@far.test", "batch_id": batch["id"],
                                       "send_at": int(time.time()) + 3600}, 202)
    row, = call("GET", f"/queue?batch_id={batch['id']}")["items"]
    assert row["to"] == "later@far.test" and row["message"] == later["id"]
    call("GET", f"/queue/{later['id']}")
    call("GET", f"/batches/{batch['id']}")
    call("PATCH", f"/batches/{batch['id']}", {"state": "paused"})
    assert call("GET", f"/queue/{later['id']}")["items"][0]["reason"] == "its batch is paused"
    assert call("GET", "/batches")["items"][0]["id"] == batch["id"]
    call("PATCH", f"/batches/{batch['id']}", {"state": "open"})
    for verb in ("hold", "release", "drop"):
        done = call("POST", f"/queue/{verb}", {"message": later["id"], "reason": "why"})
        assert done["recipients"] == 1
    call("POST", "/queue/retry", {"domain": "nowhere.test"})
    assert call("POST", "/queue/drop", {}, 400)["fix"]


def walk_keys(call, api):
    made = call("POST", "/keys", {"dialect": "sendgrid", "title": "one",
                                  "scopes": ["mail.send"]}, 201)
    call("GET", "/keys?limit=1")
    call("GET", f"/keys/{made['id']}")
    call("PATCH", f"/keys/{made['id']}", {"title": "two", "scopes": ["mail.send"]})
    call("DELETE", f"/keys/{made['id']}", status=204)
    call("GET", f"/keys/{made['id']}", status=404)


def test_every_endpoint_answers_as_described(api, described):
    call = Checked(api, described)
    walk_messages(call)
    walk_templates(call)
    walk_queue(call)
    walk_keys(call, api)
    events = call("GET", "/events?limit=5")
    call("GET", f"/events/{events['items'][0]['id']}")
    older = call("GET", f"/events?limit=5&cursor={events['next_cursor']}")
    assert not {e["id"] for e in events["items"]} & {e["id"] for e in older["items"]}
    call("GET", "/domains")
    call("GET", "/users")
    call("GET", "/openapi.json")
    assert call.seen == operations(described)


@pytest.mark.parametrize("method, path, body, status", [
    ("GET", "/messages/nonsense", None, 404), ("GET", "/queue?limit=0", None, 400),
    ("GET", "/events?since=never", None, 400), ("GET", "/events?wrong=1", None, 400),
    ("POST", "/keys", {"dialect": "gopher"}, 400), ("POST", "/keys", {"scopes": ["*no*"]}, 400),
    ("PATCH", "/batches/none", {"state": "open"}, 404),
    ("POST", "/templates", {"name": "x", "text": "{{#if}}"}, 400),
    ("POST", "/messages", {**LETTER, "nonsense": 1}, 400),
    ("POST", "/messages", [], 400), ("POST", "/queue/hold", {"message": "x"}, 400),
])
def test_problems_say_what_to_do(api, described, method, path, body, status):
    call = Checked(api, described)
    problem = call(method, path, body, status)
    assert problem["status"] == status and problem["fix"] and problem["reason"], problem
