"""SendGrid's mail/send: letters, templates, personalizations, schedules, and every refusal."""
import base64
import gzip
import json
import time

import pytest
from conftest import own_address
from office import until
from sendgrid import SIMPLE, SendGrid, parse, texts


@pytest.fixture(scope="module")
def grid(make_office):
    return SendGrid(make_office, own_address())


@pytest.fixture
def fresh(make_office):
    """One of its own, for tests that count letters and events."""
    return SendGrid(make_office, own_address())


def to(*addresses, **more):
    return {"to": [{"email": address} for address in addresses], **more}


# --- what is sent

def test_a_letter_with_all_its_parts(fresh):
    picture = bytes(range(256)) * 40
    letter = {
        "personalizations": [{"to": [{"email": "bob@example.test", "name": "Bob, Esq."},
                                     {"email": "carol@far.test"}],
                              "cc": [{"email": "dave@far.test", "name": "Dävid"}],
                              "bcc": [{"email": "eve@far.test"}],
                              "headers": {"X-Own": "1"}, "custom_args": {"a": "2", "b": "3"}}],
        "from": {"email": "shop@example.test", "name": "Läden"},
        "reply_to_list": [{"email": "r1@example.test"}, {"email": "r2@example.test", "name": "R"}],
        "subject": "Ihre Bestellung № 7",
        "content": [{"type": "text/plain", "value": "Grüße\n"},
                    {"type": "text/html", "value": "<p>Grüße <img src=cid:pic></p>"},
                    {"type": "text/calendar", "value": "BEGIN:VCALENDAR\nEND:VCALENDAR\n"}],
        "attachments": [
            {"content": base64.b64encode(picture).decode(), "type": "image/png",
             "filename": "pïc.png", "disposition": "inline", "content_id": "pic"},
            {"content": base64.encodebytes(picture[:999]).decode(), "filename": "data.bin"}],
        "headers": {"X-Shop": "yes", "Message-ID": "<own-7@example.test>"},
        "categories": ["orders", "new"], "custom_args": {"a": "1"},
        "asm": {"group_id": 7, "groups_to_display": [7, 8]}, "ip_pool_name": "transactional",
        "mail_settings": {"footer": {"enable": True, "text": "-- \nfoot", "html": "<i>foot</i>"},
                          "bypass_list_management": {"enable": True}},
        "tracking_settings": {"click_tracking": {"enable": True, "enable_text": False},
                              "open_tracking": {"enable": False}}}
    status, answer, headers = fresh.call("POST", "/v3/mail/send", letter)
    assert status == 202 and answer is None
    assert int(headers["X-RateLimit-Limit"]) >= int(headers["X-RateLimit-Remaining"]) > 0
    assert int(headers["X-RateLimit-Reset"]) > time.time() - 1
    far = until(lambda: len(fresh.sink.letters) == 1 and fresh.sink.letters)[0]
    assert sorted(far.recipients) == ["carol@far.test", "dave@far.test", "eve@far.test"]
    assert far.data.count(b"DKIM-Signature:") == 2 and b"eve@" not in far.data
    for data in (far.data, fresh.bob.letter()):
        got = parse(data)
        assert got["From"] == "Läden <shop@example.test>"
        assert got["To"] == '"Bob, Esq." <bob@example.test>, carol@far.test'
        assert got["Cc"] == "Dävid <dave@far.test>" and got["Bcc"] is None
        assert got["Reply-To"] == "r1@example.test, R <r2@example.test>"
        assert got["Subject"] == "Ihre Bestellung № 7" and got["X-Shop"] == "yes"
        assert got["X-Own"] == "1" and got["Message-ID"] == "<own-7@example.test>"
        assert texts(got) == {"plain": "Grüße\n-- \nfoot",
                              "html": "<p>Grüße <img src=cid:pic></p><i>foot</i>",
                              "calendar": "BEGIN:VCALENDAR\nEND:VCALENDAR"}
        inline, = [part for part in got.walk() if part["Content-ID"]]
        assert inline["Content-ID"] == "<pic>" and inline.get_filename() == "pïc.png"
        assert inline.get_content() == picture and inline.get_content_type() == "image/png"
        attached, = got.iter_attachments()
        assert attached.get_content() == picture[:999] and attached.get_filename() == "data.bin"
    until(lambda: len(fresh.events("delivered")) == 4)
    assert {event["letter"] for event in fresh.events()} == {headers["X-Message-Id"]}


def test_html_alone_gets_a_text(grid):
    grid.sent(to_one("html@far.test"), content=[{"type": "text/html", "value": "<p>Hi <b>you</b>"}])
    letter = until(lambda: grid.letters().get("html@far.test"))
    assert texts(letter) == {"plain": "Hi you", "html": "<p>Hi <b>you</b>"}


def to_one(*addresses, **more):
    return {"personalizations": [to(*addresses, **more)]}


def test_personalizations_are_letters_of_their_own(fresh):
    people = [to(f"user{n}@far.test", substitutions={"-name-": f"N°{n}", "-gift-": "-tie-"},
                 custom_args={"n": str(n)}, headers={"X-N": str(n)}) for n in range(40)]
    people[1]["subject"] = "Only -name-"
    people[2]["from"] = {"email": "other@example.test", "name": "Other"}
    people[3]["cc"] = [{"email": "cc3@far.test"}]
    people[4]["headers"]["Message-ID"] = "<mine@far.test>"
    fresh.sent(personalizations=people, subject="Hi -name-",
               content=[{"type": "text/plain", "value": "Dear -name-, take -gift-."},
                        {"type": "text/html", "value": "<b>-name-</b> -gift-"}],
               sections={"-tie-": "a tie for -name-"},
               reply_to={"email": "r@example.test", "name": "To -name-"})
    until(lambda: len(fresh.sink.letters) == 41)
    letters = fresh.letters()
    for n in range(40):
        letter = letters[f"user{n}@far.test"]
        assert letter["To"] == f"user{n}@far.test" and letter["X-N"] == str(n)
        assert letter["Subject"] == (f"Only N°{n}" if n == 1 else f"Hi N°{n}")
        assert letter["Reply-To"] == f"To N°{n} <r@example.test>"
        assert letter["From"] == ("Other <other@example.test>" if n == 2
                                  else "Shop <shop@example.test>")
        assert texts(letter) == {"plain": f"Dear N°{n}, take a tie for N°{n}.",
                                 "html": f"<b>N°{n}</b> a tie for N°{n}"}
    assert letters["cc3@far.test"]["To"] == "user3@far.test"
    assert letters["cc3@far.test"]["Cc"] == "cc3@far.test"
    assert letters["user4@far.test"]["Message-ID"] == "<mine@far.test>"
    assert len({letter["Message-ID"] for letter in letters.values()}) == 40
    until(lambda: fresh.queue() == [])


def test_a_from_of_another_domain_is_signed_for_it(fresh):
    fresh.office.run("domain", "add", "second.test")
    people = [to("first@far.test"), to("second@far.test")]
    people[1]["from"] = {"email": "shop@second.test"}
    fresh.sent(personalizations=people)
    until(lambda: len(fresh.sink.letters) == 2)
    domains = {address: {field.split("d=")[1].split(";")[0]
                         for field in letter.get_all("DKIM-Signature")}
               for address, letter in fresh.letters().items()}
    assert domains == {"first@far.test": {"example.test"}, "second@far.test": {"second.test"}}


def test_a_thousand_personalizations(fresh):
    people = [to(f"p{n}@far.test", substitutions={"%n%": str(n)}) for n in range(1000)]
    later = int(time.time()) + 3600
    fresh.sent(personalizations=people, subject="%n%", send_at=later)
    rows = fresh.queue()
    assert len(rows) == 1000 and {row["attempts"] for row in rows} == {0}
    fresh.office.run("queue", "retry", "--to", "p999@far.test")
    assert until(lambda: fresh.letters().get("p999@far.test"))["Subject"] == "999"


def test_a_dynamic_template(grid):
    template = grid.template(subject="Hi {{name}}", html_content="<p>{{name}}{{#each items}}"
                             " {{this}}{{else}} nothing{{/each}}{{#equals n 3}}!{{/equals}}</p>")
    people = [to("d1@far.test", dynamic_template_data={"name": "A & B", "items": [1, "<x>"],
                                                       "n": "3"}),
              to("d2@far.test", dynamic_template_data={"name": "C"}, subject="not this")]
    grid.sent(personalizations=people, subject=None, content=None, template_id=template)
    first = until(lambda: grid.letters().get("d1@far.test"))
    second = until(lambda: grid.letters().get("d2@far.test"))
    assert first["Subject"] == "Hi A & B" and second["Subject"] == "Hi C"
    assert texts(first) == {"plain": "A & B 1 <x>!", "html": "<p>A &amp; B 1 &lt;x&gt;!</p>"}
    assert texts(second) == {"plain": "C nothing", "html": "<p>C nothing</p>"}


def test_a_legacy_template_takes_the_content_in(grid):
    template = grid.template("legacy", subject="News: <%subject%>",
                             html_content="<html><body><h1>-co-</h1><%body%></body></html>",
                             plain_content="-co-\n<% body %>\nbye")
    people = [to("l1@far.test", substitutions={"-co-": "Acme"}),
              to("l2@far.test", substitutions={"-co-": "Ajax"}, subject="own")]
    grid.sent(personalizations=people, template_id=template, mail_settings={
        "footer": {"enable": True, "html": "<i>f</i>"}})
    first = until(lambda: grid.letters().get("l1@far.test"))
    second = until(lambda: grid.letters().get("l2@far.test"))
    assert first["Subject"] == "News: hello" and second["Subject"] == "News: own"
    assert texts(first) == {"plain": "Acme\nHi!\nbye",
                            "html": "<html><body><h1>Acme</h1>Hi!<i>f</i></body></html>"}
    assert texts(second)["plain"] == "Ajax\nHi!\nbye"


def test_a_letter_for_later_and_one_for_now(fresh):
    soon = int(time.time()) + 3600
    people = [to("now@far.test"), to("later@far.test", send_at=soon)]
    message = fresh.sent(personalizations=people)
    until(lambda: "now@far.test" in fresh.letters())
    # tries come each second here: what comes then must not take the later one along
    fresh.sent(to_one("third@far.test"), send_at=int(time.time()) + 3)
    until(lambda: "third@far.test" in fresh.letters())
    fresh.office.rest()
    row, = fresh.queue()
    assert row["id"] == message and row["recipient"] == "later@far.test"
    due = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(soon))
    assert row["due"] == due and row["attempts"] == 0
    fresh.office.run("queue", "retry", "--id", message)
    until(lambda: "later@far.test" in fresh.letters())


def test_a_time_that_has_passed_is_now(grid):
    grid.sent(to_one("past@far.test"), send_at=1617260400)
    until(lambda: "past@far.test" in grid.letters())


def test_the_sandbox_sends_nothing(fresh):
    status, answer, headers = fresh.send(mail_settings={"sandbox_mode": {"enable": True}})
    assert status == 200 and answer is None and headers["X-Message-Id"] is None
    status, answer, _ = fresh.send({"from": {"email": "x@elsewhere.test"}},
                                   mail_settings={"sandbox_mode": {"enable": True}})
    assert status == 403
    assert fresh.bob.letters() == [] and fresh.events() == [] and fresh.queue() == []


def test_the_same_idempotency_key_sends_once(fresh):
    header = {"Idempotency-Key": "order 7"}
    first = fresh.sent(headers=header)
    assert fresh.sent(headers=header) == first
    assert len(fresh.bob.letters()) == 1
    status, answer, _ = fresh.send(headers=header, subject="another")
    assert status == 422 and answer["errors"][0]["field"] == "Idempotency-Key"
    assert len(fresh.bob.letters()) == 1


def test_a_compressed_body(grid):
    body = gzip.compress(json.dumps({**SIMPLE, **to_one("zip@far.test")}).encode())
    status, answer, _ = grid.call("POST", "/v3/mail/send", body,
                                  headers={"Content-Encoding": "gzip"})
    assert status == 202, answer
    until(lambda: "zip@far.test" in grid.letters())


def test_names_that_are_quoted_already(grid):
    grid.sent(personalizations=[{"to": [{"email": "q@far.test", "name": '"Q, \\"the\\" X"'}]}])
    letter = until(lambda: grid.letters().get("q@far.test"))
    assert letter["To"].addresses[0].display_name == 'Q, "the" X'


# --- what is refused

MANY = [{"email": f"m{n}@far.test"} for n in range(600)]
REFUSED = [
    ({"personalizations": None}, "personalizations", "at least one personalization"),
    ({"personalizations": []}, "personalizations", "at least one personalization"),
    ({"personalizations": [to("bob@example.test")] * 1001}, "personalizations",
     "You have provided 1001 personalizations"),
    ({"personalizations": [{"to": MANY}, {"to": [{"email": "x" + one["email"]} for one in MANY]}]},
     "personalizations", "limit of 1000 total recipients"),
    ({"personalizations": [{"to": [{"email": f"{n}@far.test"} for n in range(1001)]}]},
     "personalizations.0.to", "limit of 1000 total recipients"),
    ({"personalizations": [{}]}, "personalizations.0.to", "The to array is required"),
    ({"personalizations": [to("bob@example.test"), {"to": []}]}, "personalizations.1.to",
     "The to array must at least"),
    ({"personalizations": [{"to": ["bob@example.test"]}]}, "personalizations.0.to.0",
     "The to array must at least"),
    (to_one("bob@example.test", "x@y z"), "personalizations.0.to.1.email",
     "Does not contain a valid address."),
    (to_one("bob"), "personalizations.0.to.0.email", "Does not contain a valid address."),
    (to_one("a" * 320 + "@far.test"), "personalizations.0.to.0.email", "320 characters"),
    (to_one("bob@example.test", cc=[{"email": "Bob@EXAMPLE.test"}]), "personalizations.0",
     "duplicate instance of [Bob@EXAMPLE.test] in the personalizations.0.cc field"),
    (to_one("bob@example.test", bcc=[{"name": "x"}]), "personalizations.0.bcc.0", "The bcc array"),
    (to_one("bob@example.test", subject=""), "personalizations.0.subject", "at least one character"),
    (to_one("bob@example.test", subject="a\r\nBcc: x@far.test"), "personalizations.0.subject",
     "CRLF"),
    (to_one("bob@example.test", headers={"X": 1}), "personalizations.0.headers.X",
     "must be strings"),
    (to_one("bob@example.test", substitutions={"-a-": 1}), "personalizations.0.substitutions.-a-",
     "values are all strings"),
    (to_one("bob@example.test", custom_args={"a": 1}), "personalizations.0.custom_args.a",
     "must be strings"),
    (to_one("bob@example.test", custom_args={"a": "x" * 10001}), "personalizations.0.custom_args",
     "may not exceed 10,000 bytes"),
    (to_one("bob@example.test", send_at="tomorrow"), "personalizations.0.send_at",
     "Unix timestamp as an integer"),
    ({"send_at": 1 << 33}, "send_at", "more than 72 hours in advance is forbidden"),
    ({"from": None}, "from", "must be provided for every email"),
    ({"from": {"name": "x"}}, "from", "must at least have"),
    ({"from": {"email": "nobody"}}, "from.email", "The from email does not contain a valid"),
    ({"from": {"email": "a@example.test", "name": "x\r\nBcc: y@far.test"}}, "from.name", ""),
    ({"reply_to": {"email": "x y"}}, "reply_to.email", "Does not contain a valid address."),
    ({"reply_to": {"email": "a@b.test"}, "reply_to_list": []}, "reply_to_list", "not both"),
    ({"subject": None}, "subject", "The subject is required"),
    ({"subject": ""}, "subject", "at least one character"),
    ({"subject": "a\nBcc: x@far.test"}, "subject", "CRLF"),
    ({"content": None}, "content", "content parameter is required"),
    ({"content": []}, "content", "at least one defined content block"),
    ({"content": [{"type": "text/plain", "value": ""}]}, "content.0.value",
     "The content value must be a string at least one character in length."),
    ({"content": [{"value": "x"}]}, "content.0.type", "A content type is required"),
    ({"content": [{"type": "text/plain; charset=x", "value": "x"}]}, "content.0.type",
     "Cannot contain ';', or CRLF"),
    ({"content": [{"type": "image/png", "value": "x"}]}, "content.0.type", ""),
    ({"content": [{"type": "text/html", "value": "x"}, {"type": "text/plain", "value": "x"}]},
     "content", "text/plain needs to be first"),
    ({"content": [{"type": "text/plain", "value": "x"}] * 2}, "content", "only be provided once"),
    ({"attachments": [{"content": "%%%", "filename": "x"}]}, "attachments.0.content",
     "The attachment content must be base64 encoded."),
    ({"attachments": [{"content": "", "filename": "x"}]}, "attachments.0.content", "one character"),
    ({"attachments": [{"content": "AAAA"}]}, "attachments.0.filename", "filename is required."),
    ({"attachments": [{"content": "AAAA", "filename": "a\r\nX: y"}]}, "attachments.0.filename",
     "CRLF"),
    ({"attachments": [{"content": "AAAA", "filename": "a", "type": "a;b"}]}, "attachments.0.type",
     "The type cannot contain ';'"),
    ({"attachments": [{"content": "AAAA", "filename": "a", "disposition": "x"}]},
     "attachments.0.disposition", "You provided x."),
    ({"attachments": [{"content": "AAAA", "filename": "a", "content_id": "a\nb"}]},
     "attachments.0.content_id", "CRLF"),
    ({"headers": {"Bcc": "x@far.test"}}, "headers.Bcc", "reserved"),
    ({"headers": {"x-sg-id": "x"}}, "headers.x-sg-id", "reserved"),
    ({"headers": {"X-A": "b\r\nBcc: x@far.test"}}, "headers.X-A", "CRLF"),
    ({"headers": {"X A": "b"}}, "headers", "empty spaces"),
    ({"headers": {"X-A": "1", "x-a": "2"}}, "headers", "duplicate keys"),
    ({"headers": {"Message-ID": "a b\r\nc"}}, "headers.Message-ID", ""),
    ({"sections": {"a": 1}}, "sections.a", "must be strings"),
    ({"template_id": 7}, "template_id", "must be a string"),
    ({"template_id": "d-" + "0" * 32}, "template_id", "valid template id for your account"),
    ({"template_id": "none"}, "template_id", "You provided none."),
    ({"categories": [f"c{n}" for n in range(11)]}, "categories", "You provided 11 categories"),
    ({"categories": "one"}, "categories", "array of strings"),
    ({"categories": ["a", "a"]}, "categories", "more than once"),
    ({"categories": ["é"]}, "categories.0", "non-ASCII"),
    ({"categories": ["x" * 256]}, "categories.0", "255 characters"),
    ({"custom_args": "x"}, "custom_args", "must be strings"),
    ({"batch_id": 7}, "batch_id", "must be a string"),
    ({"batch_id": "nobody's"}, "batch_id", "invalid batch id"),
    ({"asm": {"group_id": "x"}}, "asm.group_id", "must be an integer"),
    ({"asm": {"group_id": 1, "groups_to_display": list(range(26))}}, "asm.groups_to_display",
     "limit of 25"),
    ({"ip_pool_name": "x"}, "ip_pool_name", "2 to 64"),
    ({"mail_settings": {"sandbox_mode": {"enable": "yes"}}}, "mail_settings.sandbox_mode.enable",
     "The sandbox mode enable param should be a boolean value."),
    ({"mail_settings": {"bypass_list_management": {"enable": True},
                        "bypass_bounce_management": {"enable": True}}},
     "mail_settings.bypass_list_management", "cannot be combined"),
    ({"tracking_settings": {"open_tracking": {"substitution_tag": 1}}},
     "tracking_settings.open_tracking.substitution_tag", "must be a string"),
]


@pytest.mark.parametrize("change, field, words", REFUSED,
                         ids=[f"{n}-{row[1]}" for n, row in enumerate(REFUSED)])
def test_a_mistake_is_told_in_their_words(grid, change, field, words):
    grid.office.rest()
    before = len(grid.events())
    status, answer, _ = grid.send(change)
    error, = answer["errors"]
    assert status == 400 and error["field"] == field and words in error["message"], answer
    assert len(grid.events()) == before


def test_times_before_all_time(grid):
    grid.sent(to_one("old@far.test"), send_at=-(1 << 62))
    until(lambda: "old@far.test" in grid.letters())


def test_substitutions_with_a_dynamic_template(grid):
    template = grid.template(html_content="x", subject="y")
    status, answer, _ = grid.send(to_one("bob@example.test", substitutions={"-a-": "b"}),
                                  template_id=template)
    assert status == 400 and answer["errors"][0] == {
        "message": "Substitutions may not be used with dynamic templating",
        "field": "personalizations.0.substitutions"}


@pytest.mark.parametrize("source", ["{{#if}}", "{{> own}}", "{{#each x}}",
                                    "{{#*inline \"a\"}}{{> a}}{{/inline}}{{> a}}"])
def test_a_template_that_cannot_be_rendered(grid, source):
    template = grid.template(html_content=source, subject="y")
    grid.office.rest()
    before = len(grid.events())
    status, answer, _ = grid.send(template_id=template, content=None)
    assert status == 400 and answer["errors"][0]["field"] == "template_id", answer
    assert "html" in answer["errors"][0]["message"] and len(grid.events()) == before


def test_a_template_without_an_active_version(grid):
    one = grid.ask("POST", "/v3/templates", {"name": "empty", "generation": "dynamic"}, 201)
    status, answer, _ = grid.send(template_id=one["id"], content=None)
    assert status == 400 and answer["errors"][0]["field"] == "template_id"


def test_data_cannot_add_fields(fresh):
    template = fresh.template(subject="Hi {{name}}", html_content="x")
    status, answer, _ = fresh.send(
        to_one("bob@example.test", dynamic_template_data={"name": "a\r\nBcc: eve@far.test"}),
        template_id=template, content=None)
    assert status == 400 and answer["errors"][0]["field"] == "subject"
    assert fresh.bob.letters() == [] and fresh.sink.letters == [] and fresh.events() == []


@pytest.mark.parametrize("body, status, words", [
    (b'{"from": 1, "from": 2}', 400, "JSON"),
    (b"{'from': 1}", 400, "JSON"),
    (b"[1]", 400, "no JSON object"),
    (b"", 400, "JSON"),
    (b'{"subject": "\xff"}', 415, "Invalid UTF8 in request"),
    (b'{"a":' + b"[" * 100 + b"]" * 100 + b"}", 400, "JSON"),
    (b'{"subject": "\\ud800"}', 400, "JSON"),
], ids=["duplicate", "quotes", "list", "empty", "utf8", "depth", "surrogate"])
def test_bodies_that_are_none(grid, body, status, words):
    got, answer, _ = grid.call("POST", "/v3/mail/send", body)
    assert got == status and words in answer["errors"][0]["message"], answer


def test_a_letter_larger_than_thirty_megabytes(fresh):
    body = {**SIMPLE, "attachments": [{"filename": "x", "content": "A" * (31 << 20)}]}
    status, answer, _ = fresh.call("POST", "/v3/mail/send", gzip.compress(
        json.dumps(body).encode(), 1), headers={"Content-Encoding": "gzip"})
    assert status == 413 and answer["errors"][0]["message"], answer
    assert fresh.events() == [] and fresh.bob.letters() == []


def test_other_media_types(grid):
    got, answer, _ = grid.call("POST", "/v3/mail/send", b"a=b", headers={
        "Content-Type": "application/x-www-form-urlencoded"})
    assert got == 415 and answer["errors"][0]["message"] == "Content-Type should be application/json."


def test_strangers_are_refused(make_office, grid):
    status, answer, _ = grid.send(key="SG.wrong.wrong")
    assert status == 401 and answer == {"errors": [{
        "message": "The provided authorization grant is invalid, expired, or revoked",
        "field": None}]}
    native = json.loads(grid.office.run("key", "add", "--json"))["secret"]
    assert grid.send(key=native)[0] == 401
    status, answer, _ = grid.send(key=grid.new_key("--scope", "templates.read"))
    assert status == 403 and answer["errors"][0]["message"] == "access forbidden"
    status, answer, _ = grid.send({"from": {"email": "x@elsewhere.test"}})
    assert status == 403 and answer["errors"][0]["field"] == "from"
    assert "does not match a verified Sender Identity" in answer["errors"][0]["message"]
    people = [to("bob@example.test"), to("x@far.test")]
    people[1]["from"] = {"email": "x@elsewhere.test"}
    assert grid.send(personalizations=people)[0] == 403
    status, answer, _ = grid.send(headers={"On-Behalf-Of": "somebody"})
    assert status == 403 and "subuser" in answer["errors"][0]["message"]
    narrow = grid.new_key("--address", "news@example.test")
    assert grid.send(key=narrow)[0] == 403


@pytest.mark.parametrize("method, path, status, words", [
    ("GET", "/v3/mail/send", 405, "method not allowed"),
    ("GET", "/v3/alerts", 404, "not found"),
    ("GET", "/v3/suppression/bounces", 404, "not found"),
    ("POST", "/v3/marketing/contacts", 404, "not found"),
])
def test_what_is_not_built(grid, method, path, status, words):
    got, answer, _ = grid.call(method, path, {} if method == "POST" else None)
    assert got == status and answer["errors"][0]["message"] == words


def test_a_limit_a_day(make_office):
    grid = SendGrid(make_office, own_address(), "\napi-recipients-per-day = 3\n")
    _, _, headers = grid.send(to_one("bob@example.test", "a@far.test"))
    assert headers["X-RateLimit-Limit"] == "3" and headers["X-RateLimit-Remaining"] == "3"
    status, answer, headers = grid.send(to_one("bob@example.test", "a@far.test"))
    assert status == 429 and answer["errors"][0]["message"] == "too many requests"
    assert headers["X-RateLimit-Remaining"] == "1" and len(grid.bob.letters()) == 1
    grid.sent()
