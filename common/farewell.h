/* SPDX-License-Identifier: MIT */
/*
 * The end of a server that is told to stop: whoever has a part of an answer
 * still to come gets it, if it takes that within STOP_GRACE_MS (stop.h). No
 * lesson of any model, so it stands here once.
 *
 * Closing is not enough. Where bytes are unread, close() sends a reset, and a
 * reset throws away what still waits to be sent. So the farewell sends the
 * rest, says that no more will come (SHUT_WR), reads and forgets what the
 * client still sends, and is over once the client's kernel has everything
 * (SIOCOUTQ, tcp(7)).
 */
#ifndef COMMON_FAREWELL_H
#define COMMON_FAREWELL_H

#include "common/buffer.h"
#include "common/report.h"

/* Notes that the client on `fd` is owed `rest` (NULL: only what the kernel
 * still holds). Borrows both until farewell_wait() has returned. */
void farewell_say(int fd, struct buffer *rest);

/* Sends what is owed to all that were noted, at the same time; returns when
 * they have it or the time is up. Adds to stats->bytes_out. */
void farewell_wait(struct stats *stats);

/* The same for one client whose thread or process has nobody else: nothing of
 * ours is unsent. Does nothing before a stop. */
void farewell_linger(int fd);

#endif
