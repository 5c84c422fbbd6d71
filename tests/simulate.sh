#!/usr/bin/env bash
# Runs seeds of a simulated scenario, after building what is needed.
#
#   tests/simulate.sh [SCENARIO] [FROM] [COUNT]   seeds FROM, FROM+1, ... (64 bits) of one scenario
#   tests/simulate.sh --list                      the scenarios, one name a line
#   tests/simulate.sh --replay SCENARIO SEED      one seed again, with its event log
#
# Prints seeds per second and, on a failure, the command that replays it. Exit code 0 only if
# every seed held.
source "$(dirname "$0")/../cmake/scripts/common.sh"

case ${1:-} in
    -h | --help) usage; exit 0 ;;
esac
need_packages "${packages_to_build[@]}"
build test reeve-simulate
exec "$root/build/test/tests/reeve-simulate" "$@"
