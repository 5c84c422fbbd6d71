#!/bin/sh
# Verifies gc.pml, the rule by which files become garbage: the whole rule set, then each rule taken
# away alone. See docs/protocols/models/README.md.
#   run.sh [rules|all]   rules: only with all rules in force; all (default): also without
# One line for each configuration; exit code 1 on a surprise. MEM (megabytes), LIMIT (seconds) and
# KEEP (a folder for counterexamples) may be set in the environment.
case ${1:-all} in
  rules | all) level=${1:-all} ;;
  -h | --help) sed -n '2,6s/^# //p' "$0"; exit 0 ;;
  *) echo "unknown level: $1 (accepted: rules, all)" >&2; exit 2 ;;
esac
here=$(CDPATH= cd "$(dirname "$0")" && pwd) || exit 2
. "$here/../lib.sh"
pan_flags="-m200000 -w22"
prepare

one="-DNA=3 -DHANDOVER=0"                                # one holder, drops
two="-DNA=2 -DNB=2 -DDROPS=0"                            # two holders
job="-DNA=2 -DNB=1 -DONESEG=1 -DCOMPACT=1 -DHANDOVER=0"  # compaction, superseded or ended
par="-DNA=3 -DHANDOVER=0 -DTHREE=1"                      # three flushes of one holder at once

verify clean gc "all rules, one holder" $one
verify clean gc "all rules, one holder, pins" $one -DPINS=1
verify clean gc "all rules, two holders" -DNA=3 -DNB=2 -DDROPS=0
verify clean gc "all rules, two holders, drops" -DNA=3 -DNB=1
verify clean gc "all rules, compaction" $job
verify clean gc "all rules, compaction, pins" $job -DPINS=1
verify clean gc "all rules, three flushes" $par
verify clean gc "nothing is left, one holder" $one -DQUIET=1
verify clean gc "nothing is left, two holders" $two -DQUIET=1
verify clean gc "nothing is left, compaction" $job -DQUIET=1
[ "$level" = all ] || finish

# Rules whose absence is easily overlooked.
search=-DBFS optimise=-O1
verify error gc "without the rules marked (+)" $one -DAS_WRITTEN
verify error gc "R_SEG off" $one -DR_SEG=0
verify error gc "R_SEG off, compaction" $job -DR_SEG=0 -DDROPS=0
verify error gc "R_ENTRYREV off" $one -DR_ENTRYREV=0
verify error gc "R_ENDSTATE off" $one -DR_ENDSTATE=0 -DQUIET=1
verify error gc "R_INPUT off, compaction" $job -DR_INPUT=0
verify error gc "R_GRANTONCE off, compaction" $job -DR_GRANTONCE=0
verify error gc "R_COLLECTING off" $one -DPINS=1 -DR_COLLECTING=0
verify error gc "R_KNOWN and R_SELF off" $one -DR_KNOWN=0 -DR_SELF=0

# Necessary rules.
for rule in EPOCH PROG OWN LIVE FRESH; do
  verify error gc "R_$rule off, two holders" $two -DR_$rule=0
done
for rule in SETTLED PROG ONCE DURABLE; do
  verify error gc "R_$rule off, one holder" $one -DR_$rule=0
done
verify error gc "R_MAX off, three flushes" $par -DR_MAX=0
for order in 1 2 3; do
  verify error gc "order $order of facts, two holders" $two -DORDER=$order
  verify error gc "order $order of facts, compaction" $job -DORDER=$order
done
for rule in JOB OWN LIVE; do
  verify error gc "R_$rule off, compaction" $job -DR_$rule=0
done

# Not vacuous: each of these states is reached.
verify error gc "reached: the second holder commits" $two -DREACH=1
verify error gc "reached: a superseding job, its input collected" $job -DREACH=2
verify error gc "reached: garbage of a live epoch" $one -DREACH=3
verify error gc "reached: committed under a fresh name" $one -DREACH=4

# Redundant beside the others.
search=-DCOLLAPSE optimise=-O2
verify clean gc "R_GONE off, compaction" $job -DR_GONE=0
verify clean gc "R_FILESFIRST off" $one -DQUIET=1 -DR_FILESFIRST=0
verify clean gc "R_FILESFIRST off, compaction" $job -DQUIET=1 -DR_FILESFIRST=0
verify clean gc "R_FRESH off, same bytes" $one -DR_FRESH=0 -DR_SAMEBYTES=1
verify clean gc "R_KNOWN off" $one -DR_KNOWN=0
verify clean gc "R_SELF off" $one -DR_SELF=0
verify clean gc "R_KNOWN off, three flushes" $par -DR_KNOWN=0
verify clean gc "R_SELF off, three flushes" $par -DR_SELF=0
finish
