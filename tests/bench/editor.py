"""What a keystroke costs: the language server, driven as an editor drives it, until it has said what is wrong with the new text."""
import json
import os
import statistics
import subprocess
import time

import gen_steps

LINES = 2000
KEYS = 100             # of a round


class Editor:
  """An open document. `type` puts text at a place and waits for the diagnostics of that version."""

  def __init__(self, bfl, job):
    self.server = subprocess.Popen([bfl, "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    self.uri, self.version, self.asked = "file://" + os.path.abspath(job), 1, 0
    self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
    with open(job) as text:
      self.send("textDocument/didOpen", {"textDocument": {"uri": self.uri, "languageId": "bfl", "version": 1, "text": text.read()}})
    self.first = self.told()

  def send(self, method, params, **more):
    body = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **more}).encode()
    self.server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    self.server.stdin.flush()

  def receive(self):
    length = 0
    while (line := self.server.stdout.readline().strip()):
      name, value = line.split(b":")
      if name.lower() == b"content-length":
        length = int(value)
    if not length:
      raise OSError("the language server went away")
    return json.loads(self.server.stdout.read(length))

  def ask(self, method, params):
    self.asked += 1
    self.send(method, params, id=self.asked)
    while (answer := self.receive()).get("id") != self.asked:
      pass
    return answer.get("result")

  def told(self):
    while (said := self.receive()).get("method") != "textDocument/publishDiagnostics" or said["params"].get("version") != self.version:
      pass
    return said["params"]["diagnostics"]

  def type(self, line, begin, end, text):
    self.version += 1
    place = {"start": {"line": line, "character": begin}, "end": {"line": line, "character": end}}
    began = time.perf_counter()
    self.send("textDocument/didChange", {"textDocument": {"uri": self.uri, "version": self.version}, "contentChanges": [{"range": place, "text": text}]})
    diagnostics = self.told()
    return time.perf_counter() - began, diagnostics

  def close(self):
    self.ask("shutdown", None)
    self.send("exit", None)
    self.server.wait(10)


def keystrokes(bfl, directory):
  """Seconds of the median keystroke in a job of 2,000 lines whose catalogue is kept: digits that come and go in the middle."""
  job, _ = gen_steps.make_bfl(directory, LINES // 4)  # a step is three lines and an empty one
  subprocess.run([bfl, "schema", "pull", job], check=True, stdout=subprocess.DEVNULL)
  with open(job) as text:
    lines = text.read().split("\n")
  line = next(i for i in range(len(lines) // 2, len(lines)) if lines[i].startswith("  set "))
  end = len(lines[line])
  editor = Editor(bfl, job)
  of_the_language = lambda found: [each for each in found if each["source"] == "bfl"]  # and nothing of `bfl lint`
  wrong = of_the_language(editor.first)
  if wrong:
    raise OSError(f"the job is not sound in the editor: {wrong[0]['message']}")
  times = []
  for key in range(KEYS):
    if key % 2 == 0:
      taken, found = editor.type(line, end, end, "7")
    else:
      taken, found = editor.type(line, end, end + 1, "")
    if found := of_the_language(found):
      raise OSError(f"a digit made the job wrong: {found[0]['message']}")
    times.append(taken)
  _, wrong = editor.type(line, 6, 7, "x")
  if not any("`x" in each["message"] for each in wrong):
    raise OSError("the editor does not know the columns")
  editor.close()
  return statistics.median(times)
