/* SPDX-License-Identifier: Apache-2.0 */
/* Private ZooKeeper servers of a test: one alone, or an ensemble. */
#ifndef T_ZKSERVER_H
#define T_ZKSERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "relay.h"

/*
 * They are the distribution's, listen on free ports of 127.0.0.1, keep their
 * data in a temporary folder, and end with the program.  Starting one takes
 * seconds of CPU, so a program should share them over its cases.  Main thread
 * only.  What is broken in the machinery itself ends the program.
 */
struct zkservers;

#define ZKSERVERS_MAX 5

struct zkservers_options {
	unsigned int n; /* 1: alone; 3 or 5: an ensemble */
	int tick_ms;    /* 0: 200 */
	unsigned int
		sync_ticks; /* 0: 20: so long may a follower be out of touch */
	/* For hours of load, rather than for a quick start. */
	bool lasting;
	bool relayed;       /* followers reach leaders through relays */
};

/* Why there can be no server on this machine; NULL: there can be. */
const char *zkservers_lack(void);

/* Start them and wait until they serve. */
struct zkservers *zkservers_start(const struct zkservers_options *options);
/* One alone for all cases; where there can be none, the program is skipped. */
struct zkservers *zkservers_start_or_skip(void);
/* End them.  NULL is allowed. */
void zkservers_free(struct zkservers *servers);

/* "127.0.0.1:port,..." of all, and of one. */
const char *zkservers_hosts(const struct zkservers *servers);
const char *zkservers_host(const struct zkservers *servers, unsigned int i);
unsigned int zkservers_port(const struct zkservers *servers, unsigned int i);
/* Its process; 0: it does not run. */
pid_t zkservers_pid(const struct zkservers *servers, unsigned int i);

/*
 * One of them: end it in order (kill it after a while), kill it, let it stand
 * still and go on, start it again on what it has on disk.
 */
void zkservers_stop(struct zkservers *servers, unsigned int i);
void zkservers_kill(struct zkservers *servers, unsigned int i);
void zkservers_pause(struct zkservers *servers, unsigned int i);
void zkservers_continue(struct zkservers *servers, unsigned int i);
void zkservers_restart(struct zkservers *servers, unsigned int i);

/* Whether the server of that number serves clients at present. */
bool zkservers_serves(struct zkservers *servers, unsigned int i);
/* Wait until all that are started do; false if that takes too long. */
bool zkservers_wait(struct zkservers *servers);
/* The one that leads, -1: none does. */
int zkservers_leader(struct zkservers *servers);

/*
 * The relay through which server `from` reaches server `to` while that leads.
 * Elections go past it.
 */
struct relay *zkservers_relay(struct zkservers *servers, unsigned int from,
			      unsigned int to);

/*
 * The answer of a server to a four-letter word, cut to size_bytes with its
 * NUL.  False if none comes in a second or so.
 */
bool zkservers_ask(const struct zkservers *servers, unsigned int i,
		   const char *word, char *answer, size_t size_bytes);

#endif
