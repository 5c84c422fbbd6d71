# Shared by the scripts of this project; sourced, not run. It sets `root` and `jobs`, and offers
#   usage                     prints the comment at the top of the calling script, for --help
#   bad_argument TEXT         a clear message, exit code 2
#   need_packages NAME...     installs the Debian packages that are missing
#   want_etcd                 what the etcd store and its tests need: gRPC, and a server program; if
#                             they cannot be had, it says so and the rest goes on without
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
packages_for_etcd=(
    libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc openssl
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

# as_root COMMAND...: as root or with sudo; fails if there is neither.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        say "$script: there is neither root nor sudo for: $*"
        return 1
    fi
}

# install_packages NAME...: installs what is missing and nothing else; fails if it cannot.
install_packages() {
    local name missing=()
    if ! command -v dpkg-query >/dev/null; then
        say "$script: no Debian packages here; expecting the equivalent of: $*"
        return 0
    fi
    for name in "$@"; do
        is_installed "$name" || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing: ${missing[*]}"
    quietly packages-update as_root apt-get update &&
        quietly packages-install as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y --no-install-recommends "${missing[@]}"
}

# need_packages NAME...: nothing goes on without them.
need_packages() { install_packages "$@" || die "these packages are needed: $*"; }

# want_server PROGRAM PACKAGE: puts a server program into PATH. Unless it is there, its package is
# downloaded and unpacked below build/, not installed: so no daemon is started, now or at the next
# boot, and no root is needed.
want_server() {
    local place=$root/build/servers/$2
    export PATH=$place/usr/bin:$PATH
    if command -v "$1" >/dev/null; then return 0; fi
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
    say "unpacking: $2"
    rm -rf "$place"
    mkdir -p "$place"
    quietly "server-$1" unpack_server "$2" "$place" && command -v "$1" >/dev/null
}

unpack_server() {
    cd "$2" || return 1
    run apt-get download "$1" ||
        { run as_root apt-get update && run apt-get download "$1"; } || return 1
    run dpkg-deb -x ./*.deb . && rm -f ./*.deb
}

want_etcd() {
    install_packages "${packages_for_etcd[@]}" || say "$script: without gRPC: no etcd store"
    want_server etcd etcd-server || say "$script: no etcd server: its tests are skipped"
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
