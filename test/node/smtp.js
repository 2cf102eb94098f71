// Sends letters with nodemailer over SMTP with STARTTLS: smtp.js HOST PORT USER PASSWORD < letters
// (a JSON list of nodemailer's messages). Prints a JSON list: the reply of each, or its error.
const nodemailer = require("nodemailer");
const [host, port, user, pass] = process.argv.slice(2);

async function main() {
  const letters = JSON.parse(require("fs").readFileSync(0));
  const transport = nodemailer.createTransport({
    host, port: Number(port), requireTLS: true, auth: { user, pass },
    tls: { rejectUnauthorized: false },
  });
  const results = [];
  for (const letter of letters) {
    try {
      results.push({ response: (await transport.sendMail(letter)).response });
    } catch (error) {
      results.push({ code: error.responseCode, error: error.response || String(error) });
    }
  }
  transport.close();
  console.log(JSON.stringify(results));
}

main();
