// Amazon's own clients, and nodemailer with them, pointed at a server:
//   node ses.js sesv2|ses|nodemailer BASE KEY SECRET [OPERATION] < JSON
// sesv2, ses: one OPERATION of @aws-sdk/client-sesv2 or client-ses with the input given;
// {"$base64": "…"} in it becomes bytes. nodemailer: a message of its SES transport, or "verify".
// smtp: nodemailer's SMTP to BASE (host:port) with KEY and the SMTP password SECRET.
// Prints {"output"} or {"error": {"name", "message", "status"}}.
'use strict';
const v1 = require('@aws-sdk/client-ses');
const v2 = require('@aws-sdk/client-sesv2');
const nodemailer = require('nodemailer');

function revive(name, value) {
  return value && typeof value.$base64 === 'string' ? Buffer.from(value.$base64, 'base64') : value;
}

async function run(kind, base, key, secret, operation, given) {
  if (kind === 'smtp') {
    const [host, port] = base.split(':');
    const transport = nodemailer.createTransport({
      host, port, requireTLS: true, tls: { rejectUnauthorized: false },
      auth: { user: key, pass: secret },
    });
    return operation === 'verify' ? transport.verify() : transport.sendMail(given);
  }
  const config = {
    region: 'eu-central-1', endpoint: base, maxAttempts: 1,
    credentials: { accessKeyId: key, secretAccessKey: secret },
  };
  if (kind === 'nodemailer') {
    const sesClient = new v2.SESv2Client(config);
    const transport = nodemailer.createTransport({
      SES: { sesClient, SendEmailCommand: v2.SendEmailCommand },
    });
    return operation === 'verify' ? transport.verify() : transport.sendMail(given);
  }
  const library = kind === 'ses' ? v1 : v2;
  const client = kind === 'ses' ? new v1.SESClient(config) : new v2.SESv2Client(config);
  return client.send(new library[`${operation}Command`](given));
}

async function main([kind, base, key, secret, operation]) {
  let text = '';
  for await (const piece of process.stdin) text += piece;
  let result;
  try {
    const given = JSON.parse(text || 'null', revive);
    result = { output: await run(kind, base, key, secret, operation, given) };
  } catch (error) {
    result = { error: {
      name: error.name, message: error.message, code: error.code, response: error.response,
      status: error.$metadata && error.$metadata.httpStatusCode,
      request: error.$metadata && error.$metadata.requestId,
    } };
    if (error.$metadata === undefined && error.responseCode === undefined) throw error;
  }
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

main(process.argv.slice(2));
