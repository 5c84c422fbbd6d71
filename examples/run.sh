#!/usr/bin/env bash
# Runs linedb, the example engine: it ingests a text file while nodes are killed and restarted, and
# then proves that each line is there exactly once.
#
#   examples/run.sh [--store sqlite|etcd] [--members N] [--input FILE] [--nodes N] [--build-only]
#
#   --store KIND   where the metadata is kept: in an SQLite file (default), or in a real etcd that
#                  is started on free loopback ports and is gone at the end
#   --members N    etcd members; default: 1
#   --input FILE   the text to ingest; default: a long text that Debian's base system contains
#   --nodes N      simulated nodes; default: 3
#   --build-only   build only; the last line of stdout is the path of the program linedb
#
# The data goes to a temporary directory, which is removed at the end.
source "$(dirname "$0")/../cmake/scripts/common.sh"

# The longest text that every Debian has: Unicode's folding table in perl-base, 10,000 lines.
input=$(printf '%s\n' /usr/lib/*/perl-base/unicore/To/NFKCCF.pl | head -n 1)
[ -f "$input" ] || input=/usr/share/common-licenses/GPL-3
nodes=3
store=sqlite
members=1
build_only=no
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage; exit 0 ;;
        --build-only) build_only=yes ;;
        --input | --nodes | --store | --members)
            [ $# -ge 2 ] || bad_argument "$1 needs a value"
            case $1 in
                --input) input=$2 ;;
                --nodes) nodes=$2 ;;
                --store) store=$2 ;;
                --members) members=$2 ;;
            esac
            shift
            ;;
        *) bad_argument "unknown argument: $1" ;;
    esac
    shift
done
[ -f "$input" ] && [ -r "$input" ] || bad_argument "--input: no readable file: $input"
input=$(realpath "$input")
case $nodes in
    '' | *[!0-9]* | 0) bad_argument "--nodes: \"$nodes\" is not a number from 1" ;;
esac

case $store in
    sqlite | etcd) ;;
    *) bad_argument "--store: \"$store\" is neither sqlite nor etcd" ;;
esac
case $members in
    [1-7]) ;;
    *) bad_argument "--members: \"$members\" is not a number from 1 to 7" ;;
esac

need_packages "${packages_to_build[@]}"
targets=(linedb)
if [ "$store" = etcd ]; then
    want_etcd
    command -v etcd >/dev/null || die "there is no etcd to start"
    targets+=(with-etcd)
fi
build release "${targets[@]}"
linedb=$root/build/release/examples/linedb
if [ "$build_only" = yes ]; then
    printf '%s\n' "$linedb"
    exit 0
fi

data=$(mktemp -d "${TMPDIR:-/tmp}/linedb.XXXXXX")
trap 'rm -rf "$data"' EXIT
trap 'exit 130' INT TERM
# What it all is about: a run, and the proof from a fresh start.
run_and_verify() {
    "$linedb" run --data "$data/db" --input "$input" --nodes "$nodes" "$@" &&
        "$linedb" verify --data "$data/db" --input "$input" "$@"
}
if [ "$store" = sqlite ]; then
    run_and_verify
else
    export linedb data input nodes
    export -f run_and_verify
    # shellcheck disable=SC2016
    "$root/build/release/tests/servers/with-etcd" --members "$members" \
        bash -c 'run_and_verify --store "etcd:$ETCD_ENDPOINTS"'
fi
