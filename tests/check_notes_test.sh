#!/bin/sh
# SPDX-License-Identifier: MIT
# Does tests/check_notes find what it is there to find? A made-up book that is
# sound, then the same book with one fault at a time.
# shellcheck disable=SC2016  # (backquotes in single quotes are Markdown's)

export LC_ALL=C
check=$(cd "$(dirname "$0")" && pwd)/check_notes
from=$(dirname "$check")/drawn_from
tree=$(mktemp -d) || exit 1
trap 'rm -rf "$tree"' EXIT
cd "$tree" || exit 1
failed=0
cases=0

# A sound book: one server with two marks, one chapter, 31 questions.
sound() {
    rm -rf ./*
    mkdir -p blocking common bench notes/figures notes/measured \
        build/blocking build/bench
    printf 'all: tiny\ntiny quiz-%%: all ## it\n' >Makefile
    echo 'See [the book](notes/README.md).' >README.md
    echo '/* [end:free] */' >common/tiny.c
    cat >blocking/tiny_server.c <<'END'
/* Note: notes/01-tiny.md */
int main(void)
{
    /* [wait+copy:recv] Asleep until bytes are there. */
    n = recv(fd, bytes, sizeof bytes, 0);
    /* [end:close] */
    close(fd);
}
END
    printf '%s\n' '    {.name = "tiny",' '    .server = "blocking/tiny_server",' \
        '    .client = "blocking/tiny_server",' >bench/models.c
    printf '%s\n' '    {.name = "talk",' '    .server = "blocking/tiny_server",' \
        >bench/cast_scenes.c
    for pen in figure_svg scene; do
        echo 'int draw; /* well */' >bench/$pen.c
    done
    for figure in figures/tiny-clients figures/talk figures/all-comparison \
        measured/idle; do
        echo '<svg>drawn</svg>' >notes/$figure.svg
        lines=$("$from" notes/$figure.svg)
        echo "$lines" >>notes/$figure.svg
    done
    printf '#!/bin/sh\necho "  -l, --listen ADDR   where"\n' \
        >build/blocking/tiny_server
    cat >build/bench/tiny_bench <<'END'
#!/bin/sh
case $1 in
run) echo "  -1, --rounds N   how often" ;;
list) echo "      --long       all of it" ;;
*) printf 'usage: tiny_bench COMMAND\n\n  run   it\n  list  them\n' ;;
esac
END
    chmod +x build/blocking/tiny_server build/bench/tiny_bench
    cat >notes/01-tiny.md <<'END'
# 01 · Tiny

The tiny_server has `--listen`. It sleeps in
[`tiny_server.c#wait+copy:recv`](../blocking/tiny_server.c), then
`tiny_server.c#end:close`. ![clients](figures/tiny-clients.svg)
There are `tiny_bench run --rounds` and `tiny_bench list --long`.

```c src=blocking/tiny_server.c#wait+copy:recv+1
    /* [wait+copy:recv] Asleep until bytes are there. */
    n = recv(fd, bytes, sizeof bytes, 0);
```

```sh try
echo "one   42 two"; echo three
```

Expect: `one ... two` and
`three`.

```sh try
echo first; echo second
```

```text expect
first
second
```

See [the answer](#q2-why-2) and [the book](https://example.org/#there), or say
`STEP=1 make tiny`, `make quiz-tiny SEED=7`, `make all >it`, and look into
`bench/scene.c` and `<sys/socket.h>`.

**The question:** is it?

## The figure

```text
     1.000  recv(fd 4) ... asleep       tiny_server.c#wait+copy:recv
     2.000  close(fd 4) = 0                               #end:close
```

## Measured
## Real world
## Exercises

END
    {
        echo '# Questions'
        echo
        for n in $(seq 31); do
            printf '%s\n' "### Q$n. Why $n?" '' 'Because.' '' \
                '```sh try needs=no-such-program' "echo $n" '```' '' \
                "Expect: \`$n\`" '' >>notes/01-tiny.md
            echo "- [Why](01-tiny.md#q$n-why-$n)"
        done
    } >notes/questions.md
    printf '# Book\n\n[01](01-tiny.md) [questions](questions.md)\n' \
        >notes/README.md
}

# expect WORD MESSAGE [CODE]: the check WORD fails (or exits with CODE) and says
# MESSAGE; without a MESSAGE it is content.
expect() {
    cases=$((cases + 1))
    output=$("$check" "$1" 2>&1)
    code=$?
    if [ -z "$2" ]; then
        [ "$code" -eq 0 ] && return
        echo "check_notes $1: should be content, and says:"
    else
        [ "$code" -eq "${3:-1}" ] &&
            printf '%s\n' "$output" | grep -q -e "$2" && return
        echo "check_notes $1: should exit ${3:-1} and say '$2', not $code and:"
    fi
    printf '%s\n' "$output" | sed 's/^/    | /'
    failed=$((failed + 1))
}

# fault WORD MESSAGE SED FILE [CODE]: the sound book with FILE edited by SED.
fault() {
    sound
    sed "$3" "$4" >edited && cat edited >"$4" && rm edited
    expect "$1" "$2" "$5"
}

book=notes/01-tiny.md
source=blocking/tiny_server.c

sound
for word in text marks cited programs try; do
    expect "$word"
done

# The marks.
fault marks 'unknown phase sleep' 's/\[end:close/[sleep:close/' $source
fault marks 'stands in line' 's/\[end:close/[wait+copy:recv/' $source
fault marks 'unknown phase sleep' 's/\[end:/[sleep:/' common/tiny.c
fault marks 'stands in line 1 already' 'p' common/tiny.c
fault text 'has no mark \[wait+copy:read\]' \
    's/`tiny_server.c#wait+copy:recv`/`tiny_server.c#wait+copy:read`/' $book
fault text 'no source has the mark `tiny_server.c#end:open`' \
    's/#end:close`/#end:open`/' $book
fault text '`other.c#wait+copy:recv` leads to blocking/tiny_server.c' \
    's/`tiny_server.c#wait+copy:recv`/`other.c#wait+copy:recv`/' $book
fault cited 'tiny_server.c#end:close: no note cites' \
    's/`tiny_server.c#end:close`/close/' $book

# The traces.
fault text 'no source has the mark `tiny_server.c#wait+copy:recvv`' \
    's/^ .* tiny_server.c#wait+copy:recv$/&v/' $book
fault text 'no source has the mark `#end:closed`' 's/ #end:close$/&d/' $book
fault text 'a line number' 's/ #end:close$/tiny_server.c:8/' $book

# The excerpts.
fault text '01-tiny.md:10: the excerpt differs' 's/^    n = recv.*/    n = 0;/' $book
fault text 'the excerpt differs' 's/^    n = recv/&v/' $source
fault text 'the excerpt ends too early' 's/recv+1$/recv+2/' $book
fault text 'the excerpt differs' 's/recv+1$/recv+0/' $book
fault text 'an excerpt of .*tiny_server.c#wait:none, which is not there' \
    's/src=\(.*\)#.*/src=\1#wait:none+1/' $book
fault text 'an excerpt reads src=path' 's/src=\(.*\)#.*/src=\1:4/' $book
fault text 'a fence without its end' '$s/$/\n```text/' $book

# Line numbers, links, headings.
fault text 'a line number' 's/It sleeps in/It sleeps (tiny_server.c:4) in/' $book
for place in 'line 4' 'line no. 4' 'line number 4' L4; do
    fault text 'a line number' "s/It sleeps in/It sleeps in $place of/" $book
done
fault text 'tiny_server.c#L5: cite a mark' 's/tiny_server.c)/tiny_server.c#L5)/' \
    $book
fault text 'dead link: ../blocking/none.c' \
    's|(../blocking/tiny_server.c)|(../blocking/none.c)|' $book
for link in '[it](99-none.md "it")' '[it][there]' '[it]: 99-none.md' \
    '<a href="99-none.md">'; do
    fault text 'a link reads' "s|^See|& $link|" $book
done
fault text 'README.md:1: dead link' 's/(notes/(book/' README.md
fault text 'the Makefile has no target tinny' 's/make tiny/make tinny/' $book
fault text 'no target tinny' 's/^echo first;/make tinny;/' $book
fault text 'no target tinny' 's/^See/    make tinny\n\n&/' $book
fault text 'no target quiz-none' 's/make quiz-tiny/make quiz-none/' $book
fault text 'there is no bench/actor.c' 's|bench/scene.c|bench/actor.c|' $book
fault text 'there is no stage/scene.c' 's|bench/scene.c|stage/scene.c|' $book
fault text 'has no heading #q2-why-two' 's/(#q2-why-2)/(#q2-why-two)/' $book
fault text 'notes/README.md does not list it' 's/.01.(01-tiny.md)//' \
    notes/README.md
fault text 'names notes/02-none.md, which is not there' \
    's/01-tiny/02-none/' $source

# The questions.
fault text 'no chapter has a heading `### Q7' 's/^### Q7\. .*/### Q. Why 7?/' $book
fault text 'Q8 is answered in .* already' 's/^### Q7\./### Q8./' $book
fault text 'no link to the answer of Q9' '/q9-/d' notes/questions.md
fault text 'no link to the answer of Q30' 's/#q30-why-30//' notes/questions.md
fault text 'a question without an answer' '/^### Q7\./,/^```/{/^Because/d;}' $book
fault text 'a question without a try block' \
    '/^### Q7\./,/^```/s/^```sh.*/```sh/' $book

# The parts of a chapter.
fault text 'it has not: question' '/^..The question/d' $book
fault text 'it has not: the-figure' 's/^## The figure/## Figure/' $book
fault text 'it has not: drawing' 's/tiny-clients.svg/README.md/' $book
fault text 'it has not: mark' 's/#wait+copy:recv//; s/#end:close`/`/' $book
fault text 'it has not: trace' '/^ .*  .*tiny_server.c#/d; s/ #end:.*//' $book
fault text 'it has not: measured' '/^## Measured/d' $book
fault text 'it has not: try' 's/^```sh try.*/```sh/' $book
fault text 'it has not: real-world' '/^## Real world/d' $book
fault text 'it has not: exercises' '/^## Exercises/d' $book

# The figures.
sound
rm notes/figures/tiny-clients.svg
expect text 'dead link: figures/tiny-clients.svg'
expect text 'notes/figures/tiny-clients.svg: is missing'
sound
rm notes/figures/all-comparison.svg
expect text 'all-comparison.svg: is missing'
stale='tiny-clients.svg: was drawn from another'
fault text "$stale blocking/tiny_server.c: make" 's/Asleep until/Awake until/' \
    $source
fault text "$stale blocking/tiny_server.c: make" 's/close(fd)/shut(fd)/' $source
fault text 'all-comparison.svg: was drawn from another .*tiny_server.c' \
    's/\[end:close/[end:shut/' $source
sound
rm notes/figures/talk.svg
expect text 'notes/figures/talk.svg: is missing'
fault text 'talk.svg: was drawn from another .*tiny_server.c' \
    's/\[end:close/[end:shut/' $source
fault text 'talk.svg: was drawn from another bench/cast_scenes.c' \
    's/"talk",/& .title = "",/' bench/cast_scenes.c
fault text "$stale bench/figure_svg.c: make" 's/draw/paint/' bench/figure_svg.c
fault text "$stale bench/scene.c: make" 's/draw/paint/' bench/scene.c
fault text "$stale run: make" 's/>drawn</>painted</' notes/figures/tiny-clients.svg
fault text "$stale run: make" 's/^<svg>.*/<svg\/>/' notes/figures/tiny-clients.svg
fault text 'measured/idle.svg: was drawn from another run: see' 's/^<svg>.*/<svg\/>/' \
    notes/measured/idle.svg
fault text '' 's/well/better/' bench/figure_svg.c
fault text '' 's/^int main/static &/' $source
fault text 'tiny-clients.svg: nothing says what it was drawn from' \
    '/drawn from/d' notes/figures/tiny-clients.svg
fault text "$stale blocking/tiny_server.c: make" \
    's/tiny_server.c [0-9]*/tiny_server.c 1/' notes/figures/tiny-clients.svg
sound
cp notes/figures/tiny-clients.svg notes/figures/large-clients.svg
expect text 'large-clients.svg: of no model'

# The programs.
fault programs 'tiny_server: no note of it has --listen' 's/--listen/-l/' $book
fault programs 'no note of it has --listen' 's/--listen/--listening/' $book
fault programs 'no note of it has --listen' 's/--listen/--listen-to/' $book
echo 'And `--listen`, of another program.' >>notes/questions.md
expect programs 'no note of it has --listen'
fault programs 'tiny_server: no note mentions it' 's/tiny_server/server/g' $book
fault programs 'tiny_bench run: no note of it has --rounds' 's/ --rounds//' $book
fault programs 'tiny_bench list: no note of it has --long' 's/ --long//' $book
fault programs 'no note mentions tiny_bench list' 's/tiny_bench list/list/' $book

# The blocks to try.
fault try 'not found in the output: three' 's/; echo three//' $book
fault try 'not found in the output: one ... two' 's/one   42 two/two one/' $book
fault try 'not found in the output: second' \
    's/echo first; echo second/echo second; echo first/' $book
fault text 'a try without what to expect' 's/^Expect:/You see/' $book
fault text 'a try without what to expect' 's/^```text expect/```text/' $book
fault try 'left behind process' 's/echo first;/sleep 60 \& &/' $book
fault try '' 's/sh try$/sh try needs=no-such-program/' $book
export TRY_PROMISED=0
fault try 'warning: took' 's/echo first;/sleep 1.1; &/' $book 0
export TRY_SECONDS=1
fault try 'did not end in time' 's/echo first;/sleep 20;/' $book

echo "check_notes: $((cases - failed)) of $cases cases hold"
[ "$failed" -eq 0 ]
