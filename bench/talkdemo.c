/* SPDX-License-Identifier: MIT */
/*
 * talkdemo: short scripted scenes with datagrams, heartbeats and chat. Real
 * servers and clients; what they say is printed as it comes, or what they do is
 * traced and drawn.
 *
 * Try it
 *   build/bench/talkdemo chat
 *   PACE=3 build/bench/talkdemo heartbeat
 *   build/bench/talkdemo --figure heartbeat
 */
#include "bench/cast_scenes.h"
#include "bench/stage.h"
#include "common/datagram.h"
#include "common/options.h"
#include "common/report.h"
#include "common/stop.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* NULL-ended argument lists, the way stage_enter() wants them. */
#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* ---- udp -------------------------------------------------------------- */

/* One question, until ana has said a line that holds `last`: that it was
 * answered or given up. */
static void ask(struct stage *s, const char *address, const char *text,
                const char *last)
{
    struct player *ana = stage_enter(s, "ana",
                                     ARGS("blocking/udp_client", "-c", address,
                                          "-t", "0.3", "-r", "1", "--", text));
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\"", text);
    stage_tell(s, ana, "asks", quoted);
    stage_listen_for(s, ana, last);
    stage_leave(s, ana);
}

/* A datagram to `to` whose sender seems to be the server that gets the same
 * port afterwards: sent from that port while it is still free. Returns the
 * port's address in `from`. */
static void forge(const struct address *to, char from[ADDRESS_TEXT_MAX])
{
    struct address any;
    (void)address_parse("127.0.0.1:0", &any);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&any.bytes, any.length) < 0 ||
        sendto(fd, "loop?", 5, 0, (const struct sockaddr *)&to->bytes,
               to->length) < 0)
        die_errno("forge a datagram");
    address_of_socket(fd, from);
    (void)close(fd);
}

static void play_loop(struct stage *s, struct player *a)
{
    char from[ADDRESS_TEXT_MAX];
    struct address to;
    (void)address_parse(a->child.ready, &to);
    stage_note(s,
               "- A forged question to A, from server B as it seems. Do they "
               "go on for ever?");
    stage_signal(s, a, SIGSTOP); /* until B has the port */
    forge(&to, from);
    struct player *b =
        stage_serve(s, "B", ARGS("blocking/udp_server", "-l", from));
    stage_signal(s, a, SIGCONT);
    stage_listen(s, 400);
    stage_leave(s, b);
    stage_note(s, "  An answer is marked in its IP header (TTL), and no "
                  "server hears such a one.");
}

static void play_udp(struct stage *s)
{
    stage_note(s, "udp: one datagram is one message              "
                  "blocking/udp_server");
    struct player *a = stage_serve(
        s, "A",
        ARGS("blocking/udp_server", "-l", "127.0.0.1:0", "--size", "16"));
    const char *address = a->child.ready;
    ask(s, address, "hello", "HELLO");
    stage_note(s, "- An empty datagram is a message too, not an end:");
    ask(s, address, "", "");
    stage_note(s, "- Server A takes 16 bytes of a datagram; the rest is gone:");
    ask(s, address, "twenty-three characters", "was cut");
    stage_listen(s, 100);
    stage_note(s,
               "- Now A stands still (SIGSTOP). The kernel repeats nothing, so "
               "ana does:");
    stage_signal(s, a, SIGSTOP);
    ask(s, address, "anybody?", "no answer after");
    stage_signal(s, a, SIGCONT);
    play_loop(s, a);
    char gone[ADDRESS_TEXT_MAX];
    snprintf(gone, sizeof gone, "%s", address);
    stage_note(s,
               "- A ends. The next question finds nobody, and ICMP says so:");
    s->quiet = true;
    stage_leave(s, a);
    s->quiet = false;
    ask(s, gone, "still there?", "ECONNREFUSED");
}

/* ---- heartbeat -------------------------------------------------------- */

static struct player *join(struct stage *s, struct player *server,
                           const char *name)
{
    struct player *p = stage_enter(s, name,
                                   ARGS("multiplexing/heartbeat_client", "-c",
                                        server->child.ready, "-i", "0.2"));
    const char *line = stage_listen_for(s, server, "join ");
    if (line == NULL || sscanf(line, "join %100s", p->address) != 1)
        p->address[0] = '\0';
    char text[ADDRESS_TEXT_MAX + 16];
    snprintf(text, sizeof text, "as %s", p->address);
    stage_tell(s, p, "joins", text);
    return p;
}

static void play_heartbeat(struct stage *s)
{
    stage_note(s, "heartbeat: who is alive?           "
                  "multiplexing/heartbeat_server\n"
                  "Each member says `hb` every 0.2 s. Who is silent for 1 s is "
                  "lost.");
    struct player *server = stage_serve(
        s, "server",
        ARGS("multiplexing/heartbeat_server", "-l", "127.0.0.1:0", "-t", "1"));
    struct player *ana = join(s, server, "ana");
    struct player *ben = join(s, server, "ben");
    struct player *caz = join(s, server, "caz");
    stage_type(s, ana, "hello", false);
    stage_listen_for(s, ana, "ack");
    stage_note(s, "- ben dies (SIGKILL) and cannot say so. Only his silence "
                  "tells:");
    stage_tell(s, ben, "dies", "");
    /* His name stays on the stage: the server speaks of him once more. */
    stage_signal(s, ben, SIGSTOP);
    (void)kill(ben->child.pid, SIGKILL);
    stage_listen_for(s, server, "lost ");
    stage_note(s, "- caz leaves in good order:");
    stage_type(s, caz, "quit", false);
    stage_listen_for(s, server, "leave");
    stage_note(s, "- And when nothing arrives at all (ana: SIGSTOP)? select "
                  "has a timeout:");
    stage_signal(s, ana, SIGSTOP);
    stage_listen_for(s, server, "lost ");
    stage_signal(s, ana, SIGKILL);
}

/* ---- chat ------------------------------------------------------------- */

/* Comes and takes a name, and has heard all that this gave rise to. */
static struct player *come(struct stage *s, struct player *server,
                           const char *name)
{
    char command[64];
    bool quiet = s->quiet;
    s->quiet = true;
    struct player *p = stage_enter(s, name,
                                   ARGS("multiplexing/select_client", "--talk",
                                        "-c", server->child.ready));
    p->folded = "####";
    stage_listen_for(s, p, "you are");
    snprintf(command, sizeof command, "/nick %s", name);
    stage_type(s, p, command, false);
    stage_listen_for(s, p, "is now");
    s->quiet = quiet;
    stage_tell(s, p, "comes", "");
    return p;
}

/* Somebody who sends his name and never reads: a socket, no program. */
static int come_deaf(struct stage *s, const struct player *server)
{
    struct address address;
    int least = 1; /* the kernel takes its own least */
    (void)address_parse(server->child.ready, &address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof least) < 0 ||
        connect(fd, (struct sockaddr *)&address.bytes, address.length) < 0 ||
        send(fd, "/nick dan\n", 10, MSG_NOSIGNAL) < 0)
        die_errno("connect to %s", server->child.ready);
    stage_tell(s, &(struct player){.name = "dan"}, "comes",
               "and will never read");
    return fd;
}

static void talk(struct stage *s, struct player *server, struct player *ana,
                 struct player *ben)
{
    stage_type(s, ana, "hello all", false);
    stage_listen_for(s, ben, "ana:");
    stage_note(s, "- ben tries to speak as somebody else:");
    stage_type(s, ben, "/nick Ana", false);
    stage_listen_for(s, ben, "taken");
    stage_note(s, "- The operator types at the server's own keyboard:");
    stage_type(s, server, "dinner at six", false);
    stage_listen_for(s, ben, "server:");
    stage_listen(s, 20); /* ana, too, in whichever order */
}

/* `briefly`: only what becomes of dan is shown. */
static void play_chat(struct stage *s, const char *program, bool briefly)
{
    char line[256];
    memset(line, '#', sizeof line);
    line[sizeof line - 1] = '\0';
    struct player *server = stage_serve(
        s, "server",
        ARGS(program, "--listen", "127.0.0.1:0", "--backlog", "16"));
    s->quiet = briefly;
    struct player *ana = come(s, server, "ana");
    struct player *ben = come(s, server, "ben");
    int dan = come_deaf(s, server);
    s->quiet = true;
    stage_listen_for(s, ana, "is now dan");
    stage_listen(s, 100); /* so have the others */
    s->quiet = briefly;
    talk(s, server, ana, ben);
    s->quiet = false;
    stage_note(s, "- ana pastes 100 long lines. Nobody waits for dan:");
    for (int i = 0; i < 100; i++)
        stage_type(s, ana, line, true);
    stage_listen_for(s, ben, "dan left");
    stage_listen(s, 20);
    s->quiet = true;
    stage_type(s, ben, "/quit", false);
    stage_listen_for(s, ana, "ben left");
    stage_leave(s, ben);
    stage_leave(s, ana); /* she waits until all that she pasted is sent */
    stage_leave(s, server);
    s->quiet = false;
    (void)close(dan);
}

static void play_both_chats(struct stage *s)
{
    stage_note(s, "chat: ana, ben, and dan who does not read    "
                  "multiplexing/chat_server");
    play_chat(s, "multiplexing/chat_server", false);
    stage_note(s, "The same words, a thread for each client         "
                  "blocking/chat_server");
    play_chat(s, "blocking/chat_server", true);
}

/* ---- figures ---------------------------------------------------------- */

static void draw(const char *name, const char *folder)
{
    static struct cast cast;
    const struct cast_scene *scene = cast_scenes;
    struct screen screen = screen_look(false);
    struct figure_legend legend = {{false}, {false}};
    struct figure figure;
    char title[FIGURE_TEXT_MAX], path[512];
    while (scene->name != NULL && strcmp(scene->name, name) != 0)
        scene++;
    if (scene->name == NULL)
        die(EXIT_USAGE, "%s is no scene that is drawn (see --help)",
            name[0] ? name : "nothing");
    stop_catch(NULL);
    scene->play(scene, &cast);
    snprintf(title, sizeof title, "%s %s %s", scene->name,
             screen_glyph(&screen, "·", "-"), scene->title);
    cast_figure(&cast, title, &figure);
    snprintf(path, sizeof path, "%s/%s.svg", folder ? folder : ".", name);
    if (folder && figure_write_svg(&figure, path) < 0)
        die_errno("write %s", path);
    figure_legend_add(&legend, &figure);
    figure_print(&figure, &screen, stdout);
    figure_legend_print(&legend, &screen, stdout);
    figure_free(&figure);
    cast_free(&cast);
}

int main(int argc, char **argv)
{
    static struct stage stage;
    bool figure = false;
    const char *folder = NULL;
    const struct option_spec specs[] = {
        {'f', "figure", NULL, "trace the programs, and draw what they do",
         OPTION_FLAG, &figure, 0, 0},
        {0, "svg", "FOLDER", "write that figure there as SVG, too", OPTION_TEXT,
         &folder, 0, 0},
        {.name = NULL}};
    const struct usage usage = {
        .operands = "SCENE",
        .about =
            "Plays short scenes with datagrams, heartbeats and chat: udp, "
            "heartbeat, chat.\nWith --figure, also: chat-threads, timeout.",
        .after = "PACE=3 in the environment takes more time (not with "
                 "--figure).",
        .specs = specs};
    int first = options_parse(argc, argv, &usage);
    const char *scene = first < argc ? argv[first] : "";
    if (figure || folder) {
        draw(scene, folder);
        return 0;
    }
    stage_open(&stage);
    if (strcmp(scene, "udp") == 0) {
        play_udp(&stage);
    } else if (strcmp(scene, "heartbeat") == 0) {
        play_heartbeat(&stage);
    } else if (strcmp(scene, "chat") == 0) {
        play_both_chats(&stage);
    } else {
        die(EXIT_USAGE, "say which scene: udp, heartbeat or chat");
    }
    return stage_close(&stage);
}
