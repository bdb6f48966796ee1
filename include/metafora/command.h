/* SPDX-License-Identifier: Apache-2.0 */
/* Commands: messages to one node. */
#ifndef METAFORA_COMMAND_H
#define METAFORA_COMMAND_H

#include <stddef.h>

#include <metafora/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Limits: bytes of a command's name, argument and result. */
#define METAFORA_COMMAND_NAME_MAX 100
#define METAFORA_COMMAND_ARGUMENT_MAX 65536
#define METAFORA_COMMAND_RESULT_MAX 65536
/* Commands that can wait at the broker for one node. */
#define METAFORA_COMMANDS_MAX 1000

/*
 * The built-in commands.  All but stop_task take no argument; stop_task takes
 * the task's ID.  balance and stop_task also work on a frozen node.  Frozen
 * and draining end with the consumer: they are not kept over a restart.
 */
#define METAFORA_COMMAND_FREEZE "freeze"       /* claim and balance no more */
#define METAFORA_COMMAND_UNFREEZE "unfreeze"   /* take part again */
#define METAFORA_COMMAND_BALANCE "balance"     /* ask the balancer now */
#define METAFORA_COMMAND_STOP_TASK "stop_task" /* stop one task's handler */
#define METAFORA_COMMAND_DRAIN "drain"         /* give all away, claim none */
#define METAFORA_COMMAND_UNDRAIN "undrain"     /* take part again */

/*
 * The application's answer to a command of its own.  name and argument are
 * valid during the call; argument is never NULL.  Called on the consumer's
 * own thread: must not block.  May set a result with
 * metafora_command_reply_text().  Returns 0 or a negative METAFORA_E... code,
 * METAFORA_ENOTSUP for a name it does not know.
 */
struct metafora_command_reply;
typedef int (*metafora_command_fn)(void *arg, const char *name,
				   const char *argument,
				   struct metafora_command_reply *reply);

/*
 * Give the reply a text, UTF-8, at most METAFORA_COMMAND_RESULT_MAX bytes; a
 * later call replaces it.  Only inside a metafora_command_fn.
 * Returns 0, METAFORA_EINVAL, METAFORA_E2BIG, METAFORA_ENOMEM.  Since: 0.1.
 */
METAFORA_API int
metafora_command_reply_text(struct metafora_command_reply *reply,
			    const char *text);

#ifdef __cplusplus
}
#endif
#endif
