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
          -Wstrict-prototypes -Wvla -Wformat=2 $(if $(WERROR),-Werror)
ALL_CFLAGS := -std=c11 -D_GNU_SOURCE -I. -pthread -fno-omit-frame-pointer \
          $(WARN) $(if $(SAN),-fsanitize=$(SAN)) $(CFLAGS)
ALL_LDFLAGS := -pthread $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)

# Every file of the four rooms is a program, but for the libraries of two.
ROOMS     := blocking nonblocking multiplexing asyncio
LIBRARIES := asyncio/uring.c multiplexing/selector.c
SOURCES   := $(filter-out $(LIBRARIES),$(wildcard $(addsuffix /*.c,$(ROOMS))))
PROGRAMS  := $(SOURCES:%.c=$(BUILD)/%)
COMMON := $(patsubst %.c,$(BUILD)/%.o,$(wildcard common/*.c))

# The instruments: each .c of bench/ with a main() is a program, the others are
# the library that they and the tests share.
INSTRUMENTS := $(filter $(wildcard bench/*.c),\
    bench/iotrace.c bench/iodemo.c bench/iobench.c bench/doctor.c)
BENCH_LIB   := $(filter-out $(INSTRUMENTS),$(wildcard bench/*.c))
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

$(BUILD)/libbench.a: $(BENCH_LIB:%.c=$(BUILD)/%.o)
	@rm -f $@
	ar rcs $@ $^

# The ring is the io_uring programs' own library.
$(filter $(BUILD)/asyncio/uring_%,$(PROGRAMS)): $(BUILD)/asyncio/uring.o
$(BUILD)/multiplexing/event_server: $(BUILD)/multiplexing/selector.o

$(PROGRAMS): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/libcommon.a
	$(CC) $(ALL_LDFLAGS) $(filter %.o,$^) $(BUILD)/libcommon.a -o $@

$(INSTRUMENTS): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/libbench.a \
    $(BUILD)/libcommon.a
	$(CC) $(ALL_LDFLAGS) $^ -lm -o $@

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

##@ See it (add PACE=3 for three times slower)
DEMO = $(BUILD)/bench/iodemo

.PHONY: demo demo-blocking demo-nonblocking demo-select demo-aio demo-uring
demo: all ## all models side by side
	@$(DEMO)
demo-blocking: all ## one client at a time, then a thread for each
	@$(DEMO) serial threads
demo-nonblocking: all ## asking again and again
	@$(DEMO) nonblocking
demo-select: all ## one sleep for all clients
	@$(DEMO) select
demo-aio: all ## POSIX AIO: a signal when the copy is done
	@$(DEMO) aio
demo-uring: all ## io_uring: the kernel waits and copies
	@$(DEMO) uring

##@ Check
C_FILES = $(wildcard $(foreach d,$(ROOMS) common bench tests tests/*,$(d)/*.[ch]))

.PHONY: style
style: ## the form of the source: clang-format, line and function lengths
	clang-format --dry-run --Werror $(C_FILES)
	LC_ALL=C tests/check_style $(C_FILES)

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
	    /^[a-zA-Z0-9_-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' Makefile
