"""Rounds to ratios, ratios to a table."""
import statistics
from dataclasses import dataclass, field


@dataclass
class Row:
  """One line of the table. `ours` and `theirs` are in step: one pair a round. Not `relative`: the goal bounds `ours` itself."""
  measure: str
  against: str
  goal: float
  unit: str = "s"                  # of ours and theirs
  ours: list = field(default_factory=list)
  theirs: list = field(default_factory=list)
  our_cpu: list = field(default_factory=list)
  their_cpu: list = field(default_factory=list)
  missing: str = ""                # why it was not measured
  relative: bool = True
  at_least: bool = False           # the goal is a lower bound

  def ratios(self):
    return [a / b for a, b in zip(self.ours, self.theirs)] if self.relative else list(self.ours)

  def measured(self):
    return statistics.median(self.ratios()) if self.ours else None

  def ok(self):
    if self.goal is None or not self.ours:
      return None
    return self.measured() >= self.goal if self.at_least else self.measured() <= self.goal


def amount(value, unit):
  if unit == "s":
    return f"{value * 1000:.1f} ms" if value < 0.5 else f"{value:.2f} s"
  if unit == "MiB":
    return f"{value:.1f} MiB"
  if unit == "MB/s":
    return f"{value:.0f} MB/s"
  return f"{value:.2f} {unit}".strip()


def cells(row):
  factor = "×" if row.relative else " " + row.unit
  goal = "" if row.goal is None else f"{'≥' if row.at_least else '≤'} {row.goal:g}{factor}"
  if not row.ours:
    return [row.measure, row.against, "", "", row.missing or "not measured", "", "", goal, ""]
  ratios = row.ratios()
  shown = (lambda value: f"{value:.2f}×") if row.relative else (lambda value: amount(value, row.unit))
  spread = f"{shown(min(ratios))} to {shown(max(ratios))}" if len(ratios) > 1 else ""
  cpu = ""
  if row.our_cpu and row.their_cpu and min(row.their_cpu) > 0:
    cpu = f"{statistics.median(a / b for a, b in zip(row.our_cpu, row.their_cpu)):.2f}×"
  ours = amount(statistics.median(row.ours), row.unit) if row.relative else ""
  theirs = amount(statistics.median(row.theirs), row.unit) if row.relative else ""
  result = {True: "ok", False: "**missed**", None: ""}[row.ok()]
  return [row.measure, row.against, ours, theirs, shown(row.measured()), spread, cpu, goal, result]


def markdown(rows):
  head = ["measure", "against", "bfl", "alternative", "measured", "spread", "CPU", "goal", "result"]
  lines = ["| " + " | ".join(head) + " |", "|---|---|---:|---:|---:|---:|---:|---:|---|"]
  for row in rows:
    lines.append("| " + " | ".join(cells(row)) + " |")
  return "\n".join(lines)


def readme(rows):
  """The table of README.md: what, against what, the goal, and what was measured."""
  lines = ["| measure | against | goal | measured |", "|---|---|---:|---:|"]
  for row in rows:
    measure, against, ours, theirs, measured, _, _, goal, result = cells(row)
    if not row.ours:
      measured = "not measured"
    elif row.relative:
      measured = f"**{measured}** ({ours} : {theirs})"
    else:
      measured = f"**{measured}**"
    lines.append(f"| {measure} | {against} | {goal} | {measured}{' — missed' if 'missed' in result else ''} |")
  return "\n".join(lines)


def as_json(row):
  return {
    "measure": row.measure, "against": row.against, "unit": row.unit, "goal": row.goal, "measured": row.measured(),
    "ok": row.ok(), "bfl": row.ours, "alternative": row.theirs, "bfl_cpu": row.our_cpu, "alternative_cpu": row.their_cpu,
    "missing": row.missing,
  }
