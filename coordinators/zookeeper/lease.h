/* SPDX-License-Identifier: Apache-2.0 */
/* The lease rule: until when a session is sure to live. */
#ifndef ZK_LEASE_H
#define ZK_LEASE_H

#include <stdint.h>

/*
 * A server answers reads and pings of itself, and accepts a write without
 * telling the leader that the session lives.  It tells the leader once per
 * half tick, in its answer to the leader's ping; only that moves the session's
 * end.  The session timeout T is at least two ticks, so half a tick is at most
 * T/4.
 *
 * So one answer proves nothing, but a pair does: a request R that was answered
 * on a connection, and a write W that was sent on the same connection at least
 * T/4 later and acknowledged.  In between the server has answered a ping of
 * the leader and told it of R; W has followed that on the one ordered stream
 * from server to leader; W was acknowledged, so all of the stream before it
 * has arrived, and the leader knows that the session lived when R was sent.
 * Until R's sending plus T the session does not end.
 *
 * What is assumed: clocks run at the same rate to within the margin, and a
 * leader that commits writes also pings in time.
 */
#define ZK_LEASE_PROOFS 8

struct zk_lease {
	uint64_t timeout_ns; /* 0: no session */
	uint64_t margin_ns;
	uint64_t deadline_ns; /* never goes back within a session */
	/* Lease writes answered on this connection, oldest first. */
	struct zk_proof {
		uint64_t sent_ns;
		uint64_t answered_ns;
	} proofs[ZK_LEASE_PROOFS];
	unsigned int n_proofs;
};

/*
 * A session has been created after opened_ns: that, too, proves that it lives
 * until then plus T.
 */
void mf_zk_lease_begin(struct zk_lease *lease, int64_t timeout_ms,
		       uint64_t opened_ns);
/* The connection was lost: what was answered on it is half of no pair. */
void mf_zk_lease_reconnected(struct zk_lease *lease);
/* A lease write was acknowledged. */
void mf_zk_lease_acknowledged(struct zk_lease *lease, uint64_t sent_ns,
			      uint64_t answered_ns);
/* How long after the answer to a lease write the next one is to be sent. */
uint64_t mf_zk_lease_interval_ns(const struct zk_lease *lease);

#endif
