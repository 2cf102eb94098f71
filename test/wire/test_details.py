"""user+detail@domain: into the folder of that name where there is one, by every door."""
import json
import smtplib
import time

import pytest
from imap import Imap
from native import Native
from conftest import own_address
from office import OFFSET, PATIENCE, until
from test_delivery import Post

FOLDERS = ("Lists", "Lists/Postamt", "a.b", "two words", "Büro", "ABC", "abc", "Report%")


def letter(subject):
    return f"From: someone@example.net\r\nSubject: {subject}\r\n\r\nx\r\n".encode()


@pytest.fixture(scope="module")
def api(make_office):
    return Native(make_office, own_address())


@pytest.fixture(scope="module")
def office(api):
    return api.office


@pytest.fixture
def user(office):
    user = office.new_user()
    with Imap(user) as box:
        box.ok("ENABLE UTF8=ACCEPT")
        for name in FOLDERS:
            box.ok(f'CREATE "{name}"')
    return user


def folders(user):
    """{folder: subjects}, empty ones left out."""
    found = {}
    with Imap(user) as box:
        box.ok("ENABLE UTF8=ACCEPT")
        names = [line.rsplit(' "/" ', 1)[1].strip('"') for line in box.ok('LIST "" *')]
        for name in names:
            box.ok(f'EXAMINE "{name}"')
            subjects = [line.split("Subject: ")[1].split("\r")[0] for line in
                        box.ok("FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]") if "Subject" in line
                        ] if not any(line == "* 0 EXISTS" for line in box.ok("NOOP")) else []
            if subjects:
                found[name] = subjects
    return found


def names(user):
    with Imap(user) as box:
        box.ok("ENABLE UTF8=ACCEPT")
        return sorted(box.ok('LIST "" *'))


def by_mx(office, to, subject):
    with smtplib.SMTP(office.address, 25 + OFFSET, timeout=PATIENCE) as client:
        client.ehlo()
        options = [] if to.isascii() else ["SMTPUTF8"]
        code, said = client.mail("a@b.example", options)
        assert code == 250, said
        client.command_encoding = "utf-8"
        code, said = client.rcpt(to)
        assert code == 250, said
        code, said = client.data(letter(subject))
        assert code == 250, said


# --- what a detail finds


@pytest.mark.parametrize("detail, folder", [
    ("Lists", "Lists"), ("lists", "Lists"), ("LISTS", "Lists"), ("lists/postamt", "Lists/Postamt"),
    ("Lists.Postamt", "Lists/Postamt"), ("a.b", "a.b"), ("A.B", "a.b"), ("Büro", "Büro"),
    ("bÜro", "INBOX"),  # beyond ASCII case counts
    ("ABC", "ABC"), ("abc", "abc"), ("aBc", "ABC"), ("junk", "Junk"), ("Trash", "Trash"),
    ("INBOX", "INBOX"), ("inbox", "INBOX"), ("spam", "INBOX"), ("nothing", "INBOX"), ("", "INBOX"),
    ("lists/", "INBOX"), ("/lists", "INBOX"), ("List%", "INBOX"), ("*", "INBOX"), ("%", "INBOX"),
    ("report%", "Report%"), ("lists+more", "INBOX"), ("lists%2Fpostamt", "INBOX"),
    ("b&APw-ro", "INBOX"), ("_ists", "INBOX"), ("a?b", "INBOX"), ("'or'1'='1", "INBOX")])
def test_what_a_detail_finds(office, user, detail, folder):
    before = names(user)
    by_mx(office, f"{user.local}+{detail}@{office.domain}", "found")
    assert folders(user) == {folder: ["found"]}
    assert names(user) == before  # a stranger makes no folders


@pytest.mark.parametrize("local", ['"%s+two words"', '"%s+lists"', '"%s+../../etc/passwd"', '"%s+.."',
                                   '"%s+\\"quoted\\""', '"%s+a@elsewhere.example"', '"%s+ lists"',
                                   '"%s+a;drop table mailbox"'])
def test_quoted_local_parts(office, user, local):
    before = names(user)
    with office.mx() as wire:
        wire.say("MAIL FROM:<a@b.example>", 250)
        wire.say(f"RCPT TO:<{local % user.local}@{office.domain}>", 250)
        wire.say("DATA", 354)
        wire.send(letter("quoted") + b".\r\n")
        wire.expect(250)
    folder = {"two words": "two words", "+lists": "Lists"}
    expected = next((name for part, name in folder.items() if local.endswith(part + '"')), "INBOX")
    assert folders(user) == {expected: ["quoted"]}
    assert names(user) == before


@pytest.mark.parametrize("detail", ["x" * 60, "x" * 10000, "a\x01b", "a\x7fb", "a b", "..", "a..b", "\t",
                                    "\xff\xfe"])
def test_what_no_address_can_be(office, user, detail):
    with office.mx() as wire:
        wire.say("MAIL FROM:<a@b.example> SMTPUTF8", 250)
        wire.send(f"RCPT TO:<{user.local}+".encode() + detail.encode("latin-1") +
                  f"@{office.domain}>\r\n".encode())
        wire.expect(50)
        wire.say(f"RCPT TO:<{user}>", 250)
    assert folders(user) == {}


def test_one_letter_for_each_folder_once(office, user):
    with office.lmtp() as wire:
        wire.say("MAIL FROM:<a@b.example>", 250)
        details = ["lists", "Lists", "LISTS", "nothing", "nowhere", "abc"]
        for detail in details:
            wire.say(f"RCPT TO:<{user.local}+{detail}@{office.domain}>", 250)
        wire.say(f"RCPT TO:<{user}>", 250)
        wire.say("DATA", 354)
        wire.send(letter("once") + b".\r\n")
        assert [wire.reply()[0][:3] for _ in range(7)] == ["250"] * 7
    assert folders(user) == {"Lists": ["once"], "INBOX": ["once"], "abc": ["once"]}


def test_a_hundred_details_of_one_user(office, user):
    with office.lmtp() as wire:
        wire.say("MAIL FROM:<a@b.example>", 250)
        for number in range(100):
            wire.say(f"RCPT TO:<{user.local}+{number}@{office.domain}>", 250)
        wire.say("DATA", 354)
        wire.send(letter("many") + b".\r\n")
        assert {wire.reply()[0][:3] for _ in range(100)} == {"250"}
    assert folders(user) == {"INBOX": ["many"]}


def test_the_folder_goes_between_rcpt_and_data(office, user):
    with office.mx() as wire:
        wire.say("MAIL FROM:<a@b.example>", 250)
        wire.say(f"RCPT TO:<{user.local}+abc@{office.domain}>", 250)
        with Imap(user) as box:
            box.ok("DELETE abc")
            box.ok("DELETE ABC")
        wire.say("DATA", 354)
        wire.send(letter("late") + b".\r\n")
        wire.expect(250)
    assert folders(user) == {"INBOX": ["late"]}


# --- every door


def test_every_door(api, office, user):
    to = f"{user.local}+lists.postamt@{office.domain}"
    by_mx(office, to, "mx")
    for door in ("port", "socket"):
        with office.lmtp(door) as wire:
            wire.say("MAIL FROM:<a@b.example>", 250)
            wire.say(f"RCPT TO:<{to}>", 250)
            wire.say("DATA", 354)
            wire.send(letter(f"lmtp {door}") + b".\r\n")
            wire.expect(250)
    with user.submission() as client:
        client.sendmail(user.address, [to], f"From: {user}\r\nSubject: submission\r\n\r\nx\r\n")
        client.sendmail(f"{user.local}+abc@{office.domain}", [to],
                        f"From: {user.local}+abc@{office.domain}\r\nSubject: own\r\n\r\nx\r\n")
    assert api.send(to=to, subject="api")[0] // 100 == 2
    office.run("send", "-f", "a@b.example", to, text="Subject: command\n\nx\n")
    expected = {"mx", "lmtp port", "lmtp socket", "submission", "own", "api", "command"}
    found = until(lambda: (got := folders(user)) and
                  len(got.get("Lists/Postamt", [])) >= len(expected) and got)
    assert {name: set(subjects) for name, subjects in found.items()} == {"Lists/Postamt": expected}
    log = json.loads(office.run("log", "--json", "--to", to))
    assert {event["detail"] for event in log if event["event"] == "delivered"} == {
        "mailbox Lists/Postamt"}


def test_what_waited_in_the_queue(api, office, user):
    to = f"{user.local}+lists@{office.domain}"
    status, _ = api.send(to=to, subject="later", send_at=int(time.time()) + 2)
    assert status // 100 == 2
    assert api.send(recipients=[{"to": to, "data": {"n": "merged"}}], subject="{{n}}")[0] // 100 == 2
    found = until(lambda: (got := folders(user)) and len(got.get("Lists", [])) == 2 and got)
    assert set(found["Lists"]) == {"later", "merged"} and set(found) == {"Lists"}
    log = json.loads(office.run("log", "--json", "--to", to))
    assert {event["detail"].split(" ", 1)[-1] for event in log if event["event"] == "delivered"} <= {
        "2.1.5 mailbox Lists", "mailbox Lists", "Lists"}, log


def test_a_notice_to_a_detail(make_office):
    """A bounce goes where the letter said it came from."""
    post = Post(make_office, script={"RCPT": "550 5.1.1 no"})
    with Imap(post.alice) as box:
        box.ok("CREATE abc")
    own = f"{post.alice.local}+abc@{post.office.domain}"
    with post.alice.submission() as client:
        client.sendmail(own, ["no@far.test"], f"From: {own}\r\nSubject: lost\r\n\r\nx\r\n")
    found = until(lambda: folders(post.alice))
    assert list(found) == ["abc"] and len(found["abc"]) == 1


# --- aliases


def test_aliases(office, user):
    other = office.new_user()
    with Imap(other) as box:
        box.ok("CREATE lists")
    domain = office.domain
    both = f"both-{user.local}"
    office.run("alias", "add", f"{both}@{domain}", user.address, other.address)
    by_mx(office, f"{both}+lists@{domain}", "carried along")
    assert folders(user) == {"Lists": ["carried along"]}
    assert folders(other) == {"lists": ["carried along"]}
    # an exact alias goes before the folder
    office.run("alias", "add", f"{user.local}+abc@{domain}", other.address)
    by_mx(office, f"{user.local}+abc@{domain}", "exact")
    assert folders(user) == {"Lists": ["carried along"]}
    assert folders(other)["INBOX"] == ["exact"]
    # a target's own detail goes before the one that was given
    office.run("alias", "add", f"shop-{user.local}@{domain}", f"{user.local}+Lists.Postamt@{domain}")
    by_mx(office, f"shop-{user.local}@{domain}", "own")
    by_mx(office, f"shop-{user.local}+abc@{domain}", "own too")
    assert folders(user)["Lists/Postamt"] == ["own", "own too"]
    refused = office.command("user", "remove", user.address)  # aliases lead there, by a detail too
    assert refused.returncode == 1 and "alias" in refused.stderr
    office.run("alias", "remove", f"{both}@{domain}")
    assert office.command("user", "remove", user.address).returncode == 1
    office.run("alias", "remove", f"shop-{user.local}@{domain}")
    office.run("user", "remove", user.address)


def test_an_alias_to_a_detail_of_nobody(office):
    refused = office.command("alias", "add", f"x@{office.domain}", f"nobody+x@{office.domain}")
    assert refused.returncode == 1


# --- the setting


@pytest.mark.parametrize("delimiter, finds", [("-", "-"), ("", None), ("=", "=")])
def test_another_delimiter_or_none(make_office, delimiter, finds):
    office = make_office(config=f'recipient-delimiter = "{delimiter}"')
    user, hyphen = office.new_user("anna"), office.new_user("mary-ann")
    for one in (user, hyphen):
        with Imap(one) as box:
            box.ok("CREATE lists")
    with office.mx() as wire:
        wire.say("MAIL FROM:<a@b.example>", 250)
        for mark in "+-=":
            wire.say(f"RCPT TO:<anna{mark}lists@{office.domain}>", 250 if mark == finds else 550)
        wire.say(f"RCPT TO:<{hyphen}>", 250)
    if finds:
        office.send(f"anna{finds}lists@{office.domain}", letter("x"))
        assert folders(user) == {"lists": ["x"]}
    office.send(hyphen.address, letter("y"))
    assert folders(hyphen) == {"INBOX": ["y"]}
