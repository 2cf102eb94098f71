"""Thunderbird with a new profile: it finds the settings itself, receives a letter, sends one."""
import json
import re

import pytest
from authority import Authority
from imap import Imap
from marionette import Marionette
from office import OFFSET, until
from socks import Socks

pytestmark = pytest.mark.long
HOST, DOMAIN = "mail.example.test", "example.test"
LETTER = ("From: Anna <anna@far.test>\r\nTo: {to}\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
          "Date: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <one@far.test>\r\n"
          "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
          "Content-Transfer-Encoding: 8bit\r\n\r\nSch\u00f6ne Gr\u00fc\u00dfe\r\n")

QUIET = {  # nothing of its maker's
    "app.update.enabled": False, "app.normandy.enabled": False, "app.donation.eoy.version.viewed": 999,
    "datareporting.healthreport.uploadEnabled": False, "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False, "toolkit.telemetry.server": "", "extensions.update.enabled": False,
    "extensions.blocklist.enabled": False, "extensions.systemAddon.update.enabled": False,
    "services.settings.server": "data:,none", "mailnews.start_page.enabled": False,
    "mail.inappnotifications.enabled": False, "mailnews.auto_config_url": "", "browser.search.update": False,
    "network.captive-portal-service.enabled": False, "network.connectivity-service.enabled": False,
    "network.trr.mode": 5, "mail.provider.enabled": False, "mail.shell.checkDefaultClient": False,
    "mail.spotlight.firstRunDone": True, "mail.rights.version": 1, "mail.collect_email_address_outgoing": False,
    "mail.winsearch.firstRunDone": True, "mailnews.start_page_override.mstone": "ignore",
    "dom.push.connection.enabled": False, "security.OCSP.enabled": 0,
    "mail.warn_on_send_accel_key": False, "mail.SpellCheckBeforeSend": False,
}
FOLDERS = """
    const {MailServices} = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
    const account = MailServices.accounts.accounts.find(a => a.incomingServer.type == "imap");
    const root = account?.incomingServer.rootFolder;
"""


@pytest.fixture
def office(make_office, tmp_path):
    tmp_path.joinpath("authority").mkdir()
    authority = Authority(tmp_path / "authority")
    office = authority.certify(make_office(start=False), HOST, f"autoconfig.{DOMAIN}", DOMAIN)
    office.authority = authority
    return office.start()


@pytest.fixture
def socks(office):
    with Socks(office, HOST, f"autoconfig.{DOMAIN}", DOMAIN) as socks:
        yield socks
        socks.shutdown()


@pytest.fixture
def thunderbird(office, socks, tmp_path):
    program = Marionette("thunderbird", tmp_path / "profile", {
        **QUIET, "network.proxy.type": 1, "network.proxy.socks": office.address,
        "network.proxy.socks_port": socks.port, "network.proxy.socks_version": 5,
        "network.proxy.socks_remote_dns": True, "network.proxy.no_proxies_on": ""})
    try:
        trust(program, office.authority)
        yield program
    finally:
        program.end()


def trust(program, authority):
    der = "".join(authority.chain.read_text().split("-----")[2].split())
    program.run("""
        Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB)
            .addCertFromBase64(args[0], "C,,");""", der)


def set_up(program, user):
    """What its dialog for a new mailbox does: looks for settings, tries them, keeps them."""
    return program.run("""
        const module = name => ChromeUtils.importESModule(
            `resource:///modules/accountcreation/${name}.sys.mjs`)[name];
        const [address, password, name] = args;
        // its look for an MX record goes past the proxy
        module("FetchConfig").forMX = async () => { throw new Error("no MX here"); };
        const signal = new AbortController().signal;
        const {value: config} = await module("FindConfig").parallelAutoDiscovery(
            address.split("@")[1], address, signal, password, "").next();
        if (!config)
            throw new Error("no settings were found");
        const found = {source: config.subSource, incoming: {...config.incoming},
            outgoing: {...config.outgoing}, others: config.incomingAlternatives.length};
        module("AccountConfig").replaceVariables(config, name, address, password);
        config.rememberPassword = true;
        const window = Services.wm.getMostRecentWindow("mail:3pane");
        await new (module("ConfigVerifier"))(window.msgWindow, signal).verifyConfig(config, false);
        await module("CreateInBackend").createAccountInBackend(config);
        return JSON.stringify(found);
    """, user.address, user.password, "Bob of the tests")


def test_thunderbird(office, socks, thunderbird):
    bob, carol = office.new_user("bob"), office.new_user("carol")
    office.send(bob.address, LETTER.format(to=bob).encode())
    found = json.loads(set_up(thunderbird, bob))
    # the settings came from us
    assert "isp" in found["source"], found
    assert [found[way]["hostname"] for way in ("incoming", "outgoing")] == [HOST, HOST]
    assert (found["incoming"]["type"], found["incoming"]["port"]) == ("imap", 993 + OFFSET)
    assert found["outgoing"]["port"] == 465 + OFFSET
    assert any(name == f"autoconfig.{DOMAIN}" for name, _ in socks.asked)
    receives(thunderbird)
    sends(thunderbird, carol)
    letter = until(lambda: carol.letters() or None)[0].decode()
    assert re.search(r"(?m)^From: Bob of the tests <bob@example.test>\r$", letter), letter
    assert "\r\n\r\nSent by Thunderbird" in letter
    with Imap(bob) as box:
        assert "MESSAGES 1" in until(
            lambda: [line for line in box.ok("STATUS Sent (MESSAGES)") if "MESSAGES 0" not in line])[0]
        box.ok("SELECT Sent")
        answer, = box.ok("FETCH 1 (FLAGS BODY.PEEK[])")
        assert "\\Seen" in answer and "Sent by Thunderbird" in answer
        box.ok("SELECT INBOX")
        assert until(lambda: box.ok("SEARCH SEEN") == ["* SEARCH 1"])
    assert not {name for name, _ in socks.refused} - {f"autodiscover.{DOMAIN}"}


def receives(program):
    """The letter is shown, and by that is read."""
    program.run(FOLDERS + "account.incomingServer.performExpand(null);")
    program.until(FOLDERS + """
        const inbox = root.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
        inbox?.updateFolder(null);
        return inbox?.getTotalMessages(false) == 1;""")
    shown = program.until(FOLDERS + """
        const pane = Services.wm.getMostRecentWindow("mail:3pane")
            .document.getElementById("tabmail").currentAbout3Pane;
        const inbox = root.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
        if (pane.gFolder != inbox)
            pane.displayFolder(inbox.URI);
        if (pane.threadTree.selectedIndex != 0)
            pane.threadTree.selectedIndex = 0;
        const message = pane.messageBrowser.contentWindow;
        const subject = message.document.getElementById("expandedsubjectBox")?.textContent;
        const text = message.getMessagePaneBrowser?.().contentDocument?.body?.textContent.trim();
        return subject?.replace("Subject:", "") && text && [subject, text];""")
    assert "Gr\u00fc\u00dfe" in shown[0] and shown[1].endswith("\nSch\u00f6ne Gr\u00fc\u00dfe"), shown


def sends(program, to):
    """In its window for a new letter, with the button."""
    program.run(FOLDERS + """
        const fields = Cc["@mozilla.org/messengercompose/composefields;1"]
            .createInstance(Ci.nsIMsgCompFields);
        fields.to = args[0];
        fields.subject = "From a window";
        fields.body = "Sent by Thunderbird\\n";
        const params = Cc["@mozilla.org/messengercompose/composeparams;1"]
            .createInstance(Ci.nsIMsgComposeParams);
        params.composeFields = fields;
        params.identity = account.defaultIdentity;
        params.format = Ci.nsIMsgCompFormat.PlainText;
        MailServices.compose.OpenComposeWindowWithParams(null, params);""", to.address)
    program.until("""
        const window = Services.wm.getMostRecentWindow("msgcompose");
        if (!window?.composeEditorReady || !window.defaultController.isCommandEnabled("cmd_sendNow"))
            return false;
        window.goDoCommand("cmd_sendNow");
        return true;""")
    program.until("""return !Services.wm.getMostRecentWindow("msgcompose");""")
