"""An office with a SES key, boto3's clients for it, and a sink for far.test."""
import contextlib
import copy
import email
import email.policy
import json
import sqlite3
import urllib.error
import urllib.request

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from conftest import own_address
from office import OFFSET, PATIENCE, until
from sink import Sink

QUICK = """destination "*" { retry-seconds = {1} retry-then-seconds = 1 retry-jitter-percent = 0 }"""
REGION = "eu-central-1"


def parse(data):
    return email.message_from_bytes(data, policy=email.policy.default)


class Ses:
    def __init__(self, make_office, config=""):
        self.sink = Sink(own_address(), 2525)
        self.office = make_office(config=QUICK + config + f"""
            route "far.test" {{ host = "{self.sink.address}" port = 2525 }}""")
        self.bob = self.office.new_user("bob")
        self.url = f"http://{self.office.address}:{80 + OFFSET}"
        self.key = self.new_key()
        self.v2, self.v1 = self.client("sesv2"), self.client("ses")

    def new_key(self, *words):
        return json.loads(self.office.run("key", "add", "--dialect", "ses", *words, "--json"))

    def client(self, service, key=None, **changes):
        key = key or self.key
        return boto3.client(service, **{
            "endpoint_url": self.url, "region_name": REGION, "aws_access_key_id": key["id"],
            "aws_secret_access_key": key["secret"],
            "config": Config(retries={"max_attempts": 0}, read_timeout=PATIENCE), **changes})

    headers = {}

    def with_header(self, name, value):
        other = copy.copy(self)
        other.headers = {**self.headers, name: value}
        return other

    def raw(self, method, path, body=None, headers=()):
        """(status, answer, fields), as it stands."""
        request = urllib.request.Request(self.url + path, body, dict(headers), method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read(), error.headers

    def sign(self, method, path, body=None, headers=(), key=None, service="ses"):
        """The fields of a request, signed by botocore."""
        key = key or self.key
        request = AWSRequest(method, self.url + path, data=body, headers={
            "Content-Type": "application/json", **self.headers, **dict(headers)})
        SigV4Auth(Credentials(key["id"], key["secret"]), service, REGION).add_auth(request)
        return dict(request.headers)

    def signed(self, method, path, body=None, headers=(), **how):
        """(status, JSON)"""
        fields = self.sign(method, path, body, headers, **how)
        status, answer, _ = self.raw(method, path, body, fields)
        return status, json.loads(answer or b"null")

    def events(self, kind=None):
        return [event for event in json.loads(self.office.run("log", "--json"))
                if kind in (None, event["event"])]

    def kept(self):
        """What is kept with the newest letter beside its text."""
        with contextlib.closing(sqlite3.connect(f"{self.office.folder}/postamt.db")) as db:
            (text,), = db.execute("SELECT meta FROM send_message ORDER BY id DESC LIMIT 1")
        return json.loads(text)

    def letters(self, count):
        """So many at the sink, when they have come."""
        return until(lambda: len(self.sink.letters) >= count and self.sink.letters)

    def nothing_happened(self):
        return (self.events() == [] and self.bob.letters() == [] and self.sink.letters == []
                and json.loads(self.office.run("queue", "list", "--json")) == [])
