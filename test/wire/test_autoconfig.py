"""Mail programs find their settings: Thunderbird, Outlook, Apple, people with a camera; SRV."""
import http.client
import json
import plistlib
import re
import subprocess
import urllib.parse
import xml.etree.ElementTree as ElementTree

import names
import pytest
from office import OFFSET, PATIENCE, PROGRAM, unverified
from pyzbar import pyzbar

HOST = "mail.example.test"
CONFIGS = ["/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml"]
DISCOVER, DISCOVER_JSON = "/autodiscover/autodiscover.xml", "/autodiscover/autodiscover.json"
PROFILE, SETUP = "/mail/apple.mobileconfig", "/mail/setup"
OUTER = "{http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006}"
INNER = "{http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a}"
SCHEMA = INNER.strip("{}")
HOSTILE = """o'<b>&"]]>@example.test"""
SERVERS = [("imap", 993, "SSL"), ("imap", 143, "STARTTLS"), ("pop3", 995, "SSL"),
           ("pop3", 110, "STARTTLS"), ("smtp", 465, "SSL"), ("smtp", 587, "STARTTLS")]


class Reply:
    def __init__(self, answer):
        self.status, self.fields, self.body = answer.status, answer.headers, answer.read()
        self.type = self.fields.get_content_type()


def ask(office, path, host=None, method="GET", body=None, tls=True, fields=None, **query):
    """One request; query values are encoded."""
    port = (443 if tls else 80) + OFFSET
    connection = http.client.HTTPSConnection(office.address, port, timeout=PATIENCE,
                                             context=unverified()) if tls else \
        http.client.HTTPConnection(office.address, port, timeout=PATIENCE)
    try:
        target = path + ("?" + urllib.parse.urlencode(query) if query else "")
        connection.request(method, target, body,
                           {**({"Host": host} if host else {}), **(fields or {})})
        return Reply(connection.getresponse())
    finally:
        connection.close()


def question(address, schema=SCHEMA):
    def escape(text):
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    wanted = f"<AcceptableResponseSchema>{schema}</AcceptableResponseSchema>" if schema else ""
    return ('<?xml version="1.0" encoding="utf-8"?>\n<Autodiscover xmlns="http://schemas.microsoft'
            '.com/exchange/autodiscover/outlook/requestschema/2006"><Request><EMailAddress>'
            f"{escape(address)}</EMailAddress>{wanted}</Request></Autodiscover>").encode()


def post(office, address, path=DISCOVER, **more):
    return ask(office, path, method="POST", body=question(address),
               fields={"Content-Type": "text/xml"}, **more)


# --- Thunderbird -------------------------------------------------------------------------------

def thunderbird(reply):
    """(domain, [(type, port, socket)], user names) of a config."""
    assert reply.status == 200 and reply.type == "text/xml", reply.body
    root = ElementTree.fromstring(reply.body)
    assert root.tag == "clientConfig" and root.get("version") == "1.1"
    provider = root.find("emailProvider")
    assert provider.get("id") == provider.find("domain").text
    servers = [*provider.findall("incomingServer"), *provider.findall("outgoingServer")]
    assert {server.find("hostname").text for server in servers} == {HOST}
    assert {server.find("authentication").text for server in servers} == {"password-cleartext"}
    assert [s.get("type") for s in provider.findall("outgoingServer")] == ["smtp", "smtp"]
    return (provider.find("domain").text,
            [(s.get("type"), int(s.find("port").text) - OFFSET, s.find("socketType").text)
             for s in servers], {s.find("username").text for s in servers})


@pytest.mark.parametrize("tls", [True, False])
@pytest.mark.parametrize("path", CONFIGS)
def test_thunderbird_with_an_address(office, path, tls):
    found = thunderbird(ask(office, path, tls=tls, emailaddress="Bob+x@Example.TEST"))
    assert found == ("example.test", SERVERS, {"bob+x@example.test"})


@pytest.mark.parametrize("path", CONFIGS)
@pytest.mark.parametrize("host", ["autoconfig.example.test", "example.test", "EXAMPLE.test:10080",
                                  "mail.example.test", "autoconfig.EXAMPLE.test:80"])
def test_thunderbird_without_an_address_goes_by_host(office, path, host):
    placeholder = {"%EMAILADDRESS%"}
    assert thunderbird(ask(office, path, host)) == ("example.test", SERVERS, placeholder)
    assert thunderbird(ask(office, path, host, emailaddress="")) == (
        "example.test", SERVERS, placeholder)


def test_the_address_goes_before_the_host(office):
    assert thunderbird(ask(office, CONFIGS[0], "autoconfig.nobody.test",
                           emailaddress="b@example.test"))[0] == "example.test"
    assert ask(office, CONFIGS[0], "autoconfig.example.test",
               emailaddress="b@nobody.test").status == 404


def test_the_office_is_known_by_its_own_name(make_office):
    """… also when no domain of it is like that name."""
    office = make_office(domain="other.test")
    assert thunderbird(ask(office, CONFIGS[0], HOST))[1] == SERVERS
    assert ask(office, CONFIGS[0], "example.test").status == 404
    assert ask(office, CONFIGS[0], "x." + HOST).status == 404


def test_a_domain_in_other_letters(make_office):
    office = make_office(domain="bücher.test")
    for address in ("b@bücher.test", "b@xn--bcher-kva.test"):
        assert thunderbird(ask(office, CONFIGS[0], emailaddress=address))[2] == {
            "b@xn--bcher-kva.test"}


# --- Outlook -----------------------------------------------------------------------------------

def outlook(reply):
    """[(type, port)], login names of an answer to Autodiscover."""
    assert reply.status == 200 and reply.type == "text/xml", reply.body
    root = ElementTree.fromstring(reply.body)
    assert root.tag == OUTER + "Autodiscover"
    account = root.find(f"{INNER}Response/{INNER}Account")
    assert account.find(INNER + "AccountType").text == "email"
    assert account.find(INNER + "Action").text == "settings"
    servers = account.findall(INNER + "Protocol")
    for server in servers:
        assert server.find(INNER + "Server").text == HOST
        assert server.find(INNER + "SSL").text == "on"
        assert server.find(INNER + "SPA").text == "off"
    return ([(s.find(INNER + "Type").text, int(s.find(INNER + "Port").text) - OFFSET)
             for s in servers],
            {getattr(s.find(INNER + "LoginName"), "text", None) for s in servers})


def outlook_error(reply):
    assert reply.type == "text/xml", reply.body
    error = ElementTree.fromstring(reply.body).find(f"{OUTER}Response/{OUTER}Error")
    assert error.find(OUTER + "Message").text
    return int(error.find(OUTER + "ErrorCode").text)


ALL = [("IMAP", 993), ("POP3", 995), ("SMTP", 465)]


@pytest.mark.parametrize("path", [DISCOVER, "/Autodiscover/Autodiscover.xml",
                                  "/AutoDiscover/AutoDiscover.xml", "/AUTODISCOVER/AUTODISCOVER.XML"])
def test_outlook_in_any_case_of_letters(office, path):
    for tls in (True, False):
        found = outlook(post(office, "Bob@Example.test", path, tls=tls))
        assert found == (ALL, {"bob@example.test"})
        for name in ("emailaddress", "Email", "email"):
            assert outlook(ask(office, path, tls=tls, **{name: "bob@example.test"})) == found
    assert outlook(ask(office, path, "autodiscover.example.test")) == (ALL, {None})


def test_outlook_sends_credentials_that_are_not_asked_for(office):
    for scheme in ("Basic Ym9iOnNlY3JldA==", "Bearer SG.x.y", "AWS4-HMAC-SHA256 x", "Negotiate"):
        reply = ask(office, DISCOVER, method="POST", body=question("b@example.test"),
                    fields={"Authorization": scheme})
        assert outlook(reply) == (ALL, {"b@example.test"})


def test_outlook_is_redirected_from_the_plain_door(office):
    """Its last attempt is a GET without an address, which expects nothing else."""
    reply = ask(office, DISCOVER, "autodiscover.example.test", tls=False)
    assert reply.status == 302 and not reply.body
    assert reply.fields["Location"] == f"https://{HOST}:{443 + OFFSET}{DISCOVER}"
    assert outlook(ask(office, DISCOVER, f"{HOST}:{443 + OFFSET}")) == (ALL, {None})
    assert ask(office, DISCOVER, "autodiscover.nobody.test", tls=False).status == 404


def test_outlook_asks_for_a_schema(office):
    for schema in (None, SCHEMA):
        reply = ask(office, DISCOVER, method="POST", body=question("b@example.test", schema))
        assert outlook(reply)[0] == ALL
    mobile = "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006"
    reply = ask(office, DISCOVER, method="POST", body=question("b@example.test", mobile))
    assert reply.status == 200 and outlook_error(reply) == 601


@pytest.mark.parametrize("body", [
    b"", b"no xml", b"<Autodiscover/>", question(""), question("no address"), question("@example.test"),
    question("b@example.test") + b"<", question("b@example.test").replace(b"Request", b"Quest"),
    b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><Autodiscover>'
    b"<Request><EMailAddress>&b;@example.test</EMailAddress></Request></Autodiscover>",
    b'<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><Autodiscover><Request><EMailAddress>'
    b"&a;</EMailAddress></Request></Autodiscover>",
    b"<Autodiscover>" * 1000, b"\xff\xfe<\0A\0", question("b@example.test").replace(b"b@", b"\xff@"),
])
def test_outlook_asks_nonsense(office, body):
    reply = ask(office, DISCOVER, method="POST", body=body)
    assert reply.status == 400 and outlook_error(reply) == 600


def test_outlook_asks_at_length(office):
    reply = ask(office, DISCOVER, method="POST", body=question("b@example.test") + b" " * 20000)
    assert reply.status == 413


# --- Outlook, version 2 ------------------------------------------------------------------------

@pytest.mark.parametrize("path", [DISCOVER_JSON, "/Autodiscover/Autodiscover.JSON"])
@pytest.mark.parametrize("protocol", ["AutodiscoverV1", "AutoDiscoverV1", "autodiscoverv1"])
def test_outlook_json_leads_to_the_xml(office, path, protocol):
    for reply in (ask(office, path, Email="b@example.test", Protocol=protocol),
                  ask(office, path, email="b@example.test", protocol=protocol, RedirectCount=1),
                  ask(office, path + "/v1.0/b@example.test", Protocol=protocol),
                  ask(office, path + "/V1.0/b%40example.test", Protocol=protocol),
                  ask(office, path, "autodiscover.example.test", Protocol=protocol)):
        assert reply.status == 200 and reply.type == "application/json"
        found = json.loads(reply.body)
        assert found == {"Protocol": "AutodiscoverV1",
                         "Url": f"https://{HOST}:{443 + OFFSET}{DISCOVER}"}
    path = urllib.parse.urlsplit(found["Url"]).path
    assert outlook(post(office, "b@example.test", path))[0] == ALL


@pytest.mark.parametrize("query, status, code", [
    ({"Email": "b@example.test"}, 400, "MandatoryParameterMissing"),
    ({"Email": "b@example.test", "Protocol": ""}, 400, "MandatoryParameterMissing"),
    ({"Email": "b@example.test", "Protocol": "ActiveSync"}, 400, "InvalidProtocol"),
    ({"Email": "b@example.test", "Protocol": "Ews\"<"}, 400, "InvalidProtocol"),
    ({"Email": "b", "Protocol": "AutodiscoverV1"}, 400, "InvalidRequest"),
    ({"Email": "b@nobody.test", "Protocol": "AutodiscoverV1"}, 404, "ResourceNotFound"),
    ({"Email": "b@nobody.test", "Protocol": "ActiveSync"}, 404, "ResourceNotFound"),
])
def test_outlook_json_refuses(office, query, status, code):
    reply = ask(office, DISCOVER_JSON, **query)
    assert reply.status == status and reply.type == "application/json"
    found = json.loads(reply.body)
    assert found["ErrorCode"] == code and found["ErrorMessage"]


# --- Apple -------------------------------------------------------------------------------------

def profile(reply):
    assert reply.status == 200 and reply.type == "application/x-apple-aspen-config", reply.body
    return plistlib.loads(reply.body)


def test_apple_profile(office):
    reply = ask(office, PROFILE, emailaddress="Bob@Example.test")
    found = profile(reply)
    assert reply.fields["Content-Disposition"] == 'attachment; filename="mail.mobileconfig"'
    assert found["PayloadType"] == "Configuration" and found["PayloadVersion"] == 1
    assert "not signed" in found["PayloadDescription"]
    [mailbox] = found["PayloadContent"]
    assert mailbox["PayloadType"] == "com.apple.mail.managed" and mailbox["PayloadVersion"] == 1
    assert mailbox["EmailAccountType"] == "EmailTypeIMAP"
    assert mailbox["EmailAddress"] == "bob@example.test"
    for way, port in (("Incoming", 993), ("Outgoing", 465)):
        assert mailbox[f"{way}MailServerHostName"] == HOST
        assert mailbox[f"{way}MailServerPortNumber"] == port + OFFSET
        assert mailbox[f"{way}MailServerUseSSL"] is True
        assert mailbox[f"{way}MailServerUsername"] == "bob@example.test"
        assert mailbox[f"{way}MailServerAuthentication"] == "EmailAuthPassword"
    assert mailbox["OutgoingPasswordSameAsIncomingPassword"] is True
    assert not any("Password" == key[-8:] and isinstance(value, str)
                   for key, value in mailbox.items())


def test_apple_uuids_are_those_of_the_address(office):
    def uuids(address):
        found = profile(ask(office, PROFILE, emailaddress=address))
        both = found["PayloadUUID"], found["PayloadContent"][0]["PayloadUUID"]
        for uuid in both:
            assert re.fullmatch(r"[0-9A-F]{8}-[0-9A-F]{4}-8[0-9A-F]{3}-[89AB][0-9A-F]{3}"
                                r"-[0-9A-F]{12}", uuid)
        return both
    bob, carol = uuids("bob@example.test"), uuids("carol@example.test")
    assert uuids("BOB@example.TEST") == bob and len({*bob, *carol}) == 4
    identifiers = profile(ask(office, PROFILE, emailaddress="bob@example.test"))
    assert identifiers["PayloadIdentifier"].endswith(bob[0])


def test_apple_needs_an_address(office):
    for query in ({}, {"emailaddress": ""}):
        reply = ask(office, PROFILE, "autoconfig.example.test", **query)
        assert reply.status == 400 and b"emailaddress=" in reply.body


# --- people ------------------------------------------------------------------------------------

def read_code(page):
    """What a camera sees in the page's SVG, four pixels a module."""
    [svg] = re.findall(rb"<svg.*?</svg>", page, re.S)
    root = ElementTree.fromstring(svg)
    side = int(root.get("viewBox").split()[2])
    black = [[False] * side for _ in range(side)]
    path = root.findall("{http://www.w3.org/2000/svg}path")[1].get("d")
    runs = re.findall(r"M(\d+) (\d+)h(\d+)v1h-(\d+)z", path)
    assert "".join("M%s %sh%sv1h-%sz" % run for run in runs) == path
    for x, y, width, back in runs:
        assert width == back
        black[int(y)][int(x):int(x) + int(width)] = [True] * int(width)
    pixels = b"".join(bytes(0 if module else 255 for module in line for _ in range(4)) * 4
                      for line in black)
    [code] = pyzbar.decode((pixels, side * 4, side * 4), symbols=[pyzbar.ZBarSymbol.QRCODE])
    return code.data.decode()


@pytest.mark.parametrize("address", ["bob@example.test", HOSTILE, "x" * 64 + "@example.test"])
def test_the_code_leads_to_the_profile(office, address):
    page = ask(office, SETUP, emailaddress=address)
    assert page.status == 200 and page.type == "text/html"
    url = urllib.parse.urlsplit(read_code(page.body))
    assert (url.scheme, url.hostname, url.port, url.path) == ("https", HOST, 443 + OFFSET, PROFILE)
    found = profile(ask(office, f"{url.path}?{url.query}"))
    assert found["PayloadContent"][0]["EmailAddress"] == address
    for _, port, _ in SERVERS:
        assert f"<td>{port + OFFSET}</td>".encode() in page.body
    assert b"not signed" in page.body


def test_the_page_has_no_scripts(office):
    for query in ({}, {"emailaddress": "b@example.test"}):
        page = ask(office, SETUP, **query)
        assert page.status == 200
        assert "default-src 'none'" in page.fields["Content-Security-Policy"]
        assert "script-src" not in page.fields["Content-Security-Policy"]
        assert page.fields["Referrer-Policy"] == "no-referrer"
        assert not re.search(rb"<script|\bon\w+=|javascript:|<link|<img|src=", page.body, re.I)
    form = ask(office, SETUP, "anything.test").body
    assert b'name="emailaddress"' in form and b'action="/mail/setup"' in form


# --- all of them -------------------------------------------------------------------------------

GETS = [*CONFIGS, DISCOVER, PROFILE, SETUP, DISCOVER_JSON]
MORE = {DISCOVER_JSON: {"Protocol": "AutodiscoverV1"}}


@pytest.mark.parametrize("path", GETS)
def test_nobody_learns_whether_an_address_exists(office, path):
    """The answer for one who exists becomes that for one who does not by changing the name."""
    user = office.new_user()
    alias, nobody = "a" + user.local[1:], "n" + user.local[1:]
    office.run("alias", "add", f"{alias}@example.test", user.address)
    replies = []
    for local in (user.local, alias, nobody):
        reply = ask(office, path, emailaddress=f"{local}@example.test", **MORE.get(path, {}))
        assert reply.status == 200
        body = re.sub(rb"<svg.*?</svg>", b"", reply.body, flags=re.S)
        body = re.sub(rb"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", b"UUID", body)
        replies.append((reply.status, reply.type, body.replace(local.encode(), b"WHO")))
    assert replies[0] == replies[1] == replies[2]


@pytest.mark.parametrize("path", GETS)
def test_domains_that_are_not_ours(office, path):
    for address in ("bob@nobody.test", "bob@example.test.nobody.test", "bob@[127.0.0.1]",
                    "bob@test", "bob@sub.example.test"):
        assert ask(office, path, emailaddress=address, **MORE.get(path, {})).status == 404
    if path not in (PROFILE, SETUP):
        for host in ("nobody.test", "autoconfig.nobody.test", "127.0.0.1", "[::1]:80", "test",
                     "a.b.example.test"):
            assert ask(office, path, host, **MORE.get(path, {})).status == 404


@pytest.mark.parametrize("path", GETS)
@pytest.mark.parametrize("address", [
    "bob", "@example.test", "bob@", "bob@exa mple.test", "b\nob@example.test", "b\0b@example.test",
    "x" * 65 + "@example.test", "bob@" + "x" * 300, "bob@" + "x" * 4000, "bob@-.test", "b b@example.test",
    "büb@example.test"])
def test_what_is_no_address(office, path, address):
    reply = ask(office, path, emailaddress=address, **MORE.get(path, {}))
    assert reply.status == 400, reply.body


@pytest.mark.parametrize("path", GETS)
def test_queries_that_are_not_well_encoded(office, path):
    for query in ("emailaddress=%", "emailaddress=%zz", "emailaddress=%ff@example.test",
                  "emailaddress=%EMAILADDRESS%"):
        reply = ask(office, f"{path}?{query}")
        assert reply.status == 400, reply.body


@pytest.mark.parametrize("path", GETS)
def test_everything_from_outside_is_escaped(office, path):
    reply = ask(office, path, emailaddress=HOSTILE, **MORE.get(path, {}))
    assert reply.status == 200
    assert b"<b>" not in reply.body and b'&"' not in reply.body and b"]]>" not in reply.body
    if path in CONFIGS:
        assert thunderbird(reply)[2] == {HOSTILE}
    elif path == DISCOVER:
        assert outlook(reply)[1] == {HOSTILE} == outlook(post(office, HOSTILE))[1]
    elif path == PROFILE:
        assert profile(reply)["PayloadContent"][0]["IncomingMailServerUsername"] == HOSTILE


@pytest.mark.parametrize("path", GETS)
def test_methods(office, path):
    query = {"emailaddress": "b@example.test", **MORE.get(path, {})}
    got, head = ask(office, path, **query), ask(office, path, method="HEAD", **query)
    assert head.status == 200 and head.body == b"" and head.type == got.type
    assert head.fields["Content-Length"] == str(len(got.body))
    allowed = ["GET", "HEAD", "OPTIONS"] + (["POST"] if path == DISCOVER else [])
    options = ask(office, path, method="OPTIONS")
    assert options.status == 204
    assert sorted(options.fields["Allow"].split(", ")) == sorted(allowed)
    for method in {"POST", "PUT", "DELETE", "PATCH"} - set(allowed):
        reply = ask(office, path, method=method, **query)
        assert reply.status == 405
        assert sorted(reply.fields["Allow"].split(", ")) == sorted(allowed)


@pytest.mark.parametrize("path", [
    "/mail/", "/mail/config-v1.1.xml/", "/MAIL/config-v1.1.xml", "/mail/Setup", "/autodiscover/",
    "/autodiscover/autodiscover.xml/x", "/autodiscover/autodiscover.json/v2.0/b@example.test",
    "/autodiscover/autodiscover.svc", "/.well-known/autoconfig/", "/.well-known/autoconfig",
    "/autodiscover/autodiscover.json/v1.0/"])
def test_paths_beside_them(office, path):
    assert ask(office, path, emailaddress="b@example.test", Protocol="AutodiscoverV1").status == 404


# --- DNS ---------------------------------------------------------------------------------------

SRV = {"_submissions._tcp": (0, 465), "_submission._tcp": (10, 587), "_imaps._tcp": (0, 993),
       "_imap._tcp": (10, 143), "_pop3s._tcp": (20, 995), "_pop3._tcp": (30, 110),
       "_autodiscover._tcp": (0, 443)}


def test_srv_records_are_shown(office):
    """RFC 6186 3.4, RFC 8314 5.1: TLS from the first byte is preferred, and IMAP to POP3."""
    found = {record["name"]: record["value"]
             for record in json.loads(office.run("domain", "dns", "example.test", "--json"))
             if record["type"] == "SRV"}
    assert found == {f"{name}.example.test": f"{priority} 1 {port + OFFSET} {HOST}."
                     for name, (priority, port) in SRV.items()}
    assert (f"_autodiscover._tcp.example.test. IN SRV 0 1 {443 + OFFSET} {HOST}.\n"
            in office.run("domain", "dns", "example.test"))


def test_srv_records_are_checked(make_office, tmp_path, monkeypatch):
    """domain check asks the resolver of the machine: in a mount namespace, that of this test."""
    office = make_office(start=False)
    resolver = tmp_path / "resolv.conf"
    resolver.write_text(f"nameserver {office.address}\n")

    def inside(*words):
        return subprocess.run(
            ["unshare", "--mount", "sh", "-c", 'mount --bind "$1" /etc/resolv.conf && shift && '
             'exec "$@"', "sh", resolver, *words], capture_output=True, text=True, timeout=PATIENCE)
    if inside("true").returncode:
        pytest.skip("mount namespaces may not be made here")
    monkeypatch.setattr(names, "PORT", 53)
    records = json.loads(office.run("domain", "dns", "example.test", "--json"))
    lines = [f"{r['name']}. SRV {r['value']}" for r in records if r["type"] == "SRV"]
    lines = [line.replace(f" {443 + OFFSET} ", " 443 ") for line in lines if "_pop3s" not in line]
    knot = names.Knot(tmp_path / "knot", office.address, {"example.test": lines}).start()
    try:
        result = inside(PROGRAM, "domain", "check", "example.test", "--json", "-d", office.folder)
    finally:
        knot.stop()
    assert result.returncode == 1, result.stderr
    states = {entry["name"].removesuffix(".example.test"): (entry["state"], entry["seen"])
              for entry in json.loads(result.stdout) if entry["type"] == "SRV"}
    assert states == {
        "_imaps._tcp": ("ok", f"0 1 {993 + OFFSET} {HOST}."),
        "_imap._tcp": ("ok", f"10 1 {143 + OFFSET} {HOST}."),
        "_submissions._tcp": ("ok", f"0 1 {465 + OFFSET} {HOST}."),
        "_submission._tcp": ("ok", f"10 1 {587 + OFFSET} {HOST}."),
        "_pop3s._tcp": ("missing", ""), "_pop3._tcp": ("ok", f"30 1 {110 + OFFSET} {HOST}."),
        "_autodiscover._tcp": ("differs", f"0 1 443 {HOST}.")}
