"""Quotas as people meet them: over IMAP, by SMTP from outside and from our own, on the command line.

A limit of letters says the same as one of bytes and is easier to count; bytes have tests of their
own where it matters how large a letter is."""
import json
import smtplib

import pytest
from imap import Imap
from office import User, body_of, in_parallel, until

LETTER = b"Subject: one\r\n\r\nbody\r\n"


def limit(user, **limits):
    words = [word for name, value in limits.items() for word in (f"--{name}", str(value))]
    user.office.run("user", "quota", user.address, *words)


def shown(user):
    return json.loads(user.office.run("user", "quota", user.address, "--json"))


def used(user):
    row = shown(user)
    return row["messages"], row["bytes"]


def letter(body="x", size=0):
    return f"Subject: about {body}\r\n\r\n{body}{'y' * size}\r\n"


@pytest.fixture(scope="module")
def office(make_office):
    return make_office()


@pytest.fixture
def bob(office):
    return office.new_user()


# --- what a mail program sees

def test_capabilities_after_login(bob):
    with Imap(bob, login=False) as box:
        before, = box.ok("CAPABILITY")
        assert "QUOTA" not in before
        box.ok(f'LOGIN {bob.address} "{bob.password}"')
        for said in (box.result, box.ok("CAPABILITY")[0]):
            words = said.replace("]", " ").split()
            assert {"QUOTA", "QUOTA=RES-STORAGE", "QUOTA=RES-MESSAGE"} <= set(words)
            assert "QUOTASET" not in words and "LITERAL-" in words and "LITERAL+" not in words


def test_no_limit_no_root(bob):
    with Imap(bob) as box:
        assert box.ok("GETQUOTAROOT INBOX") == ['* QUOTAROOT "INBOX"']
        assert "[NONEXISTENT]" in box.no('GETQUOTA ""')
        box.append(LETTER)


def test_one_root_for_all_mailboxes(bob):
    limit(bob, bytes="10K", messages=5)
    with Imap(bob) as box:
        for name in ("INBOX", "Sent", "not-there-yet"):
            assert box.ok(f"GETQUOTAROOT {name}") == [
                f'* QUOTAROOT "{name}" ""', '* QUOTA "" (STORAGE 0 10 MESSAGE 0 5)']
        box.append(LETTER)
        box.append(LETTER * 60, "Sent")
        assert box.ok('GETQUOTA ""') == ['* QUOTA "" (STORAGE 2 10 MESSAGE 2 5)']
        assert used(bob) == (2, 61 * len(LETTER))


def test_only_what_is_limited_is_named(bob):
    with Imap(bob) as box:
        limit(bob, messages=7)
        assert box.ok('GETQUOTA ""') == ['* QUOTA "" (MESSAGE 0 7)']
        limit(bob, messages="none", bytes=1500)
        assert box.ok('GETQUOTA ""') == ['* QUOTA "" (STORAGE 0 2)']


@pytest.mark.parametrize("root", ["x", '"a\\"b"', '"* BYE"', "{}"])
def test_other_roots_do_not_exist_and_are_not_echoed(bob, root):
    limit(bob, messages=7)
    with Imap(bob) as box:
        literals = [b"x\r\n* OK injected"] if root == "{}" else []
        answer = box.no(f"GETQUOTA {root}", *literals)
        assert answer == "NO [NONEXISTENT] There is no such quota root"


def test_nobody_sets_limits_over_imap(bob):
    limit(bob, messages=7)
    with Imap(bob) as box:
        assert "[NOPERM]" in box.no('SETQUOTA "" (MESSAGE 100)')
        assert "[NOPERM]" in box.no('SETQUOTA "" (STORAGE 1 MESSAGE 100)')
        assert "[NOPERM]" in box.no('SETQUOTA "" ()')
        for wrong in ('SETQUOTA ""', 'SETQUOTA "" (MESSAGE)', 'SETQUOTA "" (MESSAGE 1', "GETQUOTA",
                      "GETQUOTAROOT", 'GETQUOTA "" x'):
            box.no(wrong, how="BAD")
        assert box.ok('GETQUOTA ""') == ['* QUOTA "" (MESSAGE 0 7)']


def test_what_expunge_would_free(bob):
    with Imap(bob) as box:
        for size in (1, 2, 3):
            box.append(LETTER * size)
        box.ok("SELECT INBOX")
        asked = "STATUS INBOX (MESSAGES DELETED DELETED-STORAGE)"
        assert box.ok(asked) == ['* STATUS "INBOX" (MESSAGES 3 DELETED 0 DELETED-STORAGE 0)']
        box.ok("STORE 2:3 +FLAGS.SILENT (\\Deleted)")
        assert box.ok(asked) == [
            f'* STATUS "INBOX" (MESSAGES 3 DELETED 2 DELETED-STORAGE {5 * len(LETTER)})']
        box.ok("STORE 3 -FLAGS.SILENT (\\Deleted)")
        box.ok("EXPUNGE")
        listed = box.ok('LIST "" INBOX RETURN (STATUS (DELETED-STORAGE))')
        assert listed[1] == '* STATUS "INBOX" (DELETED-STORAGE 0)'
        assert used(bob) == (2, 4 * len(LETTER))


# --- putting in over IMAP

def test_append_that_crosses_the_line(bob):
    limit(bob, bytes=len(LETTER) + 5)
    with Imap(bob) as box:
        box.append(LETTER)
        result, _ = box.command("APPEND INBOX {}", LETTER)
        assert result.startswith("NO [OVERQUOTA]")
        box.ok("NOOP")
        # the client that does not wait has sent it already
        assert "[OVERQUOTA]" in box.no(
            f"APPEND INBOX {{{len(LETTER)}+}}\r\n".encode() + LETTER)
        assert box.ok("STATUS INBOX (MESSAGES)") == ['* STATUS "INBOX" (MESSAGES 1)']
        box.append(b"a\r\n\r\n", "Sent")
        assert used(bob) == (2, len(LETTER) + 5)


def test_several_messages_at_once_all_or_none(bob):
    limit(bob, messages=2)
    with Imap(bob) as box:
        pieces = b"".join(b" {%d+}\r\n%s" % (len(LETTER), LETTER) for _ in range(3))
        assert "[OVERQUOTA]" in box.no(b"APPEND INBOX" + pieces)
        assert used(bob) == (0, 0)
        pieces = b"".join(b" {%d+}\r\n%s" % (len(LETTER), LETTER) for _ in range(2))
        box.ok(b"APPEND INBOX" + pieces)
        assert used(bob) == (2, 2 * len(LETTER))


def test_copy_is_all_or_nothing(bob):
    """Of 300 messages the first page fits: it must not stay behind."""
    count = 300
    with Imap(bob) as box:
        for start in range(0, count, 100):
            box.ok(b"APPEND INBOX" + b" {8+}\r\nA: b\r\n\r\n" * 100)
        limit(bob, messages=2 * count - 10)
        box.ok("SELECT INBOX")
        assert "[OVERQUOTA]" in box.no("COPY 1:* Archive")
        assert box.ok("STATUS Archive (MESSAGES)") == ['* STATUS "Archive" (MESSAGES 0)']
        assert used(bob)[0] == count
        box.ok("COPY 1:290 Archive")
        assert used(bob)[0] == 590
        assert "[OVERQUOTA]" in box.no("COPY 1 Archive")


def test_move_is_never_refused_for_quota(bob):
    with Imap(bob) as box:
        for _ in range(3):
            box.append(LETTER)
        limit(bob, messages=1, bytes=1)
        box.ok("SELECT INBOX")
        box.ok("MOVE 1:2 Archive")
        assert box.ok("STATUS Archive (MESSAGES)") == ['* STATUS "Archive" (MESSAGES 2)']
        assert used(bob) == (3, 3 * len(LETTER))


def test_a_full_mailbox_says_so_when_it_is_selected(bob):
    limit(bob, messages=1)
    with Imap(bob) as box:
        assert not [line for line in box.ok("SELECT INBOX") if "OVERQUOTA" in line]
        box.append(LETTER)
        for command in ("SELECT INBOX", "EXAMINE Sent"):
            told = [line for line in box.ok(command) if "OVERQUOTA" in line]
            assert len(told) == 1 and told[0].startswith("* NO [OVERQUOTA] ")
        limit(bob, messages=2)
        assert not [line for line in box.ok("SELECT INBOX") if "OVERQUOTA" in line]


# --- what frees room

def test_each_way_out_frees_room(bob):
    with Imap(bob) as box:
        box.ok("CREATE Old/Deep")
        for name in ("INBOX", "INBOX", "Sent", "Old/Deep", "Old/Deep"):
            box.append(LETTER, name)
        box.ok("RENAME Old Older")
        box.ok("RENAME Sent Gone")
        box.ok("SELECT INBOX")
        box.ok("COPY 1:2 Gone")
        assert used(bob) == (7, 7 * len(LETTER))
        box.ok("RENAME INBOX Kept")
        assert used(bob) == (7, 7 * len(LETTER))
        box.ok("DELETE Older/Deep")
        assert used(bob) == (5, 5 * len(LETTER))
        box.ok("SELECT Gone")
        box.ok("STORE 1 +FLAGS (\\Deleted)")
        box.ok("CLOSE")
        assert used(bob) == (4, 4 * len(LETTER))
        box.ok("DELETE Gone")
        assert used(bob) == (2, 2 * len(LETTER))


def test_pop3_frees_room(bob):
    with Imap(bob) as box:
        box.append(LETTER)
        box.append(LETTER)
    pop = bob.pop3()
    pop.dele(1)
    pop.quit()
    assert used(bob) == (1, len(LETTER))


def test_counters_are_kept_over_a_restart(make_office):
    office = make_office()
    user = office.new_user()
    limit(user, messages=1)
    office.send(user.address, letter())
    before = used(user)
    office.stop()
    assert used(user) == before
    office.start()
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        office.send(user.address, letter())


# --- letters from outside

def refused(office, to, text=None):
    """The reply that refuses the letter, at RCPT or after the data."""
    with pytest.raises((smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError)) as error:
        office.send(to, text or letter())
    if isinstance(error.value, smtplib.SMTPDataError):
        return error.value.smtp_code, error.value.smtp_error
    return list(error.value.recipients.values())[0]


def test_a_full_mailbox_is_told_at_rcpt(office, bob):
    limit(bob, messages=1)
    office.send(bob.address, letter("first"))
    with office.mx() as wire:
        wire.say("MAIL FROM:<a@far.test>", 250)
        assert wire.say(f"RCPT TO:<{bob.address}>", 452) == ["452 4.2.2 The mailbox is full"]
        assert "4.2.2" in wire.say(f"RCPT TO:<{bob.local}+tag@{office.domain}>", 452)[0]
        wire.say("DATA", 554)
    assert len(bob.letters()) == 1


def test_the_declared_size_counts(office, bob):
    limit(bob, bytes="20K")
    with office.mx() as wire:
        wire.say("MAIL FROM:<a@far.test> SIZE=40000", 250)
        wire.say(f"RCPT TO:<{bob.address}>", 452)
        wire.say("RSET", 250)
        wire.say("MAIL FROM:<a@far.test> SIZE=10000", 250)
        wire.say(f"RCPT TO:<{bob.address}>", 250)


def test_a_stranger_does_not_learn_how_much_room_there_is(office, bob):
    """By asking, that is: only a power of two lies between what is told yes and what is told no."""
    answers = {}
    for limited in (40_000, 60_000):
        limit(bob, bytes=limited)
        for size in range(30_000, 70_000, 1000):
            with office.mx() as wire:
                wire.say(f"MAIL FROM:<a@far.test> SIZE={size}", 250)
                wire.send(f"RCPT TO:<{bob.address}>\r\n")
                answers.setdefault(limited, []).append(wire.reply()[0][:3])
    assert answers[40_000] == answers[60_000] and set(answers[40_000]) == {"250", "452"}


def test_a_letter_without_a_size_is_refused_at_its_end(office, bob):
    limit(bob, bytes="20K")
    with office.mx("HELO old.example.net") as wire:
        wire.say("MAIL FROM:<a@far.test>", 250)
        wire.say(f"RCPT TO:<{bob.address}>", 250)
        wire.say("DATA", 354)
        wire.send(letter(size=20400) + ".\r\n")
        assert wire.expect(452) == ["452 4.2.2 The mailbox is full"]
    assert used(bob) == (0, 0) and queue_of(office, bob) == []


def test_two_letters_at_once_do_not_both_squeeze_past(office, bob):
    """Both are told 250 at RCPT; one of them fits."""
    limit(bob, messages=3)
    wires = [office.mx() for _ in range(8)]
    for wire in wires:
        wire.say("MAIL FROM:<a@far.test>", 250)
        wire.say(f"RCPT TO:<{bob.address}>", 250)
        wire.say("DATA", 354)

    def finish(number):
        wires[number].send(letter(str(number)) + ".\r\n")
        return wires[number].reply()[-1][:9]

    replies = in_parallel(len(wires), finish)
    for wire in wires:
        wire.socket.close()
    assert sorted(replies) == ["250 2.0.0"] * 3 + ["452 4.2.2"] * 5
    assert used(bob)[0] == len(bob.letters()) == 3


def test_appends_at_once_do_not_squeeze_past(bob):
    limit(bob, messages=3)
    boxes = [Imap(bob) for _ in range(6)]
    results = in_parallel(6, lambda n: boxes[n].command("APPEND INBOX {}", LETTER)[0][:14])
    for box in boxes:
        box.wire.socket.close()
    assert results.count("NO [OVERQUOTA]") == 3
    assert used(bob) == (3, 3 * len(LETTER))


def test_room_that_is_made_is_used(office, bob):
    limit(bob, messages=1)
    office.send(bob.address, letter("first"))
    assert refused(office, bob.address)[0] == 452
    with Imap(bob) as box:
        box.ok("SELECT INBOX")
        box.ok("STORE 1 +FLAGS (\\Deleted)")
        box.ok("EXPUNGE")
    office.send(bob.address, letter("second"))
    assert b"second" in bob.letter()


def test_an_alias_that_leads_to_several(office, bob):
    """One of them is full: the others get theirs at once, and the full one waits."""
    carol, alias = office.new_user(), f"team{bob.local}@{office.domain}"
    office.run("alias", "add", alias, bob.address, carol.address)
    limit(bob, messages=1)
    office.send(bob.address, letter("first"))
    office.send(alias, letter("second"))
    assert b"second" in carol.letter()
    waiting = until(lambda: [row for row in queue_of(office, bob) if row["attempts"]])
    assert len(waiting) == 1 and "4.2.2" in waiting[0]["last_reply"]
    limit(bob, messages="none")
    office.run("queue", "retry", "--to", bob.address)
    letters = until(lambda: len(found := bob.letters()) == 2 and found)
    assert b"second" in letters[1] and len(carol.letters()) == 1
    until(lambda: queue_of(office, bob) == [])
    limit(bob, messages=1)
    limit(carol, messages=1)
    assert refused(office, alias)[0] == 452


def sent_without_size(office, text, *recipients):
    """The reply to the end of the data on port 25."""
    with office.mx() as wire:
        wire.say("MAIL FROM:<a@far.test>", 250)
        for to in recipients:
            wire.say(f"RCPT TO:<{to}>", 250)
        wire.say("DATA", 354)
        wire.send(text + ".\r\n")
        return wire.reply()[0]


def test_one_full_mailbox_does_not_keep_the_letter_from_others(office, bob):
    """Without a size nobody knows at RCPT; the next try would go the same way."""
    carol = office.new_user()
    limit(bob, bytes="20K")
    big = letter(size=20400)
    assert sent_without_size(office, big, bob.address, carol.address).startswith("250 ")
    assert used(carol)[0] == 1 and used(bob)[0] == 0
    waiting, = until(lambda: [row for row in queue_of(office, bob) if row["attempts"]])
    assert "4.2.2" in waiting["last_reply"]
    limit(bob, bytes="none")
    office.run("queue", "retry", "--to", bob.address)
    assert until(lambda: used(bob)[0] == 1) and used(carol)[0] == 1


def test_strangers_do_not_fill_the_queue_with_what_no_mailbox_has_room_for(office, bob):
    carol, alias = office.new_user(), f"both{bob.local}@{office.domain}"
    office.run("alias", "add", alias, bob.address, carol.address)
    limit(bob, bytes="20K")
    limit(carol, bytes="20K")
    for to in [(alias,), (bob.address, carol.address)]:
        assert sent_without_size(office, letter(size=20400), *to).startswith("452 4.2.2 ")
    assert queue_of(office, bob) == [] == queue_of(office, carol)
    assert used(bob) == used(carol) == (0, 0)


def test_by_lmtp_each_recipient_has_an_answer(office, bob):
    """At the end of the data, too: without a size nobody could know before."""
    carol = office.new_user()
    limit(bob, bytes="20K")
    with office.lmtp() as wire:
        wire.say("MAIL FROM:<a@far.test>", 250)
        for to in (bob.address, carol.address, f"{bob.local}+tag@{office.domain}"):
            wire.say(f"RCPT TO:<{to}>", 250)
        wire.say("DATA", 354)
        wire.send(letter(size=20400) + ".\r\n")
        answers = [wire.reply()[0] for _ in range(3)]
        full = "452 4.2.2 The mailbox is full"
        assert answers[0] == answers[2] == full and answers[1].startswith("250 ")
        assert used(bob) == (0, 0) and used(carol)[0] == 1
        limit(bob, bytes="300")
        wire.say("MAIL FROM:<a@far.test>", 250)
        assert wire.say(f"RCPT TO:<{bob.address}>", 452) == [full]


def test_one_letter_to_several_folders_takes_room_for_each(office, bob):
    with Imap(bob) as box:
        box.ok("CREATE lists")
    limit(bob, messages=1)
    with office.lmtp() as wire:
        wire.say("MAIL FROM:<a@far.test>", 250)
        for to in (bob.local, f"{bob.local}+lists", f"{bob.local}+none"):
            wire.say(f"RCPT TO:<{to}@{office.domain}>", 250)
        wire.say("DATA", 354)
        wire.send(letter() + ".\r\n")
        assert [wire.reply()[0][:9] for _ in range(3)] == ["250 2.1.5", "452 4.2.2", "250 2.1.5"]
    assert used(bob)[0] == 1
    limit(bob, messages=2)
    office.send(f"{bob.local}+lists@{office.domain}", letter())
    with Imap(bob) as box:
        assert box.ok("STATUS lists (MESSAGES)") == ['* STATUS "lists" (MESSAGES 1)']


def queue_of(office, user):
    rows = json.loads(office.run("queue", "list", "--json"))
    return [row for row in rows if row["recipient"] == user.address]


def test_a_full_mailbox_as_a_permanent_failure(make_office):
    office = make_office(config="refuse-full-mailboxes = true")
    user, sender = office.new_user(), office.new_user()
    assert json.loads(office.run("config", "show", "--json"))["refuse-full-mailboxes"] is True
    limit(user, messages=1)
    office.send(user.address, letter("first"))
    code, words = refused(office, user.address)
    assert code == 552 and words == b"5.2.2 The mailbox is full"
    with sender.submission() as client:
        client.sendmail(sender.address, [user.address],
                        f"From: {sender.address}\r\n" + letter("second"))
    notice = until(sender.letters)[0]
    assert b"5.2.2" in notice and user.address.encode() in notice
    assert len(user.letters()) == 1


# --- letters of our own people

def submit(sender, to, text):
    with sender.submission() as client:
        assert client.sendmail(sender.address, to, f"From: {sender.address}\r\n" + text) == {}


def test_what_our_people_send_waits_and_comes(office, bob):
    sender, carol = office.new_user(), office.new_user()
    limit(bob, messages=1)
    office.send(bob.address, letter("first"))
    submit(sender, [bob.address, carol.address], letter("second"))
    assert b"second" in carol.letter()
    row = until(lambda: [row for row in queue_of(office, bob) if row["attempts"]])[0]
    assert "4.2.2 The mailbox is full" in row["last_reply"]
    with Imap(bob) as box:
        box.ok("SELECT INBOX")
        box.ok("STORE 1 +FLAGS (\\Deleted)")
        box.ok("EXPUNGE")
    office.run("queue", "retry", "--to", bob.address)
    assert body_of(until(bob.letters)[0]) == b"second\r\n"
    assert until(lambda: queue_of(office, bob) == [])
    told = office.run("log", "--to", bob.address)
    assert "deferred" in told and "delivered" in told


def test_the_command_line_sends_to_a_full_mailbox(office, bob):
    limit(bob, messages=1)
    office.send(bob.address, letter("first"))
    office.run("send", "-f", "", bob.address, text=letter("second"))
    assert until(lambda: [row for row in queue_of(office, bob) if row["attempts"]])
    limit(bob, messages="none")
    office.run("queue", "retry", "--to", bob.address)
    assert until(lambda: len(bob.letters()) == 2)


def test_a_letter_that_never_gets_in_comes_back(make_office):
    """Its sender's mailbox is full by then, too: the notice waits for room, and is not lost."""
    office = make_office(
        config='destination "example.test" { retry-seconds = {1} expiry-seconds = 2 }')
    office.run("domain", "add", "other.test")
    user, sender = office.new_user(), User(office, "ann@other.test", "secret of this user")
    office.run("user", "add", sender.address, "--password-file", "-", text=sender.password + "\n")
    for full in (user, sender):
        limit(full, messages=1)
        office.send(full.address, letter("first"))
    submit(sender, [user.address], letter("second"))
    until(lambda: "expired" in office.run("log", "--to", user.address))
    until(lambda: [row for row in queue_of(office, sender) if row["attempts"]])
    assert used(user)[0] == used(sender)[0] == 1
    limit(sender, messages="none")
    office.run("queue", "retry", "--to", sender.address)
    notice = until(lambda: len(found := sender.letters()) == 2 and found[1])
    assert b"4.2.2" in notice and b"5.4.7" in notice and user.address.encode() in notice
    assert until(lambda: json.loads(office.run("queue", "list", "--json")) == [])


# --- limits of a domain, and the command line

def test_a_domains_limit_is_its_users_unless_they_have_their_own(make_office):
    office = make_office()
    ann, ben = office.new_user(), office.new_user()
    office.run("domain", "quota", office.domain, "--bytes", "1G", "--messages", "1")
    assert shown(ann)["bytes_limit"] == 1 << 30 and shown(ann)["messages_limit"] == 1
    assert shown(ann)["bytes_limit_of"] == "domain"
    limit(ben, messages="none")
    assert shown(ben)["messages_limit"] is None and shown(ben)["messages_limit_of"] == "user"
    for number in range(2):
        office.send(ben.address, letter(str(number)))
    office.send(ann.address, letter())
    assert refused(office, ann.address)[0] == 452
    limit(ben, messages="default")
    assert refused(office, ben.address)[0] == 452
    rows = {row["address"]: row for row in json.loads(office.run("user", "list", "--json"))}
    assert rows[ann.address]["messages"] == 1 and rows[ben.address]["messages"] == 2
    assert rows[ann.address]["messages_limit"] == rows[ben.address]["messages_limit"] == 1
    assert rows[ann.address]["bytes"] == used(ann)[1]
    text = office.run("user", "list")
    assert f"{ann.address}  {used(ann)[1]} bytes of 1.0 GiB, 1 of 1 letters" in text
    office.run("domain", "quota", office.domain, "--messages", "none")
    office.send(ann.address, letter())
    shows = json.loads(office.run("domain", "quota", office.domain, "--json"))
    assert shows == {"name": office.domain, "bytes_limit": 1 << 30, "messages_limit": None}


@pytest.mark.parametrize("words", [
    ["--bytes", "0"], ["--bytes", "-1"], ["--bytes", "1X"], ["--bytes", "G"], ["--bytes", ""],
    ["--bytes", "99999999999999999999"], ["--bytes", "9999999T"], ["--messages", "1K"],
    ["--messages", "some"]])
def test_limits_that_are_none(office, bob, words):
    result = office.command("user", "quota", bob.address, *words)
    assert result.returncode != 0 and len(result.stderr.splitlines()) == 1
    assert shown(bob)["bytes_limit"] is None and shown(bob)["messages_limit"] is None


def test_nobodys_limits(office):
    for words in (["user", "quota", "nobody@example.test", "--bytes", "1G"],
                  ["user", "quota", "nobody@example.test"], ["user", "quota", "no address"],
                  ["domain", "quota", "far.test", "--bytes", "1G"], ["domain", "quota", "far.test"],
                  ["domain", "quota", "example.test", "--bytes", "default"]):
        result = office.command(*words)
        assert result.returncode == 1 and len(result.stderr.splitlines()) == 1, words
