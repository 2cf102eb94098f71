// Reads a mailbox with imapflow, on 993: imap.js HOST PORT USER PASSWORD. Appends, lists, fetches,
// flags, searches, moves, waits in IDLE for what it appends on a second connection, and prints as
// JSON what it saw.
const { ImapFlow } = require("imapflow");
const [host, port, user, pass] = process.argv.slice(2);
const letter = (subject) => Buffer.from(
  `From: a@far.test\r\nSubject: ${subject}\r\nMIME-Version: 1.0\r\n` +
  "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n" +
  `text of ${subject}\r\n--b\r\nContent-Type: application/pdf; name=x.pdf\r\n` +
  "Content-Disposition: attachment; filename=x.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
  "aGVsbG8=\r\n--b--\r\n");

async function connect() {
  const client = new ImapFlow({
    host, port: Number(port), secure: true, auth: { user, pass }, logger: false,
    tls: { rejectUnauthorized: false },
  });
  await client.connect();
  return client;
}

async function text(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

async function main() {
  const seen = {};
  const client = await connect();
  seen.folders = (await client.list({ statusQuery: { messages: true } })).map(
    (box) => [box.path, box.specialUse || "", box.status && box.status.messages]);
  await client.mailboxCreate("Gr\u00fc\u00dfe & more");
  await client.append("INBOX", letter("one"), ["\\Seen"], new Date("2026-01-02T03:04:05Z"));
  await client.append("INBOX", letter("two"), ["$Work"]);
  const lock = await client.getMailboxLock("INBOX");
  seen.exists = client.mailbox.exists;
  seen.messages = [];
  for await (const m of client.fetch("1:*", {
    envelope: true, flags: true, bodyStructure: true, size: true, internalDate: true, uid: true,
  }))
    seen.messages.push({ uid: m.uid, subject: m.envelope.subject, flags: [...m.flags],
      parts: m.bodyStructure.childNodes.map((part) => part.type), date: m.internalDate });
  seen.source = (await client.fetchOne("1", { source: true })).source.equals(letter("one"));
  seen.attachment = await text((await client.download("1", "2")).content);
  await client.messageFlagsAdd({ uid: "2" }, ["\\Flagged"], { uid: true });
  seen.flagged = await client.search({ flagged: true }, { uid: true });
  seen.subject = await client.search({ subject: "two" }, { uid: true });
  const moved = await client.messageMove("1", "Gr\u00fc\u00dfe & more", { uid: true });
  seen.moved = [...moved.uidMap];
  seen.left = (await client.search({ all: true }, { uid: true }));
  const other = await connect();
  const told = new Promise((done) => client.on("exists", done));
  const idling = client.idle();
  await other.append("INBOX", letter("three"));
  seen.told = (await told).count;
  await other.logout();
  lock.release();
  await client.mailboxDelete("Gr\u00fc\u00dfe & more");
  await client.logout();
  await idling.catch(() => undefined);
  console.log(JSON.stringify(seen));
}

main().catch((error) => {
  console.error(error, error.responseText || "");
  process.exit(1);
});
