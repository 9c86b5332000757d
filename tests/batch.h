/* SPDX-License-Identifier: MIT */
/* Events that a server finds in one batch. As in peer.h, failure fails the
 * running Check test. */
#ifndef TESTS_BATCH_H
#define TESTS_BATCH_H

#include "tests/subject.h"

/* How many places the scene takes. The server must be started with room for
 * them and for who is there already, and no more: --max-clients. */
enum { BATCH_PLACES = 4 };

/*
 * All places are taken. In one batch a newcomer knocks and then the client
 * that has been silent for longest is reset (says something, leaves). Whatever
 * the server does about its places, the newcomer must be served, or refused
 * with a word; who makes room for it in the middle of the batch, and gives it
 * the other's number, must not take the other's event for the newcomer's.
 */
void batch_newcomer(const struct server *server);

#endif
