"""Mailgun's doors of an office under test: an office, its key, a sink for far.test, and clients."""
import base64
import json
import pathlib
import subprocess
import urllib.error
import urllib.parse
import urllib.request
import uuid

from office import OFFSET, PATIENCE, ROOT
from sendgrid import parse
from sink import Sink

QUICK = """destination "*" { retry-seconds = {1} retry-then-seconds = 1 retry-jitter-percent = 0 }"""
NODE = pathlib.Path(ROOT) / "test" / "node"
SIMPLE = {"from": "Shop <shop@example.test>", "to": "bob@example.test", "subject": "hello",
          "text": "Hi!"}


def multipart(fields):
    """(body, type): fields are (name, value) or (name, bytes, file name, type)."""
    boundary, parts = uuid.uuid4().hex, []
    for name, value, *file in fields:
        head = f'Content-Disposition: form-data; name="{name}"'
        if file:
            head += f'; filename="{file[0]}"\r\nContent-Type: {file[1]}'
        value = value if isinstance(value, bytes) else str(value).encode()
        parts.append(f"--{boundary}\r\n{head}\r\n\r\n".encode() + value + b"\r\n")
    return (b"".join(parts) + f"--{boundary}--\r\n".encode(),
            f"multipart/form-data; boundary={boundary}")


class Mailgun:
    def __init__(self, make_office, address, config=""):
        self.sink = Sink(address, 2525)
        self.office = make_office(config=QUICK + config + f"""
            route "far.test" {{ host = "{self.sink.address}" port = 2525 }}""")
        self.bob = self.office.new_user("bob")
        self.base = f"http://{self.office.address}:{80 + OFFSET}"
        self.key = self.new_key()

    def new_key(self, *words):
        return json.loads(self.office.run("key", "add", "--dialect", "mailgun", "--json",
                                          *words))["secret"]

    def call(self, method, path, data=None, kind=None, key=None, headers=()):
        """(status, answer)"""
        fields = {"Authorization": "Basic " + base64.b64encode(
            f"api:{self.key if key is None else key}".encode()).decode(), **dict(headers)}
        if kind:
            fields["Content-Type"] = kind
        request = urllib.request.Request(self.base + path, data, method=method, headers=fields)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            text = error.read()
            try:
                return error.code, json.loads(text or b"null")
            except ValueError:
                return error.code, text.decode()

    def form(self, method, path, fields, **more):
        """fields: a dictionary (urlencoded; a list is many fields), or a list for multipart."""
        if isinstance(fields, dict):
            body = urllib.parse.urlencode(fields, doseq=True).encode()
            return self.call(method, path, body, "application/x-www-form-urlencoded", **more)
        return self.call(method, path, *multipart(fields), **more)

    def ask(self, method, path, fields=None, status=200, **more):
        got, answer = (self.call(method, path, **more) if fields is None
                       else self.form(method, path, fields, **more))
        assert got == status, (method, path, got, answer)
        return answer

    def send(self, change=None, path="/v3/example.test/messages", **more):
        fields = {**SIMPLE, **(change or {})}
        return self.form("POST", path, {n: v for n, v in fields.items() if v is not None}, **more)

    def sent(self, *args, **more):
        """The id of what must have been taken, without its angle brackets."""
        status, answer = self.send(*args, **more)
        assert status == 200 and answer["message"] == "Queued. Thank you.", (status, answer)
        return answer["id"].strip("<>")

    def node(self, call, *arguments, key=None):
        """One call of mailgun.js: {"value"} or {"error", "status", "details"}."""
        result = subprocess.run(
            [str(NODE / "node_modules/node/bin/node"), str(NODE / "mailgun.js"), self.base,
             key or self.key, call], input=json.dumps(arguments), text=True, capture_output=True,
            timeout=PATIENCE)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    def events(self, kind=None):
        return [event for event in json.loads(self.office.run("log", "--json"))
                if kind in (None, event["event"])]

    def queue(self, *words):
        return json.loads(self.office.run("queue", "list", "--json", *words))

    def letters(self):
        """What has come to far.test, by recipient."""
        return {to: parse(one.data) for one in self.sink.letters for to in one.recipients}
