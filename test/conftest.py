"""Fixtures: offices on loopback addresses that no other test uses."""
import itertools
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from office import Office  # noqa: E402

counter = itertools.count(1)


def pytest_configure(config):
    config.addinivalue_line("markers", "long: only in ./do test-long")


def own_address():
    """127.W.P.N: W the xdist worker, P of the process, N counts, and after 250 W is another."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    turn, number = divmod(next(counter), 250)
    return f"127.{10 + worker + 40 * turn}.{os.getpid() % 200 + 1}.{number + 1}"


def own_folder():
    folder = tempfile.mkdtemp(prefix="postamt-test-")
    os.chmod(folder, 0o755)
    return folder


@pytest.fixture(scope="module")
def make_office():
    """make_office(config="", …): offices that end with the test file."""
    offices, folders = [], []

    def make(start=True, **settings):
        folder = own_folder()
        folders.append(folder)
        office = Office(f"{folder}/office", settings.pop("address", own_address()), **settings)
        offices.append(office)
        return office.start() if start else office

    yield make
    try:
        for office in offices:
            office.end()
    finally:
        for office in offices:
            if office.process:
                office.process.kill()
                office.process.wait()
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """(chain, key) of a server that nobody knows."""
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj",
                    "/CN=sink.test", "-addext", "subjectAltName=DNS:sink.test", "-keyout",
                    folder / "key.pem", "-out", folder / "chain.pem"], check=True,
                   capture_output=True)
    return folder / "chain.pem", folder / "key.pem"


@pytest.fixture(scope="module")
def office(make_office):
    return make_office()


@pytest.fixture(scope="module")
def namespace():
    """A network namespace with 192.0.2.1 to .10 on it: peers that are not loopback."""
    keeper = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo made; exec cat"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.PIPE)
    try:
        if keeper.stdout.readline() != "made\n":
            pytest.skip("network namespaces may not be made here: " + keeper.stderr.read().strip())
        path = f"/proc/{keeper.pid}/ns/net"
        for words in (["link", "set", "lo", "up"],
                      *(["addr", "add", f"192.0.2.{n}/32", "dev", "lo"] for n in range(1, 11))):
            subprocess.run(["nsenter", f"--net={path}", "ip", *words], check=True)
        yield path
    finally:
        keeper.communicate()
