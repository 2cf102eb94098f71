#!/usr/bin/python3
"""Side by side: Postamt, Debian's Postfix, and the floor, in one run on one machine.

bench/run.py [--quick] [--only NAME]      run by ./do bench

Durable acceptance: smtp-source sends 10 KiB letters over kept connections; every server replies 250
after its disk has the letter. Postfix stores into its queue and then discards; Postamt delivers
into a mailbox. The three take turns within each row (rounds), the middle of the rounds counts.
CPU is of all processes of a server. All of it on loopback; ratios mean something, absolute numbers
are this machine's.
"""
import argparse
import json
import os
import pathlib
import pwd
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "build" / "postamt"
TICK = os.sysconf("SC_CLK_TCK")
BYTES = 10240
ports = iter(range(14025, 60000, 2000))  # each with the doors of an office above it


def run(*words, **more):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True,
                          **more).stdout


def tree(pid):
    """A process and all below it."""
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*"):
        for child in (task / "children").read_text().split():
            found += tree(int(child))
    return found


def cpu_seconds(pid):
    """Of a server's processes, those included that have ended."""
    total = 0
    for one in tree(pid):
        try:
            fields = pathlib.Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += sum(int(field) for field in fields[11:15])
    return total / TICK


def memory_kib(pid):
    total = 0
    for one in tree(pid):
        try:
            text = pathlib.Path(f"/proc/{one}/smaps_rollup").read_text()
        except OSError:
            continue
        total += int(text.split("Pss:")[1].split()[0])
    return total


def wait_for_port(port):
    import socket
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as probe:
                if probe.recv(10):
                    return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"bench: nothing listens on port {port}")


class Postamt:
    name, recipient = "Postamt", "bob@example.test"

    def __init__(self, folder, name="postamt"):
        self.folder = folder / name
        self.port = next(ports)
        run(PROGRAM, "init", "-d", self.folder, "--hostname", "mail.example.test", "--listen",
            "127.0.0.1", "--port-offset", self.port - 25)
        run(PROGRAM, "domain", "add", "example.test", "-d", self.folder)
        run(PROGRAM, "user", "add", "bob@example.test", "-d", self.folder, "--password-file", "-",
            input="secret of bob\n")
    def __enter__(self):
        self.process = subprocess.Popen([PROGRAM, "serve", "-d", self.folder],
                                        stdout=subprocess.PIPE, text=True,
                                        stderr=open(f"{self.folder}.log", "w"))
        assert self.process.stdout.readline() == "ready\n", open(f"{self.folder}.log").read()
        self.pid = self.process.pid
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def accepted(self):
        return json.loads(run(PROGRAM, "status", "--json", "-d", self.folder))["letters_accepted"]


class Postfix:
    """Debian's Postfix as shipped, with a configuration and queue of its own, discarding. Its
    certificate is the one Postamt has (ECDSA P-256), or of the kind that Debian makes for it."""
    recipient = "bob@example.test"

    def __init__(self, folder, rsa=False):
        self.name = "Postfix, RSA" if rsa else "Postfix"
        self.folder = folder / ("postfix-rsa" if rsa else "postfix")
        self.port = next(ports)
        config, queue, data = (self.folder / part for part in ("etc", "queue", "data"))
        for part in (config, queue, data):
            part.mkdir(parents=True)
        owner = pwd.getpwnam("postfix")
        os.chown(data, owner.pw_uid, owner.pw_gid)
        if rsa:
            run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj",
                "/CN=mail.example.test", "-keyout", config / "key.pem", "-out",
                config / "certificate.pem")
        else:
            for name in ("certificate.pem", "key.pem"):
                shutil.copy(folder / "postamt" / "tls" / name, config / name)
        (config / "main.cf").write_text(
            f"compatibility_level = 3.6\nqueue_directory = {queue}\ndata_directory = {data}\n"
            "command_directory = /usr/sbin\ndaemon_directory = /usr/lib/postfix/sbin\n"
            "mail_owner = postfix\nsetgid_group = postdrop\nmyhostname = mail.example.test\n"
            "inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmydestination = example.test\n"
            "local_transport = discard:\nlocal_recipient_maps =\nalias_maps =\nalias_database =\n"
            "default_transport = discard:\nmynetworks = 127.0.0.0/8\ndisable_dns_lookups = yes\n"
            "smtpd_client_connection_count_limit = 0\nmaillog_file = /dev/null\n"
            "maillog_file_prefixes = /dev\nsmtpd_tls_security_level = may\n"
            f"smtpd_tls_cert_file = {config}/certificate.pem\n"
            f"smtpd_tls_key_file = {config}/key.pem\n")
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


class Floor:
    name, recipient = "floor", "bob@example.test"

    def __init__(self, folder):
        self.file = folder / "floor.log"
        self.port = next(ports)

    def __enter__(self):
        self.process = subprocess.Popen([ROOT / "build/bench/floor", str(self.port), self.file],
                                        stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"
        self.pid = self.process.pid
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.file.unlink()


def smtp_source(server, sessions, letters):
    """Letters a second and CPU milliseconds a letter."""
    before, start = cpu_seconds(server.pid), time.monotonic()
    run("smtp-source", "-d", "-s", sessions, "-m", letters, "-l", BYTES, "-f", "a@b.example", "-t",
        server.recipient, f"inet:127.0.0.1:{server.port}")
    seconds = time.monotonic() - start
    return letters / seconds, (cpu_seconds(server.pid) - before) * 1000 / letters


def starttls(server, sessions, letters):
    before = cpu_seconds(server.pid)
    seconds = float(run(ROOT / "build/bench/mailload", "starttls", server.port, sessions, letters,
                        BYTES, "a@b.example", server.recipient))
    return letters / seconds, (cpu_seconds(server.pid) - before) * 1000 / letters


def letters_for(server, load, sessions, seconds):
    """As many as take about so long."""
    rate, _ = load(server, sessions, max(sessions, 100))
    return max(sessions, int(rate * seconds))


def compare(title, servers, load, sessions, options):
    results = {}
    counts = {server.name: letters_for(server, load, sessions, options.seconds)
              for server in servers}
    for _ in range(options.rounds):
        for server in servers:
            results.setdefault(server.name, []).append(load(server, sessions,
                                                            counts[server.name]))
    ours = {}
    for server in servers:
        rate = statistics.median(result[0] for result in results[server.name])
        cpu = statistics.median(result[1] for result in results[server.name])
        ours[server.name] = (rate, cpu)
        low, high = (f(result[0] for result in results[server.name]) for f in (min, max))
        print(f"{title:34} {server.name:12} {rate:9,.0f}/s ({low:,.0f} to {high:,.0f})"
              f" {cpu:8.3f} ms CPU", flush=True)
    rate, cpu = ours["Postamt"]
    words = [f"{rate / other[0]:.2f} of the floor's rate" if name == "floor" else
             f"{rate / other[0]:.2f} times {name}'s rate, {other[1] / cpu:.1f} times less CPU"
             for name, other in ours.items() if name != "Postamt"]
    print(f"{'':34} Postamt: {'; '.join(words)}\n", flush=True)


def idle(server, tls, count=1000):
    """KiB over the idle server."""
    before = memory_kib(server.pid)
    load = subprocess.Popen([ROOT / "build/bench/mailload", "idle", str(server.port), str(count)] +
                            (["tls"] if tls else []), stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)
    if load.stdout.readline() != "open\n":
        return None
    time.sleep(1)
    used = memory_kib(server.pid) - before
    load.communicate()
    return used


def syncs(server, folder):
    """System calls for letters one after the other, from strace: is each 250 behind a sync?"""
    worker = tree(server.pid)[-1]
    trace = folder / "strace"
    strace = subprocess.Popen(["strace", "-f", "-qq", "-s", "40", "-o", trace, "-e",
                               "trace=fdatasync,fsync,write,writev,sendmsg,pwrite64", "-p",
                               str(worker)], stderr=subprocess.PIPE)
    time.sleep(1)
    run("smtp-source", "-d", "-s", "1", "-m", "50", "-l", BYTES, "-f", "a@b.example", "-t",
        server.recipient, f"inet:127.0.0.1:{server.port}")
    strace.send_signal(signal.SIGINT)
    strace.wait()
    synced, good, bad, count = False, 0, 0, 0
    for line in trace.read_text(errors="replace").splitlines():
        if "fdatasync" in line and line.rstrip().endswith("= 0"):
            synced, count = True, count + 1
        elif '"354 ' in line:
            synced = False
        elif "250 2.0.0 Ok: stored" in line:
            good, bad = good + synced, bad + (not synced)
    print(f"strace, 50 letters one after the other: {good} replies 250 behind a completed fdatasync,"
          f" {bad} before one; {count} fdatasync in all\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="fewer letters and rounds")
    parser.add_argument("--only", help="accept, tls, idle or sync")
    options = parser.parse_args()
    options.seconds, options.rounds = (1.5, 1) if options.quick else (4, 3)
    if os.geteuid() != 0:
        sys.exit("bench: Postfix starts as root only; use sudo ./do bench")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="postamt-bench-", dir=ROOT / "build"))
    os.chmod(folder, 0o755)
    chosen = (lambda name: options.only in (None, name))
    try:
        with Postamt(folder) as postamt, Postfix(folder) as postfix, Floor(folder) as floor:
            print(f"{os.cpu_count()} cores, {run('uname', '-sr').strip()}, Postfix "
                  f"{run('postconf', '-d', '-h', 'mail_version').strip()}\n")
            if chosen("accept"):
                for sessions in (1, 20, 100, 500):
                    compare(f"10 KiB letters, {sessions} sessions", (postamt, postfix, floor),
                            smtp_source, sessions, options)
            if chosen("tls"):
                with Postfix(folder, rsa=True) as with_rsa:
                    compare("one letter per STARTTLS connection", (postamt, postfix, with_rsa),
                            starttls, 5, options)
            if chosen("sync"):
                syncs(postamt, folder)
        if chosen("idle"):
            for tls in (False, True):
                with Postamt(folder, f"idle-{tls}") as postamt:
                    used = idle(postamt, tls)
                    print(f"1,000 idle connections{' under TLS' if tls else '':10} Postamt:"
                          f" {used / 1024:.1f} MiB over the idle server")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
