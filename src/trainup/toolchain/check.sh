#!/bin/sh
# Format, lint, types and the fast tests.
set -eu
CDPATH= cd -- "$(dirname "$0")/../../.."
ruff format --check --quiet . || { echo "run \`make format\`"; exit 1; }
ruff check --quiet .
mypy & # beside the tests: it is one process, and takes long where it has no cache
types=$!
trap 'kill "$types" 2>/dev/null; exit 130' INT TERM # the shell lets no Ctrl-C reach it
failed=0
# What imports Azure's SDKs takes longer than all the rest: those tests are for the whole run.
python -m pytest -q -n 2 --hypothesis-profile=quick -m "not slow" tests/unit tests/contract \
    --ignore tests/unit/azure --ignore tests/unit/simulator || failed=$?
wait "$types" || failed=$?
exit "$failed"
