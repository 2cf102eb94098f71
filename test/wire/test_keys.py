"""Keys of each dialect as passwords for SMTP, the way the providers' users give them."""
import base64
import hashlib
import hmac
import json
import smtplib

import pytest

from office import OFFSET, PATIENCE, unverified

LETTER = "From: {}\r\nTo: bob@example.test\r\nSubject: key\r\n\r\nhello\r\n"


@pytest.fixture(scope="module")
def keys(office):
    office.run("user", "add", "bob@example.test", "--password-file", "-", text="secret of bob\n")
    made = {}
    for dialect in ("native", "sendgrid", "mailgun", "ses", "smtpcom"):
        made[dialect] = json.loads(office.run("key", "add", "--dialect", dialect, "--json"))
    return made


def login(office, user, password):
    smtp = smtplib.SMTP_SSL(office.address, 465 + OFFSET, timeout=PATIENCE, context=unverified())
    try:
        smtp.login(user, password)
    except smtplib.SMTPAuthenticationError:
        smtp.close()
        return None
    return smtp


def ses_password(secret, region):
    """As Amazon documents it: a chain of HMACs and a version byte."""
    key = ("AWS4" + secret).encode()
    for word in ("11111111", region, "ses", "aws4_request", "SendRawEmail"):
        key = hmac.new(key, word.encode(), hashlib.sha256).digest()
    return base64.b64encode(b"\x04" + key).decode()


def ways(keys):
    ses = keys["ses"]
    return {"native": (keys["native"]["id"], keys["native"]["secret"]),
            "sendgrid": ("apikey", keys["sendgrid"]["secret"]),
            "mailgun": ("postmaster@example.test", keys["mailgun"]["secret"]),
            "ses": (ses["id"], ses_password(ses["secret"], "eu-central-1")),
            "smtpcom": (keys["smtpcom"]["id"], keys["smtpcom"]["secret"])}


@pytest.mark.parametrize("dialect", ["native", "sendgrid", "mailgun", "ses", "smtpcom"])
def test_a_key_sends_by_smtp(office, keys, dialect):
    smtp = login(office, *ways(keys)[dialect])
    assert smtp, dialect
    smtp.sendmail("shop@example.test", "bob@example.test", LETTER.format("shop@example.test"))
    with pytest.raises(smtplib.SMTPException):
        smtp.sendmail("a@elsewhere.test", "bob@example.test", LETTER.format("a@elsewhere.test"))
    smtp.quit()


def test_wrong_secrets_and_foreign_ways_are_refused(office, keys):
    good = ways(keys)
    for user, password in [("apikey", good["native"][1]), ("apikey", good["mailgun"][1]),
                           ("apikey", "SG.x.y"), ("postmaster@example.test", good["native"][1]),
                           ("postmaster@elsewhere.test", good["mailgun"][1]),
                           (good["ses"][0], keys["ses"]["secret"]),
                           (good["ses"][0], ses_password("x" * 40, "eu-central-1")),
                           (good["native"][0], good["sendgrid"][1]), ("apikey", "")]:
        assert login(office, user, password) is None, user


def test_a_key_for_some_addresses(office):
    key = json.loads(office.run("key", "add", "--dialect", "sendgrid", "--address",
                                "news@example.test", "--json"))
    smtp = login(office, "apikey", key["secret"])
    smtp.sendmail("news@example.test", "bob@example.test", LETTER.format("news@example.test"))
    with pytest.raises(smtplib.SMTPException):
        smtp.sendmail("ceo@example.test", "bob@example.test", LETTER.format("ceo@example.test"))
    smtp.quit()
    assert key["secret"].startswith(f"SG.{key['id']}.")


def test_a_mistake_is_answered(office):
    result = office.command("key", "add", "--dialect", "sendgird")
    assert result.returncode == 2 and "native|sendgrid|mailgun|ses|smtpcom" in result.stderr
    result = office.command("key", "add", "--domain", "nobody.test")
    assert result.returncode == 1 and "is no domain" in result.stderr
