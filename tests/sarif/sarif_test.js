// `bfl lint --format sarif` against the schema of SARIF 2.1.0: sarif_test.js PACKAGES BFL.
'use strict';
const assert = require('assert');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { spawnSync, execFileSync } = require('child_process');
const [packages, bfl] = process.argv.slice(2).map((given) => path.resolve(given));
const modules = path.join(packages, 'node_modules');
const Ajv = require(path.join(modules, 'ajv'));
const schemas = path.join(modules, '@microsoft/jest-sarif/lib/schemas');
const [schema] = fs.readdirSync(schemas).filter((name) => name.startsWith('sarif-2.1.0'));
const ajv = new Ajv({ allErrors: true, schemaId: 'auto', unknownFormats: 'ignore', logger: false });
ajv.addMetaSchema(JSON.parse(fs.readFileSync(path.join(modules, 'ajv/lib/refs/json-schema-draft-04.json'), 'utf8')));
const valid = ajv.compile(JSON.parse(fs.readFileSync(path.join(schemas, schema), 'utf8')));
const root = path.resolve(__dirname, '../..');
const examples = path.join(root, 'interpreter/lint/examples');

function held(words, folder) {
  const done = spawnSync(bfl, ['lint', '--format', 'sarif', ...words], { cwd: folder, encoding: 'utf8' });
  assert(done.status === 0 || done.status === 1, done.stderr);
  const log = JSON.parse(done.stdout);
  assert(valid(log), JSON.stringify(valid.errors, null, 1));
  return log.runs[0];
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bfl-sarif-'));
execFileSync('sh', [path.join(root, 'examples/make_shop.sh'), path.join(folder, 'shop.db')], { stdio: 'ignore' });
for (const name of fs.readdirSync(examples)) fs.copyFileSync(path.join(examples, name), path.join(folder, name));
fs.rmSync(path.join(folder, 'fixed-place.fail.bfl'));  // names a database of another machine
const all = held(['.'], folder);
const found = new Set(all.results.map((result) => result.ruleId));
assert(found.size >= 44, `${found.size} rules have a result: ${[...found].sort()}`);
held(['unfiltered-delete.pass.bfl'], folder);
const without = held(['--offline', 'unfiltered-delete.fail.bfl'], folder);
assert(without.invocations[0].toolExecutionNotifications.length === 1, 'what was left out is said');
// The validator is one: what is no SARIF is refused.
assert(!valid({ version: '2.1.0' }) && !valid({ version: '2.1.0', runs: [{ tool: {} }] }));
fs.rmSync(folder, { recursive: true });
console.log(`${all.results.length} results of ${found.size} rules, valid by ${schema}`);
