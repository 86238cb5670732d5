// The TextMate grammar in the engine that VS Code uses: grammar_test.js PACKAGES. Each colours/*.bfl has beside it what each of its
// tokens is; BFL_ACCEPT=1 writes that anew. Every other job of the tree is read for tokens that must not be.
'use strict';
const fs = require('fs');
const path = require('path');
const packages = process.argv[2];
const from = (name) => require(path.join(packages, 'node_modules', name));
const { INITIAL, Registry, parseRawGrammar } = from('vscode-textmate');
const oniguruma = from('vscode-oniguruma');
const root = path.resolve(__dirname, '../..');
const grammarPath = path.join(root, 'editors/vscode/syntaxes/bfl.tmLanguage.json');

function jobs(folder) {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const at = path.join(folder, entry.name);
    return entry.isDirectory() ? jobs(at) : entry.name.endsWith('.bfl') ? [at] : [];
  });
}

function tokens(grammar, text) {
  let stack = INITIAL;
  return text.split('\n').map((line) => {
    const { tokens: found, ruleStack } = grammar.tokenizeLine(line, stack);
    stack = ruleStack;
    return found.map((token) => ({ text: line.slice(token.startIndex, token.endIndex), scopes: token.scopes.slice(1) })).filter((token) => token.text.trim());
  });
}

const shown = (lines) => lines.map((line) => line.map((token) => `${token.text.trim()}  ${token.scopes.join(' ')}\n`).join('')).filter(Boolean).join('\n');

async function main() {
  await oniguruma.loadWASM(fs.readFileSync(path.join(packages, 'node_modules/vscode-oniguruma/release/onig.wasm')).buffer);
  const registry = new Registry({
    onigLib: Promise.resolve({ createOnigScanner: (s) => new oniguruma.OnigScanner(s), createOnigString: (s) => new oniguruma.OnigString(s) }),
    loadGrammar: async () => parseRawGrammar(fs.readFileSync(grammarPath, 'utf8'), grammarPath),
  });
  const grammar = await registry.loadGrammar('source.bfl');
  let failures = 0;
  const fail = (what) => { failures++; console.log(what); };

  const samples = jobs(path.join(__dirname, 'colours'));
  if (!samples.length) fail('no samples');
  for (const sample of samples) {
    const golden = sample.replace(/\.bfl$/, '.scopes');
    const now = shown(tokens(grammar, fs.readFileSync(sample, 'utf8')));
    if (process.env.BFL_ACCEPT) fs.writeFileSync(golden, now);
    const before = fs.existsSync(golden) ? fs.readFileSync(golden, 'utf8') : '';
    if (now === before) continue;
    const a = before.split('\n'), b = now.split('\n');
    const first = b.findIndex((line, i) => line !== a[i]);
    fail(`${path.basename(sample)}: line ${first + 1} of the scopes: was \`${a[first]}\`, is \`${b[first]}\``);
  }

  // In every job that is sound: the column behind `set` is a name, what stands behind a point is one, and no text runs over its line.
  let read = 0;
  for (const job of [...jobs(path.join(root, 'examples')), ...jobs(path.join(root, 'stdlib')), ...jobs(path.join(root, 'tests/corpus'))]) {
    read++;
    tokens(grammar, fs.readFileSync(job, 'utf8')).forEach((line, number) => {
      line.forEach((token, i) => {
        const scope = token.scopes.join(' '), before = line[i - 1];
        const code = !/string|comment/.test(scope);
        if (code && before && before.text.trim() === 'set' && /keyword|storage/.test(before.scopes.join(' ')) && /keyword|storage/.test(scope))
          fail(`${path.relative(root, job)}:${number + 1}: the column \`${token.text}\` is ${scope}`);
        if (code && /^[A-Za-z_]/.test(token.text) && before && /\.$/.test(before.text) && !/string|comment/.test(before.scopes.join(' ')) && /keyword|storage/.test(scope))
          fail(`${path.relative(root, job)}:${number + 1}: behind a point \`${token.text}\` is ${scope}`);
      });
    });
  }
  console.log(failures ? `${failures} failures` : `${samples.length} samples hold, ${read} jobs read`);
  process.exit(failures ? 1 : 0);
}
main();
