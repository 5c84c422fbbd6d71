#!/usr/bin/env bash
# usage: run.sh PROGRAM    runs reeve-inspect through its commands; exit code 1 on a surprise
set -euo pipefail
program=$1
# shellcheck source=tests/inspect_tool/expect.sh
source "$(dirname "$0")/expect.sh"
store="sqlite:$dir/store.db"

expect 0 --help
holds out "usage: reeve-inspect"
for bad in "" "show" "--store" "--store sqlite: show" "--store etcd:x show" "--store $store" \
    "--store etcd:h:1,h:0 show" "--store mysql:x show" \
    "--store $store nonsense" "--store $store show extra" "--store $store --nonsense show" \
    "--store $store import"; do
    # shellcheck disable=SC2086
    expect 2 $bad
    holds err "--help"
done

# Nothing but an import creates a file.
for command in show check export raise-lineage; do
    expect 1 --store "$store" "$command"
    holds err "no such file"
done
[ ! -e "$dir/store.db" ]

expect 1 --store "$store" --root r import "$dir/torn"
holds err "torn"
expect 1 --store "$store" --root r import "$dir/nowhere"
import_and_show

# Out and in again gives the same, at another place.
expect 0 --store "$store" export
cp "$dir/out" "$dir/again"
expect 0 --store "sqlite:$dir/copy.db" --root r import "$dir/again"
expect 0 --store "sqlite:$dir/copy.db" export
same "$dir/again" "$dir/out"

# Two roots in one file: one must be chosen.
expect 0 --store "$store" --root other import "$dir/export"
expect 1 --store "$store" show
holds err "--root"
expect 0 --store "$store" --root other show

show_what_cannot_be_read

# A file that is no store is refused and left alone.
printf 'this is not a database, it is a text that is long enough to look at\n' >"$dir/text"
cp "$dir/text" "$dir/text.before"
expect 1 --store "sqlite:$dir/text" show
cmp "$dir/text" "$dir/text.before"
expect 1 --store "sqlite:$dir" show
