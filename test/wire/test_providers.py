"""What the large providers answer, in their words: temporary or permanent judged right for each
recipient, and the words kept for the operator, the log and the sender."""
import email
import email.policy
import json

import pytest
from office import until
from test_delivery import Post

# name -> (step, reply[, status for the sender])
TEMPORARY = {
    "gmail rate": ("body", """421-4.7.28 Gmail has detected an unusual rate of unsolicited mail
421-4.7.28 originating from your IP address. To protect our users from spam,
421-4.7.28 mail sent from your IP address has been temporarily rate limited.
421-4.7.28 For more information, go to
421 4.7.28  https://support.google.com/mail/?p=UnsolicitedRateLimitError a1-20 - gsmtp"""),
    "gmail full": ("RCPT", """452-4.2.2 The recipient's inbox is out of storage space. Please
452-4.2.2 direct the recipient to
452 4.2.2  https://support.google.com/mail/?p=OverQuotaTemp d2si1 - gsmtp"""),
    "yahoo greeting": ("greeting", """421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily \
deferred due to unexpected volume or user complaints - 4.16.55.1; see \
https://postmaster.yahooinc.com/error-codes"""),
    "yahoo.co.jp": ("MAIL", "421 [IPTS04] Messages from 192.0.2.1 temporarily deferred"),
    "outlook busy": ("MAIL", """451 4.7.500 Server busy. Please try again later from [192.0.2.1]. \
(S77719) [DB5EUR03FT012.eop-EUR03.prod.protection.outlook.com]"""),
    "outlook rate": ("RCPT", """451 4.7.650 The mail server [192.0.2.1] has been temporarily rate \
limited due to IP reputation. For e-mail delivery information, see https://aka.ms/postmaster (S775)"""),
    "apple": ("MAIL", "451 4.7.1 [BS02] Temporary server error. Please try again later"),
    "apple HCM1": ("body", "421 4.7.1 [HCM1] Your mail from 192.0.2.1 was deferred."),
    "gmx": ("greeting", """421-gmx.net (mxgmx101) Nemesis ESMTP Service not available
421-Service closing transmission channel
421 For explanation visit https://postmaster.gmx.net/en/case?c=r0601"""),
    "163": ("RCPT", "451 DT:SPM 163 mx21,_____wD3 http://mail.163.com/help/help_spam_16.htm"),
    "orange": ("greeting", "421 mwinf5c50 ME Trop de connexions, veuillez verifier votre \
configuration. Too many connections, slow down. OFR004_104"),
}
PERMANENT = {
    "gmail unauthenticated": ("body", """550-5.7.26 Your email has been blocked because the sender \
is unauthenticated.
550-5.7.26 Gmail requires all senders to authenticate with either SPF or DKIM.
550-5.7.26
550-5.7.26  Authentication results:
550-5.7.26  DKIM = did not pass
550-5.7.26  SPF [example.test] with ip: [192.0.2.1] = did not pass
550 5.7.26  https://support.google.com/mail/answer/81126#authentication a6si4 - gsmtp""", "5.7.26"),
    "gmail nobody": ("RCPT", """550-5.1.1 The email account that you tried to reach does not exist.
550-5.1.1 Please try double-checking the recipient's email address for typos or
550 5.1.1  https://support.google.com/mail/?p=NoSuchUser b3si9 - gsmtp""", "5.1.1"),
    "yahoo": ("MAIL", """553 5.7.2 [TSS09] All messages from 192.0.2.1 will be permanently \
deferred; Retrying will NOT succeed. See https://postmaster.yahooinc.com/error-codes""", "5.7.2"),
    "outlook": ("MAIL", """550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please \
contact your Internet service provider since part of their network is on our block list (S3140). \
You can also refer your provider to http://mail.live.com/mail/troubleshooting.aspx#errors.""",
                "5.7.1"),
    "apple": ("body", "554 5.7.1 [CS01] Message rejected due to local policy. Please visit \
https://support.apple.com/en-us/HT204137", "5.7.1"),
    "gmx": ("body", """554-Transaction failed
554-Reject due to policy restrictions.
554 For explanation visit https://postmaster.gmx.net/en/case?c=hi&i=ip""", "5.0.0"),
    "qq": ("body", """550 Mail content denied. http://service.mail.qq.com/cgi-bin/help?\
subtype=1&&id=20022&&no=1000726""", "5.0.0"),
    "qq rate": ("RCPT", "550 Ip frequency limited. http://service.mail.qq.com/", "5.0.0"),
}
SLOW = """destination "*" { retry-seconds = {3000} }"""


def wire(reply):
    return reply.replace("\n", "\r\n")


def in_one_line(reply):
    """As people read it: the codes once, blanks as they come."""
    lines = reply.split("\n")
    code, enhanced = lines[0][:3], lines[0][4:].split(" ")[0]
    words = [lines[0][4:]]
    for line in lines[1:]:
        rest = line[4:]
        words.append((rest[len(enhanced):] if rest.startswith(enhanced) and "." in enhanced
                      else rest).strip())
    return " ".join([code, *filter(None, words)])


def closes_after_421(reply):
    """What the sink does: such servers hang up after a 421."""
    def answer(dialogue):
        dialogue.say(wire(reply))
        if reply.startswith("421"):
            raise ConnectionError("421")
        return b""
    return answer


def run(make_office, step, reply):
    post = Post(make_office, SLOW, script={step: closes_after_421(reply)})
    post.send()
    return post


@pytest.mark.parametrize("name", TEMPORARY)
def test_temporary(make_office, name):
    step, reply = TEMPORARY[name]
    post = run(make_office, step, reply)
    event, = post.await_event("deferred")
    row, = until(lambda: [r for r in json.loads(post.office.run("queue", "list", "--json"))
                          if r["attempts"]])
    for shown in (event["detail"], row["last_reply"], post.office.run("queue", "show", row["id"])):
        assert in_one_line(reply)[:110] in shown, (shown, in_one_line(reply))
    assert not post.events("bounced") and row["reason"] is None and row["due"]


@pytest.mark.parametrize("name", PERMANENT)
def test_permanent(make_office, name):
    step, reply, status = PERMANENT[name]
    post = run(make_office, step, reply)
    event, = post.await_event("bounced")
    words = in_one_line(reply)
    assert words[:300] in event["detail"], (event["detail"], words)
    report = email.message_from_bytes(until(post.alice.letters)[0], policy=email.policy.default)
    text, fields, _ = report.iter_parts()
    _, recipient = fields.get_payload()
    assert recipient["Action"] == "failed" and recipient["Status"] == status
    said = " ".join(recipient["Diagnostic-Code"].split())
    assert said.startswith("smtp; ") and said[6:] == words[:len(said) - 6]
    assert len(said) >= min(len(words), 200)
    assert words[:60] in " ".join(text.get_content().split())
    assert not post.events("deferred")


def test_each_recipient_has_its_own_words(make_office):
    replies = {"gone@far.test": PERMANENT["gmail nobody"][1],
               "full@far.test": TEMPORARY["gmail full"][1],
               "fast@far.test": PERMANENT["qq rate"][1]}
    post = Post(make_office, SLOW, script={
        "RCPT": lambda d: wire(replies.get(d.recipient, "250 2.1.5 OK d2si1 - gsmtp"))})
    post.send("ok@far.test", *replies)
    until(lambda: len([e for e in post.events() if e["event"] != "accepted" and "far" in e["to"]]) == 4)
    ends = {e["to"]: e for e in post.events() if e["event"] != "accepted"}
    assert ends["ok@far.test"]["event"] == "delivered"
    assert ends["full@far.test"]["event"] == "deferred"
    assert ends["gone@far.test"]["event"] == ends["fast@far.test"]["event"] == "bounced"
    for to, reply in replies.items():
        assert in_one_line(reply)[:200] in ends[to]["detail"]
    assert post.sink.letter().recipients == ["ok@far.test"]
