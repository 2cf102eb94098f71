// One call of mailgun.js: mailgun.js BASE KEY "messages.create" < [arguments]. A member
// {"$file": base64, "name": …} of an argument becomes a file. Prints {value} or {error}.
const FormData = require("form-data");
const Mailgun = require("mailgun.js").default || require("mailgun.js");
const [base, key, call] = process.argv.slice(2);

function revive(value) {
  if (Array.isArray(value)) return value.map(revive);
  if (value && typeof value === "object") {
    if ("$file" in value)
      return { filename: value.name, data: Buffer.from(value.$file, "base64") };
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, revive(one)]));
  }
  return value;
}

async function main() {
  const given = JSON.parse(require("fs").readFileSync(0)).map(revive);
  const client = new Mailgun(FormData).client({ username: "api", key, url: base });
  const path = call.split(".");
  const method = path.pop();
  let target = client;
  for (const name of path) target = target[name];
  try {
    console.log(JSON.stringify({ value: await target[method](...given) }));
  } catch (error) {
    console.log(JSON.stringify({ error: error.message, status: error.status,
      details: error.details }));
  }
}

main();
