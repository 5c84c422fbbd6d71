# Shared by the run.sh scripts beside the models; sourced, not run.
#
# A script sets `here` (its own folder), calls `prepare "$@"`, then `verify` for each configuration
# and ends with `finish`. Nothing is written below `here`.

# Settings that a script, or its caller through the environment, may change.
: "${MEM:=4000}"            # megabytes that one search may use
: "${LIMIT:=900}"           # seconds that one search may take
: "${KEEP:=}"               # a folder: each counterexample is left there, ready to be replayed
pan_flags="-m1000000 -w22"  # of the verifier
search=-DCOLLAPSE           # how the verifier stores states; -DBFS finds shortest counterexamples
optimise=-O2                # of the compiler; -O1 when the search is short
property() { printf '%s' "$1" | cut -c1-60; }  # from the text of an assertion to what is shown

prepare() {
  for tool in spin cc; do
    command -v "$tool" >/dev/null || {
      echo "$tool is missing: install the Debian packages spin and gcc" >&2
      exit 2
    }
  done
  bad=0
  work=$(mktemp -d) || exit 2
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' HUP INT PIPE TERM
}

# verify WANT MODEL NAME [FLAG...]
#   WANT is `clean` (the search was exhaustive within its bounds and found nothing), `error` (some
#   assertion is violated), or what `property` answers for the assertion that must be violated.
#   One line: verdict, model, name, what was found, states, seconds, the property that failed.
verify() {
  want=$1 model=$2 name=$3
  shift 3
  dir=$(mktemp -d "$work/XXXXXX") || exit 2
  cp "$here/$model.pml" "$dir"
  start=$(date +%s)
  why=
  if ! (cd "$dir" && spin -a "$@" "$model.pml" >spin.log 2>&1 &&
        cc $optimise -w -DSAFETY -DMEMLIM="$MEM" $search -o pan pan.c >cc.log 2>&1); then
    got='does not build'
  else
    (cd "$dir" && timeout "$LIMIT" ./pan $pan_flags >pan.log 2>&1)
    if grep -q '^pan:.*assertion violated' "$dir/pan.log"; then
      why=$(sed -n 's/^pan:[0-9]*: assertion violated *\(.*\) (at depth.*/\1/p' "$dir/pan.log")
      why=$(property "$why")
      got=error
    elif ! grep -q 'errors: 0' "$dir/pan.log"; then
      got=unfinished
    elif grep -q 'not completed\|max search depth too small\|out of memory' "$dir/pan.log"; then
      got=unfinished
    else
      got=clean
    fi
  fi
  states=$(awk '/states, stored/ { print $1; exit }' "$dir/pan.log" 2>/dev/null)
  verdict=ok
  case $want in
    clean | error) [ "$got" = "$want" ] || verdict=FAIL ;;
    *) [ "$got $why" = "error $want" ] || verdict=FAIL ;;
  esac
  [ $verdict = ok ] || { bad=1; why="$why (wanted: $want)"; }
  printf '%-4s %s: %s: %s, %s states, %s s%s\n' $verdict "$model" "$name" "$got" \
    "${states:-0}" $(($(date +%s) - start)) "${why:+, $why}"
  if [ -n "$KEEP" ] && [ "$got" = error ]; then
    kept=$KEEP/$model-$(printf '%s' "$name" | tr -cs 'A-Za-z0-9\n' _)
    mkdir -p "$kept" && cp -p "$dir/$model.pml" "$dir/$model.pml.trail" "$kept" &&
      printf 'cd "$(dirname "$0")" && spin -t -p %s %s.pml\n' "$*" "$model" >"$kept/replay.sh"
  fi
  rm -rf "$dir"
}

finish() { exit "$bad"; }
