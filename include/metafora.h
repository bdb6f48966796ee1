/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmetafora: long-lived tasks, run somewhere in a cluster, one at a time.
 *
 * A service gives the library a handler, starts a consumer on every machine
 * and submits tasks through a client.  Include this file; it brings in all
 * the others, each of which holds one idea and may be included alone.
 *
 * Conventions that hold for every call:
 *
 *  - A call that can fail returns 0 or a negative METAFORA_E... code, and
 *    leaves its outputs untouched when it fails.
 *  - NULL for an object or an output is METAFORA_EINVAL, unless a comment
 *    allows it.  The free calls accept NULL.
 *  - Strings are NUL-terminated bytes; the library copies what it keeps.
 *  - Durations carry their unit in the name (_ms, _ns).  Points in time are
 *    nanoseconds of CLOCK_BOOTTIME, and so comparable between processes of
 *    one machine and never with the wall clock.
 *  - The library starts threads with all signals blocked.
 */
#ifndef METAFORA_H
#define METAFORA_H

#include <metafora/balancer.h>
#include <metafora/client.h>
#include <metafora/cluster.h>
#include <metafora/command.h>
#include <metafora/config.h>
#include <metafora/consumer.h>
#include <metafora/coordinator.h>
#include <metafora/error.h>
#include <metafora/handler.h>
#include <metafora/http.h>
#include <metafora/log.h>
#include <metafora/plugins.h>
#include <metafora/status.h>
#include <metafora/task.h>
#include <metafora/version.h>
#include <metafora/watch.h>
#include <metafora/zookeeper.h>

#endif
