#!/usr/bin/python3
"""End to end, side by side: letters in by SMTP, durable, out by SMTP to one sink (smtp-sink).

bench/relay.py [--quick] [--only ROW]      run by ./do bench

A row is a way in: letters of so many bytes over so many kept sessions, in the clear or under TLS
with AUTH, signed or not. Time counts from the first byte in to the last letter at the sink; CPU is
of all processes of a server, its milter included; syncs are counted with strace in a run of their
own. Servers take turns within each row, the middle of the rounds counts.
"""
import argparse
import os
import pathlib
import pwd
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from run import PROGRAM, ROOT, Postamt, cpu_seconds, memory_kib, ports, run, tree, wait_for_port

SENDER, USER, PASSWORD = "alice@example.test", "alice@example.test", "secret of alice"
RECIPIENT = "x@sink.test"


class Sink:
    """smtp-sink, and how many letters it has got."""

    def __init__(self):
        self.port = next(ports)
        self.process = subprocess.Popen(["smtp-sink", "-u", "postfix", "-c",
                                         f"127.0.0.1:{self.port}", "2000"],
                                        stdout=subprocess.PIPE)
        self.count, self.changed = 0, threading.Condition()
        threading.Thread(target=self.watch, daemon=True).start()
        wait_for_port(self.port)

    def watch(self):
        text = b""
        while more := os.read(self.process.stdout.fileno(), 65536):
            text = (text + more)[-4000:]
            found = re.findall(rb"mesg=(\d+)\r", text)
            if found:
                with self.changed:
                    self.count = int(found[-1])
                    self.changed.notify_all()

    def wait(self, count, patience=300):
        with self.changed:
            return self.changed.wait_for(lambda: self.count >= count, patience)

    def close(self):
        self.process.kill()
        self.process.wait()


class Ours(Postamt):
    """A user submits with AUTH under TLS; without, a catch-all alias leads to the sink."""

    def __init__(self, folder, sink, signs):
        super().__init__(folder, f"relay-{signs}")
        self.signs = signs
        run(PROGRAM, "alias", "add", "@example.test", RECIPIENT, "-d", self.folder)
        run(PROGRAM, "user", "add", USER, "-d", self.folder, "--password-file", "-",
            input=PASSWORD + "\n")
        if not signs:  # keys are made with the domain
            import sqlite3
            with sqlite3.connect(f"{self.folder}/postamt.db") as db:
                db.execute("DELETE FROM dkim_key")
        else:  # one RSA signature, as the peers make
            import sqlite3
            with sqlite3.connect(f"{self.folder}/postamt.db") as db:
                db.execute("DELETE FROM dkim_key WHERE algorithm = 2")
        with open(f"{self.folder}/postamt.conf", "a") as file:
            file.write(f'\nroute "sink.test" {{ host = "127.0.0.1" port = {sink.port} }}\n')

    def target(self, tls):
        """(port, recipient, login)"""
        if tls:
            return self.port + 562, RECIPIENT, [USER, PASSWORD]
        return self.port, "bob2@example.test", []


class Peer:
    def target(self, tls):
        return self.port, RECIPIENT, []


class Postfix(Peer):
    """Debian's Postfix as shipped; milter: OpenDKIM signs."""

    def __init__(self, folder, sink, milter=None):
        self.name = "Postfix+OpenDKIM" if milter else "Postfix"
        self.folder = folder / self.name
        self.port, self.milter = next(ports), milter
        config, queue, data = (self.folder / part for part in ("etc", "queue", "data"))
        for part in (config, queue, data):
            part.mkdir(parents=True)
        owner = pwd.getpwnam("postfix")
        os.chown(data, owner.pw_uid, owner.pw_gid)
        for name in ("certificate.pem", "key.pem"):
            shutil.copy(next(folder.glob("relay-*/tls")) / name, config / name)
        (config / "main.cf").write_text(
            f"compatibility_level = 3.6\nqueue_directory = {queue}\ndata_directory = {data}\n"
            "command_directory = /usr/sbin\ndaemon_directory = /usr/lib/postfix/sbin\n"
            "mail_owner = postfix\nsetgid_group = postdrop\nmyhostname = mail.example.test\n"
            "inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmydestination =\n"
            f"relayhost = [127.0.0.1]:{sink.port}\nalias_maps =\nalias_database =\n"
            "mynetworks = 127.0.0.0/8\ndisable_dns_lookups = yes\n"
            "smtpd_client_connection_count_limit = 0\nmaillog_file = /dev/null\n"
            "maillog_file_prefixes = /dev\nsmtpd_tls_security_level = may\n"
            f"smtpd_tls_cert_file = {config}/certificate.pem\n"
            f"smtpd_tls_key_file = {config}/key.pem\n" +
            (f"smtpd_milters = inet:127.0.0.1:{milter.port}\n" if milter else ""))
        lines = pathlib.Path("/usr/share/postfix/master.cf.dist").read_text().splitlines()
        lines = [line for line in lines if not line.startswith("smtp      inet")]
        lines.insert(0, f"127.0.0.1:{self.port} inet n - n - - smtpd")
        (config / "master.cf").write_text("\n".join(lines) + "\n")
        for line in ("main.cf", "master.cf"):
            os.chmod(config / line, 0o644)
        os.chmod(self.folder, 0o755)

    def __enter__(self):
        result = subprocess.run(["postfix", "-c", self.folder / "etc", "start"],
                                capture_output=True, text=True)
        if result.returncode:
            sys.exit("bench: Postfix does not start: " + result.stderr)
        self.pid = int((self.folder / "queue/pid/master.pid").read_text())
        wait_for_port(self.port)
        return self

    def __exit__(self, *_):
        subprocess.run(["postfix", "-c", self.folder / "etc", "stop"], capture_output=True)
        end = time.monotonic() + 30
        while os.path.exists(f"/proc/{self.pid}") and time.monotonic() < end:
            time.sleep(0.05)


class OpenDkim:
    """The milter, with an RSA-2048 key."""

    def __init__(self, folder):
        self.folder, self.port = folder / "opendkim", next(ports)
        self.folder.mkdir()
        run("openssl", "genrsa", "-out", self.folder / "key.pem", "2048")
        os.chmod(self.folder / "key.pem", 0o600)
        (self.folder / "conf").write_text(
            f"Socket inet:{self.port}@127.0.0.1\nDomain example.test\nSelector s\n"
            f"KeyFile {self.folder}/key.pem\nMode s\nCanonicalization relaxed/relaxed\n"
            "InternalHosts 127.0.0.0/8\nRequireSafeKeys no\nSyslog no\n"
            "OversignHeaders From\n")

    def __enter__(self):
        self.process = subprocess.Popen(["opendkim", "-f", "-x", self.folder / "conf"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1)
        assert self.process.poll() is None, "opendkim does not start"
        self.pid = self.process.pid
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def all_cpu(server):
    milter = getattr(server, "milter", None)
    return cpu_seconds(server.pid) + (cpu_seconds(milter.pid) if milter else 0)


def load(server, sink, sessions, letters, size, tls):
    """Letters a second end to end, letters a second in, CPU milliseconds a letter."""
    port, recipient, login = server.target(tls)
    have, before, start = sink.count, all_cpu(server), time.monotonic()
    inside = float(run(ROOT / "build/bench/mailload", "keep", port, sessions, letters, size, SENDER,
                       recipient, "tls" if tls else "clear", *login))
    if not sink.wait(have + letters):
        print(f"{server.name}: only {sink.count - have} of {letters} letters came", flush=True)
    seconds = time.monotonic() - start
    return letters / seconds, letters / inside, (all_cpu(server) - before) * 1000 / letters


def compare(title, servers, sink, sessions, size, tls, options):
    results, counts = {}, {}
    for server in servers:
        rate = load(server, sink, sessions, max(100, 2 * sessions), size, tls)[0]
        counts[server.name] = max(2 * sessions, int(rate * options.seconds))
    for _ in range(options.rounds):
        for server in servers:
            results.setdefault(server.name, []).append(
                load(server, sink, sessions, counts[server.name], size, tls))
    middle = {}
    for server in servers:
        rate, inside, cpu = (statistics.median(column) for column in zip(*results[server.name]))
        middle[server.name] = (rate, cpu)
        low, high = (f(result[0] for result in results[server.name]) for f in (min, max))
        print(f"{title:42} {server.name:17} {rate:8,.0f}/s ({low:,.0f} to {high:,.0f})"
              f" in {inside:8,.0f}/s {cpu:7.3f} ms CPU {memory_kib(server.pid) / 1024:6.1f} MiB",
              flush=True)
    ours = middle.pop(servers[0].name)
    for name, (rate, cpu) in middle.items():
        print(f"{'':42} {ours[0] / rate:.2f} times {name}'s rate, {cpu / ours[1]:.1f} times less"
              " CPU", flush=True)
    print(flush=True)


def syncs(server, sink, folder, letters=500):
    """fsyncs a letter at 20 sessions."""
    trace = folder / "relay-strace"
    words = ["strace", "-f", "-qq", "-c", "-o", trace, "-e", "trace=fdatasync,fsync"]
    for pid in tree(server.pid):
        words += ["-p", str(pid)]
    strace = subprocess.Popen(words, stderr=subprocess.PIPE)
    time.sleep(1)
    load(server, sink, 20, letters, 10240, False)
    strace.send_signal(signal.SIGINT)
    strace.wait()
    count = sum(int(line.split()[3]) for line in trace.read_text().splitlines()
                if re.search(r"f(data)?sync$", line.strip()))
    print(f"{server.name}: {count / letters:.2f} syncs a letter at 20 sessions", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="fewer letters and rounds")
    parser.add_argument("--only", help="clear, tls, dkim or syncs")
    options = parser.parse_args()
    options.seconds, options.rounds = (2, 1) if options.quick else (4, 3)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="postamt-relay-", dir=ROOT / "build"))
    os.chmod(folder, 0o755)
    chosen = (lambda name: options.only in (None, name))
    sink = Sink()
    try:
        with Ours(folder, sink, False) as ours, Postfix(folder, sink) as postfix:
            servers = (ours, postfix)
            if chosen("clear"):
                for sessions in (20, 100):
                    for size in ((10240,) if options.quick else (1024, 10240, 102400)):
                        compare(f"{size // 1024} KiB, {sessions} sessions", servers, sink, sessions,
                                size, False, options)
            if chosen("tls"):
                for sessions in (20, 100):
                    compare(f"10 KiB, {sessions} sessions, TLS", servers, sink, sessions, 10240,
                            True, options)
            if chosen("syncs"):
                for server in servers:
                    syncs(server, sink, folder)
        if chosen("dkim"):
            with OpenDkim(folder) as milter, Ours(folder, sink, True) as ours, \
                    Postfix(folder, sink, milter) as postfix:
                for sessions in (20, 100):
                    compare(f"10 KiB, {sessions} sessions, TLS, DKIM RSA", (ours, postfix), sink,
                            sessions, 10240, True, options)
    finally:
        sink.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
