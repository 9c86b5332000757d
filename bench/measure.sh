#!/bin/sh
# SPDX-License-Identifier: MIT
# measure.sh IOBENCH [OPTION ...]: one run of iobench whose results go into a
# folder with a time stamp beside the program; `latest` is a link to it.
set -eu
iobench=$1
shift
results=$(dirname "$iobench")/results
stamp=$(date +%Y%m%d-%H%M%S)
mkdir -p "$results/$stamp"
status=0
trap : INT # iobench hears it too, and writes what it has
"$iobench" run "$@" --json "$results/$stamp/result.json" \
    --csv "$results/$stamp/result.csv" --md "$results/$stamp/tables.md" \
    --hgrm "$results/$stamp/hgrm" --plot "$results/$stamp/plot" \
    >"$results/$stamp/table.txt" || status=$?
cat "$results/$stamp/table.txt"
if [ -s "$results/$stamp/result.json" ]; then
    ln -sfn "$stamp" "$results/latest"
    echo "All of it: $results/latest/. Next: make plot, make report"
else
    rm -rf "${results:?}/$stamp"
fi
exit "$status"
