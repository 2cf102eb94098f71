"""A mailbox that stands on the disk alone: what a phone asks for after a restart is read ahead."""
import os

import pytest
from imap import Imap

ASKED = ["FETCH 1:* (UID FLAGS RFC822.SIZE ENVELOPE)", "UID FETCH 1:* (FLAGS)",
         "FETCH 1:* (BODYSTRUCTURE PREVIEW)", "FETCH 5,900,1200:* (ENVELOPE)"]


def forget(office):
    """Takes the database out of the page cache."""
    os.sync()
    file = os.open(f"{office.folder}/postamt.db", os.O_RDONLY)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)


@pytest.fixture(scope="module")
def user(make_office):
    user = make_office().new_user()
    with Imap(user) as box:
        box.ok("SELECT INBOX")
        for number in range(20):
            box.append(f"Subject: number {number}\r\n\r\n{'words ' * 500}\r\n".encode())
        for _ in range(6):
            box.ok("COPY 1:* INBOX")
        box.ok("STORE 3:700 +FLAGS.SILENT (\\Seen)")
        box.ok("STORE 600:650 +FLAGS.SILENT (\\Deleted)")
        box.ok("EXPUNGE")
    return user


@pytest.mark.parametrize("command", ASKED)
def test_a_cold_mailbox_reads_as_a_warm_one(user, command):
    with Imap(user) as box:
        box.ok("EXAMINE INBOX")
        warm = box.ok(command)
    user.office.stop()
    forget(user.office)
    user.office.start()
    with Imap(user) as box:
        box.ok("EXAMINE INBOX")
        assert box.ok(command) == warm
        assert len(warm) > 30
