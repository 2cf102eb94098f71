"""The server of test/unit/http/echo.c, and raw HTTP to talk to it."""
import os
import pathlib
import socket
import subprocess

from office import PATIENCE, PROGRAM, ROOT


def build():
    """The program, in the build folder of the binary under test."""
    folder = pathlib.Path(PROGRAM).resolve().parent
    if not (folder / "test").is_dir():
        folder = ROOT / "build"
    subprocess.run(["ninja", "-C", folder, "test/http_echo"], check=True, capture_output=True)
    return folder / "test" / "http_echo"


class Echo:
    def __init__(self, folder, **settings):
        self.log = pathlib.Path(folder) / "echo.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [build(), *(f"{name}={value}" for name, value in settings.items())],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
                env=os.environ)
        self.port = int(self.process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}"

    def connect(self):
        return Raw(self.port)

    def ask(self, data):
        """One request on a connection of its own; the answers until its end."""
        with self.connect() as raw:
            raw.send(data)
            return raw.answers()

    def drain(self):
        self.process.stdin.close()

    def end(self):
        """Drains; what it says at the end, after its port. No sanitizer complains."""
        if not self.process.stdin.closed:
            self.drain()
        said = self.process.stdout.read()
        assert self.process.wait(PATIENCE) == 0, self.log.read_text()[-3000:]
        self.process.stdout.close()
        return said


class Answer:
    def __init__(self, head, body):
        lines = head.decode().split("\r\n")
        version, status, self.reason = lines[0].split(" ", 2)
        assert version == "HTTP/1.1"
        self.status, self.body = int(status), body
        self.fields = dict(line.split(": ", 1) for line in lines[1:])

    def __repr__(self):
        return f"{self.status} {self.fields} {self.body[:200]!r}"


class Raw:
    def __init__(self, port, address="127.0.0.1"):
        self.socket = socket.create_connection((address, port), PATIENCE)
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.pending += data
        return bool(data)

    def answer(self, head_only=False):
        """The next answer, or None at the end of the connection."""
        while b"\r\n\r\n" not in self.pending:
            if not self.more():
                assert not self.pending, f"half an answer: {self.pending!r}"
                return None
        head, self.pending = self.pending.split(b"\r\n\r\n", 1)
        answer = Answer(head, b"")
        size = 0 if head_only else int(answer.fields.get("Content-Length", 0))
        while len(self.pending) < size:
            assert self.more(), f"half a body: {self.pending!r}"
        answer.body, self.pending = self.pending[:size], self.pending[size:]
        return answer

    def answers(self):
        """All of them, until the server ends the connection."""
        found = []
        while answer := self.answer():
            found.append(answer)
        return found
