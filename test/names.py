"""Name servers of the tests: Debian's knot with a zone, and one that lies."""
import pathlib
import socket
import subprocess
import threading

from office import PATIENCE, until

PORT = 5300


def ask(address, name):
    """Does somebody answer a question there?"""
    query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + b"".join(
        bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0\0\x06\0\x01"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.3)
        try:
            probe.sendto(query, (address, PORT))
            return bool(probe.recv(4096))
        except OSError:
            return False


class Knot:
    """An authoritative server for the zones: name -> lines."""

    def __init__(self, folder, address, zones):
        self.folder, self.address = pathlib.Path(folder), address
        self.folder.mkdir(exist_ok=True)
        config = f'server:\n  rundir: "{folder}"\n  listen: {address}@{PORT}\n'
        config += f'database:\n  storage: "{folder}"\nzone:\n'
        for name, lines in zones.items():
            text = f"$ORIGIN {name}.\n$TTL 60\n@ SOA ns hostmaster 1 60 60 60 60\n@ NS ns\n"
            text += f"ns A {address}\n" + "\n".join(lines) + "\n"
            (self.folder / f"{name}.zone").write_text(text)
            config += f'  - domain: {name}.\n    storage: "{folder}"\n    file: "{name}.zone"\n'
        (self.folder / "knot.conf").write_text(config)
        self.zone = next(iter(zones))
        self.process = None

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(["/usr/sbin/knotd", "-c", self.folder / "knot.conf"],
                                            stdout=log, stderr=log)
        until(lambda: ask(self.address, self.zone))
        return self

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(PATIENCE)
        self.process = None

    def config(self, timeout=30):
        """timeout: seconds; a short one where questions shall get none of the answers."""
        return (f'dns-servers = {{"{self.address}@{PORT}"}}\ntransparent-zones = {{"test"}}\n'
                f"delivery-port = 2525\ndns-timeout-seconds = {timeout}\n")


class Liar:
    """Answers each question with what a function of it says; nothing: not at all."""

    def __init__(self, address, answer):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((address, PORT))
        self.address, self.answer, self.asked = address, answer, 0
        self.open = True
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while self.open:
            question, peer = self.socket.recvfrom(4096)
            self.asked += 1
            answer = self.answer(question) if self.open else None
            if answer:
                self.socket.sendto(answer, peer)

    config = Knot.config

    def close(self):
        self.open = False
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bell:
            bell.sendto(b"", self.socket.getsockname())
        self.thread.join()
        self.socket.close()


def header(question, flags, answers):
    return question[:2] + flags + b"\0\x01" + answers.to_bytes(2, "big") + b"\0\0\0\0"


def asked(question):
    """The question section alone."""
    return question[12:question.index(b"\0", 12) + 5]


def name_asked(question):
    """("d1.test", "MX")"""
    section, labels, at = asked(question), [], 0
    while section[at]:
        labels.append(section[at + 1:at + 1 + section[at]].decode("latin-1").lower())
        at += 1 + section[at]
    kinds = {1: "A", 2: "NS", 6: "SOA", 15: "MX", 28: "AAAA"}
    return ".".join(labels), kinds.get(int.from_bytes(section[-4:-2], "big"))


def answer_address(question, address):
    """The name's MX is the name itself, and this is its address; None: there is no such name."""
    _, kind = name_asked(question)
    data = {"A": address and socket.inet_aton(address), "MX": b"\0\x0a\xc0\x0c"}.get(kind)
    if not address or not data:
        return header(question, b"\x81\x80" if address else b"\x81\x83", 0) + asked(question)
    return (header(question, b"\x81\x80", 1) + asked(question) + b"\xc0\x0c" +
            asked(question)[-4:] + b"\0\0\x0e\x10" + len(data).to_bytes(2, "big") + data)
