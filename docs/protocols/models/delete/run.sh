#!/bin/sh
# Verifies delete.pml, the delete of a storage group on all nodes: all rules in force, then without.
# See docs/protocols/models/README.md.
#   run.sh [quick|full]
# One line for each configuration; exit code 1 on a surprise. MEM (megabytes), LIMIT (seconds) and
# KEEP (a folder for counterexamples) may be set in the environment.
case ${1:-quick} in
  quick | full) level=${1:-quick} ;;
  -h | --help) sed -n '2,6s/^# //p' "$0"; exit 0 ;;
  *) echo "unknown level: $1 (accepted: quick, full)" >&2; exit 2 ;;
esac
here=$(CDPATH='' cd "$(dirname "$0")" && pwd) || exit 2
. "$here/../lib.sh"
prepare

# What the violated assertion of the model says.
property() {
  case $1 in
    *finished*) echo 'P4: data of a finished delete is served' ;;
    *pst==2*) echo 'P4: data of a stopped delete is served where it was acknowledged' ;;
    *reqd*) echo 'P4: something else is deleted' ;;
    *) echo "$1" | cut -c1-60 ;;
  esac
}

verify clean delete "all rules, safety" -DF=1
verify clean delete "all rules, convergence" -DF=1 -DCONV
[ "$level" = full ] && verify clean delete "all rules, safety, 2 faults" -DF=2

search=-DBFS optimise=-O1
verify error delete "without the corrections" -DF=1 -DAS_WRITTEN
for rule in D_GEN D_ACKID D_WM D_ACTIVE D_LOCAL D_ABGEN R_COMPARE R_PROC; do
  verify error delete "$rule off" -DF=2 -D$rule=0
done
verify error delete "D_MEMBERS and D_JOIN off" -DF=1 -DD_MEMBERS=0 -DD_JOIN=0
finish
