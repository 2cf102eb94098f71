#!/usr/bin/python3
"""End to end, side by side: letters in by SMTP, durable, out by SMTP to smtp-sink.

bench/relay.py [--quick] [--only ROW]      run by ./do bench

A row is a way in: letters of so many bytes over so many kept sessions, in the clear or under TLS
(with AUTH where the server asks for it), signed or not. Time counts from the first byte in to the
last letter at the sink; CPU and memory are of all processes of a server, its milter included; syncs
are counted with strace in a run of their own. Servers take turns within each row, the middle of the
rounds counts. A peer that does not start, or loses letters, is told in one line and left out.
"""
import argparse
import contextlib
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import million
import parts
from measure import ROOT, TOOLS, NotStarted, ports, run, wait_for_port
from office import SENDER, RelayOffice
from peers import Exim, Haraka, OpenDkim, OpenSmtpd, Postfix, dkim_key

ROWS = ("clear", "tls", "syncs", "dkim", "million")
SYNC_LETTERS = 200


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

    def wait(self, count, patience):
        with self.changed:
            return self.changed.wait_for(lambda: self.count >= count, patience)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class Lost(Exception):
    """A server did not deliver what it was given."""


class Bench:
    """Who takes part, each with a sink of its own, so that nobody's stragglers count for another."""

    def __init__(self, folder, options):
        self.folder, self.options, self.stack = folder, options, contextlib.ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()

    def open(self, make, *arguments):
        """A server that runs, or None."""
        name = make.__name__
        try:
            sink = self.stack.enter_context(Sink())
            return self.stack.enter_context(make(sink, *arguments))
        except (NotStarted, OSError, subprocess.CalledProcessError) as error:
            if make is RelayOffice:
                raise
            print(f"{name} is left out: {error}\n", flush=True)
            return None
