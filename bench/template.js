// Renders of npm's handlebars: node template.js TEMPLATE.hbs DATA.json SECONDS prints renders a
// second. Each ends as bytes, as a letter needs them.
'use strict';
const fs = require('fs');
const path = require('path');
const handlebars = require(path.join(__dirname, '..', 'test', 'node', 'node_modules', 'handlebars'));

const [source, text, seconds] = process.argv.slice(2);
const render = handlebars.compile(fs.readFileSync(source, 'utf8'));
const data = JSON.parse(fs.readFileSync(text, 'utf8'));
const out = Buffer.alloc(1 << 20);
let length = 0;
for (let i = 0; i < 100000; i++) length = out.write(render(data));
const start = process.hrtime.bigint();
const end = start + BigInt(Math.round(Number(seconds) * 1e9));
let renders = 0;
let at = start;
while (at < end) {
  for (let i = 0; i < 1000; i++, renders++) length = out.write(render(data));
  at = process.hrtime.bigint();
}
console.log((renders / (Number(at - start) / 1e9)).toFixed(0), length);
