#!/bin/sh
# The README's job from nothing: installs what is missing, builds bfl, makes a shop with wrong order totals, shows the plan,
# corrects them, shows the corrected rows, and runs again. ROWS is the number of orders (1,000 unless told).
#   sh examples/try.sh [ROWS]
set -eu
cd "$(dirname "$0")/.."
. tests/install.sh
# shellcheck disable=SC2086  # a list of words is meant
install_missing $build_packages

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
echo "building bfl (some minutes the first time)"
if ! { cmake -S . -B build -G Ninja && cmake --build build --target bfl; } >"$place/build.log" 2>&1; then
  cat "$place/build.log" >&2
  exit 1
fi
bfl=$PWD/build/bfl

cp examples/fix_order_totals.bfl "$place"
sh examples/make_shop.sh "$place/shop.db" "${1:-1000}"
cd "$place"

show() { printf '\n$ %s\n' "$*"; }
orders() {
  sqlite3 -header -column shop.db "SELECT id, created_at, subtotal, tax, total FROM orders
    WHERE created_at >= '2025-03-01' AND created_at < '2025-03-10' ORDER BY id LIMIT 5"
}

show "five of the wrong orders"
orders
show bfl plan fix_order_totals.bfl
"$bfl" plan fix_order_totals.bfl
show bfl run fix_order_totals.bfl
"$bfl" run fix_order_totals.bfl
show "the same five orders"
orders
show bfl run fix_order_totals.bfl
"$bfl" run fix_order_totals.bfl
