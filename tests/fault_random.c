/* SPDX-License-Identifier: MIT */
/* Seeded clients of the chat and of the datagram servers: any bytes in any
 * portions, and every answer compared with what it must be. The same --seed
 * is the same client. (Of the service over connections: random_clients.) */
#include "tests/faults.h"

#include "common/address.h"
#include "common/chat.h"
#include "common/clock.h"
#include "common/datagram.h"
#include "common/text.h"
#include "tests/bad.h"
#include "tests/talk.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static uint64_t seed;

static size_t below(size_t most)
{
    return (size_t)(bad_random(&seed) % most);
}

/* -- The chat -------------------------------------------------------------- */

enum { LINES_AT_ONCE = 4, LONGEST = 700, CHAT_PLACE = 1024 };

/* The speaker's next lines, and what all others must hear of them. */
struct speech {
    char name[CHAT_NAME_MAX + 1];
    size_t length;
    char said[LINES_AT_ONCE * (LONGEST + 2)];
    int count;
    char due[LINES_AT_ONCE][CHAT_LINE_MAX + CHAT_NAME_MAX + 4];
};

/* One line: half of them letters, half any bytes, some too long, and now and
 * then the end of line that a terminal sends. */
static void add_line(struct speech *s)
{
    char *line = s->said + s->length;
    size_t length = below(LONGEST), kept;
    bool letters = below(2) == 0;
    for (size_t i = 0; i < length; i++)
        do
            line[i] = (char)(letters ? 'a' + (int)below(26) : (int)below(256));
        while (line[i] == '\n' || line[i] == '\r' || (i == 0 && *line == '/'));
    kept = length;
    if (length + 2 < CHAT_LINE_MAX && below(3) == 0)
        line[length++] = '\r';
    line[length] = '\n';
    s->length += length + 1;
    if (kept == 0 || length >= CHAT_LINE_MAX)
        return; /* nothing, or too long: nobody hears it */
    char *due = s->due[s->count++];
    size_t head = strlen(s->name) + 2;
    memcpy(due, s->name, head - 2);
    memcpy(due + head - 2, ": ", 2);
    memcpy(due + head, line, kept);
    text_clean(due + head, kept);
    due[head + kept] = '\0';
}

static void drain(int fd)
{
    char heard[4096];
    while (recv(fd, heard, sizeof heard, MSG_DONTWAIT) > 0)
        ;
}

/* The witness hears the speaker's next line; what others say, whole and clean
 * lines too, is passed over. */
static void expect_heard(int witness, const char *due, const char *name)
{
    char line[LINE_SIZE], clean[LINE_SIZE];
    size_t named = strlen(name);
    do {
        size_t length = strlen(peer_line(witness, line));
        require(length < CHAT_PLACE, "a line of %zu bytes came", length);
        memcpy(clean, line, length + 1);
        text_clean(clean, length);
        require(strcmp(clean, line) == 0, "a byte that may not be shown came");
    } while (strncmp(line, name, named) != 0 || line[named] != ':');
    require(strcmp(line, due) == 0, "heard '%.80s' where '%.80s' is due", line,
            due);
}

/* Somebody who says anything, commands too, and leaves in any way. */
static void make_noise(const struct victim *v)
{
    static const char *const words[] = {"/nick ", "/who\n", "/quit\n",  "\n",
                                        "x\r\n",  "/",      "/nick a\n"};
    int fd = victim_connect(v);
    for (size_t n = below(12); n > 0; n--) {
        char bytes[300];
        const char *word = words[below(sizeof words / sizeof words[0])];
        size_t length = below(sizeof bytes);
        for (size_t i = 0; i < length; i++)
            bytes[i] = (char)below(256);
        (void)send(fd, word, strlen(word), MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        drain(fd);
    }
    if (below(2) == 0)
        peer_reset(fd);
    else
        (void)close(fd);
}

static void speak(int fd, const struct speech *s)
{
    for (size_t at = 0; at < s->length;) {
        size_t n = 1 + below(below(4) ? 40 : sizeof s->said);
        n = n < s->length - at ? n : s->length - at;
        peer_send(fd, s->said + at, n);
        at += n;
    }
}

static void random_talk(const struct target *target)
{
    static struct speech s;
    char line[LINE_SIZE];
    struct victim v;
    seed = torture_seed;
    victim_start(&v, target, &usual_start, 0);
    int witness = victim_connect(&v);
    victim_ask(&v, witness);
    int speaker = victim_connect(&v);
    require(sscanf(peer_line(speaker, line), "* you are %16[^;]", s.name) == 1,
            "it greets by '%.60s'", line);
    for (int n = 0; n < (torture_full ? 300 : 30); n++) {
        s.length = 0;
        s.count = 0;
        for (size_t lines = 1 + below(LINES_AT_ONCE); lines > 0; lines--)
            add_line(&s);
        if (n % 3 == 0)
            make_noise(&v);
        speak(speaker, &s);
        for (int i = 0; i < s.count; i++)
            expect_heard(witness, s.due[i], s.name);
        drain(speaker);
    }
    (void)close(speaker);
    (void)close(witness);
    victim_finish(&v);
}

/* -- Datagrams ------------------------------------------------------------- */

enum { UDP_SIZE = 2048, HEARTBEAT_SIZE = 512, RESEND_MS = 250, BEYOND = 300 };

struct packet {
    size_t length;
    unsigned char bytes[UDP_SIZE + BEYOND];
};

/* What the heartbeat server says about a datagram. False: nothing. */
static bool acknowledge(const struct packet *question, const char *own,
                        struct packet *due)
{
    char text[HEARTBEAT_SIZE];
    size_t length =
        question->length < sizeof text ? question->length : sizeof text;
    memcpy(text, question->bytes, length);
    if (length > 0 && text[length - 1] == '\n')
        length--;
    if ((length == 2 && memcmp(text, "hb", 2) == 0) ||
        (length == 4 && memcmp(text, "quit", 4) == 0))
        return false;
    text_clean(text, length);
    int head = snprintf((char *)due->bytes, 128, "ack %s ", own);
    memcpy(due->bytes + head, text, length);
    due->length = (size_t)head + length;
    return true;
}

static bool answer_due(enum target_kind kind, const struct packet *question,
                       const char *own, struct packet *due)
{
    if (kind == TARGET_HEARTBEAT)
        return acknowledge(question, own, due);
    *due = *question;
    due->length = due->length < UDP_SIZE ? due->length : UDP_SIZE;
    peer_service->apply((char *)due->bytes, due->length);
    return true;
}

static void make_packet(enum target_kind kind, struct packet *p)
{
    static const char *const words[] = {"hb",     "quit", "hb\n",
                                        "quit\n", "h",    ""};
    const char *word = words[below(sizeof words / sizeof words[0])];
    p->length = below(below(2) ? 60 : sizeof p->bytes);
    for (size_t i = 0; i < p->length; i++)
        p->bytes[i] = (unsigned char)below(256);
    if (kind != TARGET_HEARTBEAT || below(3) != 0)
        return;
    p->length = strlen(word);
    memcpy(p->bytes, word, p->length);
}

static bool same(const struct packet *a, const struct packet *b)
{
    return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

/* Asks until the answer has come. A question that was asked twice may be
 * answered twice: `last` is the answer to the one before. */
static void ask_packet(int fd, const struct packet *question,
                       const struct packet *due, const struct packet *last)
{
    static struct packet got;
    int64_t until = now_ms() + patience_ms;
    bool again = true;
    for (;;) {
        if (again)
            (void)send(fd, question->bytes, question->length, MSG_NOSIGNAL);
        again = !peer_readable(fd, RESEND_MS);
        require(now_ms() < until, "no answer to %zu bytes", question->length);
        if (again)
            continue;
        ssize_t n = recv(fd, got.bytes, sizeof got.bytes, MSG_DONTWAIT);
        got.length = n > 0 ? (size_t)n : 0;
        if (n >= 0 && same(&got, due))
            return;
        require(n < 0 || same(&got, last),
                "%zd bytes came where %zu others are due", n, due->length);
    }
}

static void random_datagrams(const struct target *target)
{
    static struct packet question, due[2];
    char own[ADDRESS_TEXT_MAX];
    struct victim v;
    seed = torture_seed;
    victim_start(&v, target, &usual_start, 0);
    int fd = victim_connect(&v);
    (void)address_of_socket(fd, own);
    for (int n = 0; n < (torture_full ? 5000 : 500); n++) {
        make_packet(target->kind, &question);
        /* A stranger, who does not wait for an answer. Some hundred in all: a
         * heartbeat server with more would be full, and say so. */
        if (below(torture_full ? 50 : 5) == 0) {
            int other = victim_connect(&v);
            (void)send(other, question.bytes, question.length, MSG_NOSIGNAL);
            (void)close(other);
        } else if (answer_due(target->kind, &question, own, &due[1])) {
            ask_packet(fd, &question, &due[1], &due[0]);
            due[0] = due[1];
        } else {
            (void)send(fd, question.bytes, question.length, MSG_NOSIGNAL);
        }
    }
    (void)close(fd);
    victim_finish(&v);
}

const struct fault random_faults[] = {
    {"random_talk", "a seeded member: any bytes, portions, lines", random_talk,
     CHATS, 0, NULL, true, NULL},
    {"random_datagrams", "a seeded client: any lengths, any bytes",
     random_datagrams, UNCONNECTED, 0, NULL, true, NULL},
    {.name = NULL}};
