// Renders templates with npm's handlebars: the oracle of test/oracle/test_handlebars.py.
// The same protocol as test/oracle/template_render.c: a JSON object a line, in and out.
'use strict';
const handlebars = require('handlebars');
const readline = require('readline');

handlebars.logger.level = 'none';

function answer(request) {
  try {
    const options = request.options || {};
    const render = handlebars.compile(request.template, options);
    const text = render(request.data, { partials: request.partials || {} });
    return { text: Buffer.from(text).toString() };
  } catch (error) {
    return { error: String(error.message) };
  }
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  process.stdout.write(JSON.stringify(answer(JSON.parse(line))) + '\n');
});
