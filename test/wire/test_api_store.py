"""What a batch costs the store: the letter once, and little for each recipient."""
import contextlib
import json
import pathlib
import sqlite3

from conftest import own_address
from native import Native

COUNT, EACH_CALL, LIMIT = 10000, 1000, 300
NAMES = ("firstName", "lastName", "company", "order", "date", "total", "street", "city", "country",
         "unsubscribe")
NOT_DUE = 4102444800  # 2100


def data(number):
    return {name: f"{name} of {number}" for name in NAMES}


def database_size(office):
    """Of an office that has ended, with all of its log in the file."""
    path = pathlib.Path(office.folder, "postamt.db")
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.stat().st_size


def test_recipients_of_one_template_take_little_beside_their_variables(make_office):
    api = Native(make_office, own_address())
    body = " ".join("{{%s}}" % name for name in NAMES) + "\n" + "x" * 78 * 100
    api.send(to="first@far.test", send_at=NOT_DUE)
    api.office.end()
    before = database_size(api.office)
    api.office.start()
    for first in range(0, COUNT, EACH_CALL):
        people = [{"to": f"user{n}@far.test", "data": data(n)}
                  for n in range(first, first + EACH_CALL)]
        assert api.send(subject="order {{order}}", text=body, recipients=people,
                        send_at=NOT_DUE)[0] == 202
    api.office.end()
    grown = database_size(api.office) - before
    with contextlib.closing(sqlite3.connect(f"{api.office.folder}/postamt.db")) as db:
        kept, own = db.execute("SELECT COUNT(*), SUM(LENGTH(variables)) FROM queue_recipient"
                               " WHERE variables IS NOT NULL").fetchone()
    assert kept == COUNT
    said = sum(len(json.dumps(data(n), separators=(",", ":"))) for n in range(COUNT))
    assert own <= said + COUNT * 40, "more is kept than what the recipient's letter needs"
    assert (grown - said) / COUNT <= LIMIT
