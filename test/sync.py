"""Programs that keep a copy of a mailbox as Maildir folders: mbsync and offlineimap, and what they
say on the wire."""
import os
import pathlib
import re
import subprocess

from office import OFFSET, PATIENCE

# commands that move a letter or a flag, either way
MOVING = re.compile(r"BODY|RFC822|APPEND|STORE|COPY|MOVE|EXPUNGE|CREATE|DELETE|RENAME")


class Copy:
    """A user's mailboxes copied below a folder; the server's certificate is checked by a chain."""

    def __init__(self, user, folder, chain, patience=PATIENCE * 20):
        self.user, self.office, self.patience = user, user.office, patience
        self.folder, self.chain = pathlib.Path(folder), chain
        self.config = self.folder / "config"
        self.folder.mkdir(exist_ok=True)
        self.config.write_text(self.configure())
        self.config.chmod(0o600)

    def run(self, *words):
        """The client's output, lines of the wire among it."""
        result = subprocess.run(
            [str(word) for word in words], capture_output=True, timeout=self.patience,
            env={**os.environ, "HOME": str(self.folder)})
        assert result.returncode == 0, (result.stdout + result.stderr)[-3000:].decode("latin-1")
        return (result.stdout + result.stderr).decode("latin-1")

    def letters(self, *names):
        """The files of a copied mailbox."""
        return sorted((self.folder / self.path(*names)).glob("[cn][ue][rw]/*"))

    def all(self):
        return sorted(self.folder.glob("mail/**/[cn][ue][rw]/*"))

    def moved(self):
        """Synchronises; the commands that moved something."""
        return [command for command in self.sync(True) if MOVING.search(command)]


class Mbsync(Copy):
    def configure(self):
        return (f"FSync no\n\nIMAPAccount far\nHost {self.office.address}\nPort {993 + OFFSET}\n"
                f"User {self.user}\nPass \"{self.user.password}\"\nSSLType IMAPS\n"
                f"CertificateFile {self.chain}\n\nIMAPStore far\nAccount far\n\n"
                f"MaildirStore near\nSubFolders Verbatim\nPath {self.folder}/mail/\n"
                f"Inbox {self.folder}/mail/INBOX\n\nChannel all\nFar :far:\nNear :near:\n"
                f"Patterns *\nCreate Both\nExpunge Both\nSyncState {self.folder}/state/\n")

    def sync(self, wire=False):
        for name in ("mail", "state"):
            (self.folder / name).mkdir(exist_ok=True)
        said = self.run("mbsync", "-c", self.config, "-a", *(["-Dn"] if wire else []))
        return re.findall(r"^>>> \d+ (.*)", said, re.M)

    def path(self, *names):
        return "/".join(("mail", *names))

    def content(self, letter):
        """Without what mbsync puts into its copies."""
        return re.sub(rb"X-TUID: .*\n", b"", letter.read_bytes()).replace(b"\n", b"\r\n")


class Offlineimap(Copy):
    def configure(self):
        return (f"[general]\naccounts = one\nmetadata = {self.folder}/meta\nui = basic\nfsync = false\n"
                "[Account one]\nlocalrepository = near\nremoterepository = far\n"
                f"[Repository near]\ntype = Maildir\nlocalfolders = {self.folder}/mail\n"
                f"[Repository far]\ntype = IMAP\nremotehost = {self.office.address}\n"
                f"remoteport = {993 + OFFSET}\nremoteuser = {self.user}\n"
                f"remotepass = {self.user.password}\nssl = yes\nsslcacertfile = {self.chain}\n")

    def sync(self, wire=False):
        said = self.run("offlineimap", "-o", "-c", self.config, *(["-d", "imap"] if wire else []))
        assert "ERROR" not in said, said[-3000:]
        return re.findall(r"writer > b'\S+ (.*?)(?:\\r\\n)?'$", said, re.M)

    def path(self, *names):
        return "mail/" + ".".join(names)

    def content(self, letter):
        return re.sub(rb"X-OfflineIMAP: .*\n", b"", letter.read_bytes()).replace(b"\n", b"\r\n")
