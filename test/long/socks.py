"""A SOCKS proxy (RFC 1928) for programs under test: it knows the names of an office and nobody else,
so that ports below 1024 need no rights and nothing leaves the machine."""
import socket
import socketserver
import struct
import threading

from office import OFFSET


class Handler(socketserver.BaseRequestHandler):
    def exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.request.recv(count - len(data))
            if not more:
                raise ConnectionError
            data += more
        return data

    def handle(self):
        try:
            far = self.greet()
        except (ConnectionError, OSError):
            return
        if far:
            other = threading.Thread(target=copy, args=(far, self.request), daemon=True)
            other.start()
            copy(self.request, far)
            other.join()
            far.close()

    def greet(self):
        """Reads what is wanted; the connection to it."""
        _, methods = self.exactly(2)
        self.exactly(methods)
        self.request.sendall(b"\5\0")
        _, command, _, kind = self.exactly(4)
        length = {1: 4, 3: None, 4: 16}[kind]
        name = self.exactly(length or self.exactly(1)[0])
        port, = struct.unpack("!H", self.exactly(2))
        name = name.decode() if kind == 3 else socket.inet_ntop(
            socket.AF_INET if kind == 1 else socket.AF_INET6, name)
        target = self.server.target(name, port) if command == 1 else None
        far = target and connect(target)
        self.request.sendall(struct.pack("!BBBBIH", 5, 0 if far else 4, 0, 1, 0, 0))
        return far


def connect(target):
    try:
        return socket.create_connection(target)
    except OSError:
        return None


def copy(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Socks(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, office, *names):
        super().__init__((office.address, 0), Handler)
        self.office, self.names = office, names
        self.port = self.server_address[1]
        self.asked, self.refused = [], []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def target(self, name, port):
        """The office listens where it may without rights: 443 is 10443."""
        if name not in self.names:
            self.refused.append((name, port))
            return None
        self.asked.append((name, port))
        return self.office.address, port + OFFSET if port < 1024 else port
