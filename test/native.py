"""Our own API of an office under test: a key, a mailbox, a sink for far.test."""
import email
import email.policy
import json
import urllib.error
import urllib.request

from office import OFFSET, PATIENCE
from sink import Sink

QUICK = """destination "*" { retry-seconds = {1} retry-then-seconds = 1 retry-jitter-percent = 0 }"""


class Native:
    """An office, a key, and a sink for far.test."""

    def __init__(self, make_office, address, config=""):
        self.sink = Sink(address, 2525)
        self.office = make_office(config=QUICK + config + f"""
            route "far.test" {{ host = "{self.sink.address}" port = 2525 }}""")
        self.bob = self.office.new_user("bob")
        self.key = json.loads(self.office.run("key", "add", "--json"))["secret"]

    def call(self, method, path, body=None, key=None, headers=()):
        """(status, answer)"""
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://{self.office.address}:{80 + OFFSET}{path}", data, method=method,
            headers={"Authorization": f"Bearer {key or self.key}",
                     "Content-Type": "application/json", **dict(headers)})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def send(self, http=(), key=None, **body):
        return self.call("POST", "/api/v1/messages",
                         {"from": "Shop <shop@example.test>", "subject": "hello", "text": "Hi!",
                          **body}, key, http)

    def events(self, kind=None):
        return [event for event in json.loads(self.office.run("log", "--json"))
                if kind in (None, event["event"])]


def parse(data):
    return email.message_from_bytes(data, policy=email.policy.default)
