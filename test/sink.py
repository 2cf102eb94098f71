"""A mail server that does what a test tells it: accepts, refuses, hangs up, is slow, lies."""
import socket
import ssl
import threading
import time

from office import PATIENCE, until

HANG_UP = None


class Letter:
    def __init__(self, sender, recipients, data, tls, hello):
        self.sender, self.recipients, self.data = sender, recipients, data
        self.tls, self.hello, self.at = tls, hello, time.monotonic()
        self.began = self.at  # when its MAIL came


class Dialogue(threading.Thread):
    """One connection."""

    def __init__(self, sink, connection, number):
        super().__init__(daemon=True)
        self.sink, self.socket, self.number = sink, connection, number
        self.pending, self.tls, self.hello, self.user = b"", False, "", None
        self.sender, self.recipients = None, []

    def line(self):
        while b"\n" not in self.pending:
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError("closed")
            self.pending += more
        line, self.pending = self.pending.split(b"\n", 1)
        return line.rstrip(b"\r").decode("latin-1")

    def say(self, reply):
        if callable(reply):
            reply = reply(self)
        if reply is HANG_UP:
            raise ConnectionError("hung up")
        if isinstance(reply, str):
            reply = reply.encode() + b"\r\n"
        if reply:
            self.socket.sendall(reply)
        return reply

    def reply_to(self, step, default):
        """What the script says to this step, once; callables get this dialogue."""
        return self.say(self.sink.script.get(step, default))

    def run(self):
        try:
            self.serve()
        except (ConnectionError, OSError, ssl.SSLError):
            pass
        finally:
            self.sink.ended(self)
            try:
                self.socket.close()
            except OSError:
                pass

    def serve(self):
        self.socket.settimeout(PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.sink.implicit_tls:
            self.start_tls()
        self.reply_to("greeting", "220 sink.test ESMTP")
        while True:
            line = self.line()
            self.sink.lines.append(line)
            verb = line.split(" ")[0].upper()
            self.argument = line[len(verb) + 1:]
            if verb == "QUIT":
                self.say("221 bye")
                return
            getattr(self, "on_" + verb.lower(), self.on_unknown)()

    def on_unknown(self):
        self.say("500 what?")

    def on_ehlo(self):
        self.hello = self.argument
        offers = list(self.sink.offers)
        if self.sink.context and not self.tls:
            offers.append("STARTTLS")
        if self.sink.users and self.tls:
            offers.append("AUTH PLAIN LOGIN")
        lines = ["sink.test", *offers]
        text = "\r\n".join(f"250{'-' if i < len(lines) - 1 else ' '}{offer}"
                           for i, offer in enumerate(lines))
        self.reply_to("EHLO", text)

    def on_helo(self):
        self.hello = self.argument
        self.reply_to("HELO", "250 sink.test")

    def start_tls(self):
        self.socket = self.sink.context.wrap_socket(self.socket, server_side=True)
        self.tls, self.pending = True, b""

    def on_starttls(self):
        reply = self.reply_to("STARTTLS", "220 go ahead")
        if reply.startswith(b"2"):
            self.say(self.sink.script.get("handshake", b""))
            self.start_tls()

    def on_auth(self):
        import base64
        kind, _, response = self.argument.partition(" ")
        if kind.upper() == "LOGIN":
            self.say("334 VXNlcm5hbWU6")
            user = base64.b64decode(self.line()).decode()
            self.say("334 UGFzc3dvcmQ6")
            password = base64.b64decode(self.line()).decode()
        else:
            _, user, password = base64.b64decode(response).decode().split("\0")
        if self.sink.users.get(user) == password:
            self.user = user
            self.say("235 2.7.0 welcome")
        else:
            self.say("535 5.7.8 no")

    def on_mail(self):
        self.began = time.monotonic()
        reply = self.reply_to("MAIL", "250 2.1.0 ok")
        accepted = not reply or reply.startswith(b"2")
        self.sender = self.argument[5:].split(">")[0].lstrip("<") if accepted else None
        self.recipients = []

    def on_rcpt(self):
        self.recipient = self.argument[3:].strip("<> ")
        if self.sender is None:
            self.say("503 5.5.1 MAIL comes first")
            return
        reply = self.reply_to("RCPT", "250 2.1.5 ok")
        if reply and reply.startswith(b"2"):
            self.recipients.append(self.recipient)

    def on_data(self):
        if not self.recipients:
            self.say("554 5.5.1 no valid recipients")
            return
        if not (self.reply_to("DATA", "354 go") or b"3").startswith(b"3"):
            return
        self.say(self.sink.script.get("354", b""))
        lines = []
        while (line := self.line()) != ".":
            lines.append((line[1:] if line.startswith(".") else line).encode("latin-1"))
        self.data = b"".join(line + b"\r\n" for line in lines)
        letter = Letter(self.sender, self.recipients, self.data, self.tls, self.hello)
        letter.began = self.began
        self.sink.offered.append(letter)
        reply = self.reply_to("body", "250 2.0.0 taken")
        if not reply or reply.startswith(b"2"):
            self.sink.letters.append(letter)

    def on_rset(self):
        self.sender, self.recipients = None, []
        self.reply_to("RSET", "250 ok")


class Sink:
    """Listens until close(). script: step -> reply, bytes, HANG_UP, or a function of the dialogue
    that gives one of them; steps are greeting, EHLO, HELO, STARTTLS, handshake, MAIL, RCPT, DATA,
    354, body, RSET."""

    def __init__(self, address, port=25, script=None, certificate=None, implicit_tls=False,
                 offers=("PIPELINING", "SIZE 10000000", "8BITMIME"), users=None):
        self.address, self.port, self.script = address, port, script or {}
        self.offers, self.users, self.implicit_tls = offers, users or {}, implicit_tls
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)
        self.letters, self.offered, self.lines, self.dialogues = [], [], [], []
        self.connections = self.open = self.most_open = 0
        self.lock = threading.Lock()
        self.listen()

    def listen(self):
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        self.listener = socket.create_server((self.address, self.port), family=family, backlog=500)
        self.serve_listener()

    def serve_listener(self):
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                self.open += 1
                self.most_open = max(self.most_open, self.open)
                dialogue = Dialogue(self, connection, self.connections)
                self.dialogues.append(dialogue)
            dialogue.start()

    def ended(self, _dialogue):
        with self.lock:
            self.open -= 1

    def letter(self):
        """The one letter, when it has come."""
        until(lambda: self.letters)
        assert len(self.letters) == 1
        return self.letters[0]

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
