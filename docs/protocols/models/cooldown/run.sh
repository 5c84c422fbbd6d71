#!/bin/sh
# Verifies head.pml (cooldown with one remote copy) and hwm.pml (the high-water mark of a replica):
# the protocol, wrong variants of it, and each rule taken away. See docs/protocols/models/README.md.
#   run.sh [quick|all]   quick (default) leaves out what takes minutes
# One line for each configuration; exit code 1 on a surprise. MEM (megabytes), LIMIT (seconds) and
# KEEP (a folder for counterexamples) may be set in the environment.
case ${1:-quick} in
  quick | all) level=${1:-quick} ;;
  -h | --help) sed -n '2,6s/^# //p' "$0"; exit 0 ;;
  *) echo "unknown level: $1 (accepted: quick, all)" >&2; exit 2 ;;
esac
here=$(CDPATH='' cd "$(dirname "$0")" && pwd) || exit 2
: "${LIMIT:=1800}"
. "$here/../lib.sh"
search="-DCOLLAPSE -DVECTORSZ=2048"
prepare

# The property of the model that an assertion states; C1 to C6, L1 and L2 are explained there.
property() {
  case $1 in
    *known*) echo 'a version is forgotten' ;;
    *'row[0]==255)||'*fst*) echo 'C2, L2' ;;
    *fterm*'<=hterm'*) echo C4 ;;
    *disk*) echo C3 ;;
    *fterm*hterm*) echo L1 ;;
    *rpinned*) echo 'pins hold' ;;
    *rfresh*) echo C5 ;;
    *dropped*) echo 'a finished drop stays finished' ;;
    *row*) echo 'C1, C6' ;;
    *) echo "$1" | cut -c1-60 ;;
  esac
}

slow() { if [ "$level" = all ]; then "$@"; fi; }

base="-DMAXT=2 -DNF=3"

# The protocol.
verify clean head "all rules" $base
verify clean head "with a drop" $base -DDROPPER=1 -DCOMPACT=0
slow verify clean head "with a drop and cold compaction" $base -DDROPPER=1
slow verify clean head "with a pinned reader" $base -DREADER=1
slow verify clean head "evictions decided long ago" $base -DLATE_EVICT=1
slow verify clean head "four objects alive" -DMAXT=2 -DNF=4
slow verify clean head "three terms" -DMAXT=3 -DNF=3
slow verify clean head "three terms, no cold compaction" -DMAXT=3 -DNF=3 -DCOMPACT=0
verify clean head "three versions" -DNV=3 -DMAXT=2 -DNF=3 -DCOMPACT=0
verify clean hwm "high-water mark and coverage check"

# Tempting variants, each wrong.
verify error head "token moved, own units deleted at once" $base -DAFTER_BURN=0
verify error head "commit nonce looked for only in the newest HEAD" $base -DAFTER_BURN=1
verify error head "a no-op burn with equal bytes" $base -DBURN_NOOP=1
verify error head "claim inherits rowsets, not tombstones" $base -DINHERIT_TOMBS=0 -DREADER=1
verify error head "not in HEAD taken as not in its rowsets" $base -DGC_TOMBS=0 -DREADER=1
verify error head "reader pins what it has read" $base -DPIN_THEN_READ=0 -DREADER=1
verify error head "gc reads pins, then HEAD" $base -DGC_HEAD_THEN_PINS=0 -DREADER=1
verify error head "tombstone dropped before its delete" $base -DTOMB_DELETE_FIRST=0 -DREADER=1
verify error head "claim on a dropped HEAD" $base -DDROPPER=1 -DCLAIM_STATE=0
verify error head "drop where there is no HEAD yet" $base -DDROPPER=1 -DDROP_ABSENT=0
verify error head "sweep after an unclear drop" $base -DDROPPER=1 -DDROP_READBACK=0
verify error head "commit rebased on a HEAD that is not mine" $base -DBASE_MINE=0
verify error hwm "restored bucket, mark alone" -DCOVER=0
verify error hwm "no mark" -DCOVER=0 -DHWM=0 -DRESTORE=0
verify error hwm "mark written apart from the catalog" -DCOVER=0 -DATOMIC_MARK=0 -DRESTORE=0

# One rule taken away at a time.
slow verify error head "upload before the claim: C4 only" $base -DCLAIM_FIRST=0
verify error head "no claim, the commit raises the term: C4 only" $base -DCLAIM_NONE=1
slow verify clean head "... all else holds" $base -DCLAIM_NONE=1 -DC4=0
verify error head "claim does not inherit" $base -DINHERIT_ROWS=0
verify error head "units of an older term committed" $base -DNO_ADOPT=0
verify error head "unverified uploads committed" $base -DVERIFY=0
verify error head "no burn before deleting own units" $base -DBURN=0
verify error head "evict after an unclear commit" $base -DEVICT_HEAD=0
verify error head "gc ignores terms" $base -DGC_TERM=0
verify error head "names from content" $base -DNAMES=0
verify error head "a name used by a second attempt" $base -DNEW_NUMBER=0
slow verify clean head "restart resumes the term, names with a start nonce" $base -DFRESH_TERM=0
slow verify clean head "names <term>/<n>, fresh term per start" $base -DNAMES=1 -DK=2
verify error head "neither of the two" $base -DFRESH_TERM=0 -DNAMES=1 -DK=2
verify error head "equal terms, no owner nonce, no name nonce" \
  $base -DOWNER_NONCE=0 -DNAMES=1 -DK=2
slow verify clean head "equal terms, no owner nonce, names with a start nonce" \
  $base -DOWNER_NONCE=0
verify clean head "no look before the burn (the look after it stays)" $base -DREADBACK=0
finish
