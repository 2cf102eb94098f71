"""SendGrid's doors of an office under test: an office, its keys, a sink for far.test, and clients."""
import email
import email.policy
import json
import pathlib
import subprocess
import urllib.error
import urllib.request

from office import OFFSET, PATIENCE, ROOT
from sink import Sink

QUICK = """destination "*" { retry-seconds = {1} retry-then-seconds = 1 retry-jitter-percent = 0 }"""
NODE = pathlib.Path(ROOT) / "test" / "node"
SIMPLE = {"personalizations": [{"to": [{"email": "bob@example.test"}]}],
          "from": {"email": "shop@example.test", "name": "Shop"}, "subject": "hello",
          "content": [{"type": "text/plain", "value": "Hi!"}]}


class SendGrid:
    def __init__(self, make_office, address, config=""):
        self.sink = Sink(address, 2525)
        self.office = make_office(config=QUICK + config + f"""
            route "far.test" {{ host = "{self.sink.address}" port = 2525 }}""")
        self.bob = self.office.new_user("bob")
        self.base = f"http://{self.office.address}:{80 + OFFSET}"
        self.key = self.new_key()

    def new_key(self, *words):
        return json.loads(self.office.run("key", "add", "--dialect", "sendgrid", "--json",
                                          *words))["secret"]

    def call(self, method, path, body=None, key=None, headers=()):
        """(status, answer, headers of the answer)"""
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        fields = {"Authorization": f"Bearer {key or self.key}", **dict(headers)}
        if data is not None:
            fields.setdefault("Content-Type", "application/json")
        request = urllib.request.Request(self.base + path, data, method=method, headers=fields)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, json.loads(answer.read() or b"null"), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null"), error.headers

    def ask(self, method, path, body=None, status=200, **more):
        got, answer, _ = self.call(method, path, body, **more)
        assert got == status, (method, path, got, answer)
        return answer

    def send(self, change=None, key=None, headers=(), **more):
        """A simple letter with changes; None takes a member away."""
        letter = {**SIMPLE, **(change or {}), **more}
        letter = {name: value for name, value in letter.items() if value is not None}
        return self.call("POST", "/v3/mail/send", letter, key, headers)

    def sent(self, *args, **more):
        """The id of what must have been taken."""
        status, answer, headers = self.send(*args, **more)
        assert status == 202 and answer is None, (status, answer)
        return headers["X-Message-Id"]

    def template(self, generation="dynamic", **version):
        """The id of a new template with one version."""
        one = self.ask("POST", "/v3/templates", {"name": "test", "generation": generation}, 201)
        self.ask("POST", f"/v3/templates/{one['id']}/versions",
                 {"name": "first", "subject": "", **version}, 201)
        return one["id"]

    def node(self, kind, given, key=None):
        """One call of SendGrid's own client: {"status", "headers", "body"}."""
        result = subprocess.run(
            [str(NODE / "node_modules/node/bin/node"), str(NODE / "sendgrid.js"), kind,
             self.base + "/", key or self.key], input=json.dumps(given), text=True,
            capture_output=True, timeout=PATIENCE)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    def events(self, kind=None):
        return [event for event in json.loads(self.office.run("log", "--json"))
                if kind in (None, event["event"])]

    def queue(self, *words):
        return json.loads(self.office.run("queue", "list", "--json", *words))

    def letters(self):
        """What has come to far.test, by recipient."""
        return {one.recipients[0]: parse(one.data) for one in self.sink.letters}


def parse(data):
    return email.message_from_bytes(data, policy=email.policy.default)


def texts(letter):
    """Its texts as {"plain": …, "html": …}."""
    return {part.get_content_subtype(): part.get_content().replace("\r\n", "\n").rstrip("\n")
            for part in letter.walk()
            if part.get_content_maintype() == "text" and not part.is_attachment()}
