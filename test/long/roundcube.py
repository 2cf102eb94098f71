"""Debian's Roundcube, as tools/get-peers unpacked it, on PHP's own web server and SQLite, for an
office."""
import os
import pathlib
import shutil
import socket
import sqlite3
import subprocess

from office import OFFSET, ROOT, until

UNPACKED = ROOT / "build/peers/roundcube"


class Roundcube:
    """disabled: capabilities of the IMAP server that it shall not use. One request at a time: two at
    once lose what the other put into the session, as the last UID, and new letters are not listed."""

    def __init__(self, office, chain, folder, threads=False, disabled=()):
        self.office, self.chain, self.folder = office, chain, folder
        self.web = folder / "web"
        self.install()
        (self.folder / "config/config.inc.php").write_text(self.config(threads, disabled))
        (self.folder / "before.php").write_text(f"<?php define('INSTALL_PATH', '{self.web}/');\n")
        with socket.create_server((office.address, 0)) as found:
            port = found.getsockname()[1]
        self.url = f"http://{office.address}:{port}/"
        with open(folder / "said", "wb") as said:
            self.process = subprocess.Popen(
                ["php", "-d", f"auto_prepend_file={folder}/before.php", "-S",
                 f"{office.address}:{port}", "-t", self.web], stdout=said, stderr=said,
                env={"PATH": "/usr/bin:/bin", "ROUNDCUBE_CONFIG_DIR": f"{folder}/config"})
        until(lambda: answers(office.address, port))

    def install(self):
        """Copies the program; links that leave it lead where the package means them to."""
        self.folder.mkdir()
        shutil.copytree(UNPACKED / "usr/share/roundcube", self.web, symlinks=True)
        shutil.copytree(UNPACKED / "etc/roundcube", self.folder / "config")
        for name in ("logs", "temp"):
            (self.folder / name).mkdir()
        for folder, folders, files in os.walk(self.web):
            for link in filter(os.path.islink, (f"{folder}/{name}" for name in folders + files)):
                here = pathlib.Path("/usr/share/roundcube", *pathlib.Path(folder).relative_to(
                    self.web).parts)
                to = os.path.normpath(here / os.readlink(link))
                os.unlink(link)
                if os.path.exists(to):
                    os.symlink(to, link)
        base = sqlite3.connect(self.folder / "base")
        base.executescript((self.web / "SQL/sqlite.initial.sql").read_text())
        base.close()

    def config(self, threads, disabled):
        where = f"{self.office.address}:"
        tls = f"['ssl' => ['cafile' => '{self.chain}', 'peer_name' => 'mail.example.test']]"
        names = ", ".join(f"'{name}'" for name in disabled)
        return f"""<?php
$config = ['db_dsnw' => 'sqlite:///{self.folder}/base', 'imap_host' => 'ssl://{where}{993 + OFFSET}',
    'smtp_host' => 'tls://{where}{587 + OFFSET}', 'smtp_user' => '%u', 'smtp_pass' => '%p',
    'imap_conn_options' => {tls}, 'smtp_conn_options' => {tls}, 'des_key' => 'twenty-four bytes of key',
    'log_dir' => '{self.folder}/logs', 'temp_dir' => '{self.folder}/temp', 'imap_debug' => true,
    'smtp_debug' => true, 'skin' => 'elastic', 'language' => 'en_US', 'plugins' => [],
    'imap_cache' => 'db', 'messages_cache' => 'db', 'imap_disabled_caps' => [{names}],
    'default_list_mode' => '{"threads" if threads else "list"}', 'message_sort_col' => 'date',
    'sent_mbox' => 'Sent', 'enable_spellcheck' => false, 'drafts_autosave' => 0, 'draft_autosave' => 0];
"""

    def log(self, name="imap.log"):
        path = self.folder / "logs" / name
        return path.read_text(errors="replace") if path.exists() else ""

    def end(self):
        self.process.terminate()
        self.process.wait()


def answers(address, port):
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0
