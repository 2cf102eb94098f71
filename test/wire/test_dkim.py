"""Signatures of what leaves, judged by python3-dkim, and by OpenDKIM."""
import json
import subprocess

import dkim
import pytest
from office import until
from test_delivery import LETTER, Post


def records(office, domain="example.test"):
    """name -> value of the keys to publish."""
    found = json.loads(office.run("domain", "dns", domain, "--json"))
    return {r["name"]: r["value"] for r in found if "_domainkey" in r["name"]}


def verify(office, data, index):
    keys = {name + ".": value.encode() for name, value in records(office).items()}

    def ask(name, timeout=5):
        return keys.get(name.decode() if isinstance(name, bytes) else name)

    try:
        return dkim.DKIM(data).verify(idx=index, dnsfunc=ask)
    except dkim.ValidationError:
        return False


@pytest.fixture(scope="module")
def post(make_office):
    return Post(make_office)


def test_keys_are_made_with_the_domain_and_shown(post):
    keys = records(post.office)
    assert sorted(value.split("p=")[0] for value in keys.values()) == [
        "v=DKIM1; k=ed25519; ", "v=DKIM1; k=rsa; "]
    text = post.office.run("domain", "dns", "example.test")
    assert all(len(part) <= 255 for line in text.splitlines() for part in line.split('"')[1::2])
    assert records(post.office) == keys
    stored = open(f"{post.office.folder}/postamt.db", "rb").read()
    assert b"PRIVATE KEY" not in stored


BODIES = {
    "plain": b"Dear Bob,\r\n.a dot\r\nend\r\n",
    "empty": b"",
    "blank lines": b"one\r\n\r\n\r\ntwo\r\n\r\n\r\n",
    "only blank lines": b"\r\n\r\n \t\r\n",
    "blanks": b"a  b\t \tc \t\r\n  d\r\n\t\r\n x ",
    "no end of line": b"no end",
    "eight bit": "Grüße aus Köln\r\n".encode(),
    "long": (b"0123456789 " * 80 + b"\r\n") * 300,
}


@pytest.mark.parametrize("name", BODIES)
def test_both_signatures_are_good(make_office, post, name):
    seen = len(post.sink.letters)
    header = (b"From: Alice <alice@example.test>\r\nTo: bob@far.test,\r\n\tcarol@far.test\r\n"
              b"Subject:  folded\r\n  subject   with  blanks \r\nX-Other: not signed\r\n"
              b"References: <a@b>\r\nReferences: <c@d>\r\nList-Id: <list.example.test>\r\n\r\n")
    post.send(letter=header + BODIES[name])
    letter = until(lambda: len(post.sink.letters) > seen and post.sink.letters[-1])
    assert letter.data.count(b"DKIM-Signature:") == 2
    assert verify(post.office, letter.data, 0) and verify(post.office, letter.data, 1)
    algorithms = {line for line in (b"a=rsa-sha256", b"a=ed25519-sha256") if line in letter.data}
    assert len(algorithms) == 2


def test_a_change_is_found(post):
    seen = len(post.sink.letters)
    post.send()
    data = until(lambda: len(post.sink.letters) > seen and post.sink.letters[-1]).data
    assert verify(post.office, data, 0)
    assert not verify(post.office, data.replace(b"Dear", b"dear"), 0)
    assert not verify(post.office, data.replace(b"Subject: hello", b"Subject: hallo"), 0)
    for field in (b"From: mallory@example.test", b"Subject: more", b"Reply-To: m@m.test",
                  b"Cc: all@x.test"):  # oversigned: none can be added
        assert not verify(post.office, data.replace(b"\r\nTo:", b"\r\n" + field + b"\r\nTo:"), 0)
        assert not verify(post.office, data.replace(b"\r\nTo:", b"\r\n" + field + b"\r\nTo:"), 1)


def test_what_stays_is_not_signed_and_what_send_sends_is(post):
    post.office.run("send", "-f", "alice@example.test", "alice@example.test",
                    text="From: alice@example.test\nSubject: x\n\nstays\n")
    assert b"DKIM-Signature" not in until(post.alice.letters)[-1]
    seen = len(post.sink.letters)
    post.office.run("send", "-f", "alice@example.test", "bob@far.test",
                    text="From: alice@example.test\nSubject: x\n\nleaves\n")
    letter = until(lambda: len(post.sink.letters) > seen and post.sink.letters[-1])
    assert verify(post.office, letter.data, 0) and verify(post.office, letter.data, 1)


def test_many_fields_of_one_name(post):
    seen = len(post.sink.letters)
    post.send(letter=b"".join(b"References: <%d@x>\r\n" % n for n in range(40)) + LETTER)
    letter = until(lambda: len(post.sink.letters) > seen and post.sink.letters[-1])
    assert verify(post.office, letter.data, 0)
    post.send(letter=b"".join(b"References: <%d@x>\r\n" % n for n in range(4000)) + LETTER)
    until(lambda: len(post.sink.letters) > seen + 1)


def test_opendkim_agrees(post, tmp_path):
    seen = len(post.sink.letters)
    post.send()
    data = until(lambda: len(post.sink.letters) > seen and post.sink.letters[-1]).data
    keys = tmp_path / "keys"
    keys.write_text("".join(f"{name} {value}\n" for name, value in records(post.office).items()))
    path = tmp_path / "letter"
    path.write_bytes(data)
    config = tmp_path / "opendkim.conf"
    config.write_text(f"Mode v\nTestPublicKeys {keys}\nInternalHosts /dev/null\n"
                      "SendReports no\nOn-Default accept\n")
    result = subprocess.run(["opendkim", "-x", config, "-t", path, "-vv"], capture_output=True,
                            text=True)
    said = result.stdout + result.stderr
    assert result.returncode == 0 and "verification (s=r" in said and "failed" not in said, said
