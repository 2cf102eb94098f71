"""Mailman 3, unmodified, sends a list's letters through the office with a key, by STARTTLS."""
import email
import email.policy
import json
import os
import subprocess

from conftest import own_address
from office import OFFSET, until
from sink import Sink

CONFIG = """[mailman]
site_owner: postmaster@example.test
layout: here
[paths.here]
var_dir: {folder}
bin_dir: /usr/lib/mailman3/bin
log_dir: $var_dir/logs
lock_dir: $var_dir/locks
data_dir: $var_dir/data
cache_dir: $var_dir/cache
etc_dir: $var_dir/etc
messages_dir: $var_dir/messages
archive_dir: $var_dir/archives
template_dir: $var_dir/templates
pid_file: $var_dir/master.pid
lock_file: $var_dir/locks/master.lck
[database]
url: sqlite:///{folder}/mailman.db
[ARC]
enabled: no
[mta]
incoming: mailman.mta.null.NullMTA
smtp_host: {host}
smtp_port: {port}
smtp_secure_mode: starttls
smtp_verify_cert: no
smtp_user: {user}
smtp_pass: {password}
"""
POST = """From: Bob <bob@example.test>
To: list@example.test
Subject: Grüße an alle
Message-ID: <first@example.test>
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Schöne Grüße
"""


class Mailman:
    """A Mailman with one list; its runners work once each time they are asked."""

    def __init__(self, folder, **settings):
        config = folder / "mailman.cfg"
        config.write_text(CONFIG.format(folder=folder, **settings))
        self.folder, self.environment = folder, {**os.environ, "MAILMAN_CONFIG_FILE": str(config)}
        self.run("create", "list@example.test")

    def run(self, *words, text=None):
        root = ["--run-as-root"] if os.geteuid() == 0 else []
        subprocess.run(["mailman", *root, *words], env=self.environment, input=text, text=True,
                       stdout=subprocess.DEVNULL, check=True)

    def post(self, letter):
        self.run("inject", "list@example.test", "-f", "-", text=letter)
        for queue in ("in", "pipeline", "out"):
            subprocess.run(["/usr/lib/mailman3/bin/runner", "-o", "-r", queue],
                           env=self.environment, check=True)

    def log(self):
        return (self.folder / "logs" / "smtp.log").read_text()


def test_mailman(make_office, tmp_path):
    sink = Sink(own_address(), 2525)
    office = make_office(config=f'route "far.test" {{ host = "{sink.address}" port = 2525 }}')
    bob, alice = office.new_user("bob"), office.new_user("alice")
    key = json.loads(office.run("key", "add", "--dialect", "native", "--json"))
    mailman = Mailman(tmp_path, host=office.address, port=587 + OFFSET, user=key["id"],
                      password=key["secret"])
    members = ["a@far.test", "b@far.test", "alice@example.test", "bob@example.test"]
    mailman.run("addmembers", "-", "list@example.test", text="\n".join(members) + "\n")
    mailman.post(POST)
    until(lambda: sum(len(letter.recipients) for letter in sink.letters) == 2)
    assert sorted(to for letter in sink.letters for to in letter.recipients) == members[:2]
    for data in (alice.letter(), bob.letter(), sink.letters[0].data):
        letter = email.message_from_bytes(data, policy=email.policy.default)
        assert letter["Subject"].split() == ["[List]", "Grüße", "an", "alle"]
        assert letter["List-Id"] == "<list.example.test>"
        assert letter["Message-ID"] == "<first@example.test>"
        assert letter.get_content().startswith("Schöne Grüße")
    assert "post to list@example.test" in mailman.log() and "failed" not in mailman.log()
