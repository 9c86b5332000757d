#!/bin/sh
# SPDX-License-Identifier: MIT
# The weaver on made-up notes: what must be on the pages is, and each made-up
# fault fails the weaving with its words. usage: WEAVE=... tests/book_test.sh
set -u
if ! command -v cmark >/dev/null; then
    echo "book_test: skipped, cmark is not there (apt install cmark)"
    exit 0
fi
root=$(cd "$(dirname "$0")/.." && pwd)
case $WEAVE in /*) ;; *) WEAVE=$PWD/$WEAVE ;; esac
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
mkdir -p book multiplexing asyncio notes/figures notes/solutions

cat >multiplexing/one.c <<'END'
/* SPDX-License-Identifier: MIT */
int main(void)
{
    /* [wait:select] Sleep, until
     * one of "them" is < ready. */
    int n = select(8, &set,
                   NULL, NULL, NULL);
    /* [copy:recv] */
    recv(fd, bytes, 8, 0);
    char c = '"'; // a quote
    return 0;
}
END
sed 's/wait:select/wait+copy:read/' multiplexing/one.c >asyncio/one.c
cat >notes/figures/f.svg <<'END'
<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><style>
text, .end { fill: url(#p); }
@media (prefers-color-scheme: dark) {
.end { fill: #fff; }
}
</style><defs><pattern id="p"/></defs><text class="end">drawn</text></svg>
END
echo '# S' >notes/solutions/s.md

failed=0

# weave: weaves notes/01.md (standard input), README and the solution.
weave() {
    cat >notes/01.md
    [ -e notes/README.md ] || echo '# Book' >notes/README.md
    said=$("$WEAVE" --parts "$root/notes/book" --into book notes/solutions/s.md \
        notes/01.md notes/README.md 2>&1)
    status=$?
}

# has NAME TEXT [FILE]: the woven page has the text.
has() {
    grep -qF -e "$2" "book/${3:-01.html}" && return
    echo "$1: the page has no $2"
    failed=1
}

# fault NAME WORDS < note: the weaving fails, and says so.
fault() {
    weave
    if [ "$status" -ne 1 ] || [ "$said" != "$2" ]; then
        echo "$1: expected \"$2\" and got \"$said\", status $status"
        failed=1
    fi
}

weave <<'END'
# 01 · A `title` & more

See [`one.c#wait:select`](../multiplexing/one.c), [a file](../asyncio/one.c),
[here](#a-title-twice-1), [the book](README.md), and `one.c#wait+copy:read`.
Ambiguous: `one.c#copy:recv`; `--work`. [Out](https://example.org/).

![a picture](figures/f.svg)

| call | `a | b` |
| --- | :-: |
| 1. | [`one.c#copy:recv`](../multiplexing/one.c) |
| - | *soft* \| bar |
| `等待` | 阻塞 (忙等待) wait |

## A title: twice
## A title: twice

```c src=multiplexing/one.c#wait:select+4
    /* [wait:select] Sleep, until
     * one of "them" is < ready. */
    int n = select(8, &set,
                   NULL, NULL, NULL);
    /* [copy:recv] */
```

```c src=multiplexing/one.c#copy:recv-1+1
                   NULL, NULL, NULL);
    /* [copy:recv] */
    recv(fd, bytes, 8, 0);
```

```sh try needs=strace
echo "<b>"   `one.c#no:mark`
```

Expect: `b`
END
if [ "$status" -ne 0 ] || [ -n "$said" ]; then
    echo "good: status $status, said \"$said\""
    failed=1
fi
has link '<a class="anchor wait" href="#multiplexing/one.c:wait:select"><code>'
has target '<span class="mark wait" id="multiplexing/one.c:wait:select">'
has file '<a class="anchor file" href="#asyncio/one.c">a file</a>'
has file_target '<section class="source" id="asyncio/one.c">'
has bare '<a class="anchor wait-copy" href="#asyncio/one.c:wait+copy:read">'
has several 'Ambiguous: <code>one.c#copy:recv</code>;'
has option '<code class="option">--work</code>'
has external '<a rel="external noreferrer" href="https://example.org/">'
has own_heading '<a href="#a-title-twice-1">here</a>'
has note '<a href="index.html">the book</a>'
has heading '<h2 id="a-title-twice">'
has heading_again '<h2 id="a-title-twice-1">'
has title '<title>01 · A title &amp; more</title>'
has figure '<svg class="f1"'
has figure_style '.f1 text, .f1 .end { fill: url(#f1-p); }'
has figure_dark '.f1 .end { fill: #fff; }'
has figure_id '<pattern id="f1-p"/>'
has table '<td>'
has cell '<span>1.</span>'
has bar '<span><em>soft</em> | bar</span>'
has chinese '<span lang="zh-Hans">阻塞 (忙等待</span>) wait</span>'
has chinese_code '<code>等待</code>'
has in_table 'href="#multiplexing/one.c:copy:recv"><code>one.c#copy:recv</code>'
has number '<i data-n="5"></i><span class="c">     * one of &quot;them&quot; is'
has tag '<span class="tag">[wait:select]</span> Sleep, until'
has quote "<span class=\"s\">'&quot;'</span>"
has try '<pre class="try"><code>echo &quot;&lt;b&gt;&quot;   `one.c#no:mark`'
has expect '<p class="expect">Expect:'
has contents '<li><a href="01.html"' index.html
has keys '<span class="keys"><kbd>j</kbd>'
has keys_alone '<span class="keys"><kbd>/</kbd> search' index.html
has turn '<a rel="next" href="01.html">' index.html
has policy "default-src 'none'" solutions-s.html
if grep -q 'solutions-s.html' book/index.html; then
    echo "contents: a solution is listed"
    failed=1
fi

# A mark's block ends with its statement.
lines=$(awk '/id="multiplexing\/one.c:wait:select"/ {on = 1}
    on && /^<\/span>/ {exit} on {n++} END {print n}' book/01.html)
[ "${lines:-0}" -eq 4 ] || { echo "block: $lines lines, not 4"; failed=1; }

fault no_mark "notes/01.md: multiplexing/one.c has no mark [wait:poll]" <<'END'
# T
[`one.c#wait:poll`](../multiplexing/one.c)
END

fault no_source "notes/01.md: dead link: multiplexing/two.c" <<'END'
# T
[`two.c#wait:poll`](../multiplexing/two.c)
END

fault other_file "notes/01.md: \`two.c#wait:select\` leads to \
multiplexing/one.c" <<'END'
# T
[`two.c#wait:select`](../multiplexing/one.c)
END

fault bare_no_mark "notes/01.md: no source has the mark \`one.c#wait:poll\`" \
    <<'END'
# T
See `one.c#wait:poll`.
END

fault no_note "notes/01.md: dead link: notes/02.md" <<'END'
# T
[two](02.md)
END

fault no_heading "notes/01.md: notes/README.md has no heading #here" <<'END'
# T
[here](README.md#here)
END

fault no_figure "notes/01.md: notes/figures/g.svg: No such file or directory" \
    <<'END'
# T

![g](figures/g.svg)
END

fault no_drawing "notes/01.md: notes/README.md: no SVG drawing" <<'END'
# T

![g](README.md)
END

fault no_excerpt "notes/01.md: an excerpt of multiplexing/one.c#wait:poll, \
which is not there" <<'END'
# T

```c src=multiplexing/one.c#wait:poll+1
    poll();
```
END

fault other_excerpt "notes/01.md: the excerpt differs from \
multiplexing/one.c#copy:recv" <<'END'
# T

```c src=multiplexing/one.c#copy:recv+1
    /* [copy:recv] */
    recv(fd, bytes, 9, 0);
```
END

fault no_title "notes/01.md: no title: a note begins with a heading" <<'END'
Text.
END

[ "$failed" -eq 0 ] || exit 1
echo "book: made-up notes are woven, and every made-up fault was caught"
