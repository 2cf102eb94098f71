"""An office under test: a data folder and a server on a loopback address of its own."""
import itertools
import json
import os
import pathlib
import poplib
import signal
import smtplib
import socket
import ssl
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = os.environ.get("POSTAMT", str(ROOT / "build" / "postamt"))
OFFSET = 10000
PATIENCE = 60  # seconds until a test that hangs says so; nothing is asserted about time
numbers = itertools.count(1)


def unverified():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Wire:
    """One connection, byte by byte."""

    def __init__(self, address, port, source=None):
        self.socket = socket.create_connection((address, port), PATIENCE, source)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def line(self):
        """The next line without its CRLF; None at the end."""
        while b"\n" not in self.pending:
            more = self.socket.recv(65536)
            if not more:
                assert not self.pending, f"half a line before the end: {self.pending!r}"
                return None
            self.pending += more
        line, self.pending = self.pending.split(b"\n", 1)
        assert line.endswith(b"\r"), f"a line without CR: {line!r}"
        return line[:-1].decode()

    def reply(self):
        """One SMTP reply: its lines."""
        lines = []
        while not lines or lines[-1][3:4] == "-":
            line = self.line()
            assert line is not None, f"closed after {lines}"
            lines.append(line)
        assert len({line[:3] for line in lines}) == 1
        return lines

    def expect(self, start):
        lines = self.reply()
        assert lines[-1].startswith(str(start)), lines
        return lines

    def say(self, command, start):
        self.send(command + "\r\n" if isinstance(command, str) else command + b"\r\n")
        return self.expect(start)

    def answer(self, command, start):
        """One POP3 command and the first line of its answer."""
        self.send(command + "\r\n")
        line = self.line()
        assert line is not None and line.startswith(start), line
        return line

    def dotted(self):
        """Lines up to the one with a dot."""
        lines = []
        while True:
            line = self.line()
            assert line is not None
            if line == ".":
                return lines
            lines.append(line)

    def closed(self):
        """The other side says nothing more and closes."""
        try:
            return self.line() is None
        except ConnectionError:
            return True

    def start_tls(self):
        assert not self.pending
        self.socket = unverified().wrap_socket(self.socket)

    def is_open(self):
        return self.socket.fileno() >= 0


class LocalWire(Wire):
    """The same on a unix socket."""

    def __init__(self, path):
        self.socket, self.pending = socket.socket(socket.AF_UNIX), b""
        self.socket.settimeout(PATIENCE)
        self.socket.connect(path)


class Office:
    def __init__(self, folder, address, config="", domain="example.test", namespace=None):
        self.folder, self.address, self.domain = str(folder), address, domain
        self.namespace = namespace
        self.process = None
        self.log = pathlib.Path(f"{self.folder}.log")
        self.run("init", "--hostname", "mail.example.test", "--listen", address, "--port-offset",
                 str(OFFSET))
        if "dns-servers" not in config:  # nobody there: tests ask nobody outside
            config += '\ndns-servers = {"127.255.255.254@9"} dns-timeout-seconds = 3'
        with open(f"{self.folder}/postamt.conf", "a") as file:
            file.write(config + "\n")
        self.run("domain", "add", domain)

    # --- the command line

    def command(self, *words, text=None, env=None):
        """Runs a verb; the finished process."""
        return subprocess.run([PROGRAM, *words, "-d", self.folder], input=text, text=True,
                              capture_output=True, timeout=PATIENCE * 3,
                              env={**os.environ, **(env or {})})

    def run(self, *words, text=None):
        result = self.command(*words, text=text)
        assert result.returncode == 0, f"postamt {' '.join(words)}: {result.stderr}"
        return result.stdout

    def new_user(self, name=None, password="secret of this user"):
        address = f"{name or 'user%d' % next(numbers)}@{self.domain}"
        self.run("user", "add", address, "--password-file", "-", text=password + "\n")
        return User(self, address, password)

    # --- the server

    def start(self, limit=None, env=None):
        command = [PROGRAM, "serve", "-d", self.folder]
        if self.namespace:
            command = ["nsenter", f"--net={self.namespace}", *command]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True,
                                            env={**os.environ, **(env or {})}, preexec_fn=limit)
        line = self.process.stdout.readline()
        assert line == "ready\n", f"{line!r} {self.log.read_text()[-2000:]}"
        return self

    def stop(self):
        """Drains and stops; exit status 0."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE * 2) == 0, self.log.read_text()[-3000:]
        self.process.stdout.close()
        self.process = None

    def kill(self):
        """As by kill -9. Only when the worker has gone, too, the folder is free."""
        worker = self.worker()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        until(lambda: not os.path.exists(f"/proc/{worker}"))

    def end(self):
        if self.process:
            self.stop()
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        for mark in ("Sanitizer", "runtime error:", "assertion", "stack of coroutine"):
            assert mark not in text, text[-4000:]

    def rest(self):
        """Waits until no letter is due: what became of those sent before has been recorded."""
        def is_due(row):
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            return row["due"] is not None and row["due"] <= now
        until(lambda: not any(map(is_due, json.loads(self.run("queue", "list", "--json")))))

    def worker(self):
        """The process id of the worker below the supervisor, which may just be starting one."""
        path = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return int(until(lambda: path.read_text().split())[0])

    def wire(self, port, greeting=True):
        wire = Wire(self.address, port + OFFSET)
        if greeting:
            wire.greeting = wire.line()
        return wire

    def mx(self, hello="EHLO client.example.net"):
        """Port 25, greeted and hello said."""
        wire = self.wire(25)
        assert wire.greeting.startswith("220 "), wire.greeting
        if hello:
            wire.hello = wire.say(hello, 250)
        return wire

    def lmtp(self, door="port", hello="LHLO mx.example.net"):
        """Port 24 or DIR/lmtp.sock, greeted and hello said."""
        wire = self.wire(24) if door == "port" else LocalWire(f"{self.folder}/lmtp.sock")
        wire.greeting = wire.greeting if door == "port" else wire.line()
        if hello:
            wire.hello = wire.say(hello, 250)
        return wire

    def send(self, to, letter, sender="someone@example.net"):
        """One letter over port 25."""
        with smtplib.SMTP(self.address, 25 + OFFSET, timeout=PATIENCE) as client:
            client.sendmail(sender, [to] if isinstance(to, str) else to, letter)


class User:
    def __init__(self, office, address, password):
        self.office, self.address, self.password = office, address, password
        self.local = address.split("@")[0]

    def __str__(self):
        return self.address

    def submission(self):
        """smtplib on 587, logged in under TLS."""
        client = smtplib.SMTP(self.office.address, 587 + OFFSET, "client.example.net",
                              timeout=PATIENCE)
        client.starttls(context=unverified())
        client.login(self.address, self.password)
        return client

    def pop3(self):
        """poplib on 995, logged in: when the session before has ended, if its connection was lost."""
        return until(self.try_pop3)

    def try_pop3(self):
        box = poplib.POP3_SSL(self.office.address, 995 + OFFSET, context=unverified(),
                              timeout=PATIENCE)
        box._maxline = 1 << 20
        box.user(self.address)
        try:
            box.pass_(self.password)
        except poplib.error_proto as error:
            box.close()
            if "[IN-USE]" in str(error):
                return None
            raise
        return box

    def letters(self):
        """Every letter in the mailbox, exact bytes."""
        box = self.pop3()
        count = len(box.list()[1])
        letters = [b"".join(line + b"\r\n" for line in box.retr(n + 1)[1]) for n in range(count)]
        box.quit()
        return letters

    def letter(self):
        """The one letter in the mailbox."""
        letters = self.letters()
        assert len(letters) == 1, f"{len(letters)} letters"
        return letters[0]


def body_of(letter):
    return letter.split(b"\r\n\r\n", 1)[1]


def until(condition):
    """Waits for what must come; the limit only ends a hanging test."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)
    return found


def in_parallel(count, work):
    """work(number) in count threads; the results, or the first error."""
    results, errors = [None] * count, []

    def one(number):
        try:
            results[number] = work(number)
        except BaseException as error:  # told to the test below
            errors.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results
