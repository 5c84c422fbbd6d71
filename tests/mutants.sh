#!/usr/bin/env bash
# Shows that simulation catches each safety guard that is switched off, alone or in the pairs that
# mask each other, in a special build in which guards have switches.
#
#   tests/mutants.sh [NAME...]    the guards to try; all of them by default
#
# All of them: first the museum of named failures, and the plays of single guards, each played with
# the guards that prevent the failure and without them.
# One line each: "MUTANT name caught seed N after T s" or "MUTANT name missed"; a pair is named
# a+b. Exit code 1 if any was missed.
source "$(dirname "$0")/../cmake/scripts/common.sh"

case ${1:-} in
    -h | --help) usage; exit 0 ;;
esac
need_packages "${packages_to_build[@]}"
build guards reeve-simulate test_museum test_gc test_coordinator
# Named plays that must fail without the guards that they name.
if [ $# -eq 0 ]; then
    "$root/build/guards/tests/test_museum"
    "$root/build/guards/tests/test_gc" 'guard *'
    "$root/build/guards/tests/test_coordinator" 'guard *'
fi
exec "$root/build/guards/tests/reeve-simulate" --mutants "$@"
