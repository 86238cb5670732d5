#!/bin/sh
# packages.sh FOLDER DIR: the package of FOLDER in DIR, with what its lock file pins; nothing is fetched when that is there.
set -eu
here=$(cd "$1" && pwd)
shift
for tool in node npm; do
  command -v "$tool" >/dev/null || { echo "error: $tool is missing; tests/install.sh names what the tests need" >&2; exit 1; }
done
mkdir -p "$1"
if [ -d "$1/node_modules" ] && cmp -s "$here/package-lock.json" "$1/package-lock.json"; then
  echo "packages are there"
  exit 0
fi
cp "$here/package.json" "$1/"
rm -f "$1/package-lock.json"
mkdir -p "$1/fetching"
cp "$here/package.json" "$here/package-lock.json" "$1/fetching/"
# Scripts of packages are not run, and what is optional (a keyring, a signer) is left out.
npm ci --prefix "$1/fetching" --ignore-scripts --omit=optional --no-audit --no-fund --prefer-offline
rm -rf "$1/node_modules"
mv "$1/fetching/node_modules" "$1/node_modules"
mv "$1/fetching/package-lock.json" "$1/package-lock.json"
rm -rf "$1/fetching"
