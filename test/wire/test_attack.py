"""Attacks on the doors of applications: by those who have a key, but less right than they claim."""
import json
import smtplib

import pytest
from conftest import own_address
from office import OFFSET, PATIENCE, unverified
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
