/* SPDX-License-Identifier: Apache-2.0 */
/* Commands on the wire: JSON in UTF-8, made by clients, read by consumers. */
#ifndef MF_COMMAND_H
#define MF_COMMAND_H

#include <stddef.h>

#include <metafora/command.h>

struct mf_command {
	char *name;
	char *argument; /* never NULL */
};

/* Bytes an encoded command can have at most. */
#define MF_COMMAND_DATA_MAX (8 * METAFORA_COMMAND_ARGUMENT_MAX)

/*
 * argument may be NULL.  Returns 0, METAFORA_EINVAL (NULL, or not UTF-8),
 * METAFORA_EEMPTY, METAFORA_ENAMETOOLONG: of the name; METAFORA_E2BIG: of the
 * argument.
 */
int mf_command_check(const char *name, const char *argument);
/*
 * *data is freed by the caller.  argument may be NULL and hold any bytes.
 * Returns what mf_command_check says, or METAFORA_ENOMEM.
 */
int mf_command_encode(const char *name, const char *argument, char **data,
		      size_t *size_bytes);
/*
 * Untrusted input: of bounded size, proper types, no NUL, a name and an
 * argument as mf_command_check would have them; unknown keys are ignored.
 * Returns 0, METAFORA_EPROTO, METAFORA_ENOMEM (where jansson tells the
 * difference: out of memory within a string looks like bad input to it).
 */
int mf_command_decode(const void *data, size_t size_bytes,
		      struct mf_command *out);
void mf_command_fini(struct mf_command *command);

/* What an application's callback writes its answer to. */
struct metafora_command_reply {
	char *text; /* NULL: none */
};
void mf_command_reply_fini(struct metafora_command_reply *reply);

#endif
