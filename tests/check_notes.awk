# SPDX-License-Identifier: MIT
# Reads the sources (.c, .h), the Makefile and then the notes (.md), in that
# order, and tells what in the notes does not hold. See tests/check_notes.
# -v rooms="blocking ...": every mark of their files must be cited.

BEGIN {
    split(rooms, list, " ")
    for (i in list) in_room[list[i]]
    MARK = "[A-Za-z+]+:[A-Za-z0-9_+-]+"
    LINE = "[A-Za-z0-9_]\\.[ch]:[0-9]"
    QUESTIONS = 31
    # What each of the chapters 01 to 12 has: four headings, the line with its
    # question, a drawing, a cited mark, a fence with a mark in it, a block to
    # try.
    part_count = split("question the-figure drawing mark trace measured try " \
        "real-world exercises", parts, " ")
    # Chapter 08 draws the programs of 03 to 07, and their traces are there.
    # Chapter 12 reads no program of the rooms, and all of it is measuring.
    split("08-trace 12-the-figure 12-mark 12-trace 12-measured", list, " ")
    for (i in list) excused[list[i]]
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

FNR == 1 {
    end_note()
    file = FILENAME
    is_note = file ~ /\.md$/
    is_chapter = file ~ /^notes\/(0[1-9]|1[0-2])-[^\/]*$/
}

# --- sources ----------------------------------------------------------------

file == "Makefile" {
    if (match($0, /^[a-z][a-z0-9_% -]*:([^=]|$)/)) {
        count = split(substr($0, 1, RLENGTH - 2), list, " ")
        for (i = 1; i <= count; i++) targets[list[i]]
    }
    next
}
!is_note {
    source[file, FNR] = $0
    if (match($0, "/\\* \\[" MARK "\\]")) {
        mark = substr($0, RSTART + 4, RLENGTH - 5)
        anchor_line[file "#" mark] = FNR
        base = file
        sub(/.*\//, "", base)
        bearers[base "#" mark]++
        bearer[base "#" mark] = file
        bearers["#" mark]++
        marks[++mark_count] = file "#" mark
    }
    if (match($0, /notes\/[a-z0-9-]+\.md/)) {
        note = substr($0, RSTART, RLENGTH)
        if (!exists(note)) fault(file, "names " note ", which is not there")
    }
    if (file == "bench/models.c" && match($0, /\{\.name = "[a-z-]+"/)) {
        model = substr($0, RSTART + 10, RLENGTH - 11)
        models[model]
        figure = "notes/figures/" model "-clients.svg"
        if (!exists(figure)) fault(figure, "is missing: make figures")
    }
    if (file == "bench/cast_scenes.c" && match($0, /\{\.name = "[a-z-]+"/)) {
        figure = "notes/figures/" substr($0, RSTART + 10, RLENGTH - 11) ".svg"
        if (!exists(figure)) fault(figure, "is missing: make figures")
    }
    next
}

# --- notes ------------------------------------------------------------------

function end_note(    i) {
    if (!is_note) return
    end_paragraph()
    end_question()
    if (is_chapter)
        for (i = 1; i <= part_count; i++)
            if (!((file, parts[i]) in has) &&
                !((substr(file, 7, 3) parts[i]) in excused))
                fault(file, "a chapter has this part, and it has not: " parts[i])
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

# A question has been left: answered in words, and then shown?
function end_question() {
    if (asked && !worded) fault(file ":" asked, "a question without an answer")
    if (asked && !tried) fault(file ":" asked, "a question without a try block")
    asked = worded = tried = 0
}

function cite(path, mark, where) {
    if (!((path "#" mark) in anchor_line))
        fault(where, path " has no mark [" mark "]")
    cited[path "#" mark]
    has[file, "mark"]
}

# References as text alone, `file.c#mark` or as in a trace `#mark`: any file of
# that name has it, or any file at all. Those of a trace do not count as cited.
function read_marks(line, where,    name) {
    while (match(line, "(^|[ (`])([A-Za-z0-9_]+\\.[ch])?#" MARK)) {
        name = substr(line, RSTART, RLENGTH)
        sub(/^[ (`]/, "", name)
        line = substr(line, RSTART + RLENGTH)
        if (fence == "```text") has[file, "trace"]
        if (!(name in bearers))
            fault(where, "no source has the mark `" name "`")
        else if (fence == "" && (name in bearer) && bearers[name] == 1)
            cited[bearer[name] substr(name, index(name, "#"))]
    }
}

# `make demo-select`, `diff common/text.c common/text.h`: is it there?
function read_span(span, where,    word, count, i, made) {
    count = split(span, word, /[ ;|&()]+/)
    for (i = 1; i <= count; i++) {
        if (word[i] == "make") {
            made = 1
        } else if (made && word[i] !~ /^-|=/) {
            made = word[i] ~ /^[a-z][a-z0-9-]*$/
            if (made && !is_target(word[i]))
                fault(where, "the Makefile has no target " word[i])
        }
        if (word[i] ~ /^[A-Za-z0-9_-]+\/[A-Za-z0-9_.\/-]+$/ &&
            is_ours(word[i]) && !exists(word[i]) && !exists(word[i] ".c"))
            fault(where, "there is no " word[i])
    }
}

# demo-% stands for demo-MODEL, exercise-% for a folder of exercises.
function is_target(word,    stem) {
    stem = word
    sub(/^[a-z]+-/, "", stem)
    return (word in targets) ||
        ((substr(word, 1, length(word) - length(stem)) "%") in targets) &&
        ((stem in models) || exists("notes/exercises/" stem))
}

function is_ours(path,    top) {
    top = path
    sub(/\/.*/, "", top)
    return top != "build" && (path ~ /\.[ch]$/ || exists(top))
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
    if (hash != "" && path !~ /\.md$/) {
        fault(where, target "#" hash ": cite a mark, lines move")
    } else if (hash != "") {
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

# A paragraph: links, marks outside links, line numbers, code.
function read_prose(text,    where, link, at) {
    where = file ":" text_line
    while (match(text, /\[[^\]]*\]\([^) ]*\)/)) {
        link = substr(text, RSTART, RLENGTH)
        text = substr(text, 1, RSTART - 1) " " substr(text, RSTART + RLENGTH)
        at = index(link, "](")
        read_link(substr(link, 2, at - 2), \
            substr(link, at + 2, length(link) - at - 2), where)
    }
    if (text ~ LINE || text ~ /(^|[^A-Za-z0-9])L[0-9]/ ||
        text ~ /(^|[^A-Za-z])[Ll]ines? (no\.? |numbers? )?[0-9]/)
        fault(where, "a line number: cite a mark, lines move")
    read_marks(text, where)
    while (match(text, /`[^`]+`/)) {
        read_span(substr(text, RSTART + 1, RLENGTH - 2), where)
        text = substr(text, 1, RSTART - 1) " " substr(text, RSTART + RLENGTH)
    }
    if (text ~ /\]\(|\]\[|\]: |<(a|img) /)
        fault(where, "a link reads [text](target), with nothing else in it")
}

# A line of a trace, or of anything else in a fence.
function read_shown(line,    where) {
    where = file ":" FNR
    if (line ~ LINE) fault(where, "a line number: cite a mark, lines move")
    read_marks(line, where)
    if (fence ~ /^```sh/) read_span(line, where)
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
    has[file, "mark"]
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
    else if (fence ~ /^```sh try/) {
        try_line = FNR
        has[file, "try"]
        tried = 1
    }
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
    else read_shown($0)
    next
}
/^#+ / {
    end_paragraph()
    end_question()
    heading = $0
    sub(/^#+ /, "", heading)
    slug = slug_of(heading)
    if ((file, slug) in headings) slug = slug "-" ++again[file, slug]
    headings[file, slug]
    if (match(slug, /^(the-figure|measured|real-world|exercises)/))
        has[file, substr(slug, 1, RLENGTH)]
    if (match($0, /^### Q[0-9]+\. /) && file != "notes/questions.md") {
        n = substr($0, 6) + 0
        if (n in answered)
            fault(file ":" FNR, "Q" n " is answered in " answered[n] " already")
        answered[n] = file
        asked = FNR
    }
}
/^\*\*The question:\*\* / { has[file, "question"] }
/^(.* )?!\[.*\]\((figures|measured)\/[a-z-]*\.svg\)/ { has[file, "drawing"] }
/^    make / { read_span($0, file ":" FNR) }
/^ *$/ { end_paragraph(); next }
/^ *([|]|[-*] |[0-9]+\. )/ { end_paragraph() }
{
    if (wants_expect && $0 !~ /^Expect:.*`/)
        fault(file ":" try_line, "a try without what to expect")
    wants_expect = 0
    if (!/^#/ && !tried) worded = 1
    if (text == "") text_line = FNR
    text = text == "" ? $0 : text " " $0
}

END {
    end_note()
    for (i = 1; i <= hash_count; i++)
        if (!((hash_path[i], hash_name[i]) in headings))
            fault(hash_where[i], hash_path[i] " has no heading #" hash_name[i])
    for (n = 1; n <= QUESTIONS; n++) {
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
