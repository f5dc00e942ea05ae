#!/bin/sh
# Write a report about the simulated account. It has exceptions on purpose, so exit codes 1 and 3 are a success here.
set -eu

folder=demo/$(date -u +%Y%m%dT%H%M%SZ)
code=0
.venv/bin/fluo-audit --demo report --last 365d -d "$folder" || code=$?
case $code in
    0 | 1 | 3) ;;
    *) exit "$code" ;;
esac

page=$(find "$folder" -name 'report.html' | head -n 1)
echo
echo "The bundle lies in $folder. It is sample data; exceptions in it are part of the sample."
echo "Read it:    open ${page:-$folder} in a browser"
echo "Verify it:  .venv/bin/fluo-audit verify $folder"
echo "Go on:      .venv/bin/fluo-audit --demo check    .venv/bin/fluo-audit --help"
