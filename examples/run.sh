#!/usr/bin/env bash
# Runs linedb, the example engine, on its embedded defaults: it ingests a text file while nodes are
# killed and restarted, and then proves that each line is there exactly once.
#
#   examples/run.sh [--input FILE] [--nodes N] [--build-only]
#
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
build_only=no
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage; exit 0 ;;
        --build-only) build_only=yes ;;
        --input | --nodes)
            [ $# -ge 2 ] || bad_argument "$1 needs a value"
            if [ "$1" = --input ]; then input=$2; else nodes=$2; fi
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

need_packages "${packages_to_build[@]}"
build release linedb
linedb=$root/build/release/examples/linedb
if [ "$build_only" = yes ]; then
    printf '%s\n' "$linedb"
    exit 0
fi

data=$(mktemp -d "${TMPDIR:-/tmp}/linedb.XXXXXX")
trap 'rm -rf "$data"' EXIT
trap 'exit 130' INT TERM
"$linedb" run --data "$data/db" --input "$input" --nodes "$nodes"
"$linedb" verify --data "$data/db" --input "$input"
