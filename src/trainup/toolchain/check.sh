#!/bin/sh
# Format, lint, types and the fast tests.
set -eu
CDPATH= cd -- "$(dirname "$0")/../../.."
ruff format --check --quiet . || { echo "run \`make format\`"; exit 1; }
ruff check --quiet .

# Two processes that each read a part of the tests: with xdist, each would read all of them, which takes a third of the
# time. What imports Azure's SDKs takes longer than all the rest, and is for the whole run.
fast_tests() {
    python -m pytest -q --hypothesis-profile=quick -m "not slow" -p no:xdist "$@"
}
other=$(mktemp)
fast_tests tests/contract tests/unit/core tests/unit/cli >"$other" 2>&1 &
others=$!
mypy & # it is one process, and takes long where it has no cache
types=$!
trap 'rm -f "$other"' EXIT
trap 'kill "$others" "$types" 2>/dev/null; exit 130' INT TERM # the shell lets no Ctrl-C reach them
failed=0
fast_tests tests/unit --ignore tests/unit/core --ignore tests/unit/cli \
    --ignore tests/unit/azure --ignore tests/unit/simulator || failed=$?
wait "$others" || failed=$?
cat "$other"
wait "$types" || failed=$?
exit "$failed"
