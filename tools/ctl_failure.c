/* SPDX-License-Identifier: Apache-2.0 */
/* Says what failed and what to do about it, and finds the exit status. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "ctl_output.h"

static void begin_line(const struct ctl *ctl)
{
	ctl_progress_end();
	fflush(stdout);
	fputs("metaforactl: ", stderr);
	if (ctl->command)
		fprintf(stderr, "%s: ", ctl->command->name);
}

/* What a format comes to may hold anything: it may be a task's ID. */
static void METAFORA_PRINTF(1, 0)
put_text(const char *format, va_list args)
{
	char text[1024];

	vsnprintf(text, sizeof(text), format, args);
	ctl_put_escaped(stderr, text, strlen(text));
}

/* What to do; NULL: the error says all. */
static const char *advice(const struct ctl *ctl, int error, bool written)
{
	switch (error) {
	case METAFORA_ETIMEDOUT:
	case METAFORA_EUNKNOWN:
	case METAFORA_ECANCELED:
		return written ? "it may have been done: look before trying "
				 "again"
			       : "try again, or with a longer --timeout";
	case METAFORA_EDISCONNECTED:
		return "try again";
	case METAFORA_EBUSY:
		return "wait until it has stopped, then try again";
	case METAFORA_EFULL:
		return "try again with less at a time";
	case METAFORA_EAUTH:
		return "check --credentials-file and the namespace's ACL";
	case METAFORA_ENAMESPACE:
		return "check --namespace, or make it with \"metaforactl "
		       "init\"";
	case METAFORA_EVERSION:
		return ctl->options.n_buckets
			       ? "check --namespace and --buckets"
			       : "check --namespace";
	default:
		return NULL;
	}
}

int ctl_status_of(int error, bool written)
{
	switch (error) {
	case 0:
		return CTL_OK;
	case METAFORA_ENOENT:
	case METAFORA_ENAMESPACE:
		return CTL_NOT_FOUND;
	case METAFORA_EEXIST:
		return CTL_EXISTS;
	case METAFORA_ETIMEDOUT:
	case METAFORA_EUNKNOWN:
	case METAFORA_ECANCELED:
		return written ? CTL_UNKNOWN : CTL_UNREACHABLE;
	case METAFORA_EDISCONNECTED:
		return CTL_UNREACHABLE;
	case METAFORA_EAUTH:
		return CTL_FORBIDDEN;
	case METAFORA_EINVAL:
	case METAFORA_EEMPTY:
	case METAFORA_ENAMETOOLONG:
	case METAFORA_ENUL:
	case METAFORA_E2BIG:
	case METAFORA_ERANGE:
	case METAFORA_ECONFIG:
		return CTL_USAGE;
	case METAFORA_ESTOPPED:
		return ctl_interrupted() ? CTL_INTERRUPTED : CTL_FAILED;
	default:
		return CTL_FAILED;
	}
}

int ctl_fail(const struct ctl *ctl, int error, bool written, const char *format,
	     ...)
{
	const char *what_to_do = advice(ctl, error, written);
	bool interrupted = error == METAFORA_ESTOPPED && ctl_interrupted();
	va_list args;

	begin_line(ctl);
	va_start(args, format);
	put_text(format, args);
	va_end(args);
	if (interrupted)
		fprintf(stderr, ": interrupted%s\n",
			written ? ": it may have been done" : "");
	else
		fprintf(stderr, ": %s%s%s\n", metafora_strerror(error),
			what_to_do ? ": " : "", what_to_do ? what_to_do : "");
	return ctl_status_of(error, written);
}

int ctl_complain(const struct ctl *ctl, int status, const char *format, ...)
{
	va_list args;

	begin_line(ctl);
	va_start(args, format);
	put_text(format, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
}

int ctl_worse(int one, int other)
{
	if (other == CTL_INTERRUPTED)
		return other;
	return one ? one : other;
}

void ctl_no_memory(void)
{
	fputs("metaforactl: out of memory\n", stderr);
	exit(CTL_FAILED);
}
