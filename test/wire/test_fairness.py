"""One tenant's pile does not delay another's first letter at the same site."""
import contextlib
import sqlite3
import threading

from office import User, until
from test_delivery import LETTER, Post

ONE_BY_ONE = """destination "*" { connections = 1 }"""
PILE = 60


def move_to_second_tenant(office, domain):
    """No verb makes tenants yet: the rows are given to one while the office is closed."""
    with contextlib.closing(sqlite3.connect(f"{office.folder}/postamt.db")) as db, db:
        db.execute("INSERT INTO tenant (tenant, name) VALUES (2, 'second')")
        (number,), = db.execute("SELECT id FROM domain WHERE name = ?", [domain])
        db.execute("DELETE FROM dkim_key WHERE domain = ?", [number])
        db.execute("UPDATE mailbox SET tenant = 2 WHERE user_id IN"
                   " (SELECT id FROM users WHERE domain = ?)", [number])
        db.execute("UPDATE users SET tenant = 2 WHERE domain = ?", [number])
        db.execute("UPDATE domain SET tenant = 2 WHERE id = ?", [number])


def test_a_pile_of_another_tenant(make_office):
    gate = threading.Event()
    post = Post(make_office, ONE_BY_ONE, script={"body": lambda _: gate.wait(60) and "250 ok"})
    post.office.run("domain", "add", "other.test")
    post.office.run("user", "add", "bert@other.test", "--password-file", "-", text="secret of bert\n")
    post.office.stop()
    move_to_second_tenant(post.office, "other.test")
    post.office.start()
    bert = User(post.office, "bert@other.test", "secret of bert")
    with contextlib.closing(post.alice.submission()) as client:
        for n in range(PILE):
            client.sendmail("alice@example.test", [f"pile{n}@far.test"], LETTER)
    until(lambda: post.sink.offered)  # one is under way, the others stand in line
    with contextlib.closing(bert.submission()) as client:
        client.sendmail("bert@other.test", ["first@far.test"],
                        LETTER.replace(b"alice@example.test", b"bert@other.test"))
    gate.set()
    until(lambda: len(post.sink.letters) == PILE + 1)
    order = [letter.recipients[0] for letter in post.sink.letters]
    assert order.index("first@far.test") <= 2
