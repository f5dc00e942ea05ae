#!/bin/sh
# Install the built wheel with the runtime packages alone, away from the sources, and run it as a user would.
set -eu
cd "$(dirname "$0")/.."

here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
pip="$here/venv/bin/python -m pip --quiet --disable-pip-version-check install"

.venv/bin/python -m venv "$here/venv"
$pip --no-deps --require-hashes -r requirements.lock
$pip --no-deps dist/*.whl
cd "$here"
venv/bin/fluo-audit --version
venv/bin/fluo-audit --help >help.txt
code=0
venv/bin/fluo-audit --demo report --last 365d -d out >report.txt || code=$?
case $code in
    0 | 1 | 3) ;;
    *) exit "$code" ;;
esac
venv/bin/fluo-audit verify out >verify.txt
echo "smoke: the installed wheel writes and verifies a report"
