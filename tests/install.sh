# The Debian packages that bfl needs, and how to get those that are missing. Sourced by tests/run.sh and examples/try.sh.
# Nothing is downloaded when everything is there, so that both work without a network.

build_packages="g++ cmake ninja-build ccache pkg-config tao-pegtl-dev libboost-graph-dev libsqlite3-dev libfmt-dev libre2-dev
  libutf8proc-dev libzstd-dev libssl-dev libpq-dev libcurl4-openssl-dev prometheus-cpp-dev nlohmann-json3-dev libtomlplusplus-dev libcli11-dev libhowardhinnant-date-dev tzdata sqlite3"
test_packages="doctest-dev python3 clang man-db postgresql iproute2 vim neovim emacs-nox"
# Node may come from elsewhere, with an npm of its own, which Debian's would not go with.
command -v node >/dev/null || test_packages="$test_packages nodejs"
command -v npm >/dev/null || test_packages="$test_packages npm"

# PostgreSQL's parser, for SQL in jobs.
build_packages="$build_packages libpg-query-dev"

install_missing() {
  missing=""
  for package in "$@"; do
    case $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null) in
      *"ok installed"*) ;;
      *) missing="$missing $package" ;;
    esac
  done
  [ -n "$missing" ] || return 0
  echo "installing:$missing"
  as_root=""
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "error: not root and no sudo; install by hand:$missing" >&2; return 1; }
    as_root="sudo"
  fi
  # shellcheck disable=SC2086  # a list of words is meant
  if ! $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; then
    $as_root apt-get update &&
      $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
  fi
}

# Builds of other checkouts on the same machine share their objects.
export CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=1
