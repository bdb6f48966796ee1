/* SPDX-License-Identifier: Apache-2.0 */
/* Error codes, their names and texts, and the classes they fall into. */
#ifndef METAFORA_ERROR_H
#define METAFORA_ERROR_H

#include <stdbool.h>

#include <metafora/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One row per error: name, number, class, text.  The classes:
 *
 *   CALL     the caller's mistake or a plain refusal; nothing was changed
 *   RETRY    nothing was done; the same call may succeed later
 *   UNKNOWN  it may or may not have been done; read before trying again
 *   LOST     a claim or a session is no longer ours
 *   FATAL    no retry will help; a human must act
 */
#define METAFORA_ERRORS(X)                                                    \
	X(EINVAL, 1, CALL, "argument is NULL or makes no sense here")         \
	X(EEMPTY, 2, CALL, "ID or name is empty")                             \
	X(ENAMETOOLONG, 3, CALL, "ID or name is too long")                    \
	X(ENUL, 4, CALL, "ID or name contains a NUL byte")                    \
	X(E2BIG, 5, CALL, "data is larger than the limit")                    \
	X(ERANGE, 6, CALL, "value is out of range")                           \
	X(EEXIST, 7, CALL, "already exists")                                  \
	X(ENOENT, 8, CALL, "does not exist")                                  \
	X(EALREADY, 9, CALL, "already started")                               \
	X(ESTOPPED, 10, CALL, "already stopped")                              \
	X(ESTATE, 11, CALL, "not possible in this state")                     \
	X(ETHREAD, 12, CALL, "not allowed from this thread")                  \
	X(EABI, 13, CALL, "plug-in was built for another ABI version")        \
	X(EOPMISSING, 14, CALL, "plug-in lacks a mandatory operation")        \
	X(ENOTSUP, 15, CALL, "not supported")                                 \
	X(EBUSY, 16, RETRY, "an earlier life of it has not ended yet")        \
	X(ENOMEM, 17, RETRY, "out of memory")                                 \
	X(ESYS, 18, RETRY, "the system refused a thread or descriptor")       \
	X(EFULL, 19, RETRY, "a limit is reached")                             \
	X(ETIMEDOUT, 20, UNKNOWN, "timed out")                                \
	X(EDISCONNECTED, 21, RETRY, "not connected to the broker")            \
	X(EUNKNOWN, 22, UNKNOWN, "connection lost, outcome unknown")          \
	X(ECANCELED, 23, UNKNOWN, "given up because its owner was closed")    \
	X(ESESSION, 24, LOST, "session lost")                                 \
	X(ENOTOWNER, 25, LOST, "claim is no longer ours")                     \
	X(EHANDLER, 26, CALL, "the handler failed")                           \
	X(EPROTO, 27, CALL, "malformed data")                                 \
	X(EAUTH, 28, FATAL, "permission denied by the broker")                \
	X(EVERSION, 29, FATAL, "broker's layout is of another version")       \
	X(ECONFIG, 30, FATAL, "configuration is wrong")                       \
	X(ENAMESPACE, 31, FATAL, "the broker has no such namespace")

enum metafora_error {
	METAFORA_OK = 0,
#define METAFORA_ERROR_ENUM(name, number, class_, text)                       \
	METAFORA_##name = -(number),
	METAFORA_ERRORS(METAFORA_ERROR_ENUM)
#undef METAFORA_ERROR_ENUM
};

/*
 * The text of an error, for people; "success" for 0, "unknown error" for a
 * number that is none.  Static.  Any thread; does not block.  Since: 0.1.
 */
METAFORA_API const char *metafora_strerror(int error);

/*
 * The name of an error without its prefix, such as "ENOENT"; "OK" for 0, NULL
 * for a number that is none.  Static.  Any thread; does not block.
 * Since: 0.1.
 */
METAFORA_API const char *metafora_error_name(int error);

/*
 * Whether an error is of the class.  False for 0 and for numbers that are no
 * error.  Any thread; do not block.  Since: 0.1.
 */
METAFORA_API bool metafora_error_is_retry(int error);
METAFORA_API bool metafora_error_is_unknown_outcome(int error);
METAFORA_API bool metafora_error_is_lost(int error);
METAFORA_API bool metafora_error_is_fatal(int error);

#ifdef __cplusplus
}
#endif
#endif
