// Starts `bfl lsp` for the jobs of the window, and shows plans in a terminal.
'use strict';
const { Uri, commands, window, workspace } = require('vscode');
const { LanguageClient } = require('vscode-languageclient/node');

let client;

async function activate(context) {
  const settings = workspace.getConfiguration('bfl');
  const command = settings.get('path') || 'bfl';
  const shown = (id, name, words) =>
    commands.registerCommand(id, (uri) => {
      const file = uri ? Uri.parse(uri).fsPath : window.activeTextEditor && window.activeTextEditor.document.fileName;
      if (!file) return;
      window.createTerminal({ name, shellPath: command, shellArgs: [...words, file] }).show();
    });
  context.subscriptions.push(shown('bfl.plan', 'bfl plan', ['plan']), shown('bfl.dryRun', 'bfl run --dry-run', ['run', '--dry-run']));
  if (!settings.get('server')) return;
  client = new LanguageClient(
    'bfl',
    'bfl',
    { command, args: ['lsp'] },
    { documentSelector: [{ scheme: 'file', language: 'bfl' }], initializationOptions: { plan: true } }
  );
  await client.start();
}

async function deactivate() {
  if (client) await client.stop();
}

module.exports = { activate, deactivate };
