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

echo
echo "The bundle lies in $folder. It is sample data, and the exceptions in it are part of the sample."
echo "Read it:    $folder/data/report/report.html and report.pdf"
echo "Verify it:  .venv/bin/fluo-audit verify $folder"
echo "Go on:      .venv/bin/fluo-audit --help"
