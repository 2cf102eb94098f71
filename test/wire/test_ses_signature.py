"""Who signed? Signature Version 4 as botocore makes it, and as it must not be."""
import datetime
import hashlib
import hmac
import json
import urllib.parse

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from ses import REGION, Ses

LETTER = json.dumps({
    "FromEmailAddress": "shop@example.test", "Destination": {"ToAddresses": ["bob@example.test"]},
    "Content": {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}}}).encode()
SEND = "/v2/email/outbound-emails"


@pytest.fixture(scope="module")
def ses(make_office):
    return Ses(make_office)


def quote(text):
    return urllib.parse.quote(text, safe="-_.~")


def sign(ses, method="POST", path=SEND, query=(), body=LETTER, headers=(), at=None, key=None,
         region=REGION, service="ses", names=None, path_twice=True, date=None):
    """The fields of a request, signed by the letter of the documentation."""
    key = key or ses.key
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=at or 0)
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{date or stamp[:8]}/{region}/{service}/aws4_request"
    fields = {"host": ses.url.split("//")[1], "x-amz-date": stamp,
              "content-type": "application/json", **dict(headers)}
    names = names or sorted(fields)
    canonical = "\n".join([
        method, urllib.parse.quote(path, safe="/-_.~") if path_twice else path,
        "&".join(sorted(f"{quote(name)}={quote(value)}" for name, value in query)),
        *(f"{name}:{' '.join(fields[name].split())}" for name in names), "",
        ";".join(names), hashlib.sha256(body).hexdigest()])
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope,
                      hashlib.sha256(canonical.encode()).hexdigest()])
    secret = ("AWS4" + key["secret"]).encode()
    for part in (*scope.split("/"), text):
        secret = hmac.new(secret, part.encode(), "sha256").digest()
    del fields["host"]
    return {**fields, "authorization":
            f"AWS4-HMAC-SHA256 Credential={key['id']}/{scope}, SignedHeaders={';'.join(names)}, "
            f"Signature={secret.hex()}"}


def ask(ses, fields, body=LETTER, path=SEND, method="POST"):
    """(status, error, message)"""
    status, answer, got = ses.raw(method, path, body, fields)
    answer = json.loads(answer or b"{}")
    assert got["x-amzn-RequestId"]
    assert got.get("x-amzn-ErrorType", answer.get("__type")) == answer.get("__type")
    return status, answer.get("__type"), answer.get("message", "")


@pytest.fixture
def unsent(ses):
    events, letters = ses.events(), ses.bob.letters()
    yield
    assert ses.events() == events and ses.bob.letters() == letters


# --- right

def test_what_the_documentation_says_is_right(ses):
    before = len(ses.bob.letters())
    fields = sign(ses)
    assert ask(ses, fields)[0] == 200
    assert ask(ses, fields)[0] == 200  # again within its quarter of an hour, as at Amazon
    assert ask(ses, sign(ses, at=-14 * 60))[0] == 200 and ask(ses, sign(ses, at=14 * 60))[0] == 200
    assert len(ses.bob.letters()) == before + 4
    digest = hashlib.sha256(LETTER).hexdigest()
    assert ask(ses, sign(ses, headers={"x-amz-content-sha256": digest}))[0] == 200
    assert ask(ses, {**sign(ses), "x-amz-content-sha256": digest})[0] == 200
    assert ask(ses, sign(ses, region="mars-north-7"))[0] == 200
    assert ask(ses, sign(ses, headers={"x-own": "  a \t b  c "}))[0] == 200
    assert ask(ses, {**sign(ses), "x-not-signed": "1"})[0] == 200


def test_odd_paths_and_queries(ses):
    for name in ("a b", "a%2Fb", "a/b", "ä", "a+b", "~x-_.", "a%20b", "a:b@c", "(x)*!'"):
        path = "/v2/email/templates/" + quote(name)
        assert ask(ses, sign(ses, "GET", path, body=b""), None, path, "GET")[1] == (
            "NotFoundException"), name
        assert ask(ses, sign(ses, "GET", path, body=b"", path_twice=False), None, path,
                   "GET")[0] == (403 if "%" in path else 404), name
    for path in ("/v2/email//templates", "/v2/./email/templates", "/v2/x/../email/templates"):
        assert 400 <= ask(ses, sign(ses, "GET", path, body=b""), None, path, "GET")[0] < 500, path
    pairs = [("PageSize", "10"), ("B", "2"), ("B", "10"), ("A b", "ü/+ &="), ("a", ""), ("C", "~")]
    for given in ("&".join(f"{quote(a)}={quote(b)}" for a, b in pairs),
                  "&".join(f"{quote(a)}={quote(b)}" for a, b in pairs).replace("a=&", "a&")):
        fields = sign(ses, "GET", "/v2/email/templates", pairs, b"")
        assert ask(ses, fields, None, "/v2/email/templates?" + given, "GET")[0] == 200, given


def presigned(ses, method="GET", path="/v2/email/account", body=None, expires=60, at=0, key=None):
    key = key or ses.key
    request = AWSRequest(method, ses.url + path, data=body)
    auth = SigV4QueryAuth(Credentials(key["id"], key["secret"]), "ses", REGION, expires)
    if at:
        import botocore.auth
        real = botocore.auth.datetime.datetime

        class Other(real):
            @classmethod
            def utcnow(cls):
                return real.utcnow() + datetime.timedelta(seconds=at)
        botocore.auth.datetime.datetime = Other
    try:
        auth.add_auth(request)
    finally:
        if at:
            botocore.auth.datetime.datetime = real
    return request.url[len(ses.url):]


def test_presigned(ses, unsent):
    path = presigned(ses)
    assert ask(ses, {}, None, path, "GET")[0] == 200
    assert ask(ses, {}, None, path, "GET")[0] == 200
    assert ask(ses, {}, None, presigned(ses, expires=3600, at=-3000), "GET")[0] == 200
    for other, error in (
            (presigned(ses, expires=60, at=-120), "InvalidSignatureException"),
            (presigned(ses, expires=60, at=20 * 60), "InvalidSignatureException"),
            (presigned(ses, expires=8 * 24 * 3600), "IncompleteSignatureException"),
            (path.replace("Expires=60", "Expires=61"), "InvalidSignatureException"),
            (path.replace("Expires=60", "Expires=x"), "IncompleteSignatureException"),
            (path + "&PageSize=1", "InvalidSignatureException"),
            (path + "&X-Amz-Signature=0", "IncompleteSignatureException"),
            (path[:-1] + ("0" if path[-1] != "0" else "1"), "InvalidSignatureException"),
            (path[:-1], "IncompleteSignatureException"),
            (path.replace("/account", "/templates"), "InvalidSignatureException"),
            (presigned(ses, key={"id": ses.key["id"], "secret": "x"}),
             "InvalidSignatureException")):
        assert ask(ses, {}, None, other, "GET")[:2] == (403, error), other
    # One that is signed for a body holds for no other.
    path = presigned(ses, "POST", SEND)
    assert ask(ses, {"Content-Type": "application/json"}, LETTER, path)[:2] == (
        403, "InvalidSignatureException")


def test_presigned_forms(ses):
    path = presigned(ses, path="/?Action=GetSendQuota&Version=2010-12-01")
    status, answer, _ = ses.raw("GET", path)
    assert status == 200 and b"<GetSendQuotaResult>" in answer
    status, answer, _ = ses.raw("GET", path.replace("GetSendQuota", "ListIdentities"))
    assert status == 403 and b"<Code>SignatureDoesNotMatch</Code>" in answer


# --- wrong

def test_wrong_signatures(ses, unsent):
    good = sign(ses)
    sigless = good["authorization"].rsplit("=", 1)[0] + "="
    for fields, error in (
            (sign(ses, at=-16 * 60), "InvalidSignatureException"),
            (sign(ses, at=16 * 60), "InvalidSignatureException"),
            (sign(ses, key={**ses.key, "secret": ses.key["secret"] + "x"}),
             "InvalidSignatureException"),
            (sign(ses, key={**ses.key, "id": "AKIAIOSFODNN7EXAMPLE"}),
             "UnrecognizedClientException"),
            (sign(ses, service="s3"), "InvalidSignatureException"),
            (sign(ses, body=b"other"), "InvalidSignatureException"),
            (sign(ses, method="GET"), "InvalidSignatureException"),
            (sign(ses, path="/v2/email/templates"), "InvalidSignatureException"),
            (sign(ses, query=[("a", "b")]), "InvalidSignatureException"),
            (sign(ses, headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}),
             "InvalidSignatureException"),
            (sign(ses, headers={"x-amz-content-sha256": "0" * 64}), "InvalidSignatureException"),
            (sign(ses, headers={"x-amz-security-token": "a session's"}),
             "UnrecognizedClientException"),
            (sign(ses, date="20150830"), "IncompleteSignatureException"),
            (sign(ses, names=["content-type", "host"]), "IncompleteSignatureException"),
            (sign(ses, names=["content-type", "x-amz-date"]), "IncompleteSignatureException"),
            ({**good, "content-type": "application/json; charset=utf-8"},
             "InvalidSignatureException"),
            ({**good, "x-amz-date": "20150830T123600Z"}, "IncompleteSignatureException"),
            ({**good, "x-amz-date": "today"}, "IncompleteSignatureException"),
            ({**good, "authorization": good["authorization"].replace(
                "content-type;", "content-type;absent;")}, "InvalidSignatureException"),
            ({**good, "authorization": sigless + "0" * 64}, "InvalidSignatureException"),
            ({**good, "authorization": sigless + "0" * 63}, "IncompleteSignatureException"),
            ({**good, "authorization": sigless}, "IncompleteSignatureException"),
            ({**good, "authorization": good["authorization"] + ", Signature=" + "0" * 64},
             "IncompleteSignatureException"),
            ({**good, "authorization": good["authorization"].replace("/ses/", "/")},
             "IncompleteSignatureException"),
            ({**good, "authorization": "AWS4-HMAC-SHA256 Credential"},
             "IncompleteSignatureException"),
            ({**good, "authorization": "AWS4-HMAC-SHA256 " + "a=b," * 3000},
             "IncompleteSignatureException"),
            ({"content-type": "application/json"}, "MissingAuthenticationTokenException")):
        status, name, _ = ask(ses, fields)
        assert (status, name) == (403, error), fields
    for path in (SEND + "?a%zz", SEND + "?a=%", SEND + "?a=%ff"):
        assert ask(ses, good, LETTER, path)[0] in (400, 403), path
    long = {**good, "x-a": "v" * 30000, "authorization": good["authorization"].replace(
        "content-type;", "content-type;" + "x-a;" * 1000)}
    assert ask(ses, long)[:2] == (403, "InvalidSignatureException")
    assert ask(ses, good, LETTER + b" ")[:2] == (403, "InvalidSignatureException")
    assert ask(ses, good, LETTER, SEND + "?a")[:2] == (403, "InvalidSignatureException")


def test_other_dialects_keys_are_nobody(ses, unsent):
    other = json.loads(ses.office.run("key", "add", "--dialect", "sendgrid", "--json"))
    with pytest.raises(ClientError) as caught:
        ses.client("sesv2", {"id": other["id"], "secret": other["secret"]}).get_account()
    assert caught.value.response["Error"]["Code"] == "UnrecognizedClientException"
    with pytest.raises(ClientError) as caught:
        ses.client("ses", {"id": other["id"], "secret": other["secret"]}).get_send_quota()
    assert caught.value.response["Error"]["Code"] == "InvalidClientTokenId"


def test_a_removed_key(ses, unsent):
    key = ses.new_key()
    client = ses.client("sesv2", key)
    client.get_account()
    ses.office.run("key", "revoke", key["id"])
    with pytest.raises(ClientError) as caught:
        client.get_account()
    assert caught.value.response["Error"]["Code"] == "UnrecognizedClientException"
