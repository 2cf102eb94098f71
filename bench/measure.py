"""What the measurements share: programs, ports, and what the processes of a server use.

A server and all that it starts run in a cgroup of their own (version 2, wherever it is mounted),
for some forget their children, and the CPU time of those would be lost. Without cgroups the tree of
its processes counts.
"""
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "build" / "postamt"
TOOLS = ROOT / "build" / "bench"
TICK = os.sysconf("SC_CLK_TCK")
PATIENCE = 30  # seconds for a server to start or to end
ports = iter(range(14025, 60000, 2000))  # each with the doors of an office above it


class NotStarted(Exception):
    """Why a server does not run, in one line."""


def run(*words, **more):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True,
                          **more).stdout


def wait_until(condition, patience=PATIENCE):
    """Whether it came true."""
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def wait_for_port(port):
    """Until it greets."""
    def greets():
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as probe:
                return probe.recv(10)
        except OSError:
            return False
    if not wait_until(greets):
        raise NotStarted(f"nothing listens on port {port}")


def cgroups():
    """The folder of our cgroups, or None."""
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        words = line.split()
        if words[2] == "cgroup2" and os.access(words[1], os.W_OK):
            return pathlib.Path(words[1])
    return None


def below(pid):
    """A process and all below it."""
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*"):
        try:
            for child in (task / "children").read_text().split():
                found += below(int(child))
        except OSError:
            continue
    return found


class Group:
    """The processes of one server."""
    count = 0

    def __init__(self):
        self.pid, self.folder = 0, None
        where = cgroups()
        if where:
            Group.count += 1
            self.folder = where / f"postamt-bench-{os.getpid()}-{Group.count}"
            self.folder.mkdir()

    def join(self):
        """In a child, before its program."""
        if self.folder:
            (self.folder / "cgroup.procs").write_text("0")

    def start(self, *words, **more):
        process = subprocess.Popen([str(word) for word in words], preexec_fn=self.join, **more)
        self.pid = process.pid
        return process

    def pids(self):
        if not self.folder:
            return below(self.pid)
        return [int(pid) for pid in (self.folder / "cgroup.procs").read_text().split()]

    def cpu(self):
        """Seconds, of processes that have ended too."""
        if self.folder:
            text = (self.folder / "cpu.stat").read_text()
            return int(text.split("usage_usec")[1].split()[0]) / 1e6
        total = 0
        for pid in self.pids():
            try:
                fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            total += sum(int(field) for field in fields[11:15])
        return total / TICK

    def memory(self):
        """KiB, what is shared counted once."""
        total = 0
        for pid in self.pids():
            try:
                text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue
            total += int(text.split("Pss:")[1].split()[0])
        return total

    def close(self):
        """Ends what is left."""
        for pid in self.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if self.folder:
            wait_until(self.vanish)

    def vanish(self):
        try:
            self.folder.rmdir()
        except OSError:  # the last process is about to go
            return False
        return True


def count_syncs(server, folder, work):
    """How many times its processes, and those they start, call fsync or fdatasync meanwhile."""
    trace = folder / "strace"
    words = ["strace", "-f", "-qq", "-c", "-o", trace, "-e", "trace=fdatasync,fsync"]
    for pid in server.group.pids():
        words += ["-p", str(pid)]
    strace = subprocess.Popen(words, stderr=subprocess.PIPE)
    try:
        time.sleep(1)
        work()
    finally:
        strace.send_signal(signal.SIGINT)
        strace.wait()
    return sum(int(line.split()[3]) for line in trace.read_text().splitlines()
               if re.search(r"f(data)?sync$", line.strip()))


class Server:
    """One that is measured: `with` starts it, in its group."""
    name, port, group, process = "", 0, None, None

    def start(self):
        raise NotImplementedError

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        self.group = Group()
        try:
            self.start()
        except (OSError, subprocess.SubprocessError, NotStarted) as error:
            if self.process:
                self.stop()
            self.group.close()
            said = getattr(error, "stderr", None) or str(error)
            raise NotStarted(" ".join(said.split())[-200:]) from error
        return self

    def __exit__(self, *_):
        self.stop()
        self.group.close()

    def cpu(self):
        return self.group.cpu()

    def memory(self):
        return self.group.memory()
