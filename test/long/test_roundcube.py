"""Roundcube in a browser: login, list, read, search, reply."""
import json
import re

import pytest
from authority import Authority
from chromium import Chromium
from imap import Imap
from office import ROOT, until
from roundcube import UNPACKED, Roundcube

pytestmark = pytest.mark.long
LETTER = ("From: Anna <{sender}>\r\nTo: {to}\r\nSubject: {subject}\r\n"
          "Date: Mon, 23 Nov 2026 10:00:{number:02} +0000\r\nMessage-ID: <{number}@example.test>\r\n"
          "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
          "Content-Transfer-Encoding: 8bit\r\n\r\nThe text of letter {number}: ü\r\n")
SUBJECTS = """[...document.querySelectorAll("#messagelist tr.message .subject a")]
    .map(link => link.textContent.trim())"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def office(make_office, authority):
    assert UNPACKED.exists(), "Roundcube is not unpacked: tools/get-peers roundcube"
    return authority.certify(make_office(start=False), "mail.example.test").start()


@pytest.fixture
def browser(tmp_path, request):
    browser = Chromium(tmp_path / "browser")
    try:
        before = request.session.testsfailed
        yield browser
        if request.session.testsfailed > before:
            path = ROOT / "build/pictures" / f"{request.node.name}.png"
            browser.picture(path)
            print(f"what the browser showed: {path}; errors of scripts: {browser.errors}")
    finally:
        browser.end()


@pytest.fixture(params=["list", "threads", "few capabilities"])
def roundcube(office, authority, tmp_path, request):
    """In its ways to list: the server sorts, the server threads, Roundcube does it itself."""
    few = request.param == "few capabilities"
    roundcube = Roundcube(office, authority.chain, tmp_path / "roundcube", request.param == "threads", (
        "SORT", "SORT=DISPLAY", "ESORT", "THREAD", "ESEARCH", "CONDSTORE", "QRESYNC") if few else ())
    roundcube.uses = {"list": "UID SORT ", "threads": "UID THREAD "}.get(request.param)
    yield roundcube
    roundcube.end()


def log_in(browser, roundcube, user):
    browser.open(roundcube.url)
    browser.type("#rcmloginuser", user.address)
    browser.type("#rcmloginpwd", user.password)
    browser.click("#rcmloginsubmit")


def idle(browser):
    """No page is loading and no request is under way: only then does a button do what it says."""
    browser.until("""[window, ...Array.from(frames)].every(page =>
        page.document.readyState == "complete" && page.rcmail?.busy !== true) &&
        window.rcmail?.busy === false && !$.active""")


def subjects(browser, wanted):
    """The list shows these subjects, in this order."""
    until(lambda: browser.run(SUBJECTS) == wanted)


def open_letter(browser, subject):
    """Chooses it in the list; its text from the pane beside."""
    row = browser.until(f"""[...document.querySelectorAll("#messagelist tr.message")].find(row =>
        row.querySelector(".subject a").textContent.trim() == {json.dumps(subject)})?.id""")
    browser.click(f"#{row} .subject")
    text = browser.until(f"""(() => {{
        const page = document.querySelector("#messagecontframe")?.contentDocument;
        const shown = page?.querySelector("h2.subject")?.textContent;
        return shown?.includes({json.dumps(subject)}) &&
            page.querySelector("#messagebody")?.textContent.trim(); }})()""")
    idle(browser)
    return text


def test_roundcube(office, roundcube, browser):
    bob, anna = office.new_user(), office.new_user()
    for number, subject in enumerate(("apples", "pears", "Grüße aus Köln")):
        office.send(bob.address, LETTER.format(
            sender=anna, to=bob, subject=subject, number=number).encode(), anna.address)
    log_in(browser, roundcube, bob)
    subjects(browser, ["Grüße aus Köln", "pears", "apples"])
    assert open_letter(browser, "pears") == "The text of letter 1: ü"
    # it comes while the list is open
    office.send(bob.address, LETTER.format(
        sender=anna, to=bob, subject="late", number=3).encode(), anna.address)
    idle(browser)
    browser.click("a.refresh")
    subjects(browser, ["late", "Grüße aus Köln", "pears", "apples"])
    # search
    browser.type("#mailsearchform", "pea")
    browser.press_enter()
    subjects(browser, ["pears"])
    # reply
    open_letter(browser, "pears")
    browser.click("a.reply:not(.disabled)")
    browser.until("""window.rcmail?.env.action == "compose" && rcmail.commands.send &&
        document.activeElement.id == "composebody" """)
    idle(browser)
    browser.type("#composebody", "My answer.\n")
    text = browser.run("""document.querySelector("#composebody").value""")
    assert "> The text of letter 1: ü" in text and "My answer." in text
    browser.click("button.send, a.send")
    letter = until(lambda: anna.letters() or None)[0].decode()
    assert "In-Reply-To: <1@example.test>\r\n" in letter and "Subject: Re: pears\r\n" in letter
    assert "My answer." in letter
    # the list again, and what the mailbox has of it
    browser.until("""document.querySelector("#messagelist") !== null""")
    with Imap(bob) as box:
        box.ok("SELECT INBOX")
        assert box.ok("SEARCH ANSWERED")[-1] == "* SEARCH 2" == box.ok("SEARCH SEEN")[-1]
        box.ok("SELECT Sent")
        answer, = box.ok("FETCH 1 (FLAGS BODY.PEEK[])")
        assert "\\Seen" in answer and "My answer." in answer
    assert " BAD " not in roundcube.log() and not roundcube.log("errors.log")
    assert (roundcube.uses or "UID SEARCH ") in roundcube.log()
    if not roundcube.uses:
        assert not re.search("UID (SORT|THREAD) ", roundcube.log())
