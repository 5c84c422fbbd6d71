#!/usr/bin/env bash
# Measures: one line for each question, "BENCH name value unit baseline ratio target ok|short",
# the baseline measured in the same run; "-" where there is none.
#
#   benchmarks/run.sh [--quick]    --quick: smaller sizes, for a look at the shape
#
# Exit code 0 also when something is short of its target; 1 if a benchmark cannot run.
source "$(dirname "$0")/../cmake/scripts/common.sh"

for argument in "$@"; do
    case $argument in
        -h | --help) usage; exit 0 ;;
        --quick) ;;
        *) bad_argument "unknown argument: $argument" ;;
    esac
done
need_packages "${packages_to_build[@]}"
want_etcd
build release reeve_benchmarks

found=0
failed=0
for program in "$root"/build/release/benchmarks/bench_*; do
    [ -x "$program" ] || continue
    # A program whose source has gone.
    [ -f "$root/benchmarks/${program##*/bench_}.cpp" ] || continue
    found=1
    "$program" "$@" </dev/null || { failed=1; say "$script: failed: $program $*"; }
done
[ "$found" -eq 1 ] || die "there are no benchmarks"
exit "$failed"
