// Renders templates with npm's handlebars: the oracle of test/oracle/test_handlebars.py.
// The same protocol as test/oracle/template_render.c: a JSON object a line, in and out.
'use strict';
const handlebars = require('handlebars');
const readline = require('readline');

handlebars.logger.level = 'none';

// Two unescaped numbers side by side at the start of a block are added there, which nobody wants:
// here each is a text.
const compiler = handlebars.JavaScriptCompiler.prototype;
const append = compiler.append;
compiler.append = function () {
  if (!this.isInline()) return append.call(this);
  this.replaceStack((current) => [' != null ? "" + ', current, ' : ""']);
  this.pushSource(this.appendToBuffer(this.popStack()));
};

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
