// The VS Code extension becomes a .vsix, and what it names is in it: extension_test.js PACKAGES.
'use strict';
const assert = require('assert');
const fs = require('fs');
const path = require('path');
const { execFileSync } = require('child_process');
const packages = process.argv[2];
const source = path.resolve(__dirname, '../../editors/vscode');

// The folder as it is in the tree, beside the packages.
for (const name of fs.readdirSync(source)) if (!/^(package-lock\.json|node_modules)$/.test(name)) fs.cpSync(path.join(source, name), path.join(packages, name), { recursive: true });
const vsix = path.join(packages, 'bfl.vsix');
fs.rmSync(vsix, { force: true });
execFileSync('node', [path.join(packages, 'node_modules/@vscode/vsce/vsce'), 'package', '--allow-missing-repository', '--skip-license', '-o', vsix], { cwd: packages, stdio: 'pipe' });

const listed = execFileSync('python3', ['-c', 'import sys, zipfile; print("\\n".join(zipfile.ZipFile(sys.argv[1]).namelist()))', vsix], { encoding: 'utf8' }).split('\n');
const manifest = JSON.parse(fs.readFileSync(path.join(source, 'package.json'), 'utf8'));
const named = [
  ...manifest.contributes.grammars.map((g) => g.path),
  ...manifest.contributes.snippets.map((s) => s.path),
  ...manifest.contributes.languages.map((l) => l.configuration),
  ...(manifest.main ? [manifest.main] : []),
];
for (const file of named) assert(listed.includes('extension/' + file.replace('./', '')), `${file} is not in the package`);
for (const file of listed) assert(!/vsce|oniguruma|textmate|\.map$/.test(file), `${file} does not belong into the package`);

// Snippets are words and bodies; the matcher of problems reads what bfl prints.
for (const [name, snippet] of Object.entries(JSON.parse(fs.readFileSync(path.join(source, 'snippets/bfl.json'), 'utf8'))))
  assert(snippet.prefix && Array.isArray(snippet.body) && snippet.description, name);
const [head, place] = manifest.contributes.problemMatchers[0].pattern.map((p) => new RegExp(p.regexp));
assert.deepStrictEqual('error[BFL0302]: unknown name `totl`'.match(head).slice(1), ['error', 'BFL0302', 'unknown name `totl`']);
assert.deepStrictEqual('  --> jobs/fix.bfl:9:13'.match(place).slice(1), ['jobs/fix.bfl', '9', '13']);
console.log(`${path.basename(vsix)}: ${listed.length - 1} files, ${fs.statSync(vsix).size} bytes`);
