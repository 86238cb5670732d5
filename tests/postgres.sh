#!/bin/sh
# postgres.sh start|stop DIR: a private PostgreSQL server for tests, with default settings (fsync on).
#
# Data, socket and log lie in a folder of their own under $TMPDIR; nothing global is touched, and any number of them run side
# by side. DIR/url then holds where it is, `postgres://…`; DIR/place the folder. As root it runs as another user, because the
# server refuses root. Exit code 77: PostgreSQL is not installed.
set -eu
verb=${1:?start or stop} dir=${2:?directory}
bin=""
for candidate in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV) "$(dirname "$(command -v pg_ctl || echo /nowhere/x)")"; do
  [ -x "$candidate/initdb" ] && { bin=$candidate; break; }
done
[ -n "$bin" ] || { echo "PostgreSQL is not installed: apt install postgresql"; exit 77; }

user=$(id -un)
if [ "$(id -u)" -eq 0 ]; then
  user=nobody
  id postgres >/dev/null 2>&1 && user=postgres
fi
as() {
  if [ "$(id -u)" -eq 0 ]; then (cd / && setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "$@"); else "$@"; fi
}
stop() {
  [ -f "$dir/place" ] || return 0
  place=$(cat "$dir/place")
  [ -f "$place/data/postmaster.pid" ] && as "$bin/pg_ctl" -D "$place/data" -m immediate -w stop >/dev/null 2>&1 || true
  rm -rf "$place"
  rm -f "$dir/place" "$dir/url"
}

case $verb in
  start)
    mkdir -p "$dir"
    stop
    place=$(mktemp -d "${TMPDIR:-/tmp}/bfl-postgres.XXXXXX")
    chmod 755 "$place"
    [ "$(id -u)" -ne 0 ] || chown "$user" "$place"
    echo "$place" >"$dir/place"
    as "$bin/initdb" -D "$place/data" -U bfl -A trust --locale=C.UTF-8 -E UTF8 --no-sync >"$place/initdb.log" 2>&1 ||
      { cat "$place/initdb.log"; exit 1; }
    for attempt in 1 2 3 4 5 6 7 8; do
      port=$(awk -v seed="$$$attempt" 'BEGIN { srand(seed); print 20000 + int(rand() * 30000) }')
      if as "$bin/pg_ctl" -D "$place/data" -l "$place/log" -w -t 60 \
        -o "-p $port -k $place -c listen_addresses=127.0.0.1" start >/dev/null 2>&1; then
        echo "postgres://bfl@127.0.0.1:$port/postgres" >"$dir/url"
        echo "host=$place port=$port user=bfl dbname=postgres" >"$dir/socket"
        exit 0
      fi
    done
    cat "$place/log"
    exit 1 ;;
  stop) stop ;;
  *) echo "usage: $0 start|stop DIR" >&2; exit 2 ;;
esac
