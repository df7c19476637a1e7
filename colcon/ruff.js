// ruff.js PACKAGE RULES IGNORED FILE...: checks Python files with ruff's WebAssembly build, where there is no ruff.
const { readFileSync } = require('fs');
const [, , folder, rules, ignored, ...files] = process.argv;
const { PositionEncoding, Workspace } = require(folder);

const workspace = new Workspace(
  { 'target-version': 'py310', lint: { select: rules.split(','), ignore: ignored.split(',') } }, PositionEncoding.Utf32);
let found = 0;
for (const file of files) {
  for (const { code, message, start_location: at } of workspace.check(readFileSync(file, 'utf8'))) {
    console.log(`${file}:${at.row}:${at.column}: ${code} ${message}`);
    found++;
  }
}
process.exitCode = found ? 1 : 0;
