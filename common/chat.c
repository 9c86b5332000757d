/* SPDX-License-Identifier: MIT */
#include "common/chat.h"

#include "common/clock.h"
#include "common/text.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* /who names at most so many. */
enum { WHO_MAX = 50 };

enum line { LINE_NONE, LINE_WHOLE, LINE_TOO_LONG };

/* One line, cut from the input: no newline, nothing that may not be shown. */
struct spoken {
    char text[CHAT_LINE_MAX];
};

void chat_options_parse(struct chat_options *options, int argc, char **argv,
                        const char *model, const char *about, long most_clients)
{
    struct server_options *s = &options->server;
    *options = (struct chat_options){.backlog_kib = 64};
    *s = (struct server_options){.model = model, .max_clients = 256};
    (void)address_parse("127.0.0.1:8080", &s->listen);
    const struct option_spec specs[] = {
        {'l', "listen", "ADDR",
         "HOST:PORT, [V6]:PORT, unix:PATH [127.0.0.1:8080]", OPTION_ADDRESS,
         &s->listen, 0, 0},
        {'m', "max-clients", "N", "most clients at a time [256]", OPTION_NUMBER,
         &s->max_clients, 1, most_clients},
        {'t', "idle-timeout", "SECONDS",
         "close a client silent for so long [0: never]", OPTION_SECONDS,
         &s->idle_timeout_ms, 0, 86400000},
        {'b', "backlog", "KIB", "a client's send buffer; if full, dropped [64]",
         OPTION_NUMBER, &options->backlog_kib, 16, 1024},
        {'v', "verbose", NULL, "tell of each client on standard error",
         OPTION_FLAG, &s->verbose, 0, 0},
        {.name = NULL}};
    const struct usage usage = {
        .about = about,
        .after = "What is typed here goes to all, as `server`. Port 0 takes "
                 "any free port.\nCtrl-C or SIGTERM ends it with a summary.",
        .specs = specs};
    (void)options_parse(argc, argv, &usage);
    /* In the background of a terminal, reading the keyboard would stop the
     * whole server. Ignored, the read fails (EIO), and there is no operator. */
    (void)signal(SIGTTIN, SIG_IGN);
}

int chat_bound_backlog(int fd, long kib)
{
    int bytes = (int)kib * 1024; /* the kernel cuts it to net.core.wmem_max */
    return setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

void chat_forget_unread(int fd)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

/* ---- saying ---------------------------------------------------------- */

/* To one (`to`), or to all but one (`except`), who may be NULL. */
static void say(struct chat_room *room, struct chat_member *to,
                const struct chat_member *except, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void say(struct chat_room *room, struct chat_member *to,
                const struct chat_member *except, const char *format, ...)
{
    char text[CHAT_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length >= (int)sizeof text)
        length = (int)sizeof text - 1;
    if (to != NULL && to->gone == NULL)
        room->deliver(to, text, (size_t)length);
    if (to != NULL)
        return;
    struct chat_member *m;
    TAILQ_FOREACH (m, &room->members, entry)
        if (m != except && m->gone == NULL)
            room->deliver(m, text, (size_t)length);
}

/* ---- names ----------------------------------------------------------- */

static const char *fault_in_name(const struct chat_room *room,
                                 const struct chat_member *member,
                                 const char *name)
{
    const struct chat_member *m;
    size_t length = strlen(name);
    if (length == 0 || length > CHAT_NAME_MAX)
        return "a name has 1 to 16 characters";
    if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
                          "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")] != '\0')
        return "a name has letters a to z, digits, - and _";
    if (strcasecmp(name, "server") == 0)
        return "that name is the operator's";
    TAILQ_FOREACH (m, &room->members, entry)
        if (m != member && strcasecmp(m->name, name) == 0)
            return "that name is taken";
    return NULL;
}

static void rename_member(struct chat_room *room, struct chat_member *member,
                          const char *name)
{
    const char *fault = fault_in_name(room, member, name);
    char old[CHAT_NAME_MAX + 1];
    if (fault != NULL) {
        say(room, member, NULL, "* %s\n", fault);
        return;
    }
    memcpy(old, member->name, sizeof old);
    strcpy(member->name, name); /* fits: fault_in_name() has measured it */
    say(room, NULL, NULL, "* %s is now %s\n", old, member->name);
}

/* One text: fifty small ones would take fifty times the kernel's memory. */
static void list_members(struct chat_room *room, struct chat_member *to)
{
    char text[(WHO_MAX + 2) * (CHAT_NAME_MAX + 16)];
    const struct chat_member *m;
    int listed = 0, length = 0;
    length += sprintf(text, "* %d here:\n", room->count);
    TAILQ_FOREACH (m, &room->members, entry)
        if (listed++ < WHO_MAX)
            length += sprintf(text + length, "*   %s%s\n", m->name,
                              m == to ? " (you)" : "");
    if (listed > WHO_MAX)
        length += sprintf(text + length, "*   and %d more\n", listed - WHO_MAX);
    room->deliver(to, text, (size_t)length);
}

/* ---- coming and going ------------------------------------------------ */

void chat_room_open(struct chat_room *room,
                    void (*deliver)(struct chat_member *, const char *, size_t))
{
    *room = (struct chat_room){.deliver = deliver};
    TAILQ_INIT(&room->members);
}

void chat_join(struct chat_room *room, struct chat_member *member)
{
    char name[32];
    member->gone = NULL;
    member->paid_ms = 0;
    member->name[0] = '\0';
    /* Somebody may have called himself guest7 before the seventh came. */
    do {
        snprintf(name, sizeof name, "guest%lu", ++room->guests % 10000000000);
    } while (fault_in_name(room, member, name) != NULL);
    strcpy(member->name, name); /* fits, as above */
    TAILQ_INSERT_TAIL(&room->members, member, entry);
    room->count++;
    say(room, member, NULL, "* you are %s; /nick NAME, /who, /quit\n",
        member->name);
    say(room, NULL, member, "* %s came\n", member->name);
}

void chat_leave(struct chat_room *room, struct chat_member *member)
{
    const char *why = member->gone ? member->gone : "";
    TAILQ_REMOVE(&room->members, member, entry);
    room->count--;
    say(room, NULL, NULL, "* %s left%s%s\n", member->name, why[0] ? ": " : "",
        why);
}

/* ---- hearing --------------------------------------------------------- */

char *chat_input_place(struct chat_input *input, size_t *room)
{
    *room = CHAT_LINE_MAX - input->length;
    return input->bytes + input->length;
}

static void cut(struct chat_input *input, size_t used)
{
    input->length -= used;
    memmove(input->bytes, input->bytes + used, input->length);
}

/* Takes the next line out of the input. */
static enum line next_line(struct chat_input *input, struct spoken *spoken)
{
    char *end = memchr(input->bytes, '\n', input->length);
    size_t length = end ? (size_t)(end - input->bytes) : input->length;
    bool skipping = input->skipping;
    if (end == NULL && (skipping || input->length == CHAT_LINE_MAX)) {
        input->skipping = true;
        input->length = 0;
        return skipping ? LINE_NONE : LINE_TOO_LONG;
    }
    if (end == NULL)
        return LINE_NONE;
    memcpy(spoken->text, input->bytes, length);
    cut(input, length + 1);
    if (skipping) { /* the end of what was too long */
        input->skipping = false;
        return next_line(input, spoken);
    }
    if (length > 0 && spoken->text[length - 1] == '\r')
        length--; /* telnet and its like end a line with two */
    text_clean(spoken->text, length);
    spoken->text[length] = '\0';
    return LINE_WHOLE;
}

static void obey(struct chat_room *room, struct chat_member *member,
                 const char *command)
{
    if (strcmp(command, "/quit") == 0) {
        say(room, member, NULL, "* bye\n");
        if (member->gone == NULL)
            member->gone = "";
    } else if (strcmp(command, "/who") == 0) {
        list_members(room, member);
    } else if (strncmp(command, "/nick ", 6) == 0) {
        rename_member(room, member, command + 6);
    } else {
        say(room, member, NULL, "* the commands are /nick NAME, /who, /quit\n");
    }
}

static void heed(struct chat_room *room, struct chat_member *member,
                 const struct spoken *spoken, enum line line)
{
    if (line == LINE_TOO_LONG)
        say(room, member, NULL, "* a line has at most %d bytes: not sent\n",
            CHAT_LINE_MAX - 1);
    else if (spoken->text[0] == '/')
        obey(room, member, spoken->text);
    else if (spoken->text[0] != '\0')
        say(room, NULL, member, "%s: %s\n", member->name, spoken->text);
}

/* False when the member has used up its time for now. */
static bool may_speak(struct chat_member *member)
{
    int64_t now = now_ms();
    if (member->paid_ms < now)
        member->paid_ms = now;
    if (member->paid_ms - now >= CHAT_BURST_MS)
        return false;
    member->paid_ms += CHAT_LINE_MS;
    return true;
}

int chat_hear(struct chat_room *room, struct chat_member *member,
              struct chat_input *input, size_t length)
{
    struct spoken spoken;
    enum line line;
    input->length += length;
    if (member->gone != NULL)
        input->length = 0; /* who is gone leaves no line behind */
    while (member->gone == NULL) {
        if (!may_speak(member))
            return CHAT_PAUSE_MS;
        if ((line = next_line(input, &spoken)) == LINE_NONE) {
            member->paid_ms -= CHAT_LINE_MS; /* nothing was said */
            return 0;
        }
        heed(room, member, &spoken, line);
    }
    return 0;
}

void chat_hear_end(struct chat_room *room, struct chat_member *member,
                   struct chat_input *input)
{
    struct spoken spoken;
    if (member->gone != NULL || input->length == 0)
        return;
    input->bytes[input->length++] = '\n'; /* by the invariant it fits */
    if (next_line(input, &spoken) == LINE_WHOLE)
        heed(room, member, &spoken, LINE_WHOLE);
}

void chat_hear_operator(struct chat_room *room, struct chat_input *input,
                        size_t length)
{
    struct spoken spoken;
    enum line line;
    input->length += length;
    if (length == 0 && input->length > 0)
        input->bytes[input->length++] = '\n'; /* by the invariant it fits */
    while ((line = next_line(input, &spoken)) != LINE_NONE) {
        if (line == LINE_TOO_LONG)
            warn("a line has at most %d bytes: not sent", CHAT_LINE_MAX - 1);
        else if (spoken.text[0] != '\0')
            say(room, NULL, NULL, "server: %s\n", spoken.text);
    }
}
