"""An IMAP client for tests that shows what is on the wire: commands out, whole answers in."""
import re
import zlib

from office import unverified


class Deflated:
    """A socket below COMPRESS; raw DEFLATE both ways (RFC 4978)."""

    def __init__(self, below, level=6):
        self.below, self.sizes = below, []  # of what each sendall of the server's came to, roughly
        self.packer = zlib.compressobj(level, wbits=-15)
        self.unpacker = zlib.decompressobj(wbits=-15)
        self.close, self.fileno, self.settimeout = below.close, below.fileno, below.settimeout

    def sendall(self, data):
        self.below.sendall(self.packer.compress(data) + self.packer.flush(zlib.Z_SYNC_FLUSH))

    def recv(self, size):
        while packed := self.below.recv(size):
            self.sizes.append(len(packed))
            if data := self.unpacker.decompress(packed):
                return data
        return b""


class Closed(ConnectionError):
    """The server said BYE, or closed."""


class Imap:
    """One session over a mailbox of an office's user; TLS unless said otherwise."""

    def __init__(self, user, port=993, login=True):
        self.wire = user.office.wire(port, greeting=False)
        if port == 993:
            self.wire.socket = unverified().wrap_socket(self.wire.socket)
        self.greeting, self.count = self.wire.line(), 0
        if login:
            self.ok(f'LOGIN {user.address} "{user.password}"')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wire.__exit__()

    def send(self, text):
        self.wire.send(text if isinstance(text, bytes) else text.encode())

    def receive(self):
        more = self.wire.socket.recv(65536)
        if not more:
            raise Closed("the server closed")
        self.wire.pending += more

    def raw_line(self):
        while b"\n" not in self.wire.pending:
            self.receive()
        line, self.wire.pending = self.wire.pending.split(b"\n", 1)
        return line + b"\n"

    def exactly(self, count):
        while len(self.wire.pending) < count:
            self.receive()
        data, self.wire.pending = self.wire.pending[:count], self.wire.pending[count:]
        return data

    def answer(self):
        """One answer, its literals in it as they came."""
        whole = b""
        while True:
            line = self.raw_line()
            whole += line
            literal = re.search(rb"\{(\d+)\}\r\n$", line)
            if not literal:
                return whole[:-2]
            whole += self.exactly(int(literal[1]))

    def tagged(self, tag):
        """(result, untagged answers) up to the tagged one."""
        answers = []
        while not (answer := self.answer()).startswith(tag.encode() + b" "):
            answers.append(answer)
            if answer.startswith(b"* BYE"):
                raise Closed(answer)
        return answer[len(tag) + 1:].decode(), answers

    def command(self, text, *literals):
        """A command whose literals ("{}" in the text) are sent when the server says so."""
        self.count += 1
        tag, pieces = f"t{self.count}", (text if isinstance(text, bytes)
                                         else text.encode()).split(b"{}")
        assert len(pieces) == len(literals) + 1, text
        self.send(tag.encode() + b" " + pieces[0])
        for literal, piece in zip(literals, pieces[1:]):
            self.send(b"{%d}\r\n" % len(literal))
            go = self.answer()
            if not go.startswith(b"+"):
                return go[len(tag) + 1:].decode(), []
            self.send(literal + piece)
        self.send(b"\r\n")
        return self.tagged(tag)

    def ok(self, text, *literals):
        """The untagged answers, as text, of a command that must succeed."""
        result, answers = self.command(text, *literals)
        assert result.startswith("OK"), (text, result, answers)
        self.result = result
        return [answer.decode("utf-8", "surrogateescape") for answer in answers]

    def no(self, text, *literals, how="NO"):
        result, _ = self.command(text, *literals)
        assert result.startswith(how), (text, result)
        return result

    def append(self, letter, mailbox="INBOX", options=""):
        self.ok(f"APPEND {mailbox} {options}{{}}", letter)
        return int(re.search(r"APPENDUID \d+ (\d+)", self.result)[1])

    def compress(self, **how):
        self.ok("COMPRESS DEFLATE")
        assert not self.wire.pending
        self.wire.socket = Deflated(self.wire.socket, **how)

    def idle(self):
        self.count += 1
        self.send(f"t{self.count} IDLE\r\n")
        assert self.answer().startswith(b"+")

    def done(self):
        self.send("DONE\r\n")
        return self.tagged(f"t{self.count}")
