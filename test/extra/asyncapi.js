// Reads the AsyncAPI document of the file that is its argument with asyncapi's own parser, and says what that finds wrong.
const { Parser } = require('@asyncapi/parser');

new Parser().parse(require('fs').readFileSync(process.argv[2], 'utf8')).then(({ document, diagnostics }) => {
  const errors = diagnostics.filter((d) => d.severity === 0);
  errors.forEach((d) => console.error(`${d.path.join('.')}: ${d.message}`));
  if (!document || errors.length > 0) process.exit(1);
  console.log(`${document.operations().length} operations on ${document.channels().length} channels`);
});
