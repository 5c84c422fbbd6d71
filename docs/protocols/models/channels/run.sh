#!/bin/sh
# Verifies channels.pml, the model of docs/protocols/channels.md: all rules in force, then rules
# taken away alone or in pairs. See docs/protocols/models/README.md.
#   run.sh [quick|full]     quick (default): about 90 s; full: four minutes more
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

# The invariant of docs/protocols/channels.md that an assertion of the model states.
property() {
  case $1 in
    *'term[0]==term'* | *'term[1]==term'* | *'o_term==term'*) echo I8 ;;
    *'<=1)'*) echo I7 ;;
    *audit*) echo I5 ;;
    *'e_st==2'* | *'i==e_p'*) echo I4 ;;
    *lasteff*) echo I1 ;;
    *'>e_ep)'* | *'>=e_ep)'*) echo I2 ;;
    *ckpt* | *cov*) echo I3 ;;
    *) echo "$1" ;;
  esac
}

verify clean channels "all rules, safety" -DF=3
verify clean channels "all rules, convergence" -DF=3 -DCONV
verify clean channels "all rules, politeness" -DF=3 -DPOLITE

# Counterexamples: the shortest one is found, and it names the invariant.
search=-DBFS optimise=-O1
verify I1 channels "without the corrections, safety" -DF=3 -DAS_WRITTEN
verify I7 channels "without the corrections, politeness" -DF=3 -DAS_WRITTEN -DPOLITE

verify I8 channels "term off" -DF=3 -DR_TERM=0
verify I2 channels "entry_comparison off" -DF=3 -DR_ENTRY=0
verify I1 channels "pending_incarnation off" -DF=3 -DN_PENDINC=0

verify I7 channels "message_incarnation off" -DF=3 -DPOLITE -DN_INC=0
verify I7 channels "whole_entry off" -DF=3 -DPOLITE -DN_WHOLE=0
verify I7 channels "release_memory off, epochs never seen" -DF=3 -DPOLITE -DN_RELSEEN=0
verify I7 channels "release_memory off, epochs seen" -DF=3 -DPOLITE -DR_SEEN=0
verify I7 channels "lower_epoch off" -DF=3 -DPOLITE -DR_LOWER=0
verify I7 channels "handover off" -DF=3 -DPOLITE -DR_HANDOVER=0
verify I7 channels "handover off, for a new incarnation" -DF=3 -DPOLITE -DN_OLDDEAD=0
verify I7 channels "self_fencing off" -DF=3 -DPOLITE -DR_FENCE=0

verify I4 channels "retell off" -DF=2 -DCONV -DR_RETELL=0
verify I4 channels "lower_epoch off, convergence" -DF=2 -DCONV -DR_LOWER=0

# Rules that mask each other: alone, at most I7 shows that one of them is missing.
verify I1 channels "message_incarnation + commit_incarnation off" -DF=3 -DN_INC=0 -DN_CINC=0
verify I1 channels "whole_entry + commit_incarnation off" -DF=3 -DN_WHOLE=0 -DN_CINC=0
verify I3 channels "starting_checkpoint + continuation off" -DF=3 -DN_CKG=0 -DN_CHAIN=0
verify I3 channels "commit_epoch + continuation off" -DF=3 -DR_EPOCH=0 -DN_CHAIN=0

search=-DCOLLAPSE optimise=-O2
if [ "$level" = full ]; then
  for rule in commit_incarnation=N_CINC starting_checkpoint=N_CKG continuation=N_CHAIN \
      commit_epoch=R_EPOCH; do
    verify clean channels "${rule%=*} off, masked by another" -DF=3 "-D${rule#*=}=0"
  done
  verify clean channels "safety, 4 faults" -DF=4
  verify clean channels "politeness, 4 faults" -DF=4 -DPOLITE
  verify clean channels "both nodes may restart" -DF=3 -DNP4
  verify clean channels "epochs from a counter" -DF=3 -DFRESH -DBS=1
fi
finish
