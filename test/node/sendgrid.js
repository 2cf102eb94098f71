// SendGrid's own clients, pointed at a server: node sendgrid.js mail|many|client BASE KEY < JSON
// mail: @sendgrid/mail's send, many: its sendMultiple, client: @sendgrid/client's request.
// Prints {"status", "headers", "body"}, of errors too.
'use strict';
const mail = require('@sendgrid/mail');
const client = require('@sendgrid/client');

async function run(kind, given) {
  if (kind === 'client') return client.request(given);
  return kind === 'many' ? mail.sendMultiple(given) : mail.send(given);
}

async function main([kind, base, key]) {
  for (const one of [mail.client, client]) {
    one.setApiKey(key);
    one.setDefaultRequest('baseUrl', base);
  }
  mail.setClient(mail.client);
  let text = '';
  for await (const piece of process.stdin) text += piece;
  let answer;
  try {
    const [response] = await run(kind, JSON.parse(text));
    answer = { status: response.statusCode, headers: response.headers, body: response.body };
  } catch (error) {
    if (!error.response) throw error;
    answer = { status: error.code, headers: error.response.headers, body: error.response.body };
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}

main(process.argv.slice(2));
