"""Drives preload.c, and remembers what was promised to whom."""
import errno
import mmap
import os
import pathlib
import smtplib
import struct
import subprocess

from office import OFFSET, PATIENCE, PROGRAM

WRITE, SYNC, TORN = 1, 2, 4
HERE = pathlib.Path(__file__).resolve().parent


def preloaded(source, folder):
    """Compiles a source of this folder; what LD_PRELOAD must be to have it before libc."""
    library = f"{folder}/{source}.so"
    subprocess.run(["gcc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-O1", "-o", library, HERE / source],
                   check=True)
    if "asan" not in PROGRAM:
        return library
    asan = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True,
                          text=True).stdout.strip()
    return f"{os.path.realpath(asan)} {library}"


class Faults:
    """One server's disk."""

    def __init__(self, folder, office_folder):
        self.file = f"{folder}/faults"
        pathlib.Path(self.file).write_bytes(bytes(20))
        os.chmod(self.file, 0o666)
        with open(self.file, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 20)
        self.environment = {"LD_PRELOAD": preloaded("preload.c", folder),
                            "POSTAMT_FAULTS": self.file, "POSTAMT_FAULT_FOLDER": office_folder}

    def set(self, what, countdown, error, always=False):
        self.map[:20] = struct.pack("5i", 0, 0, 0, 0, 0)
        self.map[4:20] = struct.pack("4i", countdown, always, error, 0)
        self.map[:4] = struct.pack("i", what)

    def clear(self):
        self.set(0, 0, 0)

    @property
    def hits(self):
        return struct.unpack("5i", self.map[:20])[4]


class Sender:
    """Sends letters with names of their own; knows which got a 250, which were refused, and which
    ended without an answer."""

    def __init__(self, office, user, filler=200):
        self.office, self.user, self.filler = office, user, filler
        self.client, self.count = None, 0
        self.accepted, self.refused, self.unknown = [], [], []

    def connect(self):
        client = smtplib.SMTP(self.office.address, 25 + OFFSET, "x.example.net", timeout=PATIENCE)
        client.helo()
        return client

    def send(self, name=None):
        """One letter; the reply's code, or None when there was none."""
        self.count += 1
        name = name or f"letter-{id(self)}-{self.count}"
        told = False
        try:
            if not self.client:
                self.client = self.connect()
            code = self.client.mail("from@example.net")[0]
            if code == 250:
                code = self.client.rcpt(self.user.address)[0]
            if code == 250:
                code = self.client.docmd("DATA")[0]
            if code == 354:
                told = True
                self.client.send(f"Subject: {name}\r\n\r\n{'x' * 70}\r\n".encode() +
                                 (b"y" * 70 + b"\r\n") * (self.filler // 72) + b".\r\n")
                code = self.client.getreply()[0]
            if code == -1:
                raise smtplib.SMTPServerDisconnected("no reply")
        except (OSError, smtplib.SMTPException):
            self.client = None
            (self.unknown if told else self.refused).append(name)
            return None
        if code == 250:
            self.accepted.append(name)
        else:
            self.refused.append(name)
            if code != 421:
                self.client.rset()
            else:
                self.client = None
        return code


class LmtpSender(Sender):
    """The same on the unix socket, by LMTP."""

    def connect(self):
        client = smtplib.LMTP(f"{self.office.folder}/lmtp.sock", local_hostname="x.example.net",
                              timeout=PATIENCE)
        client.ehlo()
        return client


def check_promises(user, senders):
    """Every letter that got 250 is there, once, whole; no letter is there twice."""
    arrived = [letter.split(b"\r\nSubject: ")[1].split(b"\r\n")[0].decode()
               for letter in user.letters()]
    accepted = {name for sender in senders for name in sender.accepted}
    refused = {name for sender in senders for name in sender.refused}
    assert len(arrived) == len(set(arrived)), "a letter is there twice"
    assert accepted <= set(arrived), f"lost: {sorted(accepted - set(arrived))[:5]}"
    return len(set(arrived) & refused)


ENOSPC, EIO = errno.ENOSPC, errno.EIO
