"""Starting programs and measuring them from outside: wall time, CPU time, peak memory."""
import os
import subprocess
import time
from dataclasses import dataclass


@dataclass
class Usage:
  wall: float
  cpu: float          # user + system
  code: int


def timed(command, directory=None, stderr=None):
  """Runs a command to its end. posix_spawn, because fork from a large Python costs more than the programs measured."""
  sink = os.open(os.devnull, os.O_RDWR)
  errors = os.open(stderr, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600) if stderr else sink
  actions = [(os.POSIX_SPAWN_DUP2, sink, 0), (os.POSIX_SPAWN_DUP2, sink, 1), (os.POSIX_SPAWN_DUP2, errors, 2)]
  here = os.getcwd()
  if directory:
    os.chdir(directory)
  try:
    start = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
    _, status, used = os.wait4(pid, 0)
    wall = time.perf_counter() - start
  finally:
    if directory:
      os.chdir(here)
    os.close(sink)
    if stderr:
      os.close(errors)
  return Usage(wall, used.ru_utime + used.ru_stime, os.waitstatus_to_exitcode(status))


def peak_memory(command):
  """Peak resident bytes of a command. VmHWM is polled, because ru_maxrss of a child counts the parent that started it."""
  child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
  peak = 0
  while child.poll() is None:
    try:
      with open(f"/proc/{child.pid}/status") as status:
        for line in status:
          if line.startswith("VmHWM"):
            peak = max(peak, int(line.split()[1]) * 1024)
    except OSError:
      pass
    time.sleep(0.002)
  return peak, child.returncode
