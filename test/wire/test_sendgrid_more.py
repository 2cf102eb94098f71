"""SendGrid beside mail/send: batches, templates, keys and scopes; and every example of their
specification."""
import json
import pathlib
import time

import jsonschema
import pytest
from conftest import own_address
from office import ROOT, until
from sendgrid import SIMPLE, SendGrid, texts


@pytest.fixture(scope="module")
def grid(make_office):
    return SendGrid(make_office, own_address())


def in_an_hour():
    return int(time.time()) + 3600


# --- batches

def scheduled(grid, name, batch, **more):
    return grid.sent(personalizations=[{"to": [{"email": f"{name}{n}@far.test"}]}
                                       for n in range(3)], batch_id=batch,
                     send_at=in_an_hour(), **more)


def new_batch(grid):
    batch = grid.ask("POST", "/v3/mail/batch", status=201)["batch_id"]
    assert grid.ask("GET", f"/v3/mail/batch/{batch}") == {"batch_id": batch}
    return batch


def test_a_batch_is_paused_and_goes_on(grid):
    batch, other = new_batch(grid), new_batch(grid)
    before = scheduled(grid, "pa", batch)
    left_alone = scheduled(grid, "pb", other)
    row = grid.queue("--id", before)[0]
    grid.office.run("queue", "hold", "--to", "pa2@far.test", "--reason", "looks odd")
    assert grid.ask("POST", "/v3/user/scheduled_sends", {"batch_id": batch, "status": "pause"},
                    201) == {"batch_id": batch, "status": "pause"}
    after = scheduled(grid, "pc", batch)
    assert [one["reason"] for one in grid.queue("--id", before)] == [
        "its batch is paused", "its batch is paused", "looks odd"]
    assert {one["reason"] for one in grid.queue("--id", after)} == {"its batch is paused"}
    assert {one["reason"] for one in grid.queue("--id", left_alone)} == {None}
    assert grid.ask("GET", f"/v3/user/scheduled_sends/{batch}") == [
        {"batch_id": batch, "status": "pause"}]
    assert {"batch_id": batch, "status": "pause"} in grid.ask("GET", "/v3/user/scheduled_sends")
    assert grid.ask("DELETE", f"/v3/user/scheduled_sends/{batch}", status=204) is None
    assert grid.ask("GET", f"/v3/user/scheduled_sends/{batch}") == []
    rows = grid.queue("--id", before)
    assert [one["reason"] for one in rows] == [None, None, "looks odd"]
    assert rows[0]["due"] == row["due"], "it goes when it was to go"
    grid.office.run("queue", "retry", "--id", before)
    until(lambda: "pa0@far.test" in grid.letters())
    assert "pc0@far.test" not in grid.letters()


def test_a_batch_is_cancelled(grid):
    batch = new_batch(grid)
    letter = scheduled(grid, "ca", batch)
    grid.ask("POST", "/v3/user/scheduled_sends", {"batch_id": batch, "status": "pause"}, 201)
    answer = grid.ask("POST", "/v3/user/scheduled_sends",
                      {"batch_id": batch, "status": "cancel"}, 400)
    assert answer["errors"][0]["field"] == "batch_id"
    assert grid.ask("PATCH", f"/v3/user/scheduled_sends/{batch}", {"status": "cancel"},
                    204) is None
    assert grid.queue("--id", letter) == []
    dropped = [event for event in grid.events("dropped") if event["letter"] == letter]
    assert len(dropped) == 3 and "cancelled" in dropped[0]["detail"]
    later = scheduled(grid, "cb", batch)
    assert grid.queue("--id", later) == []
    assert len([event for event in grid.events("dropped") if event["letter"] == later]) == 3
    grid.ask("DELETE", f"/v3/user/scheduled_sends/{batch}", status=204)
    assert grid.queue("--id", letter) == [] and len(grid.queue("--id", scheduled(
        grid, "cc", batch))) == 3


def test_a_large_batch_is_steered_page_by_page(grid):
    batch = new_batch(grid)
    for part in range(2):
        grid.sent(personalizations=[{"to": [{"email": f"big{part}-{n}@far.test"}]}
                                    for n in range(300)], batch_id=batch, send_at=in_an_hour())
    grid.ask("POST", "/v3/user/scheduled_sends", {"batch_id": batch, "status": "pause"}, 201)
    rows = [row for row in grid.queue() if row["recipient"].startswith("big")]
    assert len(rows) == 600 and {row["reason"] for row in rows} == {"its batch is paused"}
    grid.ask("PATCH", f"/v3/user/scheduled_sends/{batch}", {"status": "cancel"}, 204)
    assert not [row for row in grid.queue() if row["recipient"].startswith("big")]


@pytest.mark.parametrize("method, path, body, status", [
    ("GET", "/v3/mail/batch/nobody", None, 400),
    ("GET", "/v3/user/scheduled_sends/nobody", None, 404),
    ("PATCH", "/v3/user/scheduled_sends/nobody", {"status": "pause"}, 404),
    ("PATCH", "/v3/user/scheduled_sends/nobody", {"status": "stop"}, 400),
    ("DELETE", "/v3/user/scheduled_sends/nobody", None, 404),
    ("POST", "/v3/user/scheduled_sends", {"batch_id": "nobody", "status": "pause"}, 400),
    ("POST", "/v3/user/scheduled_sends", {"status": "pause"}, 400),
    ("POST", "/v3/user/scheduled_sends", [], 400),
])
def test_batches_that_are_none(grid, method, path, body, status):
    assert grid.ask(method, path, body, status)["errors"][0]["message"]


# --- templates

def test_the_life_of_a_template(grid):
    one = grid.ask("POST", "/v3/templates", {"name": "Näme", "generation": "dynamic"}, 201)
    assert one["id"].startswith("d-") and len(one["id"]) == 34 and one["versions"] == []
    assert one["name"] == "Näme" and one["generation"] == "dynamic"
    path = f"/v3/templates/{one['id']}"
    first = grid.ask("POST", path + "/versions", {
        "name": "v1", "subject": "Hi {{x}}", "html_content": "<p>{{x}}</p>",
        "test_data": '{"x": 1}'}, 201)
    assert first["active"] == 1 and first["template_id"] == one["id"] and "warnings" not in first
    assert first["generate_plain_content"] is True and first["plain_content"].strip() == "{{x}}"
    second = grid.ask("POST", path + "/versions", {
        "name": "v2", "subject": "s2", "html_content": "<b>2</b>", "plain_content": "two",
        "active": 0, "editor": "design"}, 201)
    assert second["active"] == 0 and second["plain_content"] == "two"
    assert second["generate_plain_content"] is False and second["editor"] == "design"
    second_path = f"{path}/versions/{second['id']}"
    assert grid.ask("POST", second_path + "/activate")["active"] == 1
    whole = grid.ask("GET", path)
    assert [(v["name"], v["active"], v["html_content"]) for v in whole["versions"]] == [
        ("v1", 0, "<p>{{x}}</p>"), ("v2", 1, "<b>2</b>")]
    changed = grid.ask("PATCH", second_path, {"subject": "new"})
    assert changed["subject"] == "new" and changed["html_content"] == "<b>2</b>"
    assert changed["active"] == 1 and changed["plain_content"] == "two"
    assert grid.ask("PATCH", path, {"name": "renamed"})["name"] == "renamed"
    copy = grid.ask("POST", path, {"name": "copy"}, 201)
    assert copy["id"] != one["id"] and copy["name"] == "copy"
    assert [(v["name"], v["active"], v["subject"]) for v in copy["versions"]] == [
        ("v1", 0, "Hi {{x}}"), ("v2", 1, "new")]
    assert not {v["id"] for v in copy["versions"]} & {first["id"], second["id"]}
    assert grid.ask("POST", path, status=201)["name"] == "renamed"
    grid.ask("DELETE", second_path, status=204)
    grid.ask("GET", second_path, status=404)
    grid.ask("DELETE", path, status=204)
    grid.ask("GET", path, status=404)
    assert len(grid.ask("GET", f"/v3/templates/{copy['id']}")["versions"]) == 2


def test_a_template_that_does_not_compile_is_kept_with_a_warning(grid):
    template = grid.ask("POST", "/v3/templates", {"name": "w", "generation": "dynamic"}, 201)["id"]
    version = grid.ask("POST", f"/v3/templates/{template}/versions", {
        "name": "v", "subject": "{{", "html_content": "{{#if x}}"}, 201)
    words = [warning["message"] for warning in version["warnings"]]
    assert len(words) == 2 and "subject: line 1" in words[0] and "html_content: line 1" in words[1]


def test_the_list_of_templates_in_pages(make_office):
    grid = SendGrid(make_office, own_address())
    made = {kind: {grid.ask("POST", "/v3/templates", {"name": f"{kind} {n}", "generation": kind},
                            201)["id"] for n in range(5)} for kind in ("legacy", "dynamic")}
    seen, path, pages = [], "/v3/templates?generations=legacy,dynamic&page_size=3", 0
    while path:
        page = grid.ask("GET", path)
        assert page["_metadata"]["count"] == 10 and page["_metadata"]["self"].startswith(grid.base)
        seen += [one["id"] for one in page["result"]]
        path = page["_metadata"].get("next", "").removeprefix(grid.base)
        pages += 1
    assert pages == 4 and len(seen) == 10 and set(seen) == made["legacy"] | made["dynamic"]
    page = grid.ask("GET", "/v3/templates?page_size=200")
    assert {one["id"] for one in page["result"]} == made["legacy"]
    assert "next" not in page["_metadata"]
    old = grid.ask("GET", "/v3/templates?generations=dynamic")["templates"]
    assert {one["id"] for one in old} == made["dynamic"]
    for query in ("page_size=0", "page_size=201", "page_size=x", "generations=new&page_size=1"):
        grid.ask("GET", "/v3/templates?" + query, status=400)


@pytest.mark.parametrize("body", [
    {}, {"name": ""}, {"name": 1}, {"name": "x" * 101}, {"name": "x", "generation": "new"}])
def test_templates_that_are_none(grid, body):
    grid.ask("POST", "/v3/templates", body, 400)


@pytest.mark.parametrize("change", [
    {"name": None}, {"subject": None}, {"active": 2}, {"active": "1"}, {"html_content": 1},
    {"editor": "x"}, {"test_data": "{"}, {"html_content": "x" * (1 << 20) + "y"},
    {"generate_plain_content": 1}])
def test_versions_that_are_none(grid, change):
    template = grid.ask("POST", "/v3/templates", {"name": "n"}, 201)["id"]
    body = {"name": "v", "subject": "s", "html_content": "h", **change}
    body = {name: value for name, value in body.items() if value is not None}
    answer = grid.ask("POST", f"/v3/templates/{template}/versions", body, 400)
    assert next(iter(change)) in answer["errors"][0]["message"]
    assert grid.ask("GET", f"/v3/templates/{template}")["versions"] == []


# --- keys

def test_the_life_of_a_key(grid):
    made = grid.ask("POST", "/v3/api_keys", {"name": "mine", "scopes": ["mail.send",
                                                                     "alerts.read"]}, 201)
    assert made["api_key"].startswith(f"SG.{made['api_key_id']}.")
    assert made["scopes"] == ["mail.send", "alerts.read"] and made["name"] == "mine"
    path = f"/v3/api_keys/{made['api_key_id']}"
    got = grid.ask("GET", path)
    assert got["scopes"] == made["scopes"] and got["result"][0]["name"] == "mine"
    assert {"api_key_id": made["api_key_id"], "name": "mine"} in grid.ask(
        "GET", "/v3/api_keys")["result"]
    assert grid.ask("GET", "/v3/scopes", key=made["api_key"])["scopes"] == made["scopes"]
    assert grid.send(key=made["api_key"])[0] == 202
    assert grid.ask("PATCH", path, {"name": "A New Hope"}) == {
        "api_key_id": made["api_key_id"], "name": "A New Hope"}
    assert grid.ask("GET", path)["scopes"] == made["scopes"]
    assert grid.ask("PUT", path, {"name": "less", "scopes": ["templates.read"]})["scopes"] == [
        "templates.read"]
    assert grid.send(key=made["api_key"])[0] == 403
    grid.ask("DELETE", path, status=204)
    assert grid.send(key=made["api_key"])[0] == 401
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None),
                         ("PUT", {"name": "x", "scopes": ["mail.send"]})):
        grid.ask(method, path, body, 404)


def test_a_key_gives_no_more_than_it_has(grid):
    maker = grid.new_key("--scope", "api_keys.create api_keys.update api_keys.delete"
                         " api_keys.read mail.send", "--address", "news@example.test")
    grid.ask("POST", "/v3/api_keys", {"name": "x", "scopes": ["templates.read"]}, 400, key=maker)
    made = grid.ask("POST", "/v3/api_keys", {"name": "x"}, 201, key=maker)
    assert set(made["scopes"]) == set(grid.ask("GET", "/v3/scopes", key=maker)["scopes"])
    assert grid.send(key=made["api_key"])[0] == 403, "its addresses are its maker's"
    assert grid.send({"from": {"email": "news@example.test"}}, key=made["api_key"])[0] == 202
    full = grid.ask("POST", "/v3/api_keys", {"name": "full"}, 201)
    for method, body in (("PATCH", {"name": "y"}), ("DELETE", None),
                         ("PUT", {"name": "y", "scopes": ["mail.send"]})):
        grid.ask(method, f"/v3/api_keys/{full['api_key_id']}", body, 403, key=maker)
    assert grid.send(key=full["api_key"])[0] == 202


@pytest.mark.parametrize("body", [
    {}, {"name": ""}, {"name": "x", "scopes": "mail.send"}, {"name": "x", "scopes": [1]},
    {"name": "x", "scopes": ["mail send"]}, {"name": "x" * 300}])
def test_keys_that_are_none(grid, body):
    before = grid.ask("GET", "/v3/api_keys")
    grid.ask("POST", "/v3/api_keys", body, 400)
    assert grid.ask("GET", "/v3/api_keys") == before


def test_keys_of_other_dialects_are_not_seen(grid):
    other = json.loads(grid.office.run("key", "add", "--dialect", "mailgun", "--json"))
    assert other["id"] not in json.dumps(grid.ask("GET", "/v3/api_keys"))
    grid.ask("GET", f"/v3/api_keys/{other['id']}", status=404)
    grid.ask("DELETE", f"/v3/api_keys/{other['id']}", status=404)


@pytest.mark.parametrize("method, path", [
    ("POST", "/v3/mail/batch"), ("GET", "/v3/user/scheduled_sends"), ("GET", "/v3/templates"),
    ("DELETE", "/v3/templates/x"), ("GET", "/v3/api_keys"), ("DELETE", "/v3/api_keys/x"),
    ("POST", "/v3/templates/x/versions"), ("POST", "/v3/templates/x/versions/y/activate")])
def test_each_call_needs_its_scope(grid, method, path):
    key = grid.new_key("--scope", "mail.send")
    body = {} if method == "POST" else None
    assert grid.ask(method, path, body, 403, key=key)["errors"][0]["message"] == "access forbidden"
    assert grid.ask(method, path, body, 401, key="SG.a.b")["errors"][0]["field"] is None


# --- their specification

SPECIFICATIONS = pathlib.Path(ROOT) / "test" / "data" / "sendgrid"
METHODS = ("get", "post", "put", "patch", "delete")


def operations():
    for path in sorted(SPECIFICATIONS.glob("*.json")):
        whole = json.loads(path.read_text())
        for route, methods in whole["paths"].items():
            for method in METHODS:
                if method in methods:
                    yield whole, route, method, methods[method]


def resolved(whole, value):
    while isinstance(value, dict) and "$ref" in value and len(value) <= 3:
        found = whole
        for name in value["$ref"].split("/")[1:]:
            found = found[name]
        value = found
    return value


def to_json_schema(value):
    """What OpenAPI 3.0 says otherwise than JSON Schema. Ids of dynamic templates are none of the
    UUIDs that the specification claims."""
    if isinstance(value, list):
        return [to_json_schema(one) for one in value]
    if not isinstance(value, dict):
        return value
    value = {name: to_json_schema(one) for name, one in value.items()}
    if value.pop("nullable", False) and "type" in value:
        value["type"] = [value["type"], "null"]
    if value.get("format") == "uuid":
        value.pop("minLength", None)
        value.pop("maxLength", None)
    return value


def examples(whole, operation):
    """Every body the specification shows for this operation, and none."""
    body = resolved(whole, operation.get("requestBody"))
    if not body:
        return [None]
    content = body["content"]["application/json"]
    schema = resolved(whole, content.get("schema", {}))
    found = [resolved(whole, one)["value"] for one in content.get("examples", {}).values()]
    found += [one[key] for one in (content, schema) for key in ("example",) if key in one]
    assert found, operation["operationId"]
    return found + [{}]


def check_answer(whole, operation, status, answer):
    assert str(status) in operation["responses"] or status in (400, 403, 404), (status, answer)
    if str(status) not in operation["responses"]:
        assert answer["errors"][0]["message"]
        return
    response = resolved(whole, operation["responses"][str(status)])
    schema = response.get("content", {}).get("application/json", {}).get("schema")
    if not schema:
        assert status in (202, 204) and answer is None
        return
    schema = to_json_schema({**schema, "components": whole["components"]})
    jsonschema.Draft202012Validator(schema).validate(answer)


def test_every_example_of_the_specification(make_office):
    grid = SendGrid(make_office, own_address())
    grid.office.run("domain", "add", "example.com")
    template = grid.template(html_content="<p>x</p>", subject="s")
    version = grid.ask("GET", f"/v3/templates/{template}")["versions"][0]["id"]
    counted, worked = 0, set()
    for whole, route, method, operation in operations():
        for body in examples(whole, operation):
            batch = grid.ask("POST", "/v3/mail/batch", status=201)["batch_id"]
            key = grid.ask("POST", "/v3/api_keys", {"name": "to be changed"}, 201)["api_key_id"]
            if method in ("patch", "delete") and "scheduled_sends/{" in route:
                grid.ask("POST", "/v3/user/scheduled_sends",
                         {"batch_id": batch, "status": "pause"}, 201)
            names = {"template_id": template, "version_id": version, "batch_id": batch,
                     "api_key_id": key}
            if method == "delete" and "templates" in route:
                names["template_id"] = grid.template(html_content="<p>x</p>", subject="s")
                names["version_id"] = grid.ask("GET", f"/v3/templates/{names['template_id']}")[
                    "versions"][0]["id"]
            path = route.format(**names) + ("?page_size=2" if route == "/v3/templates" else "")
            variants = [body]
            if body and {"batch_id", "template_id"} & set(body):
                variants.append({**body, **{name: names[name] for name in
                                            ("batch_id", "template_id") if name in body}})
            for variant in variants:
                status, answer, _ = grid.call(method.upper(), path, variant)
                check_answer(whole, operation, status, answer)
                counted += 1
                if status < 300:
                    worked.add(operation["operationId"])
    assert counted > 40
    every = {operation["operationId"] for _, _, _, operation in operations()}
    assert worked == every, every - worked
    until(lambda: "lee@example.com" in json.dumps(grid.events()))


def test_simple_letters_are_as_simple_as_they_look(grid):
    grid.sent(personalizations=[{"to": [{"email": "plain@far.test"}]}], sections={},
              categories=[], headers={}, custom_args={}, attachments=[])
    letter = until(lambda: grid.letters().get("plain@far.test"))
    assert letter.get_content_type() == "text/plain" and texts(letter) == {"plain": "Hi!"}
    assert SIMPLE["subject"] == letter["Subject"]
