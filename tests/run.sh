#!/usr/bin/env bash
# Builds reeve once, optimised and with assertions, and runs all tests.
#
#   tests/run.sh [--ci] [--sanitizers] [--only PATTERN] [--list]
#
#   --ci             also Doxygen with undocumented as an error, self-contained headers, the
#                    benchmarks' build, clang with clang-tidy, large seed ranges, protocol models,
#                    guard switches
#   --sanitizers     also AddressSanitizer with UndefinedBehaviorSanitizer, AddressSanitizer at -O2
#                    for coroutines, and ThreadSanitizer
#   --only PATTERN   only the stages whose names match the extended regular expression
#   --list           the stages, one name a line
#
# Installs the Debian packages that are missing (as root or with sudo) and says which. One line for
# each stage; the last line is "N passed, N failed", tests and stages counted together. What was
# skipped for lack of a server is neither, and is named in the line before. Exit code 0 only if
# nothing failed. REEVE_JOBS sets the number of parallel jobs, 2 by default.
source "$(dirname "$0")/../cmake/scripts/common.sh"

ci=no
sanitizers=no
only=
list=no
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage; exit 0 ;;
        --ci) ci=yes ;;
        --sanitizers) sanitizers=yes ;;
        --list) list=yes ;;
        --only)
            [ $# -ge 2 ] || bad_argument "--only needs a pattern"
            only=$2
            shift
            ;;
        *) bad_argument "unknown argument: $1" ;;
    esac
    shift
done

passed=0
failed=0
skipped=()
started=$SECONDS

# count_tests LOG: adds what ctest counted, "P% tests passed, F tests failed out of N", where it
# counts what was skipped as passed.
count_tests() {
    local counts names
    mapfile -t names < <(
        sed -nE 's|^ *[0-9]+/[0-9]+ Test +#[0-9]+: ([^ ]+) .*\*\*\*Skipped.*|\1|p' "$1")
    counts=$(sed -nE 's/^[0-9]+% tests passed, ([0-9]+) tests? failed out of ([0-9]+)$/\1 \2/p' \
        "$1" | tail -n 1)
    [ -n "$counts" ] || return 0
    failed=$((failed + ${counts% *}))
    passed=$((passed + ${counts#* } - ${counts% *} - ${#names[@]}))
    skipped+=("${names[@]}")
}

# stage NAME COMMAND...: runs one stage and prints one line with its name and duration.
stage() {
    local name=$1 begin=$SECONDS verdict=ok
    shift
    if [ -n "$only" ] && ! [[ $name =~ $only ]]; then return 0; fi
    if [ "$list" = yes ]; then printf '%s\n' "$name"; return 0; fi
    if quietly "$name" "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        verdict=FAILED
    fi
    count_tests "$logs/$name.log"
    printf '%-7s %-28s %5d s\n' "$verdict" "$name" $((SECONDS - begin))
}

# The end: what was counted, and the exit code.
finish() {
    [ "$list" = no ] || exit 0
    if [ $((passed + failed)) -eq 0 ]; then
        die "no stage matches \"$only\"; --list prints their names"
    fi
    printf 'total %d s\n' $((SECONDS - started))
    if [ ${#skipped[@]} -gt 0 ]; then
        printf 'skipped, in whole or in part: %s\n' "${skipped[*]}"
    fi
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" -eq 0 ] && exit 0
    exit 1
}

# The functions below are stages; `set -e` does not reach into them, hence the chains of &&.

run_tests() {  # PRESET [CTEST-ARGUMENT...]
    local preset=$1 fixed_addresses=()
    shift
    # gcc 12's sanitizers need their shadow memory free, which kernels with much address space
    # randomisation do not promise.
    case $preset in
        asan* | tsan) if setarch -R true 2>/dev/null; then fixed_addresses=(setarch -R); fi ;;
    esac
    run "${fixed_addresses[@]}" ctest --test-dir "$root/build/$preset" -j "$jobs" \
        --output-on-failure --no-tests=error "$@"
}

stage_build() { build_locked "$@"; }

# Faults of real servers take their time, and are the optimised build's.
stage_asan() { build_locked asan && run_tests asan -LE 'tidy|install|large|faults'; }
stage_asan_o2() {
    build_locked asan2 reeve_tests_with_coroutines && run_tests asan2 -L coroutines
}
stage_tsan() { build_locked tsan reeve_tests_with_threads && run_tests tsan -L threads; }

stage_mutants() { run bash "$root/tests/mutants.sh"; }

# The seed range of CI belongs to each scenario, which also counts its rare events over it.
stage_simulation() {
    build_locked test reeve-simulate && run "$root/build/test/tests/reeve-simulate" --ci
}

stage_models() {
    local models=$root/docs/protocols/models
    run sh "$models/channels/run.sh" quick && run sh "$models/large/run.sh" rules &&
        run sh "$models/gc/run.sh" rules
}

# Faults of real etcd clusters for two minutes each, and more random operations on three stores. The
# long forms: REEVE_FAULT_SECONDS=600, REEVE_RANDOM_OPERATIONS=100000.
stage_etcd_faults() {
    local tests=$root/build/test/tests
    export GRPC_VERBOSITY=NONE
    export REEVE_FAULT_SECONDS=${REEVE_FAULT_SECONDS:-120}
    run "$tests/linedb_etcd/test_linedb_etcd" 'every line is there *' &&
        run "$tests/backends_etcd/test_backends_etcd" 'members are killed *'
}
stage_etcd_random() {
    export GRPC_VERBOSITY=NONE
    export REEVE_RANDOM_OPERATIONS=${REEVE_RANDOM_OPERATIONS:-20000}
    run "$root/build/test/tests/backends_etcd/test_backends_etcd" 'memory*'
}

stage_headers() { build_locked test all_verify_interface_header_sets; }
stage_benchmarks() {
    (
        flock 9 &&
            run cmake --preset test -DREEVE_BUILD_BENCHMARKS=ON &&
            run cmake --build "$root/build/test" -j "$jobs" --target reeve_benchmarks
    ) 9>"$root/build/.lock-test"
}

# Clang's warnings and clang-tidy's, over what the build compiles of src/: several sources at once
# where it does so.
stage_clang() {
    sed -nE 's|^ *"file": "(.*)",?$|\1|p' "$root/build/test/compile_commands.json" |
        grep -E "^$root/(src|build/test/src/CMakeFiles)/" | sort -u >"$logs/clang-sources" &&
        run test -s "$logs/clang-sources" &&
        run xargs -P "$jobs" -n 1 clang-tidy-19 --quiet -p "$root/build/test" \
            '--checks=clang-diagnostic-*' --extra-arg=-Wno-unknown-warning-option \
            --extra-arg=-Wno-deprecated-declarations <"$logs/clang-sources"
}

stage_doxygen() { cd "$root" && mkdir -p build/doxygen && run doxygen docs/Doxyfile; }

if [ "$list" = no ]; then
    packages=("${packages_to_build[@]}")
    if [ "$ci" = yes ]; then packages+=(doxygen clang-tidy-19 gcc libc6-dev spin); fi
    need_packages "${packages[@]}"
    want_etcd
    # Where everything is tested nothing may be skipped unnoticed.
    if [ "$ci" = yes ]; then export REEVE_NEED_SERVERS=1; fi
    mkdir -p "$logs"
fi
cd "$root"

stage build stage_build test
# What is left from an earlier build proves nothing.
[ "$failed" -eq 0 ] || finish
stage tests run_tests test
if [ "$ci" = yes ]; then
    stage doxygen stage_doxygen
    stage headers stage_headers
    stage benchmarks-build stage_benchmarks
    stage clang stage_clang
    stage simulation stage_simulation
    stage etcd-faults stage_etcd_faults
    stage etcd-random stage_etcd_random
    stage models stage_models
    stage guards-mutants stage_mutants
fi
if [ "$sanitizers" = yes ]; then
    stage asan stage_asan
    stage asan-O2-coroutines stage_asan_o2
    stage tsan-threads stage_tsan
fi
finish
