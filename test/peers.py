"""Mail servers of others as receivers: Debian's Postfix and Exim with STARTTLS, on addresses of the
test's own, each recipient's letter in one Maildir."""
import os
import pathlib
import pwd
import shutil
import socket
import subprocess

import pytest
from office import PATIENCE, ROOT, until

PORT = 2525
EXIM = ROOT / "build" / "peers" / "exim4" / "usr" / "sbin" / "exim4"  # tools/get-peers


def answers(address, port):
    try:
        with socket.create_connection((address, port), 1) as connection:
            return connection.recv(100).startswith(b"220 ")
    except OSError:
        return False


class Peer:
    """folder is the test's, and everybody may enter it."""

    def __init__(self, folder, address, certificate):
        self.folder, self.address = pathlib.Path(folder), address
        self.box = self.folder / "box"
        (self.folder / "etc").mkdir()
        for path, name in zip(certificate, ("chain.pem", "key.pem")):
            shutil.copy(path, self.folder / "etc" / name)

    def route(self, domain):
        return f'route "{domain}" {{ host = "{self.address}" port = {PORT} }}\n'

    def letters(self):
        """What has been delivered, with the line ends of the wire."""
        return [path.read_bytes().replace(b"\n", b"\r\n") for path in self.box.glob("new/*")]

    def await_start(self):
        until(lambda: answers(self.address, PORT))
        return self


class Postfix(Peer):
    more = ""  # of main.cf; what stands later counts

    def start(self):
        owner, etc = pwd.getpwnam("postfix"), self.folder / "etc"
        for name in ("queue", "data"):
            (self.folder / name).mkdir()
        for name in ("data", "box"):
            (self.folder / name).mkdir(exist_ok=True)
            os.chown(self.folder / name, owner.pw_uid, owner.pw_gid)
        (etc / "main.cf").write_text(f"""compatibility_level = 3.6
queue_directory = {self.folder}/queue
data_directory = {self.folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = postfix.test
inet_interfaces = 127.0.0.1
mydestination =
alias_maps =
alias_database =
maillog_file = {self.folder}/log
maillog_file_prefixes = {self.folder}
smtpd_tls_security_level = may
smtpd_tls_cert_file = {etc}/chain.pem
smtpd_tls_key_file = {etc}/key.pem
smtpd_tls_received_header = yes
smtpd_peername_lookup = no
virtual_mailbox_domains = static:all
virtual_mailbox_base = {self.folder}
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:{owner.pw_uid}
virtual_gid_maps = static:{owner.pw_gid}
{self.more}
""")
        lines = pathlib.Path("/usr/share/postfix/master.cf.dist").read_text().splitlines()
        lines = [line for line in lines if not line.startswith("smtp      inet")]
        lines.insert(0, f"{self.address}:{PORT} inet n - n - - smtpd")
        (etc / "master.cf").write_text("\n".join(lines) + "\n")
        self.tell("start")
        self.pid = int((self.folder / "queue/pid/master.pid").read_text())
        return self.await_start()

    def tell(self, verb):
        said = subprocess.run(["postfix", "-c", self.folder / "etc", verb], capture_output=True,
                              text=True)
        assert said.returncode == 0, said.stderr

    def stop(self):
        self.tell("stop")
        until(lambda: not os.path.exists(f"/proc/{self.pid}"))


class Exim(Peer):
    """Its program looks for a user Debian-exim, whom only its package makes: it gets a view of
    /etc/passwd and /etc/group in which there is one."""
    USER = 4444

    def start(self):
        if not EXIM.exists():
            pytest.skip("no build/peers: tools/get-peers did not get Exim")
        etc = self.folder / "etc"
        for name in ("spool", "box"):
            (self.folder / name).mkdir()
            os.chown(self.folder / name, self.USER, self.USER)
        for name in ("new", "cur", "tmp"):
            (self.box / name).mkdir()
            os.chown(self.box / name, self.USER, self.USER)
        os.chown(etc / "key.pem", self.USER, self.USER)
        (etc / "exim.conf").write_text(f"""primary_hostname = exim.test
spool_directory = {self.folder}/spool
log_file_path = {self.folder}/spool/%slog
daemon_smtp_ports = {PORT}
local_interfaces = {self.address}
exim_path = {EXIM}
deliver_drop_privilege
dkim_verify_signers =
host_lookup =
rfc1413_hosts =
tls_advertise_hosts = *
tls_certificate = {etc}/chain.pem
tls_privatekey = {etc}/key.pem
recipients_max = 1000
pipelining_advertise_hosts = *
acl_smtp_rcpt = accept
acl_smtp_data = accept
begin routers
all:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  directory = {self.folder}/box
  maildir_format
  create_directory = false
  user = Debian-exim
  batch_max = 1000
  envelope_to_add
""")
        for name, row in (("passwd", f"Debian-exim:x:{self.USER}:{self.USER}::/:/bin/false"),
                          ("group", f"Debian-exim:x:{self.USER}:")):
            text = pathlib.Path(f"/etc/{name}").read_text()
            (etc / name).write_text(f"{text.rstrip()}\n{row}\n")
        view = "".join(f"mount --bind {etc}/{name} /etc/{name} && " for name in ("passwd", "group"))
        command = f"{view}exec {EXIM} -C {etc}/exim.conf -bdf -q1h -oP {self.folder}/spool/pid"
        self.process = subprocess.Popen(["unshare", "--mount", "sh", "-c", command],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        text=True)
        until(lambda: self.process.poll() is not None or answers(self.address, PORT))
        if self.process.returncode == 1 and "unshare" in (said := self.process.stderr.read()):
            pytest.skip("mount namespaces may not be made here: " + said.strip())
        assert self.process.poll() is None, self.process.stderr.read()
        return self

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.process.stderr.close()
