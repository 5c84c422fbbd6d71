#!/usr/bin/env bash
# usage: etcd.sh PROGRAM WITH_ETCD    runs reeve-inspect on a real etcd; exit code 77 without one
set -euo pipefail
program=$1
with_etcd=$2
if [ -z "${ETCD_ENDPOINTS:-}" ]; then
    command -v "${REEVE_ETCD:-etcd}" >/dev/null || {
        echo "skipped: no etcd in PATH (Debian: etcd-server)" >&2
        exit 77
    }
    exec "$with_etcd" --members 1 "$0" "$program" "$with_etcd"
fi
# shellcheck source=tests/inspect_tool/expect.sh
source "$(dirname "$0")/expect.sh"
store="etcd:$ETCD_ENDPOINTS"

# A cluster in which reeve has nothing.
expect 1 --store "$store" show
holds err "no root record"
expect 1 --store "$store" --root r import "$dir/torn"
holds err "torn"
expect 1 --store "$store" check
holds err "no root record"

import_and_show

# Out and in again gives the same: beside it, and in a file of another kind of store.
expect 0 --store "$store" export
cp "$dir/out" "$dir/again"
expect 0 --store "$store" --root copy import "$dir/again"
expect 0 --store "$store" --root copy export
same "$dir/again" <(sed 's/"root":"copy\/"/"root":"r\/"/' "$dir/out")
expect 0 --store "sqlite:$dir/copy.db" --root r import "$dir/again"
expect 0 --store "sqlite:$dir/copy.db" export
same "$dir/again" "$dir/out"

# Two roots in one cluster: one must be chosen.
expect 1 --store "$store" show
holds err "--root"
expect 0 --store "$store" --root copy show

show_what_cannot_be_read

# Nobody listens at port 1: an error that says so, and no waiting for ever.
expect 1 --store "etcd:127.0.0.1:1" --root r show
holds err "unavailable"
