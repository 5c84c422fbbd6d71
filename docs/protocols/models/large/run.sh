#!/bin/sh
# Verifies large.pml (commit_large, docs/protocols/large_transactions.md) and drop.pml (the drop of
# a channel whose last rows are committed by commit_large). See docs/protocols/models/README.md.
#   run.sh [rules|large|drop|all]   rules: large.pml with its rules in force (about a minute);
#                                   large, drop: also each rule taken away; all (default): both
# One line for each configuration; exit code 1 on a surprise. MEM (megabytes), LIMIT (seconds) and
# KEEP (a folder for counterexamples) may be set in the environment.
case ${1:-all} in
  rules | large | drop | all) level=${1:-all} ;;
  -h | --help) sed -n '2,7s/^# //p' "$0"; exit 0 ;;
  *) echo "unknown level: $1 (accepted: rules, large, drop, all)" >&2; exit 2 ;;
esac
here=$(CDPATH= cd "$(dirname "$0")" && pwd) || exit 2
. "$here/../lib.sh"
pan_flags="-E -m200000 -w22"
prepare

without() { # without WANT MODEL RULE [FLAG...]: RULE switched off
  want_=$1 model_=$2 rule_=$3
  shift 3
  verify "$want_" "$model_" "$rule_ off" "-D$rule_=0" "$@"
}

if [ "$level" != drop ]; then
  alone="-DGC=0 -DOTHER=0"
  verify clean large "all rules" -DNLATE=2 -DNAT=2
  verify clean large "all rules, three late transactions" -DNLATE=3 -DNAT=2 -DGC=0
  verify clean large "all rules, a reader at one revision" -DREADER=1 -DNLATE=1 -DNAT=2 -DGC=0
fi
if [ "$level" = large ] || [ "$level" = all ]; then
  optimise=-O1
  for rule in R_OPEN R_ABORT R_ALLFWD R_ALLDEL R_UPDLAST R_RECOG R_PARTACK; do
    without error large $rule -DNLATE=2 -DNAT=1 $alone
  done
  without error large R_FWDCMP -DNLATE=2 -DNAT=1 -DGC=1 -DOTHER=0
  without error large R_UNIQ -DNLATE=2 -DNAT=2 $alone
  without error large R_SLOT -DNLATE=3 -DNAT=2 $alone
  without error large R_DELCMP -DNLATE=3 -DNAT=2 $alone
  verify error large "reader: parts, then slot" -DREADER=1 -DR_VIEW=0 -DNLATE=1 -DNAT=1 $alone
  verify error large "reader: slot, then parts" -DREADER=1 -DR_VIEW=2 -DNLATE=1 -DNAT=1 $alone
  # Redundant beside the others; kept because they make a refusal readable.
  optimise=-O2
  without clean large R_ABSENT -DNLATE=3 -DNAT=2 $alone
  without clean large R_TERM -DNLATE=2 -DNAT=2 $alone
fi
if [ "$level" = drop ] || [ "$level" = all ]; then
  verify clean drop "all rules" -DNLATE=1
  verify clean drop "all rules, two late transactions" -DNLATE=2 -DPIN=0
  verify clean drop "all rules, with a compaction" -DNLATE=1 -DPIN=0 -DCOMPACT=1
  for rule in R_ENTRYCMP R_PROGCMP R_COLLCMP; do
    without clean drop $rule -DNLATE=1 -DPIN=0
  done
  verify clean drop "R_ENTRYCMP and R_PROGCMP off" -DNLATE=1 -DR_ENTRYCMP=0 -DR_PROGCMP=0 -DPIN=0
  optimise=-O1
  for rule in R_MARKENTRY R_ALLOC R_RECOG R_DURABLE R_LAZYCMP R_FILES R_DONEALL R_AFTER; do
    without error drop $rule -DNLATE=1 -DPIN=0
  done
  without error drop R_BYMARK -DNLATE=1 -DPIN=0 -DCOMPACT=1
  for rule in R_PINSEE R_PINVER R_PINBUMP; do
    without error drop $rule -DNLATE=1
  done
fi
finish
