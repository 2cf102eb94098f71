"""Postamt in the measurements: an office on loopback ports of its own."""
import json
import sqlite3
import subprocess

from measure import PROGRAM, NotStarted, Server, ports, run

SENDER, PASSWORD = "alice@example.test", "secret of alice"
RECIPIENT = "x@sink.test"


class Postamt(Server):
    name, recipient = "Postamt", "bob@example.test"

    def __init__(self, folder, name="postamt"):
        self.folder, self.port = folder / name, next(ports)
        run(PROGRAM, "init", "-d", self.folder, "--hostname", "mail.example.test", "--listen",
            "127.0.0.1", "--port-offset", self.port - 25)
        run(PROGRAM, "domain", "add", "example.test", "-d", self.folder)
        run(PROGRAM, "user", "add", self.recipient, "-d", self.folder, "--password-file", "-",
            input="secret of bob\n")

    def start(self):
        with open(f"{self.folder}.log", "w") as log:
            self.process = self.group.start(PROGRAM, "serve", "-d", self.folder, text=True,
                                            stdout=subprocess.PIPE, stderr=log)
        if self.process.stdout.readline() != "ready\n":
            with open(f"{self.folder}.log") as log:
                raise NotStarted("Postamt: " + log.read())

    def accepted(self):
        return json.loads(run(PROGRAM, "status", "--json", "-d", self.folder))["letters_accepted"]


class RelayOffice(Postamt):
    """Letters leave it for a sink. A user submits with AUTH under TLS; without, a catch-all alias
    leads there. One that signs does so once, with RSA, as its peers do."""
    takes_tls = True

    def __init__(self, folder, sink, signs=False, name=None):
        super().__init__(folder, name or ("relay-signs" if signs else "relay"))
        self.sink = sink
        run(PROGRAM, "alias", "add", "@example.test", RECIPIENT, "-d", self.folder)
        run(PROGRAM, "user", "add", SENDER, "-d", self.folder, "--password-file", "-",
            input=PASSWORD + "\n")
        with sqlite3.connect(self.folder / "postamt.db") as db:  # keys are made with the domain
            db.execute("DELETE FROM dkim_key WHERE algorithm = 2" if signs else
                       "DELETE FROM dkim_key")
        with open(self.folder / "postamt.conf", "a") as file:
            file.write(f'\nroute "sink.test" {{ host = "127.0.0.1" port = {sink.port} }}\n')

    def target(self, tls):
        """(port, recipient, login)"""
        if tls:
            return self.port + 562, RECIPIENT, [SENDER, PASSWORD]
        return self.port, "bob2@example.test", []
