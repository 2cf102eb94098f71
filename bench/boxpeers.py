"""The peers with mailboxes: Dovecot and Cyrus, unpacked by tools/get-peers, in a namespace each.

Their passwords are kept in plain text, which costs them nothing; Postamt's are Argon2id, run once
for each user, from when on a keyed hash of the verified password is remembered for a short time.
Both have the same certificate (ECDSA P-256), and log to a file.

Helped: no limit on connections of one user, or of processes, is below what the rows ask for.
"""
from measure import PROGRAM, run
from office import Postamt
from peers import HOST, UNPACKED, UnpackedPeer

PASSWORD = "secret of all"
USERS = 100


def user_name(number):
    return f"user{number}@example.test"


ANY_USER = user_name("%")


class BoxOffice(Postamt):
    """Postamt, with as many users."""
    rows = None  # all

    def __init__(self, folder, name="boxes"):
        super().__init__(folder, name)
        for number in range(USERS):
            run(PROGRAM, "user", "add", user_name(number), "-d", self.folder, "--password-file",
                "-", input=PASSWORD + "\n")
        with open(self.folder / "postamt.conf", "a") as file:
            file.write("\ncleartext-login-from-loopback = true\nimap-sessions-per-user-max = 5000\n")
        offset = self.port - 25
        self.ports = {"imap": offset + 143, "imaps": offset + 993, "pop3": offset + 110,
                      "pop3s": offset + 995, "lmtp": offset + 24}

    def forget(self):
        """It makes what clients ask for at delivery, and keeps it with the letter."""


class BoxPeer(UnpackedPeer):
    """Its programs stand beside the machine's own in its namespace."""

    def mounts(self):
        return (f"mount -t overlay -o lowerdir='{UNPACKED / self.package}/usr':/usr overlay /usr; "
                + super().mounts())

    def binds(self):
        return [(self.config / "passwd", "/etc/passwd"), (self.config / "group", "/etc/group")]


HIBERNATION = """
imap_hibernate_timeout = 1s
service imap {
  unix_listener imap-master {
    user = dovecot
  }
}
service imap-hibernate {
  unix_listener imap-hibernate {
    user = vmail
    mode = 0600
  }
}
"""


class Dovecot(BoxPeer):
    """mailboxes: maildir or sdbox. tuned: login processes serve many connections, as its manual's
    performance mode says, mailbox processes are kept for the next session, and logins cached.
    hibernates: those in IDLE are given to one process."""
    package = "dovecot"
    users = {"dovecot": 64001, "dovenull": 64002, "vmail": 64003}

    def __init__(self, folder, tls, mailboxes, tuned=False, hibernates=False):
        name = f"Dovecot, {mailboxes}" + (", hibernates" if hibernates else
                                              ", tuned" if tuned else "")
        super().__init__(folder, name, tls)
        self.mailboxes = mailboxes
        self.rows = None
        if tuned:
            self.rows = ("rest",) if hibernates else ("login", "deliver", "rest")
        self.ports = {kind: self.port + number for number, kind in
                      enumerate(("imap", "imaps", "pop3", "pop3s", "lmtp"))}
        self.home = self.folder / "home"
        self.give(self.home, "vmail", 0o700)
        self.write("users", "".join(f"{user_name(number)}:{{PLAIN}}{PASSWORD}::::{self.home}/"
                                    f"{number}::\n" for number in range(USERS)))
        self.conf = self.write("dovecot.conf", self.main_part() + self.services(
            tuned, hibernates) + (HIBERNATION if hibernates else ""))

    def main_part(self):
        place = "~/Maildir" if self.mailboxes == "maildir" else "~/sdbox"
        return f"""
base_dir = {self.folder}/run/dovecot
state_dir = {self.folder}/lib
log_path = {self.folder}/log/dovecot.log
protocols = imap pop3 lmtp
listen = 127.0.0.1
hostname = {HOST}
mail_location = {self.mailboxes}:{place}
mail_privileged_group = mail
mail_max_userip_connections = 5000
namespace inbox {{
  inbox = yes
}}
ssl = yes
ssl_cert = <{self.config}/certificate.pem
ssl_key = <{self.config}/key.pem
auth_mechanisms = plain
passdb {{
  driver = passwd-file
  args = username_format=%u {self.config}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {self.config}/users
  default_fields = uid=vmail gid=vmail
}}
"""

    def services(self, tuned, hibernates):
        ports = self.ports
        text = "".join(f"""
service {kind}-login {{
  inet_listener {kind} {{
    port = {ports[kind]}
  }}
  inet_listener {kind}s {{
    port = {ports[kind + "s"]}
    ssl = yes
  }}
  {"service_count = 0" if tuned else "process_limit = 2000"}
  {"process_min_avail = 2" if tuned else ""}
  {"client_limit = 2000" if tuned else ""}
}}
service {kind} {{
  process_limit = 2000
  {"service_count = 1000" if tuned and not hibernates else ""}
  {"process_min_avail = 2" if tuned else ""}
}}
""" for kind in ("imap", "pop3"))
        return text + f"""
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {ports["lmtp"]}
  }}
  {"process_min_avail = 20" if tuned else ""}
}}
service anvil {{
  client_limit = 8000
}}
service auth {{
  client_limit = 8000
}}
service stats {{
  client_limit = 8000
}}
{"auth_cache_size = 10M" if tuned else ""}
"""

    def start(self):
        self.run_inside("/usr/sbin/dovecot", "-F", "-c", self.conf)

    def forget(self):
        """What it knows of letters beside their list."""
        for file in self.home.rglob("dovecot.index.cache"):
            file.unlink()


class Cyrus(BoxPeer):
    """As Debian's imapd.conf and cyrus.conf have it, without what the rows do not use. It takes any
    password, and letters that it has had before. Helped: more children than 100 of imapd, 50 of
    pop3d and 20 of lmtpd."""
    package = "cyrus"
    users = {"cyrus": 64004}
    rows = None

    def __init__(self, folder, tls):
        super().__init__(folder, "Cyrus", tls)
        self.ports = {kind: self.port + number for number, kind in
                      enumerate(("imap", "imaps", "pop3", "pop3s", "lmtp"))}
        for part in ("lib", "spool", "run", "log", *(f"lib/{name}" for name in (
                "db", "socket", "user", "quota", "proc", "lock", "log", "msg", "sieve"))):
            self.give(self.folder / part, "cyrus", 0o750)
        self.config.joinpath("key.pem").chmod(0o644)
        self.conf = self.write("imapd.conf", f"""
configdirectory: {self.folder}/lib
proc_path: {self.folder}/run/proc
mboxname_lockpath: {self.folder}/run/lock
defaultpartition: default
partition-default: {self.folder}/spool
servername: {HOST}
altnamespace: yes
unixhierarchysep: yes
virtdomains: userid
lmtp_downcase_rcpt: yes
popminpoll: 0
autocreate_quota: 0
autocreate_post: yes
duplicatesuppression: no
umask: 077
sieveusehomedir: false
sievedir: {self.folder}/lib/sieve
hashimapspool: true
allowplaintext: yes
sasl_pwcheck_method: alwaystrue
sasl_mech_list: PLAIN
sasl_auto_transition: no
tls_server_cert: {self.config}/certificate.pem
tls_server_key: {self.config}/key.pem
lmtpsocket: {self.folder}/run/lmtp
idlesocket: {self.folder}/run/idle
notifysocket: {self.folder}/run/notify
syslog_prefix: cyrus
""")
        services = "".join(f'  {name} cmd="{program} -C {self.conf}{more}"'
                           f' listen="127.0.0.1:{self.ports[name]}" prefork=0 maxchild=2000\n'
                           for name, program, more in (
                               ("imap", "imapd", " -U 30"), ("imaps", "imapd", " -s -U 30"),
                               ("pop3", "pop3d", " -U 30"), ("pop3s", "pop3d", " -s -U 30"),
                               ("lmtp", "lmtpd", " -a")))
        self.services = self.write("cyrus.conf", f"""
START {{
  recover cmd="/usr/lib/cyrus/bin/ctl_cyrusdb -C {self.conf} -r"
}}
SERVICES {{
{services}}}
EVENTS {{
}}
""")

    def start(self):
        self.run_inside("/usr/sbin/cyrmaster", "-C", self.conf, "-M", self.services, "-p",
                        self.folder / "run/master.pid")

    def forget(self):
        """It writes its cache at delivery, and cannot do without."""
