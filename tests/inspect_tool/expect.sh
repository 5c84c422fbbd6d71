# Sourced by the tests of reeve-inspect, after `program` is set: a temporary directory `dir`, and
# what is expected of the program.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# expect CODE ARGUMENT...: runs it; its output is in $dir/out and $dir/err
expect() {
    local wanted=$1 code=0
    shift
    "$program" "$@" >"$dir/out" 2>"$dir/err" </dev/null || code=$?
    if [ "$code" != "$wanted" ]; then
        echo "reeve-inspect $*: exit code $code, expected $wanted" >&2
        cat "$dir/out" "$dir/err" >&2
        exit 1
    fi
}
# holds FILE TEXT: the output has it
holds() {
    grep -qF -- "$2" "$dir/$1" || {
        echo "no '$2' in:" >&2
        cat "$dir/$1" >&2
        exit 1
    }
}
# same FILE FILE: two exports hold the same records, at whatever revisions
same() {
    diff <(sed 's/,"modified":[0-9]*}/}/; /^{"end"/d' "$1") \
        <(sed 's/,"modified":[0-9]*}/}/; /^{"end"/d' "$2")
}

# import_and_show: a root is imported once, shown, checked, and its lineage raised
import_and_show() {
    expect 0 --store "$store" --root r import "$dir/export"
    holds out "3 records written, 1 of leases left out"
    expect 1 --store "$store" --root r import "$dir/export"

    expect 0 --store "$store" show
    holds out 'r/records/file (host'
    holds out '\x00\xff\x1b'
    expect 0 --store "$store" check
    holds out "0 errors"
    expect 0 --store "$store" raise-lineage
    holds out "cluster c is now of lineage 2"
}
# show_what_cannot_be_read: a record that cannot be read is shown, and found
show_what_cannot_be_read() {
    sed 's/\\"next\\":10/\\"next\\":-1/' "$dir/export" >"$dir/bad"
    expect 0 --store "$store" --root bad import "$dir/bad"
    expect 1 --store "$store" --root bad show
    holds out "UNREADABLE"
    expect 1 --store "$store" --root bad check
    holds out "error: bad/ids"
}

cat >"$dir/export" <<'END_OF_EXPORT'
{"reeve_export":1,"root":"from/"}
{"key":"ids","value":"{\"v\":1,\"min_reader\":1,\"next\":10}","modified":1}
{"key":"leader","value":"{}","modified":2,"lease":7}
{"key":"records/file","value_hex":"00ff1b","modified":3}
{"key":"root","value":"{\"v\":1,\"min_reader\":1,\"cluster\":\"c\",\"lineage\":1}","modified":4}
{"end":4,"first_at":4,"last_at":4}
END_OF_EXPORT
head -n 4 "$dir/export" >"$dir/torn"
