# SPDX-License-Identifier: MIT
# The plots of one result. Given: data (a folder written by iobench --plot) and
# kind (svg, png or dumb).
#
# Colours are those of Okabe and Ito, which colour-blind people tell apart; as
# there are more models than colours, the mark of each line differs too. Grey
# stands for their yellow, which is faint on white.
set encoding utf8
array shade[8] = ["#000000", "#e69f00", "#56b4e9", "#009e73", \
                  "#999999", "#0072b2", "#d55e00", "#cc79a7"]
array mark[8] = [7, 5, 9, 11, 13, 4, 6, 8]

if (kind eq "svg") {
    set terminal svg size 900,540 font "sans-serif,14" background "#ffffff"
}
if (kind eq "png") {
    set terminal pngcairo size 1350,810 font "sans-serif,18" \
        background "#ffffff"
}
if (kind eq "dumb") {
    set terminal dumb 79 24 mono noenhanced
}
file(name) = kind eq "dumb" ? "/dev/stdout" : sprintf("%s/%s.%s", data, name, kind)
blocks(name) = int(system(sprintf("grep -c '^\"' '%s/%s' || true", data, name)))
places(name) = system(sprintf("awk '/^#place/ {print $2}' '%s/%s'", data, name))
load(name) = system(sprintf("sed -n 's/^#load //p' '%s/%s'", data, name))
# The least or the greatest number in a column of all blocks.
extreme(name, column, end) = real(system(sprintf( \
    "awk '/^[0-9]/ && $%d != \"?\" {print $%d}' '%s/%s' | sort -g | %s -1", \
    column, column, data, name, end)))
least(name, column) = extreme(name, column, "head")
most(name, column) = extreme(name, column, "tail")

# The i-th line of a plot, in the look of its model. Past eight models colours
# come again, with another mark and dashed.
at(i) = int(word(place, i + 1))
colour(i) = shade[(i % 8) + 1]
point(i) = mark[((i + i / 8) % 8) + 1]
dash(i) = i < 8 ? 1 : 2
look = "linecolor rgb colour(at(i)) pointtype point(at(i)) pointsize 1.1 \
    linewidth 2 dashtype dash(at(i)) title columnheader(1)"

# Many models cost the same: at each number their points stand side by side, or
# one would hide the other. `edge` is the room for them at the axis' ends.
beside(x, i) = x * 2.5 ** ((i + 0.5) / n - 0.5)
edge = 1.7
together = " (same number: side by side)"

# Pattern 3 is solid; past eight colours the bars are hatched.
hatch(c) = c < 8 ? 3 : (c < 16 ? 4 : 5)

set datafile missing "?"
set key outside right top vertical noenhanced reverse Left samplen 2
set border 3
set tics nomirror out
set grid ytics linecolor "#dddddd" linetype 1 linewidth 1
set bmargin 4

# 1. Latency by percentile.
n = blocks("latency.dat")
place = places("latency.dat")
if (n > 0) {
    set output file("latency")
    set title "Latency by percentile, ".load("latency.dat")
    set logscale xy
    set xlabel "percentile (each step to the right: ten times rarer)"
    set ylabel "latency in microseconds"
    set xtics ("p0" 1, "p50" 2, "p90" 10, "p99" 100, "p99.9" 1000, \
               "p99.99" 10000, "p99.999" 100000)
    plot for [i=0:n-1] data."/latency.dat" index i using 1:2 \
        with linespoints pointinterval 8 @look
    set xtics autofreq
}

# 2 and 3. Requests per second, and CPU per request, by connections.
n = blocks("connections.dat")
place = places("connections.dat")
if (n > 0) {
    set logscale x
    unset logscale y
    set xlabel "connections, all of them active".together
    set xtics (1, 10, 100, "1,000" 1000, "10,000" 10000)
    set xrange [least("connections.dat", 1) / edge : \
                most("connections.dat", 1) * edge]
    set output file("requests")
    set title "Requests per second (median; bars: min to max of the rounds)"
    set ylabel "thousand requests/s"
    set yrange [0:*]
    plot for [i=0:n-1] data."/connections.dat" index i \
        using (beside($1, i)):($2/1000):($3/1000):($4/1000) \
        with yerrorlines @look
    set output file("cpu")
    set title "Server CPU per request (median; bars: min to max of the rounds)"
    set ylabel "microseconds of CPU per request"
    set ytics (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
    set logscale y
    set yrange [least("connections.dat", 6) / 1.6 : \
                most("connections.dat", 7) * 1.6]
    plot for [i=0:n-1] data."/connections.dat" index i \
        using (beside($1, i)):5:6:7 with yerrorlines @look
    set xrange [*:*]
    set xtics autofreq
}

# 4. The picture of the bench: what idle clients cost. Zero has no place on a
# logarithmic axis, so it stands at 10.
n = blocks("idle.dat")
place = places("idle.dat")
if (n > 0 && most("idle.dat", 1) > 0) {
    set output file("idle")
    set title "What idle clients cost: server CPU per request, ".load("idle.dat")
    set xlabel "idle connections beside the active ones".together
    set ylabel "microseconds of CPU per request"
    set ytics (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
    set logscale xy
    set xrange [10 / edge : most("idle.dat", 1) * edge]
    set yrange [least("idle.dat", 6) / 1.6 : most("idle.dat", 7) * 1.6]
    set xtics ("0" 10, "100" 100, "900" 900, "5,000" 5000, "15,000" 15000)
    plot for [i=0:n-1] data."/idle.dat" index i \
        using (beside($1 < 10 ? 10 : $1, i)):5:6:7 with yerrorlines @look
    set xrange [*:*]
    set xtics autofreq
}

# 5 and 6. Calls per request, stacked by name. A model that asks in vain would
# leave no room for the others: the axis ends at 16 at most, and its bar is cut.
unset logscale
set yrange [0:*]
set ytics autofreq
do for [name in "calls-few calls-many"] {
    columns = int(system(sprintf("head -1 '%s/%s.dat' | tr -dc '\"' | wc -c", \
        data, name))) / 2 - 1
    rows = int(system(sprintf("grep -c . '%s/%s.dat' || true", data, name))) - 1
    if (columns > 0 && rows > 0) {
        set output file(name)
        most = real(system(sprintf("awk 'NR > 1 { t = 0; \
            for (i = 2; i <= NF; i++) t += $i; if (t > m) m = t } \
            END { print m }' '%s/%s.dat'", data, name)))
        set title sprintf("Calls per request, %s%s", \
            system(sprintf("head -1 '%s/%s.dat' | cut -d '\"' -f 2", data, name)), \
            most > 16 ? " (bars past 16 are cut)" : "")
        set xlabel ""
        set ylabel "system calls per request"
        set yrange [0:most > 16 ? 16 : ceil(most * 1.1)]
        set style data histograms
        set style histogram rowstacked
        set style fill solid 0.9 border linecolor "#ffffff"
        set boxwidth 0.75
        set xtics rotate by -40 noenhanced
        set bmargin 7
        set key outside right top vertical noenhanced invert
        plot for [c=2:columns+1] data."/".name.".dat" using c:xtic(1) \
            linecolor rgb colour(c-2) fillstyle pattern (hatch(c-2)) \
            title columnheader(c)
    }
}
set output
