"""Attacks on the doors of applications: by those who have a key, but less right than they claim."""
import itertools
import json
import smtplib
import time
import urllib.parse

import pytest
from conftest import own_address
from mailgun import Mailgun
from native import Native
from office import OFFSET, PATIENCE, in_parallel, unverified
from sendgrid import SendGrid
from test_smtpcom import SmtpCom


@pytest.fixture(scope="module")
def grid(make_office):
    return SendGrid(make_office, own_address())


def by_smtp(office, user, password, data, to=("bob@example.test",), sender="shop@example.test"):
    """(code, words) of the reply to a letter's data."""
    with smtplib.SMTP(office.address, 587 + OFFSET, "client.example.net",
                      timeout=PATIENCE) as client:
        client.starttls(context=unverified())
        client.login(user, password)
        client.mail(sender)
        for one in to:
            assert client.rcpt(one)[0] == 250
        code, words = client.data(data)
        return code, words.decode()


def smtpapi(grid, said, head="", body="Hi!"):
    """The reply to a letter with that X-SMTPAPI, text or JSON."""
    said = said if isinstance(said, str) else json.dumps(said, separators=(",\r\n ", ":"))
    return by_smtp(grid.office, "apikey", grid.key,
                   f"From: shop@example.test\r\nTo: bob@example.test\r\nSubject: -x-\r\n{head}"
                   f"X-SMTPAPI: {said}\r\n\r\n{body}\r\n".encode())


# --- X-SMTPAPI

@pytest.mark.parametrize("said", [
    {"unique_args": {"a": None}},
    {"unique_args": None, "category": None, "filters": None, "sub": None, "to": None},
    {"category": [None]},
    {"filters": {"footer": {"settings": {"enable": None, "text/html": None}}}},
    {"filters": {"templates": {"settings": {"enable": 1, "template_id": None}}}},
    {"filters": {"templates": {"settings": {"enable": 1}}}},
    {"filters": {"footer": {"settings": None}}},
    {"sub": {"-x-": None, "-y-": [None]}},
    {"sub": {"-x-": ["a"]}, "section": {"-x-": None}},
    {"to": [None], "sub": {"": [""]}},
    {"asm_group_id": None, "asm_groups_to_display": [None], "send_at": None},
    {"send_each_at": None, "to": ["bob@example.test"]}])
def test_nulls_are_read(grid, said):
    """Taken or refused for good; the office lives."""
    worker = grid.office.worker()
    code, _ = smtpapi(grid, said)
    assert code in (250, 550)
    assert grid.office.worker() == worker


def test_a_short_field_cannot_ask_for_millions_of_tags(grid):
    """34 KB would have taken 830 MB, and 180 KB the office."""
    code, words = smtpapi(grid, {"to": ["a@far.test"] * 2000,
                                 "sub": {f"{i:x}": [] for i in range(2000)}})
    assert code == 550 and "sub" in words, words
    assert smtpapi(grid, {"to": ["a@far.test"] * 200,
                          "sub": {f"{i:x}": [] for i in range(200)}})[0] == 250


@pytest.mark.parametrize("head, body", [
    ("Content-Type: multipart/mixed; boundary=b\r\n",
     "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" * 1001 + "--b--"),
    ("".join(f"X-A{i}: v\r\n" for i in range(1500)), "x"),
    ("Cc: " + ",\r\n ".join(["bob@example.test"] * 1001) + "\r\n", "x")],
    ids=["parts", "fields", "addresses"])
def test_what_is_too_much_is_refused_for_good(grid, head, body):
    """451 would have had it sent again and again."""
    code, words = smtpapi(grid, {"sub": {"-x-": ["a"]}}, head, body)
    assert code == 550 and "too many" in words, (code, words)


# --- SMTP.com's channels

@pytest.fixture(scope="module")
def com(make_office):
    com = SmtpCom(make_office, own_address())
    com.office.run("domain", "add", "other.test")
    return com


@pytest.mark.parametrize("words", [["--domain", "other.test"], ["--address", "a@example.test"],
                                   ["--scope", "channels.create", "--scope", "channels.update",
                                    "--scope", "channels.delete"]], ids=lambda words: words[0])
def test_who_has_less_makes_no_login_that_has_all(com, words):
    """A channel's login sends as every domain of the tenant."""
    key = json.loads(com.office.run("key", "add", "--dialect", "smtpcom", "--json",
                                    *words))["secret"]
    body = {"name": "mine", "smtp_username": "mine", "smtp_password": "secret of mine", "quota": 9}
    status, answer = com.call("POST", "/v4/channels", body, key)
    assert status == 403, answer
    assert com.call("GET", "/v4/channels/mine")[0] == 404
    assert com.call("POST", "/v4/channels", body | {"name": "ours", "smtp_username": words[0]}
                    )[0] in (200, 400)
    assert com.call("PATCH", "/v4/channels/ours", {"smtp_password": "known to me"}, key)[0] == 403
    if words[0] != "--scope":
        assert com.call("DELETE", "/v4/channels/ours", key=key)[0] == 403
    with pytest.raises(smtplib.SMTPAuthenticationError):
        by_smtp(com.office, "mine", "secret of mine", b"")


def test_a_cancelled_channel_that_is_named_like_a_domain_sends_nothing(com):
    assert com.call("POST", "/v4/channels", {
        "name": "other.test", "smtp_username": "other", "smtp_password": "secret of other",
        "quota": 1})[0] == 200
    assert com.call("DELETE", "/v4/channels/other.test")[0] == 200
    status, answer = com.send({"channel": "other.test"})
    assert status == 400 and "channel" in answer["data"]["errors"], answer


# --- a key for one domain

class Two:
    """An office with two domains, a key for each, and for each a letter that waits."""

    def __init__(self, make_office):
        self.post = Native(make_office, own_address(), 'route "slow.test" { host = "127.255.255.254"'
                           ' port = 9 }')
        self.office = self.post.office
        self.office.run("domain", "add", "other.test")
        self.office.run("user", "add", "eve@other.test", "--password-file", "-",
                        text="secret of eve\n")
        self.ids, self.keys, self.letters = {}, {}, {}
        for domain in ("example.test", "other.test"):
            made = json.loads(self.office.run("key", "add", "--domain", domain, "--json"))
            self.ids[domain], self.keys[domain] = made["id"], made["secret"]
            status, answer = self.post.send(key=made["secret"], to="a@slow.test",
                                            **{"from": f"shop@{domain}"})
            assert status in (200, 202), answer
            self.letters[domain] = answer["id"]

    def other(self, method, path, body=None):
        return self.post.call(method, "/api/v1" + path, body, self.keys["other.test"])

    def seen(self, path, name):
        status, answer = self.other("GET", path)
        assert status == 200, answer
        return {item[name] for item in answer["items"]}


@pytest.fixture(scope="module")
def two(make_office):
    return Two(make_office)


def test_a_key_for_one_domain_sees_nothing_of_another(two):
    mine, yours = two.letters["other.test"], two.letters["example.test"]
    assert two.seen("/queue", "message") == {mine}
    assert two.seen("/queue?to=a@slow.test", "message") == {mine}
    assert two.seen("/events", "message") == {mine}
    assert two.seen(f"/events?message={yours}", "message") == set()
    assert two.seen("/domains", "name") == {"other.test"}
    assert two.seen("/users", "address") == {"eve@other.test"}
    assert two.seen("/keys", "id") == {two.ids["other.test"]}
    for path in (f"/queue/{yours}", f"/messages/{yours}", f"/keys/{two.ids['example.test']}"):
        assert two.other("GET", path)[0] == 404, path
    status, answer = two.other("GET", f"/messages/{mine}")
    assert status == 200 and answer["sender"] == "shop@other.test", answer
    event = two.post.call("GET", f"/api/v1/events?message={yours}")[1]["items"][0]["id"]
    assert two.other("GET", f"/events/{event}")[0] == 404


def test_a_key_for_one_domain_steers_nothing_of_another(two):
    yours = two.letters["example.test"]
    assert two.other("POST", "/queue/hold", {"all": True}) == (200, {"recipients": 1})
    for what in ({"message": yours}, {"sender": "shop@example.test"}):
        assert two.other("POST", "/queue/drop", what) == (200, {"recipients": 0})
    left = two.post.call("GET", "/api/v1/queue")[1]["items"]
    assert {row["message"]: row["reason"] is not None for row in left} == {
        yours: False, two.letters["other.test"]: True}


def test_nobody_changes_or_revokes_a_key_that_can_more(two):
    whole = json.loads(two.office.run("key", "add", "--json"))
    few = json.loads(two.office.run("key", "add", "--json", "--scope", "api_keys.update", "--scope",
                                    "api_keys.delete"))
    for victim in (whole["id"], two.ids["example.test"]):
        path = f"/keys/{victim}"
        assert two.other("DELETE", path)[0] == 404
        assert two.other("PATCH", path, {"title": "x"})[0] == 404
        path = "/api/v1" + path
        assert two.post.call("DELETE", path, key=few["secret"])[0] == 403
        assert two.post.call("PATCH", path, {"scopes": ["api_keys.update"]}, few["secret"])[0] == 403
    assert two.post.call("DELETE", f"/api/v1/keys/{few['id']}", key=few["secret"])[0] == 204


# --- calls at once

def test_calls_at_once_do_not_share_the_last_of_a_quota(make_office):
    post = Native(make_office, own_address(), "\napi-recipients-per-day = 5\n")
    answers = in_parallel(40, lambda _: post.send(to="bob@example.test"))
    assert sorted(status for status, _ in answers) == [202] * 5 + [429] * 35
    assert all("5 recipients in 24 hours" in answer["detail"]
               for status, answer in answers if status == 429)
    assert len(post.bob.letters()) == 5


def test_equal_calls_at_once_are_one_letter(two):
    answers = in_parallel(30, lambda _: two.post.send(
        to="bob@example.test", http={"Idempotency-Key": "once"}.items()))
    assert {status for status, _ in answers} == {202}
    assert len({answer["id"] for _, answer in answers}) == 1
    assert len(two.post.bob.letters()) == 1


# --- who writes

def raw(post, head, key):
    return post.call("POST", "/api/v1/messages/raw?to=bob@example.test",
                     f"{head}Subject: s\r\n\r\nx\r\n".encode(), key,
                     {"Content-Type": "message/rfc822"}.items())


@pytest.mark.parametrize("head", [
    "From: a@example.test\r\nSender: ceo@example.test\r\n",
    "From: a@example.test\r\nSender: a@example.test\r\nsender : ceo@example.test\r\n",
    "From: a@example.test\r\nSender: a@example.test, ceo@example.test\r\n",
    "From: a@example.test\r\nSender: \"a@example.test\"\r\n",
    "From: a@example.test, ceo@example.test\r\n",
    "From: a@example.test\r\nFrom: ceo@example.test\r\n",
    "From: a@example.test\r\nFrom : ceo@example.test\r\n",
    "From: a@example.test\nX: y\nFROM: ceo@example.test\r\n",
    "From: g: a@example.test, ceo@example.test;\r\n",
    "From: <@ceo@example.test:a@example.test>, (x) ceo@example.test\r\n",
    "X: y\r\nceo\r\nFrom: a@example.test\r\n",
    "From:\r\nFrom: a@example.test\r\n"], ids=itertools.count())
def test_a_key_for_an_address_writes_as_nobody_else(two, head):
    made = json.loads(two.office.run("key", "add", "--json", "--address", "a@example.test"))
    before = len(two.post.bob.letters())
    status, answer = raw(two.post, head, made["secret"])
    assert status in (400, 403), answer
    if "\n" not in head.replace("\r\n", ""):
        code, words = by_smtp(two.office, made["id"], made["secret"],
                              f"{head}Subject: s\r\n\r\nx\r\n".encode(), sender="a@example.test")
        assert code == 550, (code, words)
    assert len(two.post.bob.letters()) == before
    assert raw(two.post, "From: a@example.test\r\nSender: A <a@example.test>\r\n",
               made["secret"])[0] == 202


def test_a_mailgun_key_for_an_address_names_no_other_sender(make_office):
    gun = Mailgun(make_office, own_address())
    key = gun.new_key("--address", "shop@example.test")
    fields = {"from": "shop@example.test", "to": "bob@example.test", "subject": "s", "text": "x"}
    for sender, taken in (("ceo@example.test", False), ("shop@example.test", True)):
        status, answer = gun.call(
            "POST", "/v3/example.test/messages",
            urllib.parse.urlencode(fields | {"h:Sender": sender}).encode(),
            "application/x-www-form-urlencoded", key=key)
        assert (status == 200) == taken, (status, answer)
    assert len(gun.bob.letters()) == 1


def test_each_address_of_a_scheduled_letter_is_there_once(two):
    """However many there are, and in whatever case; each of the groups has its own."""
    many = [f"{'p' * 40}{i:05}@slow.test" for i in range(3000)]
    status, answer = two.post.send(to=many[0], cc=many, bcc=[one.upper() for one in many],
                                   send_at=int(time.time()) + 86400, batch_id="")
    assert status == 202, answer
    status, other = two.post.call("POST", "/api/v1/messages", {
        "from": "shop@example.test", "subject": "s", "text": "t",
        "send_at": int(time.time()) + 86400,
        "recipients": [{"to": [many[0], many[1], many[0]]}, {"to": many[0]}]})
    assert status == 202, other
    for message, there in ((answer["id"], many), (other["id"], [many[0], many[1], many[0]])):
        rows = json.loads(two.office.run("queue", "list", "--json", "--id", message))
        assert sorted(row["recipient"].lower() for row in rows) == sorted(there)
