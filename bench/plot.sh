#!/bin/sh
# SPDX-License-Identifier: MIT
# plot.sh RESULT: the plots of one result as SVG and PNG; with TERM=dumb they
# are drawn into the terminal.
set -eu
result=$1
here=$(dirname "$0")
if [ ! -d "$result/plot" ]; then
    echo "Nothing was measured yet: make bench" >&2
    exit 1
fi
if ! command -v gnuplot >/dev/null; then
    echo "gnuplot is not there (apt install gnuplot-nox)." \
        "The numbers are in $result/result.csv"
    exit 0
fi
if [ "${TERM:-}" = dumb ]; then
    gnuplot -e "data='$result/plot'; kind='dumb'" "$here/plot.gp"
    exit
fi
for kind in svg png; do
    gnuplot -e "data='$result/plot'; kind='$kind'" "$here/plot.gp"
done
# No white box in a dark room: light becomes dark, and blue stays blue.
dark='invert(.93) hue-rotate(180deg) brightness(1.3)'
style="<style>@media (prefers-color-scheme: dark) { .plot { filter: $dark; } }"
old='<g id="gnuplot_canvas">' new='</style><g class="plot">'
for plot in "$result"/plot/*.svg; do
    sed "s|$old|$style$new|" "$plot" >"$plot.new"
    mv "$plot.new" "$plot"
done
ls "$result"/plot/*.svg "$result"/plot/*.png
