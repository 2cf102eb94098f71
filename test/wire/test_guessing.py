"""Guessing passwords (rule 7 of test_imap_attacks.py): over all protocols, from outside.

Limits for a connection, an address, a login; and its owner gets in all the same. That what nobody
has takes as long as what somebody has is asserted by counting how often passwords are hashed.
"""
import base64
import contextlib
import re
import subprocess

import pytest
from imap import Imap
from office import OFFSET, PATIENCE, Wire, in_parallel, unverified, until
from test_sasl import Scram, Smtp, begin, challenge
from test_smtp_security import in_namespace

HERE = "192.0.2.1"


@pytest.fixture(scope="module")
def public(make_office, namespace):
    return make_office(address=HERE, namespace=namespace)


def wire_from(address, port):
    wire = Wire(HERE, port + OFFSET, (address, 0))
    wire.socket = unverified().wrap_socket(wire.socket)
    return wire


def by_imap(address, name, password):
    """"in", "wrong" or "later"."""
    with wire_from(address, 993) as wire:
        wire.line()
        line = wire.answer(f'a LOGIN "{name}" "{password}"', "a ")
        return {"a OK": "in", "a NO [AUTHENTICATIONFAILED]": "wrong", "a NO [UNAVAILABLE]": "later",
                }[re.match(r"a OK|a NO \[\w+\]", line)[0]]


def plain(name, password):
    return base64.b64encode(f"\0{name}\0{password}".encode()).decode()


def by_pop3(address, name, password):
    with wire_from(address, 995) as wire:
        wire.line()
        line = wire.answer(f"AUTH PLAIN {plain(name, password)}", "")
        if line.startswith("+OK"):
            wire.answer("QUIT", "+OK")
            return "in"
        return {"AUTH": "wrong", "SYS/TEMP": "later"}[re.match(r"-ERR \[(.*?)\]", line)[1]]


def by_smtp(address, name, password):
    with wire_from(address, 465) as wire:
        wire.expect(220)
        wire.say("EHLO c.example.net", 250)
        wire.send(f"AUTH PLAIN {plain(name, password)}\r\n")
        return {"235": "in", "535": "wrong", "454": "later"}[wire.reply()[0][:3]]


DOORS = [by_imap, by_pop3, by_smtp]


def at_once(namespace, count, work):
    """work(number) in threads that are all inside the namespace."""
    return in_parallel(count, lambda number: in_namespace(namespace, lambda: work(number)))


def test_an_address_has_its_share_whatever_the_protocol(public, namespace):
    """Twenty wrong ones, of as many logins; then also the right one waits. Others are not hurt."""
    user = public.new_user()
    answers = at_once(namespace, 24, lambda n: DOORS[n % 3]("192.0.2.2", f"n{n}@example.test", "wrong"))
    assert answers.count("wrong") >= 20
    for door in DOORS:  # one is forgiven every half minute
        at_once(namespace, 3, lambda n: DOORS[n]("192.0.2.2", f"m{n}@example.test", "wrong"))
        assert in_namespace(namespace, lambda: door("192.0.2.2", user, user.password)) == "later"
        assert in_namespace(namespace, lambda: door("192.0.2.3", user, user.password)) == "in"
    assert "directory.guessing peer=192.0.2.2" in public.log.read_text()


def test_one_address_at_one_login(public, namespace):
    user, other = public.new_user(), public.new_user()
    answers = at_once(namespace, 6, lambda n: DOORS[n % 3]("192.0.2.4", user, "wrong"))
    assert set(answers) == {"wrong"}
    assert in_namespace(namespace, lambda: by_imap("192.0.2.4", user, user.password)) == "later"
    assert in_namespace(namespace, lambda: by_imap("192.0.2.4", str(user).upper(), "wrong")) == "later"
    assert in_namespace(namespace, lambda: by_imap("192.0.2.4", other, other.password)) == "in"


def test_many_at_once_have_no_more_tries(public, namespace):
    """While the first are being checked the others wait for how they end."""
    user = public.new_user()
    answers = at_once(namespace, 15, lambda n: DOORS[n % 3]("192.0.2.7", user, f"guess {n}"))
    assert sorted(set(answers)) == ["later", "wrong"] and answers.count("wrong") == 6


def test_a_phone_that_opens_ten_connections(public, namespace):
    user = public.new_user()
    doors = by_imap, by_smtp  # a mailbox is open once at a time by POP3
    answers = at_once(namespace, 10, lambda n: doors[n % 2]("192.0.2.8", user, user.password))
    assert set(answers) == {"in"}


def test_a_proof_that_was_right_is_no_guess_before_its_dialogue_ends(public, namespace):
    """The last step of SCRAM is the client's, who may take its time: others of its address go on."""
    user = public.new_user()

    def talk():
        with contextlib.ExitStack() as held:
            for _ in range(7):
                wire = held.enter_context(wire_from("192.0.2.10", 465))
                wire.expect(220)
                wire.say("EHLO c.example.net", 250)
                client = Scram("SCRAM-SHA-256", user, user.password)
                final = begin(wire, Smtp, "SCRAM-SHA-256", client)
                assert challenge(wire, Smtp, final) == client.server
            return by_imap("192.0.2.10", user, user.password)

    assert in_namespace(namespace, talk) == "in"


def test_the_owner_is_not_locked_out(public, namespace):
    """A login that is guessed at from everywhere still lets in who knows the password: from where it
    was known before, and from anywhere at the first try; who guesses has one try and then waits."""
    user = public.new_user()
    assert in_namespace(namespace, lambda: by_imap("192.0.2.5", user, user.password)) == "in"
    for address in ("192.0.2.6", "192.0.2.7", "192.0.2.8", "192.0.2.9", "192.0.2.5", "192.0.2.3"):
        at_once(namespace, 6, lambda n: DOORS[n % 3](address, user, f"guess {n}"))
    assert in_namespace(namespace, lambda: by_imap("192.0.2.9", user, user.password)) == "later"
    for door in DOORS:
        assert in_namespace(namespace, lambda: door("192.0.2.5", user, user.password)) == "in"
        assert in_namespace(namespace, lambda: door("192.0.2.1", user, user.password)) == "in"


def test_three_on_a_connection(public, namespace):
    user = public.new_user()

    def talk():
        with wire_from("192.0.2.1", 993) as wire:
            wire.line()
            lines = [wire.answer(f'a LOGIN {user} "wrong {n}"', "a NO [AUTHENTICATIONFAILED]")
                     for n in range(3)]
            return lines, wire.line(), wire.closed()

    lines, last, closed = in_namespace(namespace, talk)
    assert len(set(lines)) == 1 and last.startswith("* BYE") and closed


def test_connections_of_one_address_are_limited(make_office, namespace):
    """Rule 22, at every door a person reads mail by; loopback has no limit of its own."""
    make_office(address="192.0.2.2", namespace=namespace, config="connections-per-address-max = 3")

    def talk(port, says, address):
        wires = [Wire("192.0.2.2", port + OFFSET, (address, 0)) for _ in range(3)]
        assert not any(wire.line().startswith(says) for wire in wires)
        with Wire("192.0.2.2", port + OFFSET, (address, 0)) as fourth:
            assert fourth.line().startswith(says) and fourth.closed()
        with Wire("192.0.2.2", port + OFFSET, ("192.0.2.4", 0)) as other:
            assert not other.line().startswith(says)
        for wire in wires:
            wire.socket.close()
        with until(lambda: place(port, says, address)):
            pass

    def place(port, says, address):
        wire = Wire("192.0.2.2", port + OFFSET, (address, 0))
        if not wire.line().startswith(says):
            return wire
        wire.socket.close()
        return None

    in_namespace(namespace, lambda: talk(143, "* BYE [UNAVAILABLE]", "192.0.2.3"))
    in_namespace(namespace, lambda: talk(110, "-ERR [SYS/TEMP]", "192.0.2.5"))


# --- enumeration


@pytest.fixture(scope="module")
def office(make_office):
    return make_office()


def hashed(office):
    text = subprocess.run(["curl", "-sS", f"http://{office.address}:{80 + OFFSET}/metrics"],
                          capture_output=True, text=True, check=True).stdout
    return int(re.search(r"^postamt_password_checks\w* (\d+)", text, re.M)[1])


def test_nobody_takes_as_long_as_somebody(office):
    """P8. Unknown users, wrong passwords, names that are none, keys without a mailbox, somebody else's
    mailbox: the same words, and as many passwords hashed for each."""
    user = office.new_user()
    key = re.search(r'"id": *"(\w+)"', office.run("key", "add", "--dialect", "native", "--json"))[1]
    for name in (user.address, "nobody@example.test", "nobody@elsewhere.test", "no address", "@", "a@",
                 "x" * 300 + "@example.test", "nobody", f"{user}@", "postmaster@example.test"):
        for how in ("LOGIN", "PLAIN"):
            before = hashed(office)
            with Imap(user, login=False) as box:
                if how == "LOGIN":
                    said = box.no(f'LOGIN "{name}" "wrong"')
                else:
                    said = box.no(f"AUTHENTICATE PLAIN {plain(name, 'wrong')}")
            assert said == "NO [AUTHENTICATIONFAILED] User name or password is wrong", name
            assert hashed(office) == before + 1, name
    with Imap(user, login=False) as box:  # a key is a key: it has no password to be hashed
        assert box.no(f'LOGIN "{key}" "wrong"').startswith("NO [AUTHENTICATIONFAILED]")


def test_nobody_is_asked_as_somebody_is_by_scram(office):
    """The first answer of the server is made without looking whether there is anybody."""
    user = office.new_user()
    before = hashed(office)
    answers = []
    for name in (user.address, "nobody@example.test"):
        with Imap(user, login=False) as box:
            first = base64.b64encode(f"n,,n={name},r=abcdefgh".encode()).decode()
            box.send(f"a AUTHENTICATE SCRAM-SHA-256 {first}\r\n")
            answer = base64.b64decode(box.answer()[2:]).decode()
            answers.append(re.sub("[A-Za-z0-9+/=]{16,}", "x", answer))
            proof = base64.b64encode(f"c=biws,r={answer.split(',')[0][2:]},p={'A' * 43}=".encode())
            box.send(proof + b"\r\n")
            assert box.tagged("a")[0] == "NO [AUTHENTICATIONFAILED] User name or password is wrong"
    assert answers[0].split(",")[2] == answers[1].split(",")[2]
    assert hashed(office) == before
