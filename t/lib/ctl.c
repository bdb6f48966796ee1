/* SPDX-License-Identifier: Apache-2.0 */
/* Runs metaforactl as a user does, and keeps what it says. */
#include "ctl.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"
#include "tap.h"

#define ARGUMENTS_MAX 64
#define PATIENCE_MS 60000
/* What the shell does before it becomes the program. */
#define GIVE_FILES                                                             \
	"in=$1 out=$2 err=$3 && shift 3 && "                                   \
	"exec \"$@\" <\"$in\" >\"$out\" 2>\"$err\""

char *ctl_out;
char *ctl_err;

/* Where a run's output goes; a started one may run beside others. */
struct files {
	const char *name;
	char *out;
	char *err;
};
static struct files of_run = {.name = "run"};
static struct files of_started = {.name = "started"};

static void set(const char *name, const char *value)
{
	if (value)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

void ctl_environment(const char *servers, const char *namespace_path)
{
	set("METAFORA_SERVERS", servers);
	set("METAFORA_NAMESPACE", namespace_path);
	unsetenv("METAFORA_CONFIG");
	unsetenv("METAFORA_TIMEOUT");
	unsetenv("METAFORA_AUTH_SCHEME");
	unsetenv("METAFORA_CREDENTIALS");
	unsetenv("METAFORA_CREDENTIALS_FILE");
	unsetenv("NO_COLOR");
}

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t n = 0;

	if (!file || getdelim(&text, &n, '\0', file) < 0) {
		free(text);
		text = strdup("");
	}
	if (file)
		fclose(file);
	if (!text)
		process_die("out of memory");
	return text;
}

char *ctl_file(const char *name, const char *text)
{
	char *path = process_path("%s", name);
	FILE *file = fopen(path, "we");

	if (!file || fputs(text, file) < 0 || fclose(file))
		process_die("cannot write %s", path);
	return path;
}

/* The shell gives it its files, and becomes it. */
static pid_t start(struct files *files, const char *path, const char *first,
		   va_list more)
{
	const char *folder = getenv("top_builddir");
	const char *argv[ARGUMENTS_MAX + 9] = {
		"/bin/sh",
		"-c",
		GIVE_FILES,
		"sh",
	};
	char *program =
		process_format("%s/tools/metaforactl", folder ? folder : ".");
	size_t n = 4;
	pid_t pid;

	if (!files->out) {
		files->out = process_path("ctl.%s.out", files->name);
		files->err = process_path("ctl.%s.err", files->name);
	}
	argv[n++] = path;
	argv[n++] = files->out;
	argv[n++] = files->err;
	argv[n++] = program;
	for (; first && n < ARGUMENTS_MAX + 8; first = va_arg(more, char *))
		argv[n++] = first;
	pid = process_start(argv, NULL);
	free(program);
	return pid;
}

/* --- on a terminal ------------------------------------------------------------- */

static struct {
	int fd; /* its other side */
	struct files files;
} terminal = {.fd = -1, .files = {.name = "terminal"}};

pid_t ctl_start_on_terminal(int columns, const char *argument, ...)
{
	struct winsize size = {.ws_col = (unsigned short)columns, .ws_row = 24};
	va_list more;
	pid_t pid;

	if (terminal.fd >= 0)
		close(terminal.fd);
	terminal.fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	free(terminal.files.out);
	free(terminal.files.err);
	if (terminal.fd < 0 || grantpt(terminal.fd) || unlockpt(terminal.fd) ||
	    ioctl(terminal.fd, TIOCSWINSZ, &size))
		process_die("no terminal");
	terminal.files.out = process_format("%s", ptsname(terminal.fd));
	terminal.files.err = process_format("%s", terminal.files.out);
	free(ctl_out);
	ctl_out = process_format("%s", "");
	va_start(more, argument);
	pid = start(&terminal.files, "/dev/null", argument, more);
	va_end(more);
	return pid;
}

void ctl_look_at_terminal(void)
{
	char bytes[4096];
	char *longer;
	ssize_t n;

	while ((n = read(terminal.fd, bytes, sizeof(bytes) - 1)) > 0) {
		bytes[n] = '\0';
		longer = process_format("%s%s", ctl_out, bytes);
		free(ctl_out);
		ctl_out = longer;
	}
}

/* --- elsewhere ------------------------------------------------------------------ */

pid_t ctl_start(const char *path, const char *argument, ...)
{
	va_list more;
	pid_t pid;

	va_start(more, argument);
	pid = start(&of_started, path ? path : "/dev/null", argument, more);
	va_end(more);
	return pid;
}

static void look(const struct files *files)
{
	free(ctl_out);
	free(ctl_err);
	ctl_out = read_file(files->out);
	ctl_err = read_file(files->err);
	if (strstr(ctl_err, "Sanitizer"))
		tap_note("%s", ctl_err);
}

void ctl_look(void)
{
	look(&of_started);
}

static int end(const struct files *files, pid_t pid)
{
	int status = -1;

	if (!process_wait(pid, PATIENCE_MS, &status)) {
		process_kill(pid);
		status = -1;
	}
	look(files);
	return status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int ctl_end(pid_t pid)
{
	return end(&of_started, pid);
}

int ctl(const char *argument, ...)
{
	va_list more;
	pid_t pid;

	va_start(more, argument);
	pid = start(&of_run, "/dev/null", argument, more);
	va_end(more);
	return end(&of_run, pid);
}

int ctl_from(const char *path, const char *argument, ...)
{
	va_list more;
	pid_t pid;

	va_start(more, argument);
	pid = start(&of_run, path, argument, more);
	va_end(more);
	return end(&of_run, pid);
}

int ctl_with(const char *input, const char *argument, ...)
{
	char *path = ctl_file("ctl.in", input);
	va_list more;
	pid_t pid;

	va_start(more, argument);
	pid = start(&of_run, path, argument, more);
	va_end(more);
	free(path);
	return end(&of_run, pid);
}

bool ctl_says(const char *text)
{
	const char *end = strchr(ctl_err, '\n');
	bool one_line = end && end[1] == '\0';

	if (one_line && strstr(ctl_err, text) &&
	    !strncmp(ctl_err, "metaforactl: ", 13))
		return true;
	tap_note("not one line with \"%s\": %s", text, ctl_err);
	return false;
}

json_t *ctl_json(void)
{
	json_error_t error;
	json_t *json = json_loads(ctl_out, 0, &error);

	if (!json)
		tap_note("no JSON: %s: %.200s", error.text, ctl_out);
	return json;
}
