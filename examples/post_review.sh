#!/bin/sh
# post_review.sh BASE: for each job that differs from the revision BASE, its lint, what changed in meaning, and the plan, as Markdown on
# standard output. BFL_SOURCE, if set, is given as --source: a copy of the database that may be read.
set -eu
base=${1:?usage: post_review.sh BASE}
bfl=${BFL:-bfl}
set -- ${BFL_SOURCE:+--source "$BFL_SOURCE"}
echo '<!-- bfl: review -->'
git diff --name-only --diff-filter=AMR "$base" -- '*.bfl' | while IFS= read -r job; do
  if git cat-file -e "$base:$job" 2>/dev/null; then
    "$bfl" diff --git "$base" "$job" "$@" --format markdown 2>&1 || true  # what is wrong with it is shown
  else
    printf '### new job `%s`\n' "$job"
  fi
  for part in "fmt --check" lint plan; do
    printf '\n<details><summary>bfl %s</summary>\n\n```text\n' "$part"
    if [ "$part" = "fmt --check" ]; then $bfl $part "$job" 2>&1 || true; else "$bfl" $part "$job" "$@" 2>&1 || true; fi
    printf '```\n</details>\n'
  done
done
