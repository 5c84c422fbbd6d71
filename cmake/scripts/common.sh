# Shared by the scripts of this project; sourced, not run. It sets `root` and `jobs`, and offers
#   usage                     prints the comment at the top of the calling script, for --help
#   bad_argument TEXT         a clear message, exit code 2
#   need_packages NAME...     installs the Debian packages that are missing
#   build PRESET [TARGET...]  configures and builds, quietly
#   run COMMAND...            runs it and writes it to the log, so that a failure can name it
#   quietly NAME COMMAND...   output to build/logs/NAME.log, shown only when the command fails
# Messages go to stderr: stdout belongs to the calling script.
set -euo pipefail

root=$(CDPATH='' cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
script=$(basename "$(dirname "$0")")/$(basename "$0")
jobs=${REEVE_JOBS:-2}
logs=$root/build/logs

# One compiler cache for all build directories and checkouts: paths below the checkout are hashed
# relative to it, and the build directory itself is not part of the key.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
export CMAKE_BUILD_PARALLEL_LEVEL=$jobs
export LC_ALL=C.UTF-8

packages_to_build=(
    g++ cmake ninja-build ccache
    libboost1.81-dev nlohmann-json3-dev libfmt-dev catch2 libsqlite3-dev libsimdjson-dev
)

say() { printf '%s\n' "$*" >&2; }
die() { say "$script: $*"; exit 1; }
bad_argument() { say "$script: $*"; say "See $script --help."; exit 2; }
usage() { awk 'NR > 1 { if (!sub(/^# ?/, "")) exit; print }' "$0"; }

case $jobs in
    '' | *[!0-9]* | 0) bad_argument "REEVE_JOBS is \"$jobs\"; it must be a number from 1" ;;
esac

run() {
    printf '+ %s\n' "$*"
    "$@"
}

# quietly NAME COMMAND...
quietly() {
    local name=$1 code=0
    shift
    mkdir -p "$logs"
    "$@" >"$logs/$name.log" 2>&1 </dev/null || code=$?
    [ "$code" -eq 0 ] && return 0
    # The command that failed: the last that `run` wrote down.
    local command
    command=$(grep '^+ ' "$logs/$name.log" | tail -n 1 || true)
    command=${command#+ }
    say "$script: $name failed with exit code $code: ${command:-$*}"
    # What ninja, compilers and CMake say about the failure; otherwise how the log ends.
    if ! grep -q 'tests failed out of' "$logs/$name.log" &&
        grep -qE '^FAILED:|error:|^CMake Error' "$logs/$name.log"; then
        grep -E -A3 '^FAILED:|error:|^CMake Error' "$logs/$name.log" |
            cut -c1-400 | head -n 60 >&2
    else
        tail -n 60 "$logs/$name.log" >&2
    fi
    say "(all of it: $logs/$name.log)"
    return "$code"
}

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# need_packages NAME...: installs what is missing and nothing else.
need_packages() {
    local name missing=() become=()
    if ! command -v dpkg-query >/dev/null; then
        say "$script: no Debian packages here; expecting the equivalent of: $*"
        return 0
    fi
    for name in "$@"; do
        is_installed "$name" || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null ||
            die "these packages are missing, and there is neither root nor sudo: ${missing[*]}"
        become=(sudo)
    fi
    say "installing: ${missing[*]}"
    quietly packages-update "${become[@]}" apt-get update
    quietly packages-install "${become[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "${missing[@]}"
}

build_locked() {
    local preset=$1 targets=()
    shift
    [ $# -eq 0 ] || targets=(--target "$@")
    # A chain, because `set -e` is off wherever the caller looks at the exit code.
    (
        flock 9 &&
            run cmake --preset "$preset" &&
            run cmake --build "$root/build/$preset" -j "$jobs" "${targets[@]}"
    ) 9>"$root/build/.lock-$preset"
}

# build PRESET [TARGET...]: two callers at once do not disturb each other.
build() {
    mkdir -p "$root/build"
    cd "$root"
    quietly "build-$1" build_locked "$@"
}
