# SPDX-License-Identifier: MIT
# Reads the sources (.c, .h) and then the notes (.md), in that order, and
# tells what in the notes does not hold. See tests/check_notes.
# -v rooms="blocking ...": every mark of their files must be cited.

BEGIN {
    split(rooms, list, " ")
    for (i in list) in_room[list[i]]
    MARK = "[a-z+]+:[A-Za-z0-9_+-]+"
}

function fault(where, text) {
    print where ": " text
    bad = 1
}

# "notes/figures/../x" becomes "notes/x".
function tidy(path) {
    while (match(path, /(^|\/)[^\/.][^\/]*\/\.\.\//))
        path = substr(path, 1, RSTART - 1) \
            (substr(path, RSTART, 1) == "/" ? "/" : "") \
            substr(path, RSTART + RLENGTH)
    sub(/\/\.\.?$/, "", path)
    return path
}

function exists(path) {
    if (path !~ /^[A-Za-z0-9_.\/-]+$/) return 0
    if (!(path in is_there))
        is_there[path] = system("test -e '" path "'") == 0
    return is_there[path]
}

# The name that a heading gets as the target of a link.
function slug_of(heading) {
    gsub(/`/, "", heading)
    gsub(/\302\267|\342\200[\220-\277]|\342\206[\220-\223]/, "", heading)
    heading = tolower(heading)
    gsub(/[^a-z0-9_ \200-\377-]/, "", heading)
    gsub(/ /, "-", heading)
    return heading
}

FNR == 1 { end_note(); file = FILENAME; is_note = file ~ /\.md$/ }

# --- sources ----------------------------------------------------------------

!is_note {
    source[file, FNR] = $0
    if (match($0, "/\\* \\[" MARK "\\]")) {
        mark = substr($0, RSTART + 4, RLENGTH - 5)
        anchor_line[file "#" mark] = FNR
        base = file
        sub(/.*\//, "", base)
        bearers[base "#" mark]++
        bearer[base "#" mark] = file
        marks[++mark_count] = file "#" mark
    }
    if (match($0, /notes\/[a-z0-9-]+\.md/)) {
        note = substr($0, RSTART, RLENGTH)
        if (!exists(note)) fault(file, "names " note ", which is not there")
    }
    if (file == "bench/models.c" && match($0, /\{\.name = "[a-z-]+"/)) {
        figure = "notes/figures/" substr($0, RSTART + 10, RLENGTH - 11) \
            "-clients.svg"
        if (!exists(figure)) fault(figure, "is missing: make figures")
    }
    next
}

# --- notes ------------------------------------------------------------------

function end_note() {
    if (!is_note) return
    end_paragraph()
    if (fence != "") fault(file ":" fence_line, "a fence without its end")
    if (wants_expect) fault(file ":" try_line, "a try without what to expect")
    fence = wants_expect = ""
    if (file == "notes/README.md") readme = 1
    else if (file ~ /^notes\/[^\/]*\.md$/) chapters[++chapter_count] = file
}

function end_paragraph() {
    if (text != "") read_prose(text)
    text = ""
}

function cite(path, mark, where) {
    if (!((path "#" mark) in anchor_line))
        fault(where, path " has no mark [" mark "]")
    cited[path "#" mark]
}

# A reference as text alone, without a link: any file of that name has it.
function cite_base(name, where) {
    if (!(name in bearers)) fault(where, "no source has the mark `" name "`")
    else if (bearers[name] == 1) cited[bearer[name] "#" substr(name, \
        index(name, "#") + 1)]
}

function read_link(label, target, where,    path, hash, base) {
    hash = ""
    if (target ~ /^[a-z]+:/) return
    if (match(target, /#.*/)) {
        hash = substr(target, RSTART + 1)
        target = substr(target, 1, RSTART - 1)
    }
    path = target == "" ? file : tidy(folder(file) target)
    linked[file, path]
    if (!exists(path)) {
        fault(where, "dead link: " target)
        return
    }
    if (hash != "") {
        hash_where[++hash_count] = where
        hash_path[hash_count] = path
        hash_name[hash_count] = hash
        if (file == "notes/questions.md" && match(hash, /^q[0-9]+-/))
            indexed[substr(hash, 2, RLENGTH - 2) + 0]
    }
    if (match(label, "^`[A-Za-z0-9_]+\\.[ch]#" MARK "`$")) {
        label = substr(label, 2, length(label) - 2)
        base = path
        sub(/.*\//, "", base)
        hash = index(label, "#")
        if (substr(label, 1, hash - 1) != base)
            fault(where, "`" label "` leads to " path)
        else
            cite(path, substr(label, hash + 1), where)
    }
}

function folder(path) {
    sub(/[^\/]*$/, "", path)
    return path
}

# A paragraph: links, marks outside links, line numbers.
function read_prose(text,    where, link, at) {
    where = file ":" text_line
    while (match(text, /\[[^\]]*\]\([^) ]*\)/)) {
        link = substr(text, RSTART, RLENGTH)
        text = substr(text, 1, RSTART - 1) " " substr(text, RSTART + RLENGTH)
        at = index(link, "](")
        read_link(substr(link, 2, at - 2), \
            substr(link, at + 2, length(link) - at - 2), where)
    }
    if (text ~ /[A-Za-z0-9_]\.[ch]:[0-9]/ ||
        text ~ /(^|[^A-Za-z])[Ll]ines? [0-9]/)
        fault(where, "a line number: cite a mark, lines move")
    while (match(text, "`[A-Za-z0-9_]+\\.[ch]#" MARK "`")) {
        cite_base(substr(text, RSTART + 1, RLENGTH - 2), where)
        text = substr(text, RSTART + RLENGTH)
    }
}

# ```c src=path#phase:slug+6, or -2+6: from 2 lines above the mark's line.
function begin_excerpt(info,    where) {
    where = file ":" FNR
    excerpt = 0
    if (!match(info, "src=[A-Za-z0-9_./-]+#" MARK)) {
        fault(where, "an excerpt reads src=path#phase:slug+lines")
        return
    }
    name = substr(info, RSTART + 4, RLENGTH - 4)
    before = after = 0
    if (match(name, /\+[0-9]+$/)) {
        after = substr(name, RSTART + 1) + 0
        name = substr(name, 1, RSTART - 1)
    }
    if (match(name, /-[0-9]+$/)) {
        before = substr(name, RSTART + 1) + 0
        name = substr(name, 1, RSTART - 1)
    }
    if (!(name in anchor_line)) {
        fault(where, "an excerpt of " name ", which is not there")
        return
    }
    cited[name]
    excerpt = 1
    excerpt_file = name
    sub(/#.*/, "", excerpt_file)
    excerpt_line = anchor_line[name] - before
    excerpt_end = anchor_line[name] + after
}

function check_excerpt() {
    if (!excerpt) return
    if (excerpt_line > excerpt_end ||
        source[excerpt_file, excerpt_line] != $0) {
        fault(file ":" FNR, "the excerpt differs from " excerpt_file)
        excerpt = 0
    }
    excerpt_line++
}

/^ *```/ && fence == "" {
    end_paragraph()
    fence = $0
    sub(/^ */, "", fence)
    fence_line = FNR
    if (wants_expect && fence !~ /^```text expect/)
        fault(file ":" try_line, "a try without what to expect")
    wants_expect = 0
    if (fence ~ /src=/) begin_excerpt(fence)
    else if (fence ~ /^```sh try/) try_line = FNR
    next
}
/^ *```$/ {
    if (fence ~ /src=/ && excerpt && excerpt_line <= excerpt_end)
        fault(file ":" FNR, "the excerpt ends too early")
    wants_expect = fence ~ /^```sh try/
    fence = ""
    next
}
fence != "" {
    if (fence ~ /src=/) check_excerpt()
    next
}
/^#+ / {
    end_paragraph()
    heading = $0
    sub(/^#+ /, "", heading)
    slug = slug_of(heading)
    if ((file, slug) in headings) slug = slug "-" ++again[file, slug]
    headings[file, slug]
    if (match($0, /^### Q[0-9]+\. /) && file != "notes/questions.md") {
        n = substr($0, 6) + 0
        if (n in answered)
            fault(file ":" FNR, "Q" n " is answered in " answered[n] " already")
        answered[n] = file
    }
}
/^ *$/ { end_paragraph(); next }
/^ *([|]|[-*] |[0-9]+\. )/ { end_paragraph() }
{
    if (wants_expect && $0 !~ /^Expect:.*`/)
        fault(file ":" try_line, "a try without what to expect")
    wants_expect = 0
    if (text == "") text_line = FNR
    text = text == "" ? $0 : text " " $0
}

END {
    end_note()
    for (i = 1; i <= hash_count; i++)
        if (hash_path[i] ~ /\.md$/ && !((hash_path[i], hash_name[i]) in headings))
            fault(hash_where[i], hash_path[i] " has no heading #" hash_name[i])
    for (n = 1; n <= 25; n++) {
        if (!(n in answered))
            fault("notes", "no chapter has a heading `### Q" n ". ...`")
        if (!(n in indexed))
            fault("notes/questions.md", "no link to the answer of Q" n)
    }
    if (readme)
        for (i = 1; i <= chapter_count; i++)
            if (!(("notes/README.md", chapters[i]) in linked))
                fault(chapters[i], "notes/README.md does not list it")
    for (i = 1; i <= mark_count; i++) {
        room = marks[i]
        sub(/\/.*/, "", room)
        if (uncited && (room in in_room) && !(marks[i] in cited))
            fault(marks[i], "no note cites this mark")
    }
    exit bad
}
