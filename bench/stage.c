/* SPDX-License-Identifier: MIT */
#include "bench/stage.h"

#include "common/clock.h"
#include "common/report.h"
#include "common/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ENOUGH_MS = 5000, END_MS = 2000, MOST_ARGS = 12 };

/* What is said begins after time, name and verb. */
enum { MARGIN = 24, TEXT_COLUMNS = 80 - MARGIN };

/* A line that stage_listen_for() waits for. */
struct wanted {
    const struct player *player;
    const char *text;
    bool seen;
    char line[STAGE_LINE];
};

void stage_open(struct stage *stage)
{
    const char *pace = getenv("PACE");
    double value = pace ? atof(pace) : 1;
    *stage = (struct stage){.pace = value >= 0.1 && value <= 20 ? value : 1,
                            .began_ms = now_ms()};
    stop_catch(NULL);
}

void stage_note(const struct stage *stage, const char *text)
{
    if (stage->quiet)
        return;
    printf("%s\n", text);
    fflush(stdout);
}

/* How much of a text goes into one line: whole words, if it has any. */
static int line_of(const char *text)
{
    if (strlen(text) <= TEXT_COLUMNS)
        return TEXT_COLUMNS;
    for (int i = TEXT_COLUMNS; i > TEXT_COLUMNS / 2; i--)
        if (text[i] == ' ')
            return i;
    return TEXT_COLUMNS;
}

void stage_tell(struct stage *stage, const struct player *player,
                const char *does, const char *what)
{
    if (stage->quiet)
        return;
    printf(" %5.2f s  %-6s %-6s ", (double)(now_ms() - stage->began_ms) / 1000,
           player->name, does);
    int length = line_of(what);
    printf("%.*s\n", length, what);
    while (strlen(what) > (size_t)length) {
        what += length;
        what += *what == ' ';
        length = line_of(what);
        printf("%*s%.*s\n", MARGIN, "", length, what);
    }
    fflush(stdout);
}

/* ---- players --------------------------------------------------------- */

/* In the child: its keyboard, and one stream for all that it says. */
static void prepare(void *keyboard)
{
    (void)dup2(*(int *)keyboard, STDIN_FILENO);
    (void)dup2(STDOUT_FILENO, STDERR_FILENO);
}

static struct player *start(struct stage *stage, const char *name,
                            const char *const *args)
{
    char path[512];
    char *argv[MOST_ARGS + 1] = {NULL};
    int keyboard[2];
    struct player *p = stage->players;
    while (p->name != NULL)
        if (++p == stage->players + STAGE_PLAYERS)
            die(EXIT_USAGE, "more players than STAGE_PLAYERS");
    for (int i = 0; args[i] != NULL && i < MOST_ARGS; i++)
        argv[i] = (char *)args[i];
    argv[0] = (char *)spawn_path(args[0], path);
    if (pipe2(keyboard, O_CLOEXEC) < 0)
        die_errno("a keyboard for %s", name);
    *p = (struct player){.name = name, .keyboard = keyboard[1]};
    const struct spawn spawn = {
        .argv = argv, .prepare = prepare, .data = &keyboard[0]};
    if (spawn_start(&p->child, &spawn) < 0)
        die_errno("%s (run `make` first)", path);
    (void)close(keyboard[0]);
    return p;
}

struct player *stage_enter(struct stage *stage, const char *name,
                           const char *const *argv)
{
    return start(stage, name, argv);
}

struct player *stage_serve(struct stage *stage, const char *name,
                           const char *const *argv)
{
    struct player *p = start(stage, name, argv);
    if (spawn_wait_ready(&p->child, ENOUGH_MS) < 0)
        die_errno("%s does not start: %s", argv[0], p->child.words);
    return p;
}

/* ---- what they say --------------------------------------------------- */

/* Puts names for addresses, so that a class sees who is meant. */
static void name_addresses(const struct stage *stage, char line[STAGE_LINE])
{
    for (const struct player *p = stage->players;
         p < stage->players + STAGE_PLAYERS; p++) {
        char *at = p->name && p->address[0] ? strstr(line, p->address) : NULL;
        size_t length = strlen(p->address);
        if (at == NULL || strlen(p->name) > length)
            continue;
        memcpy(at, p->name, strlen(p->name));
        memmove(at + strlen(p->name), at + length, strlen(at + length) + 1);
    }
}

static void tell_folded(struct stage *stage, struct player *p)
{
    char text[80];
    if (p->folded_count == 0)
        return;
    snprintf(text, sizeof text, "(%d of the long lines)", p->folded_count);
    p->folded_count = 0;
    stage_tell(stage, p, "sees", text);
}

/* What stands behind `udp_client: `: who says it is told beside it. */
static const char *without_program(const char *line)
{
    size_t length = strspn(line, "abcdefghijklmnopqrstuvwxyz_");
    bool is_program =
        length > 7 && (strncmp(line + length - 7, "_client: ", 9) == 0 ||
                       strncmp(line + length - 7, "_server: ", 9) == 0);
    return is_program ? line + length + 2 : line;
}

static void hear_line(struct stage *stage, struct player *p, const char *said,
                      struct wanted *wanted)
{
    char line[STAGE_LINE];
    snprintf(line, sizeof line, "%s", without_program(said));
    if (wanted && wanted->player == p && strstr(line, wanted->text)) {
        wanted->seen = true;
        snprintf(wanted->line, sizeof wanted->line, "%s", line);
    }
    if (p->folded && strstr(line, p->folded)) {
        p->folded_count++;
        return;
    }
    tell_folded(stage, p);
    name_addresses(stage, line);
    stage_tell(stage, p, p->child.ready[0] ? "says" : "sees", line);
}

/* Takes what the player says. False at the end of its output. */
static bool hear(struct stage *stage, struct player *p, struct wanted *wanted)
{
    char line[STAGE_LINE];
    ssize_t n = read(p->child.output, p->line + p->length,
                     sizeof p->line - 1 - p->length);
    if (n <= 0)
        return n < 0 && errno == EINTR;
    p->length += (size_t)n;
    char *end;
    while ((end = memchr(p->line, '\n', p->length)) != NULL ||
           p->length == sizeof p->line - 1) {
        size_t used = end ? (size_t)(end - p->line) + 1 : p->length;
        snprintf(line, sizeof line, "%.*s", (int)(used - (end != NULL)),
                 p->line);
        hear_line(stage, p, line, wanted);
        p->length -= used;
        memmove(p->line, p->line + used, p->length);
    }
    return true;
}

static void listen_until(struct stage *stage, int64_t until_ms,
                         struct wanted *wanted)
{
    bool ended[STAGE_PLAYERS] = {false};
    while (!stop_requested() && !(wanted && wanted->seen)) {
        struct pollfd said[STAGE_PLAYERS];
        int64_t left = until_ms - now_ms();
        for (int i = 0; i < STAGE_PLAYERS; i++) {
            const struct player *p = &stage->players[i];
            bool speaks = p->name && p->child.pid && !ended[i];
            said[i] = (struct pollfd){speaks ? p->child.output : -1, POLLIN, 0};
        }
        if (left <= 0)
            return;
        if (poll(said, STAGE_PLAYERS, (int)left) <= 0)
            continue;
        for (int i = 0; i < STAGE_PLAYERS; i++)
            if (said[i].fd >= 0 && said[i].revents != 0)
                ended[i] = !hear(stage, &stage->players[i], wanted);
    }
}

void stage_listen(struct stage *stage, int ms)
{
    listen_until(stage, now_ms() + (int64_t)(ms * stage->pace), NULL);
    for (int i = 0; i < STAGE_PLAYERS; i++)
        if (stage->players[i].name)
            tell_folded(stage, &stage->players[i]);
}

const char *stage_listen_for(struct stage *stage, struct player *player,
                             const char *text)
{
    static struct wanted wanted;
    wanted = (struct wanted){.player = player, .text = text};
    listen_until(stage, now_ms() + ENOUGH_MS, &wanted);
    return wanted.seen ? wanted.line : NULL;
}

/* ---- what they do ---------------------------------------------------- */

void stage_type(struct stage *stage, struct player *player, const char *line,
                bool quietly)
{
    char text[STAGE_LINE];
    int length = snprintf(text, sizeof text, "%s\n", line);
    if (!quietly)
        stage_tell(stage, player, "types", line);
    if (write(player->keyboard, text, (size_t)length) != length)
        warn("%s cannot type any more", player->name);
}

static void release(struct stage *stage, struct player *player, int number)
{
    size_t before = player->child.words_length;
    if (player->keyboard >= 0)
        (void)close(player->keyboard);
    player->keyboard = -1;
    /* Stopped, it could not obey. */
    (void)kill(player->child.pid, SIGCONT);
    (void)spawn_end(&player->child, number, END_MS, NULL);
    char *line = player->child.words + before;
    for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        if (!stop_requested())
            hear_line(stage, player, line, NULL);
    }
    *player = (struct player){.name = NULL, .keyboard = -1};
}

void stage_signal(struct stage *stage, struct player *player, int number)
{
    if (number == SIGKILL)
        release(stage, player, number);
    else if (player->child.pid > 0)
        (void)kill(player->child.pid, number);
}

void stage_leave(struct stage *stage, struct player *player)
{
    release(stage, player, player->child.ready[0] ? SIGTERM : 0);
}

int stage_close(struct stage *stage)
{
    for (int i = STAGE_PLAYERS - 1; i >= 0; i--)
        if (stage->players[i].name != NULL)
            release(stage, &stage->players[i], SIGTERM);
    return stop_requested() ? 130 : 0;
}
