# I/O models, side by side. `make help` lists what there is to do.
#
#   CC=clang            another compiler
#   SAN=address,undefined   or SAN=thread: a sanitizer build in its own folder
#   BUILD=folder        where everything goes
#   WERROR=1            warnings are errors, as in CI

ifneq ($(shell uname -s),Linux)
$(error These programs show Linux's system calls (epoll, io_uring, ptrace): build them on Linux)
endif

SAN    ?=
BUILD  ?= build$(if $(SAN),/san-$(subst $(comma),+,$(SAN)))
comma  := ,
CFLAGS ?= -O2 -g
WARN   := -Wall -Wextra -Wpedantic -Wshadow -Wmissing-prototypes \
          -Wstrict-prototypes -Wvla -Wformat=2 -Werror=format-security \
          $(if $(WERROR),-Werror)
# Not under a sanitizer, which sees more without; the first needs -O1 or more.
# Some compilers define it themselves.
HARDEN := $(if $(SAN)$(findstring -O0,$(CFLAGS)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 \
          -fstack-protector-strong)
ALL_CFLAGS := -std=c11 -D_GNU_SOURCE -I. -pthread -fno-omit-frame-pointer \
          $(WARN) $(HARDEN) $(if $(SAN),-fsanitize=$(SAN)) $(CFLAGS)
# The leak checker of a sanitizer build does not work under ptrace.
TRACED_SAN := $(if $(SAN),ASAN_OPTIONS=detect_leaks=0)
# A test that has the server's standard error in hand sees only how it ends.
STRICT_SAN := $(if $(SAN),UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1)
ALL_LDFLAGS := -pthread $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)

# Every file of the four rooms is a program, but for the libraries of two.
ROOMS     := blocking nonblocking multiplexing asyncio
LIBRARIES := asyncio/uring.c asyncio/uring_buffers.c \
             asyncio/uring_multishot.c asyncio/aio_notify.c \
             $(wildcard multiplexing/selector*.c)
SOURCES   := $(filter-out $(LIBRARIES),$(wildcard $(addsuffix /*.c,$(ROOMS))))
PROGRAMS  := $(SOURCES:%.c=$(BUILD)/%)
COMMON := $(patsubst %.c,$(BUILD)/%.o,$(wildcard common/*.c))

# The instruments: each .c of bench/ with a main() is a program, the others are
# the library that they and the tests share.
INSTRUMENTS := $(filter $(wildcard bench/*.c),\
    bench/iotrace.c bench/iodemo.c bench/iobench.c bench/doctor.c \
    bench/talkdemo.c bench/quiz.c)
PRELOAD     := bench/counters_preload.c
BENCH_LIB   := $(filter-out $(INSTRUMENTS) $(PRELOAD),$(wildcard bench/*.c))
INSTRUMENTS := $(INSTRUMENTS:%.c=$(BUILD)/%)

.DEFAULT_GOAL := all
.SECONDARY:
.DELETE_ON_ERROR:

##@ Build
.PHONY: all
all: $(PROGRAMS) $(INSTRUMENTS) ## build every program into build/

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/libcommon.a: $(COMMON)
	@rm -f $@
	ar rcs $@ $^

# The names of all system calls of this machine, from its own header.
$(BUILD)/bench/syscall_names.h:
	@mkdir -p $(@D)
	echo '#include <sys/syscall.h>' | $(CC) -E -dM - | awk \
	    '/^#define SYS_/ {printf "[%s] = \"%s\",\n", $$2, substr($$2, 5)}' \
	    | sort >$@
$(BUILD)/bench/trace_names.o: $(BUILD)/bench/syscall_names.h
$(BUILD)/bench/trace_names.o: ALL_CFLAGS += -I$(BUILD)

$(BUILD)/libbench.a: $(BENCH_LIB:%.c=$(BUILD)/%.o)
	@rm -f $@
	ar rcs $@ $^

# The ring, the selector, AIO's notices: the linker takes what it needs.
$(BUILD)/librooms.a: $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(LIBRARIES)))
	@rm -f $@
	ar rcs $@ $^

$(PROGRAMS): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/librooms.a $(BUILD)/libcommon.a
	$(CC) $(ALL_LDFLAGS) $^ -o $@

$(INSTRUMENTS): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/libbench.a \
    $(BUILD)/libcommon.a
	$(CC) $(ALL_LDFLAGS) $^ -lm -o $@

# iobench puts this before libc in the servers that it counts. It defines recv
# and its kin itself, so it must see them without _FORTIFY_SOURCE. It is built
# without sanitizers: a server that has none must be able to load it too.
$(BUILD)/bench/libiocount.so: $(PRELOAD) bench/counters.h
	@mkdir -p $(@D)
	$(CC) $(filter-out -fsanitize=%,$(ALL_CFLAGS)) -U_FORTIFY_SOURCE -fPIC -shared \
	    -ftls-model=initial-exec $< -o $@
all: $(if $(PRELOAD),$(BUILD)/bench/libiocount.so)

##@ Test
# Check is looked for only when a test is built: `make` alone does without.
CHECK_CFLAGS = $(shell pkg-config --cflags check 2>/dev/null)
CHECK_LIBS   = $(shell pkg-config --libs check 2>/dev/null)

UNITS       := $(filter-out tests/unit_main.c,$(wildcard tests/unit_*.c))
CONFORMANCE := conformance behaviour_stream behaviour_crowd behaviour_limits \
    behaviour_life behaviour_start behaviour_client behaviour_wrapped
TEST_HELP   := peer subject apart talk batch
TEST_HELP   := $(TEST_HELP:%=$(BUILD)/tests/%.o)

# Programs linked with tests/wrap_io.c, which stands between them and these
# calls. _FORTIFY_SOURCE would rename some, and so lead past it.
WRAPPED := $(addprefix $(BUILD)/tests/wrapped/,$(SOURCES:%.c=%))
CALLS   := recv send accept accept4 select pselect poll ppoll epoll_wait \
    epoll_pwait sigwaitinfo sigtimedwait aio_read syscall malloc calloc realloc
WRAP    := $(CALLS:%=-Wl,--wrap=%)
WRAPPED_LIBS := $(BUILD)/tests/wrap_io.o $(BUILD)/tests/wrapped/librooms.a \
    $(BUILD)/libcommon.a

.PHONY: deps
deps: ## install what only the tests need: Check, pkg-config, strace
	@sh tests/deps.sh

.PHONY: test test-unit test-conformance check-check
test: test-unit test-conformance test-trace test-iobench test-grade ## run every test (`make deps` once before)

test-unit: check-check $(BUILD)/tests/unit all ## run the unit tests
	$(STRICT_SAN) $(BUILD)/tests/unit

test-conformance: check-check $(BUILD)/tests/conformance $(WRAPPED) all ## every server x behaviour (MODEL=select: one)
	$(STRICT_SAN) $(BUILD)/tests/conformance $(MODEL)

.PHONY: test-iobench
test-iobench: check-check $(BUILD)/tests/iobench $(BUILD)/tests/known_cost all ## iobench against strace, and its errors
	$(BUILD)/tests/iobench

.PHONY: test-broken
test-broken: check-check $(BUILD)/tests/conformance $(WRAPPED_LIBS) all ## prove that each conformance test can fail (TWIN=name: one)
	@CC='$(CC)' FLAGS='$(ALL_CFLAGS) -U_FORTIFY_SOURCE' \
	    LINK='$(WRAPPED_LIBS) $(ALL_LDFLAGS) $(WRAP)' BUILD='$(BUILD)' \
	    sh tests/broken/run $(TWIN)

# notes/exercises: make exercise-05-1 (HINT=1).
EXERCISE = CC='$(CC)' FLAGS='$(ALL_CFLAGS)' BUILD='$(BUILD)' HINT='$(HINT)' \
    LINK='$(BUILD)/librooms.a $(BUILD)/libcommon.a $(ALL_LDFLAGS)'
.PHONY: check-exercises
exercise-%: check-check $(BUILD)/tests/conformance $(BUILD)/tests/torture all ## (exercise-05-1) red until you have mended it; HINT=1
	@$(EXERCISE) sh notes/exercises/run $*
check-exercises: check-check $(BUILD)/tests/conformance $(BUILD)/tests/torture all ## each exercise is red as given, green when solved
	@$(EXERCISE) sh notes/exercises/check

.PHONY: test-trace trace-cost
test-trace: check-check $(BUILD)/tests/trace all ## iotrace on every server; strace is the second opinion
	$(TRACED_SAN) $(BUILD)/tests/trace

trace-cost: all ## its cost beside strace (SERVER=blocking/thread_server)
	tests/trace_cost $(BUILD) $(SERVER)

TORTURE := matrix victim control probe bad injector fault_bytes fault_clients \
    fault_crowds fault_limits fault_memory fault_signals fault_start \
    fault_injected fault_talk fault_random
TORTURE := $(TORTURE:%=$(BUILD)/tests/%.o)

.PHONY: torture
torture: check-check $(BUILD)/tests/torture $(BUILD)/tests/badclient all ## every fault x every server (FULL=1, SHARE=25, SEED=N)
	$(STRICT_SAN) $(BUILD)/tests/torture $(if $(FULL),--full) $(if $(MD),--md $(MD)) \
	    $(if $(SEED),--seed $(SEED)) $(if $(SHARE),--share $(SHARE)) \
	    $(if $(JOBS),--jobs $(JOBS)) $(MODEL)

.PHONY: fuzz
fuzz: ## the parsers under libFuzzer (clang), FUZZ_SECONDS=60 in all
	@BUILD='$(BUILD)' FUZZ_SECONDS='$(or $(FUZZ_SECONDS),60)' sh tests/fuzz/run

.PHONY: test-valgrind
test-valgrind: $(BUILD)/tests/badclient $(filter %uring_server %uring_multishot_server,$(WRAPPED)) all ## memcheck on one run of each server
	@CC='$(CC)' FLAGS='$(ALL_CFLAGS)' BUILD='$(BUILD)' \
	    LINK='$(BUILD)/libcommon.a $(ALL_LDFLAGS)' sh tests/valgrind

.PHONY: grade
grade: check-check $(BUILD)/tests/grade all ## your server: SERVER='./it --port {port}' (SERVICE=, JSON=)
	@$(BUILD)/tests/grade $(if $(SERVICE),--service $(SERVICE)) \
	    $(if $(JSON),--json $(JSON)) -- $(SERVER)

.PHONY: test-grade
test-grade: check-check $(BUILD)/tests/grade all ## grade on commands whose grade is known
	@BUILD='$(BUILD)' sh tests/grade_test.sh

.PHONY: torture-broken
torture-broken: check-check $(BUILD)/tests/torture $(WRAPPED_LIBS) all ## prove that the torture catches faults (TWIN=name: one)
	@CC='$(CC)' FLAGS='$(ALL_CFLAGS) -U_FORTIFY_SOURCE' TWINS=torture_twins \
	    LINK='$(WRAPPED_LIBS) $(ALL_LDFLAGS) $(WRAP)' BUILD='$(BUILD)' \
	    sh tests/broken/run $(TWIN)

check-check:
	@pkg-config --exists check 2>/dev/null || \
	    { echo "The tests need Check and pkg-config: make deps"; exit 1; }

$(BUILD)/tests/%.o: ALL_CFLAGS += -U_FORTIFY_SOURCE $(CHECK_CFLAGS)
$(BUILD)/tests/unit_main.o: ALL_CFLAGS += \
    -DSUITES='$(foreach unit,$(UNITS:tests/unit_%.c=%),SUITE($(unit)))'
$(BUILD)/tests/unit_main.o: $(UNITS)

$(BUILD)/tests/unit: $(BUILD)/tests/unit_main.o $(UNITS:%.c=$(BUILD)/%.o) \
    $(TEST_HELP) $(BUILD)/librooms.a $(BUILD)/libbench.a \
    $(BUILD)/libcommon.a
	$(CC) $(ALL_LDFLAGS) -Wl,--wrap=pselect,--wrap=syscall $^ \
	    $(CHECK_LIBS) -o $@

$(BUILD)/tests/conformance: $(CONFORMANCE:%=$(BUILD)/tests/%.o) $(TEST_HELP) \
    $(BUILD)/libbench.a $(BUILD)/libcommon.a
	$(CC) $(ALL_LDFLAGS) $^ $(CHECK_LIBS) -o $@

$(BUILD)/tests/torture: $(BUILD)/tests/torture.o \
    $(BUILD)/tests/matrix_print.o $(TORTURE) $(TEST_HELP) \
    $(BUILD)/libbench.a $(BUILD)/libcommon.a
	$(CC) $(ALL_LDFLAGS) $^ $(CHECK_LIBS) -o $@

$(BUILD)/tests/grade: $(BUILD)/tests/grade.o $(TORTURE) $(TEST_HELP) \
    $(BUILD)/libbench.a $(BUILD)/libcommon.a
	$(CC) $(ALL_LDFLAGS) $^ $(CHECK_LIBS) -o $@

$(BUILD)/tests/badclient: $(BUILD)/tests/badclient.o $(BUILD)/tests/bad.o \
    $(BUILD)/libcommon.a
	$(CC) $(ALL_LDFLAGS) $^ -o $@

$(BUILD)/tests/trace: $(BUILD)/tests/trace_programs.o \
    $(BUILD)/tests/trace_faults.o $(BUILD)/tests/trace_counts.o \
    $(BUILD)/tests/traced.o $(TEST_HELP) $(BUILD)/libbench.a $(BUILD)/libcommon.a
	$(CC) $(ALL_LDFLAGS) $^ $(CHECK_LIBS) -o $@

$(BUILD)/tests/known_cost: $(BUILD)/tests/known_cost.o $(BUILD)/libcommon.a
	$(CC) $(ALL_LDFLAGS) $^ -o $@

$(BUILD)/tests/iobench: $(BUILD)/tests/iobench.o \
    $(BUILD)/tests/iobench_counts.o $(BUILD)/tests/iobench_screens.o \
    $(BUILD)/tests/iobench_load.o \
    $(BUILD)/tests/benched.o \
    $(BUILD)/libbench.a $(BUILD)/libcommon.a
	$(CC) $(ALL_LDFLAGS) $^ $(CHECK_LIBS) -o $@

$(BUILD)/tests/wrapped/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -U_FORTIFY_SOURCE -MMD -MP -c $< -o $@

# What the rooms have as libraries of their own: the linker takes what it needs.
$(BUILD)/tests/wrapped/librooms.a: $(patsubst %.c,$(BUILD)/tests/wrapped/%.o,\
    $(wildcard $(LIBRARIES)))
	@mkdir -p $(@D) && rm -f $@
	ar rcs $@ $^

$(WRAPPED): %: %.o $(WRAPPED_LIBS)
	$(CC) $(ALL_LDFLAGS) $(WRAP) $^ -o $@

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

##@ Measure it
BENCH   = $(BUILD)/bench/iobench
MEASURE = @sh bench/measure.sh $(BENCH)
LATEST  = $(BUILD)/bench/results/latest

.PHONY: bench bench-full plot report peers
bench: all ## all models at 1, 10 and 100 connections, within a minute
	$(MEASURE) -c 1,10,100 -d 150ms --rounds 3 --budget 31
bench-full: all ## 1 to 10,000 connections, 0 to 15,000 idle: within an hour
	$(MEASURE) -c 1,10,100,1000,10000 -i 0,100,900,5000,15000 \
	    --idle-with 10 -s 64,4096 -d 500ms --rounds 3 --budget 3000
bench-%: all ## only one: bench-select
	$(MEASURE) $* -c 1,10,100 -d 500ms --rounds 5
plot: ## the last result as SVG and PNG (TERM=dumb: in the terminal)
	@sh bench/plot.sh $(LATEST)
report: ## the last result as one Markdown file, with room for yours
	@sh bench/report.sh $(LATEST)
peers: ## the echo servers of `iobench run --peers` (libuv, libevent)
	@CC='$(CC)' FLAGS='$(ALL_CFLAGS)' sh tests/peers/build.sh $(BUILD)/tests/peers

.PHONY: demo-observer demo-omission
demo-observer: all ## who counts the calls changes their number
	@$(BENCH) observer
demo-omission: all ## a server stands still, and percentiles do not show it
	@$(BENCH) omission

##@ See it (add PACE=3 for three times slower)
DEMO = $(BUILD)/bench/iodemo

.PHONY: demo demo-blocking demo-pool demo-fork demo-herd demo-nonblocking \
    demo-select demo-poll demo-epoll demo-sigio demo-events demo-aio \
    demo-uring demo-uring-multishot
demo: all ## all models side by side
	@$(DEMO)
demo-blocking: all ## one client at a time, then a thread for each
	@$(DEMO) serial threads
demo-pool: all ## two threads, three clients: one waits for its turn
	@$(DEMO) pool
demo-fork: all ## a process sleeps for each client
	@$(DEMO) fork
demo-herd: all ## eight processes, one socket: who wakes up?
	@$(BUILD)/multiplexing/herd
demo-nonblocking: all ## asking again and again
	@$(DEMO) nonblocking
demo-select: all ## one sleep for all clients
	@$(DEMO) select
demo-poll: all ## the same without FD_SETSIZE
	@$(DEMO) poll
demo-epoll: all ## only the ready ones come back: level, then edge
	@$(DEMO) epoll epoll-edge
demo-sigio: all ## a signal says 'ready'
	@$(DEMO) sigio
demo-events: all ## callbacks over a selector
	@$(DEMO) events
demo-aio: all ## POSIX AIO: a signal when the copy is done
	@$(DEMO) aio
demo-uring: all ## io_uring: the kernel waits and copies
	@$(DEMO) uring
demo-uring-multishot: all ## io_uring: asked once, answered many times
	@$(DEMO) uring-multishot

.PHONY: demo-udp demo-heartbeat demo-chat
demo-udp: all ## datagrams: lost, cut, empty, and no endless loop
	@$(BUILD)/bench/talkdemo udp
demo-heartbeat: all ## three members: one dies, one leaves
	@$(BUILD)/bench/talkdemo heartbeat
demo-chat: all ## group chat, twice: with poll, with threads
	@$(BUILD)/bench/talkdemo chat
quiz-%: all ## (quiz-select SEED=7) what will it do? ANSWER=1 runs it
	@$(BUILD)/bench/quiz $* --seed $(or $(SEED),1) $(if $(filter 1,$(ANSWER)),--answer)
# Every other name of the table of models: demo-serial, demo-threads ...
demo-%: all
	@$(DEMO) $*

LISTEN ?= 127.0.0.1:8080
watch-%: all ## (watch-select) its server traced; LISTEN=0.0.0.0:8080
	@$(DEMO) --watch $* --listen $(LISTEN)

##@ Read (notes/README.md is the book's first page)
MODELS = $(shell sed -n 's/.*{\.name = "\(.*\)",/\1/p' bench/models.c)
SCENES = $(shell sed -n 's/.*{\.name = "\(.*\)",/\1/p' bench/cast_scenes.c)

.PHONY: figures
figures: all ## draw the notes' figures anew, from a run of every model
	rm -rf $(BUILD)/figures
	mkdir -p $(BUILD)/figures notes/figures
	$(DEMO) --svg $(BUILD)/figures $(MODELS) >/dev/null
	$(DEMO) --svg $(BUILD)/figures >/dev/null
	for scene in $(SCENES); do \
	    $(BUILD)/bench/talkdemo --svg $(BUILD)/figures $$scene >/dev/null || \
	        exit; done
	@for figure in $(BUILD)/figures/*.svg; do \
	    tests/drawn_from $$figure >>$$figure && \
	    mv $$figure notes/figures/ || exit; done

WEAVE    = $(BUILD)/notes/book/weave
NOTES    = $(wildcard notes/*.md notes/*/*.md notes/*/*/*.md)
CHROMIUM = chromium

.PHONY: book handout
book: $(WEAVE) ## the notes beside the source: build/book/index.html
	@WEAVE=$(WEAVE) sh notes/book/book.sh $(BUILD)/book $(NOTES)
handout: $(WEAVE) ## numbered sources with their marks, to print
	@WEAVE=$(WEAVE) CHROMIUM=$(CHROMIUM) \
	    sh notes/book/handout.sh $(BUILD)/handout $(ROOMS)

$(WEAVE): $(patsubst %.c,$(BUILD)/%.o,$(wildcard notes/book/*.c)) \
    $(BUILD)/libcommon.a
	$(CC) $(ALL_LDFLAGS) $^ -o $@

##@ Check
C_FILES = $(wildcard $(foreach d,$(ROOMS) common bench notes/book \
    notes/exercises notes/exercises/* tests tests/*,$(d)/*.[ch]))

.PHONY: style
style: ## the form of the source: clang-format, lengths
	clang-format --dry-run --Werror $(C_FILES)
	LC_ALL=C tests/check_style $(C_FILES)

.PHONY: check-marks
check-marks: ## the phase marks in the models' sources
	tests/check_marks_test.sh
	tests/check_marks $(foreach room,$(ROOMS) common,$(wildcard $(room)/*.c))

.PHONY: check-book
check-book: $(WEAVE) ## the book: made-up notes, then the real one in Chromium
	@WEAVE=$(WEAVE) sh tests/book_test.sh
	@WEAVE=$(WEAVE) CHROMIUM=$(CHROMIUM) BUILD=$(BUILD) \
	    sh tests/check_book $(NOTES)

.PHONY: check-notes
check-notes: all ## the book against the sources and the programs, and run it
	tests/check_notes_test.sh
	tests/check_notes
check-notes: check-check $(addprefix $(BUILD)/tests/,badclient conformance \
    grade torture)

##@ Tidy
.PHONY: doctor
doctor: ## what this machine can do, and what will be skipped and why
	@command -v $(firstword $(CC)) >/dev/null || \
	    { echo "compiler: no $(CC): install gcc or clang"; exit 1; }
	@$(MAKE) -s $(BUILD)/bench/doctor
	@CC="$(CC)" $(BUILD)/bench/doctor

.PHONY: clean
clean: ## remove everything that was built
	rm -rf build

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^##@/ {printf "\n%s\n", substr($$0, 5)} \
	    /^[a-zA-Z0-9_%-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' Makefile
