// `bfl lsp`, driven by the protocol's own client: server_test.js PACKAGES BFL.
'use strict';
const assert = require('assert');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { execFileSync, spawn, spawnSync } = require('child_process');
const [packages, bfl] = process.argv.slice(2);
const rpc = require(path.join(packages, 'node_modules/vscode-jsonrpc/node'));
const lsp = require(path.join(packages, 'node_modules/vscode-languageserver-protocol/node'));
const root = path.resolve(__dirname, '../..');

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bfl-lsp-'));
const uri = 'file://' + path.join(folder, 'job.bfl');
const TEXT = `job fix { why "Tax 😀 was left out." }

param since: date = 2025-03-01

source shop = sqlite("shop.db")

# The rows that are wrong.
let wrong = shop.orders as o
  where created_at >= since
  where o.total != subtotal + tax
  derive { gross = subtotal + tax }

fn twice(n: decimal) -> decimal = n + n

update fix_totals of wrong {
  set total = twice(gross) - gross
  set note = upper("😀") + upper("b")
}

verify none_left after fix_totals {
  assert count(wrong) == 0
}
`;

// Where the number-th \`what\` stands, as the protocol counts.
function at(text, what, number = 1, inside = 0) {
  let index = -1;
  for (let i = 0; i < number; i++) index = text.indexOf(what, index + 1);
  assert(index >= 0, `${what} is not in the text`);
  const before = text.slice(0, index + inside).split('\n');
  return { line: before.length - 1, character: before[before.length - 1].length };
}
const slice = (text, range) => {
  const lines = text.split('\n');
  assert.strictEqual(range.start.line, range.end.line);
  return lines[range.start.line].slice(range.start.character, range.end.character);
};

function apply(text, edits) {
  const lines = text.split('\n');
  const offset = (p) => lines.slice(0, p.line).reduce((sum, line) => sum + line.length + 1, 0) + p.character;
  return [...edits].sort((a, b) => offset(b.range.start) - offset(a.range.start)).reduce((all, e) => all.slice(0, offset(e.range.start)) + e.newText + all.slice(offset(e.range.end)), text);
}

async function main() {
  execFileSync('sh', [path.join(root, 'examples/make_shop.sh'), path.join(folder, 'shop.db')], { stdio: 'ignore' });
  const server = spawn(bfl, ['lsp', '--stdio'], { cwd: os.tmpdir() });
  const connection = rpc.createMessageConnection(new rpc.StreamMessageReader(server.stdout), new rpc.StreamMessageWriter(server.stdin));
  const arrived = [];
  const waiting = [];
  connection.onNotification(lsp.PublishDiagnosticsNotification.type, (params) => (waiting.length ? waiting.shift()(params) : arrived.push(params)));
  // What is wrong, and beside it what `bfl lint` finds.
  const next = async () => {
    const told = await (arrived.length ? arrived.shift() : new Promise((resolve) => waiting.push(resolve)));
    const of = (source) => told.diagnostics.filter((d) => d.source === source);
    return { version: told.version, diagnostics: of('bfl'), findings: of('bfl lint') };
  };
  connection.listen();
  const ask = (type, params) => connection.sendRequest(type, { textDocument: { uri }, ...params });

  const { capabilities } = await connection.sendRequest(lsp.InitializeRequest.type, { processId: process.pid, rootUri: null, capabilities: {}, initializationOptions: { plan: true } });
  await connection.sendNotification(lsp.InitializedNotification.type, {});
  assert.strictEqual(capabilities.textDocumentSync.change, lsp.TextDocumentSyncKind.Incremental);

  let text = TEXT, version = 1;
  await connection.sendNotification(lsp.DidOpenTextDocumentNotification.type, { textDocument: { uri, languageId: 'bfl', version, text } });
  const opened = await next();
  assert.deepStrictEqual(opened.diagnostics, []);
  fs.writeFileSync(path.join(folder, 'job.bfl'), TEXT);
  const linted = JSON.parse(spawnSync(bfl, ['lint', '--json', '--offline', path.join(folder, 'job.bfl')], { encoding: 'utf8' }).stdout);
  assert.deepStrictEqual(opened.findings.map((d) => [d.code, d.message.split('\n')[0]]), linted.files[0].findings.map((d) => [d.code, d.message]));
  assert(opened.findings.length > 0);
  const change = async (what, by, number = 1) => {
    const start = at(text, what, number), end = at(text, what, number, what.length);
    text = apply(text, [{ range: { start, end }, newText: by }]);
    await connection.sendNotification(lsp.DidChangeTextDocumentNotification.type, { textDocument: { uri, version: ++version }, contentChanges: [{ range: { start, end }, text: by }] });
    const found = await next();
    assert.strictEqual(found.version, version);
    return found.diagnostics;
  };
  // What the command says of the same text.
  const checked = () => {
    fs.writeFileSync(path.join(folder, 'job.bfl'), text);
    const done = spawnSync(bfl, ['check', '--json', path.join(folder, 'job.bfl')], { encoding: 'utf8' });
    return JSON.parse(done.stdout).diagnostics.map((d) => [d.code, d.severity, d.message, Buffer.from(text).subarray(d.begin, d.end).toString()]);
  };
  const same = (diagnostics) =>
    assert.deepStrictEqual(
      diagnostics.map((d) => [d.code, { 1: 'error', 2: 'warning' }[d.severity], d.message.split('\n')[0], slice(text, d.range)]), checked());

  // Without a catalogue: nothing is said of tables and columns, all else is.
  let hover = await ask(lsp.HoverRequest.type, { position: at(text, 'upper("b")') });
  assert(/fn upper\(s: text\) -> text/.test(hover.contents.value) && /std\.text/.test(hover.contents.value), JSON.stringify(hover));
  assert.strictEqual(slice(text, hover.range), 'upper');
  const lenses = await ask(lsp.CodeLensRequest.type, {});
  assert.deepStrictEqual(lenses.map((lens) => lens.command.title), ['plan', 'dry run', 'read the catalogue']);
  let found = await change('upper("b")', 'uper("b")');
  assert.deepStrictEqual(found.map((d) => slice(text, d.range)), ['uper']);
  assert(/unknown function `uper`\nhelp: did you mean `upper`\?/.test(found[0].message), found[0].message);
  const [action] = await ask(lsp.CodeActionRequest.type, { range: found[0].range, context: { diagnostics: found } });
  assert.strictEqual(action.title, 'write `upper`');
  assert.strictEqual(apply(text, action.edit.changes[uri]), TEXT);
  assert.deepStrictEqual(await change('uper("b")', 'upper("b")'), []);

  // The catalogue is read when it is asked for.
  await connection.sendRequest(lsp.ExecuteCommandRequest.type, { command: 'bfl.readCatalogue', arguments: [uri] });
  assert.deepStrictEqual((await next()).diagnostics, []);
  hover = await ask(lsp.HoverRequest.type, { position: at(text, 'created_at') });
  assert(/column created_at: timestamp/.test(hover.contents.value) && /shop\.orders\.created_at/.test(hover.contents.value), hover.contents.value);
  hover = await ask(lsp.HoverRequest.type, { position: at(text, 'orders') });
  assert(/\| `total` \| decimal\?? \|/.test(hover.contents.value), hover.contents.value);
  hover = await ask(lsp.HoverRequest.type, { position: at(text, 'wrong {') });
  assert(/The rows that are wrong\./.test(hover.contents.value), hover.contents.value);
  for (const [from, to] of [['created_at', 'create_at'], ['subtotal + tax\n', 'subtotal + taxx\n'], ['  set note = u', '  set total = u'], ['shop.orders', 'shop.order'], ['twice(gross)', 'twice("a", 1)'],
    ['>= since', '>= sinc'], ['after fix_totals', 'after fix_total'], ['count(wrong) == 0', 'count(wrong) == "😀"'], ['{ gross', '{ 😀'], ['where o.total', 'were o.total'], ['update fix_totals', 'update none_left']]) {
    same(await change(from, to));
    assert(checked().length > 0, to);
    same(await change(to, from));
  }

  // Names: where they come from, where else they stand, and another one for all of them.
  const definition = await ask(lsp.DefinitionRequest.type, { position: at(text, 'gross', 2) });
  assert.deepStrictEqual(definition.range.start, at(text, 'gross'));
  const references = await ask(lsp.ReferencesRequest.type, { position: at(text, 'wrong', 2), context: { includeDeclaration: true } });
  assert.strictEqual(references.length, 3, JSON.stringify(references.map((r) => r.range)));
  for (const place of references) assert.strictEqual(slice(text, place.range), 'wrong');
  for (const [name, number, to, count] of [['since', 1, 'from_day', 2], ['wrong', 3, 'bad', 3], ['gross', 1, 'both', 3], ['twice', 1, 'double', 2], ['o.total', 1, 'r', 2], ['n + n', 1, 'x', 3]]) {
    const edit = await ask(lsp.RenameRequest.type, { position: at(text, name, number), newName: to });
    assert.strictEqual(edit.changes[uri].length, count, name);
    const renamed = apply(text, edit.changes[uri]);
    fs.writeFileSync(path.join(folder, 'job.bfl'), renamed);
    assert.strictEqual(spawnSync(bfl, ['check', path.join(folder, 'job.bfl')]).status, 0, renamed);
  }
  await assert.rejects(ask(lsp.RenameRequest.type, { position: at(text, 'fix_totals'), newName: 'x' }), /identity in the ledger/);
  await assert.rejects(ask(lsp.RenameRequest.type, { position: at(text, 'created_at'), newName: 'x' }), /not defined in this file/);
  await assert.rejects(ask(lsp.RenameRequest.type, { position: at(text, 'gross'), newName: 'wrong' }), /is taken/);

  // What may stand there.
  const labels = async (position) => (await ask(lsp.CompletionRequest.type, { position })).map((item) => item.label);
  assert((await labels(at(text, 'shop.orders', 1, 5))).includes('customers'));
  assert((await labels(at(text, 'o.total', 1, 2))).includes('line_count'));
  assert((await labels(at(text, 'after fix', 1, 6))).includes('fix_totals'));
  const anything = await labels(at(text, 'created_at'));
  for (const word of ['subtotal', 'since', 'lower', 'where', 'wrong', 'gross']) assert(anything.includes(word), word);
  assert.deepStrictEqual(await labels(at(text, 'rows that')), []);
  await change('  set note', '  set tax = \n  set note');  // while somebody types
  assert((await labels(at(text, 'tax = \n', 1, 6))).includes('subtotal'));
  await change('  set tax = \n', '');

  // The outline, folds, colours, hints.
  const outline = await ask(lsp.DocumentSymbolRequest.type, {});
  assert.deepStrictEqual(outline.map((item) => item.detail + ' ' + item.name), ['job fix', 'param since', 'source shop', 'let wrong', 'fn twice', 'update fix_totals', 'verify none_left']);
  for (const item of outline) assert.strictEqual(slice(text, item.selectionRange), item.name);
  const folds = await ask(lsp.FoldingRangeRequest.type, {});
  assert(folds.some((fold) => fold.startLine === at(text, 'update').line && fold.endLine === at(text, 'update').line + 3), JSON.stringify(folds));
  const { data } = await ask(lsp.SemanticTokensRequest.type, {});
  const words = [];
  for (let i = 0, line = 0, character = 0; i < data.length; i += 5) {
    character = data[i] ? data[i + 1] : character + data[i + 1];
    line += data[i];
    words.push([capabilities.semanticTokensProvider.legend.tokenTypes[data[i + 3]], text.split('\n')[line].slice(character, character + data[i + 2])].join(' '));
  }
  for (const word of ['parameter since', 'namespace shop', 'class orders', 'property total', 'function upper', 'event fix_totals', 'variable wrong', 'property gross']) assert(words.includes(word), word + ': ' + words);
  assert.strictEqual(words.filter((word) => word === 'function upper').length, 2);  // the second stands behind a character of two units
  const hints = await ask(lsp.InlayHintRequest.type, { range: { start: { line: 0, character: 0 }, end: { line: 99, character: 0 } } });
  assert.deepStrictEqual(hints.map((hint) => hint.label), [': decimal', ' convergent']);

  // The layout of `bfl fmt`, and nothing where there are mistakes.
  await change('set total = twice', 'set   total=twice');
  const edits = await ask(lsp.DocumentFormattingRequest.type, { options: { tabSize: 2, insertSpaces: true } });
  const laidOut = apply(text, edits);
  assert.strictEqual(laidOut, execFileSync(bfl, ['fmt', '-'], { input: text, encoding: 'utf8' }));
  assert(edits.length === 1 && edits[0].range.start.line === at(text, 'set   total').line, JSON.stringify(edits));
  await change('set   total=twice', 'set total = = twice');
  await assert.rejects(ask(lsp.DocumentFormattingRequest.type, { options: { tabSize: 2, insertSpaces: true } }));
  await change('set total = = twice', 'set total = twice');

  // What the project keeps of its database is known without asking it: types while one types, columns, sizes.
  fs.mkdirSync(path.join(folder, 'kept'));
  fs.writeFileSync(path.join(folder, 'kept/job.bfl'), TEXT.replace('sqlite("shop.db")', 'env("NO_SUCH_VARIABLE")'));
  execFileSync(bfl, ['schema', 'pull', 'job.bfl', '--source', 'shop=sqlite:../shop.db'], { cwd: path.join(folder, 'kept') });
  fs.renameSync(path.join(folder, 'shop.db'), path.join(folder, 'away.db'));
  const kept = { uri: uri.replace('job.bfl', 'kept/job.bfl'), languageId: 'bfl', version: 1, text: fs.readFileSync(path.join(folder, 'kept/job.bfl'), 'utf8') };
  await connection.sendNotification(lsp.DidOpenTextDocumentNotification.type, { textDocument: kept });
  assert.deepStrictEqual((await next()).diagnostics, []);
  const of_kept = (type, params) => connection.sendRequest(type, { textDocument: { uri: kept.uri }, ...params });
  hover = await of_kept(lsp.HoverRequest.type, { position: at(kept.text, 'orders') });
  assert(/about 1,000 rows/.test(hover.contents.value) && /\| `total` \| decimal\?? \| NUMERIC\(12,2\) \|/.test(hover.contents.value), hover.contents.value);
  hover = await of_kept(lsp.HoverRequest.type, { position: at(kept.text, 'created_at') });
  assert(/column created_at: timestamp/.test(hover.contents.value), hover.contents.value);
  assert((await of_kept(lsp.CompletionRequest.type, { position: at(kept.text, 'o.total', 1, 2) })).some((item) => item.label === 'line_count'));
  await connection.sendNotification(lsp.DidChangeTextDocumentNotification.type, { textDocument: { uri: kept.uri, version: 2 }, contentChanges: [{ range: { start: at(kept.text, 'created_at'), end: at(kept.text, 'created_at', 1, 2) }, text: 'k' }] });
  assert(/`created_at`/.test((await next()).diagnostics[0].message));
  fs.renameSync(path.join(folder, 'away.db'), path.join(folder, 'shop.db'));

  // A long job: a keystroke and what is wrong then.
  const steps = Array.from({ length: 400 }, (_, i) => `# Step ${i}.\nupdate step_${i} of shop.orders where id == ${i} and total != subtotal + tax {\n  set total = subtotal + tax\n}\n`).join('\n');
  text = 'job long { why "Long." }\nsource shop = sqlite("shop.db")\n' + steps;
  const long = { uri: uri.replace('job.bfl', 'long.bfl'), languageId: 'bfl', version: 1, text };
  await connection.sendNotification(lsp.DidOpenTextDocumentNotification.type, { textDocument: long });
  await next();
  const times = [];
  for (let i = 0; i < 20; i++) {
    const start = at(text, 'set total', 200);
    const began = process.hrtime.bigint();
    await connection.sendNotification(lsp.DidChangeTextDocumentNotification.type, { textDocument: { uri: long.uri, version: i + 2 }, contentChanges: [{ range: { start, end: start }, text: ' ' }] });
    assert.deepStrictEqual((await next()).diagnostics, []);
    times.push(Number(process.hrtime.bigint() - began) / 1e6);
  }
  times.sort((a, b) => a - b);

  await connection.sendRequest(lsp.ShutdownRequest.type);
  await connection.sendNotification(lsp.ExitNotification.type);
  const code = await new Promise((resolve) => server.on('exit', resolve));
  assert.strictEqual(code, 0);
  connection.dispose();
  fs.rmSync(folder, { recursive: true });
  console.log(`a keystroke in ${text.split('\n').length} lines: ${times[10].toFixed(1)} ms, at worst ${times[19].toFixed(1)} ms`);
}
main().then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
