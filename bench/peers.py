"""The peers, each as shipped, with a configuration and a queue of its own.

What Debian ships in packages that exclude each other is unpacked below build/peers/ by
tools/get-peers, and runs in a mount namespace in which its files and folders stand where it was
built to look for them; the machine itself stays as it is.
"""
import json
import os
import pathlib
import pwd
import shutil
import subprocess

from measure import ROOT, NotStarted, Server, ports, run, wait_for_port, wait_until

UNPACKED = ROOT / "build" / "peers"
HOST = "mail.example.test"
SELECTOR = "s"


def dkim_key(path):
    if not path.exists():
        run("openssl", "genrsa", "-traditional", "-out", path, "2048")
    return path


class Peer(Server):
    """One that may send for everybody on loopback: to a sink, or what its class says. tls: the
    folder of certificate.pem and key.pem."""
    takes_tls, recipient = True, "bob@example.test"

    def __init__(self, folder, name, tls, sink=None):
        self.name, self.sink, self.port = name, sink, next(ports)
        self.folder = folder / name.lower().replace(", ", "-").replace("+", "-")
        self.config = self.folder / "etc"
        self.config.mkdir(parents=True)
        for file in ("certificate.pem", "key.pem"):
            shutil.copy(tls / file, self.config / file)
            self.config.joinpath(file).chmod(0o644)
        self.folder.chmod(0o755)

    def write(self, name, text):
        path = self.config / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o644)
        return path

    def target(self, tls):
        """(port, recipient, login)"""
        del tls
        return self.port, "x@sink.test", []


class OpenDkim(Server):
    """The milter, with an RSA-2048 key."""
    name = "OpenDKIM"

    def __init__(self, folder):
        self.folder, self.port = folder / "opendkim", next(ports)
        self.folder.mkdir()
        key = dkim_key(self.folder / "key.pem")
        key.chmod(0o600)
        (self.folder / "conf").write_text(
            f"Socket inet:{self.port}@127.0.0.1\nDomain example.test\nSelector {SELECTOR}\n"
            f"KeyFile {key}\nMode s\nCanonicalization relaxed/relaxed\n"
            "InternalHosts 127.0.0.0/8\nRequireSafeKeys no\nSyslog no\n"
            "OversignHeaders From\n")

    def start(self):
        self.process = self.group.start("opendkim", "-f", "-x", self.folder / "conf",
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        inode = f":{self.port:04X} 00000000:0000 0A "  # listens; it greets nobody
        if not wait_until(lambda: inode in pathlib.Path("/proc/net/tcp").read_text()):
            raise NotStarted("OpenDKIM does not listen")


class Postfix(Peer):
    """Debian's; without a sink it discards what it has stored. milter: OpenDKIM signs."""

    def __init__(self, folder, tls, sink=None, milter=None, name="Postfix"):
        super().__init__(folder, name, tls, sink)
        self.milter = milter
        queue, data = self.folder / "queue", self.folder / "data"
        for part in (queue, data):
            part.mkdir()
        owner = pwd.getpwnam("postfix")
        os.chown(data, owner.pw_uid, owner.pw_gid)
        way_out = (f"mydestination =\nrelayhost = [127.0.0.1]:{sink.port}\n" if sink else
                   "mydestination = example.test\nlocal_transport = discard:\n"
                   "local_recipient_maps =\ndefault_transport = discard:\n")
        self.write("main.cf",
            f"compatibility_level = 3.6\nqueue_directory = {queue}\ndata_directory = {data}\n"
            "command_directory = /usr/sbin\ndaemon_directory = /usr/lib/postfix/sbin\n"
            f"mail_owner = postfix\nsetgid_group = postdrop\nmyhostname = {HOST}\n"
            "inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\n"
            f"alias_maps =\nalias_database =\n{way_out}"
            "mynetworks = 127.0.0.0/8\ndisable_dns_lookups = yes\n"
            "smtpd_client_connection_count_limit = 0\nmaillog_file = /dev/null\n"
            "maillog_file_prefixes = /dev\nsmtpd_tls_security_level = may\n"
            f"smtpd_tls_cert_file = {self.config}/certificate.pem\n"
            f"smtpd_tls_key_file = {self.config}/key.pem\n" +
            (f"smtpd_milters = inet:127.0.0.1:{milter.port}\n" if milter else ""))
        lines = pathlib.Path("/usr/share/postfix/master.cf.dist").read_text().splitlines()
        lines = [line for line in lines if not line.startswith("smtp      inet")]
        lines.insert(0, f"127.0.0.1:{self.port} inet n - n - - smtpd")
        self.write("master.cf", "\n".join(lines) + "\n")

    def start(self):
        started = self.group.start("postfix", "-c", self.config, "start", text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        _, said = started.communicate()
        if started.returncode:
            raise NotStarted(said)
        self.group.pid = int((self.folder / "queue/pid/master.pid").read_text())
        wait_for_port(self.port)

    def stop(self):
        subprocess.run(["postfix", "-c", self.config, "stop"], capture_output=True)
        wait_until(lambda: not os.path.exists(f"/proc/{self.group.pid}"))

    def cpu(self):
        return super().cpu() + (self.milter.cpu() if self.milter else 0)

    def memory(self):
        return super().memory() + (self.milter.memory() if self.milter else 0)


class UnpackedPeer(Peer):
    """One from build/peers/PACKAGE, with users of its own."""
    package, users = "", {}

    def __init__(self, folder, name, tls, sink=None):
        super().__init__(folder, name, tls, sink)
        if not (UNPACKED / self.package).is_dir():
            raise NotStarted("it could not be fetched")
        names = [f"{user}:x:{number}:{number}::/nonexistent:/usr/sbin/nologin"
                 for user, number in self.users.items()]
        groups = [f"{user}:x:{number}:" for user, number in self.users.items()]
        for file, lines in (("passwd", names), ("group", groups)):
            have = pathlib.Path("/etc", file).read_text().splitlines()
            have = [line for line in have if line.split(":")[0] not in self.users]
            self.write(file, "\n".join(have + lines) + "\n")
        for part in ("run", "lib", "spool", "log"):
            (self.folder / part).mkdir()

    def give(self, path, user, mode):
        """Makes a folder that belongs to one of its users."""
        path.mkdir(parents=True, exist_ok=True)
        owner = self.users.get(user, 0)
        os.chown(path, owner, owner)
        path.chmod(mode)

    def binds(self):
        """What stands where in its namespace."""
        return [(UNPACKED / self.package / "usr/sbin", "/usr/sbin"),
                (self.config / "passwd", "/etc/passwd"), (self.config / "group", "/etc/group"),
                (self.folder / "run", "/run"), (self.folder / "lib", "/var/lib"),
                (self.folder / "spool", "/var/spool"), (self.folder / "log", "/var/log")]

    def mounts(self):
        return "".join(f"mount --bind '{here}' {there}; " for here, there in self.binds())

    def run_inside(self, *words):
        log = self.folder / "said"
        with open(log, "w") as said:
            self.process = self.group.start("unshare", "--mount", "sh", "-ec", self.mounts() +
                                            'exec "$@"', "sh", *words, stdout=said, stderr=said)
        try:
            wait_for_port(self.port)
        except NotStarted as error:
            raise NotStarted(log.read_text() or str(error)) from error


class Exim(UnpackedPeer):
    """Debian's exim4-daemon-light. As built it queues from the 11th letter of a connection on,
    takes 20 connections and has a backlog of 20; here each letter is sent at once, from everybody.
    key: signs."""
    package, users = "exim4", {"Debian-exim": 64501}

    def __init__(self, folder, tls, sink, key=None):
        super().__init__(folder, "Exim, DKIM" if key else "Exim", tls, sink)
        for part in ("spool/exim4", "log/exim4", "run/exim4"):
            self.give(self.folder / part, "Debian-exim", 0o750)
        for file in ("certificate.pem", "key.pem"):
            shutil.copy(self.config / file, self.folder / "lib" / file)
        sign = ""
        if key:
            shutil.copy(key, self.folder / "lib/dkim.pem").chmod(0o644)
            sign = (f"  dkim_domain = example.test\n  dkim_selector = {SELECTOR}\n"
                    "  dkim_private_key = /var/lib/dkim.pem\n  dkim_canon = relaxed\n")
        config = self.folder / "lib/exim4/config.autogenerated"
        config.parent.mkdir()
        config.write_text(
            f"primary_hostname = {HOST}\ndaemon_smtp_ports = {self.port}\n"
            "local_interfaces = 127.0.0.1\ndisable_ipv6\nsmtp_accept_max = 0\n"
            "smtp_accept_queue_per_connection = 0\nsmtp_connect_backlog = 1000\n"
            "host_lookup =\nrfc1413_query_timeout = 0s\n"
            "tls_advertise_hosts = *\ntls_certificate = /var/lib/certificate.pem\n"
            "tls_privatekey = /var/lib/key.pem\nacl_smtp_rcpt = accept\nacl_smtp_data = accept\n"
            "begin routers\nall:\n  driver = manualroute\n  route_list = * 127.0.0.1\n"
            "  self = send\n  transport = out\n"
            f"begin transports\nout:\n  driver = smtp\n  port = {sink.port}\n"
            f"  allow_localhost\n  hosts_try_dane =\n{sign}"
            "begin retry\n* * F,2h,15m; G,16h,1h,1.5; F,4d,6h\n")

    def start(self):
        self.run_inside("/usr/sbin/exim4", "-bdf", "-q30m")


class OpenSmtpd(UnpackedPeer):
    """Debian's opensmtpd, whose TLS does not work with Debian's OpenSSL (it misses its own key).
    It does not sync before it accepts."""
    package, takes_tls = "opensmtpd", False
    users = {"opensmtpd": 64502, "opensmtpq": 64503}

    def __init__(self, folder, tls, sink):
        super().__init__(folder, "OpenSMTPD", tls, sink)
        self.give(self.folder / "spool/smtpd", "root", 0o711)
        self.give(self.folder / "lib/opensmtpd/empty", "root", 0o755)
        text = (f"listen on 127.0.0.1 port {self.port} hostname {HOST}\n"
                f'action "out" relay host smtp://127.0.0.1:{sink.port}\n'
                'match from any for any action "out"\n')
        (self.folder / "lib/smtpd.conf").write_text(text)

    def start(self):
        self.run_inside("/usr/sbin/smtpd", "-d", "-f", "/var/lib/smtpd.conf")


class Haraka(Peer):
    """From npm, locked in bench/node. As shipped it is one process and has no queue's door open:
    a plugin of ten lines lets everybody relay, to the sink. key: signs."""

    def __init__(self, folder, tls, sink, key=None):
        super().__init__(folder, "Haraka, DKIM" if key else "Haraka", tls, sink)
        modules = UNPACKED / "node" / "node_modules"
        self.words = [modules / "node/bin/node", modules / "Haraka/bin/haraka", "-c", self.folder]
        if not self.words[0].exists() or not self.words[1].exists():
            raise NotStarted("it could not be fetched")
        self.etc = self.config = self.folder / "config"
        shutil.copytree(modules / "Haraka/config", self.etc)
        (self.folder / "node_modules").symlink_to(modules)
        self.write("smtp.ini", f"listen=127.0.0.1:{self.port}\n")
        self.write("me", HOST + "\n")
        self.write("log.ini", "[main]\nlevel=error\n")
        self.write("outbound.ini", "local_mx_ok=true\n")
        self.write("dhparams.pem", run("openssl", "genpkey", "-genparam", "-algorithm", "DH",
                                       "-pkeyopt", "group:ffdhe2048"))  # or it makes them first
        self.write("plugins", "tls\nrelay_to_sink\n" + ("haraka-plugin-dkim\n" if key else ""))
        for ours, name in (("certificate.pem", "tls_cert.pem"), ("key.pem", "tls_key.pem")):
            self.write(name, (self.folder / "etc" / ours).read_text())
        self.config = self.folder / "plugins"
        self.write("relay_to_sink.js", "exports.hook_rcpt = (next, connection) => {\n"
                   "    connection.relaying = true;\n    next(OK);\n};\n"
                   "exports.hook_get_mx = (next) => next(OK, "
                   + json.dumps({"priority": 0, "exchange": "127.0.0.1", "port": sink.port})
                   + ");\n")
        if key:
            self.config = self.etc
            self.write("dkim.ini", "[main]\n[sign]\nenabled = true\n[canon]\nbody = relaxed\n"
                       "[verify]\nenabled = false\n")
            self.write("dkim/example.test/private", key.read_text())
            self.write("dkim/example.test/selector", SELECTOR + "\n")

    def start(self):
        with open(self.folder / "said", "w") as said:
            self.process = self.group.start(*self.words, stdout=said, stderr=said)
        try:
            wait_for_port(self.port)
        except NotStarted as error:
            raise NotStarted((self.folder / "said").read_text() or str(error)) from error
