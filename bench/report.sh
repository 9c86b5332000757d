#!/bin/sh
# SPDX-License-Identifier: MIT
# report.sh RESULT: one Markdown file with the conditions, the tables and the
# plots of a result, and room for what only you can write.
set -eu
result=$1
report=$result/report.md
if [ ! -f "$result/tables.md" ]; then
    echo "Nothing was measured yet: make bench" >&2
    exit 1
fi
sh "$(dirname "$0")/plot.sh" "$result" >/dev/null

# explain QUESTION: a paragraph to fill in.
explain()
{
    printf '\n**Explain:** *%s*\n\n...\n' "$1"
}

# picture NAME TITLE QUESTION
picture()
{
    [ -f "$result/plot/$1.svg" ] || return 0
    printf '\n## %s\n\n![%s](plot/%s.svg)\n' "$2" "$2" "$1"
    explain "$3"
}

{
    printf '# I/O models, side by side\n\nName:\n\n'
    printf '## What was measured, and how\n\n'
    cat "$result/tables.md"
    explain "Which differences are larger than the spread of the rounds?"
    picture requests "Requests per second" \
        "Which models can you rank, and which lie within each other's spread?"
    picture cpu "CPU per request" \
        "Why does a request cost less CPU when more clients ask?"
    picture latency "Latency by percentile" \
        "Where do the lines part, and what happens to those requests?"
    picture idle "What idle clients cost" \
        "Which lines rise, and what does the server do for an idle client?"
    picture calls-few "Calls per request, one connection" \
        "Name the wait and the copy of each model."
    picture calls-many "Calls per request, many connections" \
        "Which call became rarer than one a request, and why?"
} >"$report"
echo "$report"
