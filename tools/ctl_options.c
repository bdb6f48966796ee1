/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the command line and the environment, and prints usage. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

#define TIMEOUT_MS_DEFAULT 30000
#define DURATION_MS_MAX 86400000

/* Options without a letter on the command line. */
enum {
	KEY_AUTH_SCHEME = 256,
	KEY_CREDENTIALS_FILE,
	KEY_CREDENTIALS_ENV,
	KEY_ACL,
	KEY_COLOR,
};

struct row {
	int key; /* the letter, if it is one */
	const char *name;
	const char *value; /* NULL: takes none */
	const char *text;
};

/* What all subcommands take. */
static const struct row common[] = {
	{'c', "config", "FILE",
	 "see metafora.conf(5) ($METAFORA_CONFIG)"},
	{'s', "servers", "HOST:PORT,...",
	 "ZooKeeper's servers ($METAFORA_SERVERS)"},
	{'n', "namespace", "PATH",
	 "of the cluster ($METAFORA_NAMESPACE; /metafora)"},
	{'t', "timeout", "DURATION",
	 "of a request: 5s, 500ms ($METAFORA_TIMEOUT; 30s)"},
	{KEY_AUTH_SCHEME, "auth-scheme", "SCHEME",
	 "of the credentials ($METAFORA_AUTH_SCHEME; digest)"},
	{KEY_CREDENTIALS_FILE, "credentials-file", "FILE",
	 "its first line are the credentials; readable by its\n"
	 "owner only ($METAFORA_CREDENTIALS_FILE)"},
	{KEY_CREDENTIALS_ENV, "credentials-env", "VARIABLE",
	 "the environment has them (METAFORA_CREDENTIALS)"},
	{KEY_ACL, "acl", "world|creator|SCHEME:ID:PERMS",
	 "of what is created; may be repeated"},
	{'j', "json", NULL, "print JSON"},
	{KEY_COLOR, "color", "auto|always|never",
	 "auto: on a terminal, unless $NO_COLOR is set"},
	{'v', "verbose", NULL, "log to standard error; twice: more"},
	{'h', "help", NULL, "print this help"},
	{'V', "version", NULL, "print the version"},
};

/* What those take that have the letter in `takes`. */
static const struct row own[] = {
	{'f', "file", "FILE", "read tasks from it; -: standard input"},
	{'P', "properties-file", "FILE", "read properties from it"},
	{'0', "null", NULL, "IDs or lines end in NUL, not in newline"},
	{'i', "idempotent", NULL, "what has been done already is no error"},
	{'l', "long", NULL, "show more"},
	{'q', "quiet", NULL, "print IDs only"},
	{'o', "owner", "NODE", "of this node only"},
	{'u', "unowned", NULL, "of nobody only"},
	{'m', "limit", "N", "so many at most"},
	{'p', "properties", NULL, "print the properties only, as they are"},
	{'a', "all", NULL, "all nodes that live"},
	{'w', "no-wait", NULL, "do not wait for the outcome"},
	{'W', "wait", "DURATION", "wait so long at most"},
	{'b', "buckets", "N", "spread tasks over so many folders (64)"},
	{'r', "repair", NULL, "repair what can be repaired without harm"},
};

#define N_COMMON (sizeof(common) / sizeof(common[0]))
#define N_OWN (sizeof(own) / sizeof(own[0]))

int ctl_usage(const struct ctl *ctl, const char *format, ...)
{
	const char *name = ctl->command ? ctl->command->name : NULL;
	va_list args;

	fprintf(stderr, "metaforactl: %s%s", name ? name : "",
		name ? ": " : "");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ": see metaforactl %s%s--help\n", name ? name : "",
		name ? " " : "");
	return CTL_USAGE;
}

/* --- help ----------------------------------------------------------------------- */

static void help_row(const struct row *row)
{
	const char *text = row->text;
	char left[80];
	size_t n;

	snprintf(left, sizeof(left), "%s%c%s --%s%s%s",
		 row->key < 256 ? "-" : " ", row->key < 256 ? row->key : ' ',
		 row->key < 256 ? "," : " ", row->name, row->value ? " " : "",
		 row->value ? row->value : "");
	printf("  %-26s", left);
	if (strlen(left) > 25)
		printf("\n%28s", "");
	for (; (n = strcspn(text, "\n")), text[n]; text += n + 1)
		printf("%.*s\n%28s", (int)n, text, "");
	printf("%s\n", text);
}

static void help_options(const char *takes)
{
	size_t i;

	if (*takes)
		printf("\noptions:\n");
	for (i = 0; i < N_OWN; i++)
		if (strchr(takes, own[i].key))
			help_row(&own[i]);
	printf("\noptions of all subcommands:\n");
	for (i = 0; i < N_COMMON; i++)
		help_row(&common[i]);
}

void ctl_help(const struct ctl_command *command)
{
	const struct ctl_command *each;

	if (command) {
		printf("usage: metaforactl %s [OPTION]... %s\n\n",
		       command->name, command->arguments);
		printf("%c%s.\n", toupper(command->summary[0]),
		       command->summary + 1);
		if (command->help)
			printf("\n%s", command->help);
		help_options(command->takes);
		return;
	}
	printf("usage: metaforactl [OPTION]... SUBCOMMAND [ARGUMENT]...\n\n"
	       "Submits tasks to a metafora cluster, and operates it.\n\n"
	       "subcommands:\n");
	for (each = ctl_commands; each->name; each++)
		printf("  %-14s%s\n", each->name, each->summary);
	printf("  %-14s%s\n", "help", "print the help of a subcommand");
	help_options("");
	printf("\nexit status: 0 done, 1 failed, 2 wrong usage or "
	       "configuration, "
	       "3 not found,\n4 exists already, 5 not reachable in time, "
	       "6 no permission, 7 outcome unknown,\n130 interrupted\n");
}

/* --- values --------------------------------------------------------------------- */

static bool read_number(const char *text, int64_t least, int64_t most,
			int64_t *out, const char **end)
{
	long long value;
	char *behind;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	value = strtoll(text, &behind, 10);
	if (errno || value < least || value > most || (!end && *behind))
		return false;
	if (end)
		*end = behind;
	*out = value;
	return true;
}

/* "30", "30s", "500ms", "2m", "1h". */
static bool read_duration(const char *text, int64_t *out_ms)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {
		{"", 1000},   {"s", 1000},    {"ms", 1},
		{"m", 60000}, {"h", 3600000},
	};
	const char *unit;
	int64_t value;
	size_t i;

	if (!read_number(text, 1, DURATION_MS_MAX, &value, &unit))
		return false;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(unit, units[i].unit) &&
		    value <= DURATION_MS_MAX / units[i].ms) {
			*out_ms = value * units[i].ms;
			return true;
		}
	return false;
}

static bool read_color(const char *text, const char **out)
{
	*out = text;
	return !strcmp(text, "auto") || !strcmp(text, "always") ||
	       !strcmp(text, "never");
}

static bool add_acl(struct ctl_options *options, const char *text)
{
	if (options->n_acl == CTL_ACL_MAX)
		return false;
	options->acl[options->n_acl++] = text;
	return true;
}

/* Whether the option's value makes sense. */
static bool take(struct ctl_options *options, int key, const char *value)
{
	switch (key) {
	case 'c':
		options->config = value;
		return true;
	case 's':
		options->servers = value;
		return true;
	case 'n':
		options->namespace_path = value;
		return true;
	case 't':
		options->timeout_given = true;
		return read_duration(value, &options->timeout_ms);
	case 'j':
		options->json = true;
		return true;
	case 'v':
		options->verbosity++;
		return true;
	case KEY_AUTH_SCHEME:
		options->auth_scheme = value;
		return true;
	case KEY_CREDENTIALS_FILE:
		options->credentials_file = value;
		return true;
	case KEY_CREDENTIALS_ENV:
		options->credentials_env = value;
		return true;
	case KEY_ACL:
		return add_acl(options, value);
	case KEY_COLOR:
		return read_color(value, &options->color);
	case 'f':
		options->file = value;
		return true;
	case 'P':
		options->properties_file = value;
		return true;
	case '0':
		options->null = true;
		return true;
	case 'i':
		options->idempotent = true;
		return true;
	case 'l':
		options->is_long = true;
		return true;
	case 'q':
		options->quiet = true;
		return true;
	case 'o':
		options->owner = value;
		return true;
	case 'u':
		options->unowned = true;
		return true;
	case 'm':
		return read_number(value, 1, INT64_MAX, &options->limit, NULL);
	case 'p':
		options->properties_only = true;
		return true;
	case 'a':
		options->all = true;
		return true;
	case 'w':
		options->no_wait = true;
		return true;
	case 'W':
		return read_duration(value, &options->wait_ms);
	case 'b':
		return read_number(value, 1, 1024, &options->n_buckets, NULL);
	case 'r':
		options->repair = true;
		return true;
	default:
		return false;
	}
}

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static int read_environment(struct ctl *ctl)
{
	struct ctl_options *options = &ctl->options;
	const char *timeout = environment("METAFORA_TIMEOUT");

	options->servers = environment("METAFORA_SERVERS");
	options->namespace_path = environment("METAFORA_NAMESPACE");
	options->config = environment("METAFORA_CONFIG");
	options->auth_scheme = environment("METAFORA_AUTH_SCHEME");
	options->credentials_file = environment("METAFORA_CREDENTIALS_FILE");
	options->color = "auto";
	options->timeout_ms = TIMEOUT_MS_DEFAULT;
	options->timeout_given = timeout != NULL;
	if (timeout && !read_duration(timeout, &options->timeout_ms))
		return ctl_usage(ctl, "METAFORA_TIMEOUT=%s is no duration",
				 timeout);
	return CTL_OK;
}

/* --- the command line --------------------------------------------------------------- */

/* What getopt_long needs to know. */
struct grammar {
	struct option longs[N_COMMON + N_OWN + 1];
	size_t n_longs;
	char shorts[3 * (N_COMMON + N_OWN) + 3];
};

static void add_row(struct grammar *grammar, const struct row *row)
{
	size_t n = strlen(grammar->shorts);

	grammar->longs[grammar->n_longs++] = (struct option){
		row->name, row->value ? required_argument : no_argument, NULL,
		row->key};
	if (row->key < 256)
		sprintf(grammar->shorts + n, "%c%s", row->key,
			row->value ? ":" : "");
}

/* takes NULL: before the subcommand; what follows it is not looked at. */
static void make_grammar(struct grammar *grammar, const char *takes)
{
	size_t i;

	*grammar = (struct grammar){0};
	/* ":": a missing value is told from an unknown option. */
	strcpy(grammar->shorts, takes ? ":" : "+:");
	for (i = 0; i < N_COMMON; i++)
		add_row(grammar, &common[i]);
	for (i = 0; takes && i < N_OWN; i++)
		if (strchr(takes, own[i].key))
			add_row(grammar, &own[i]);
}

static const char *name_of(const struct grammar *grammar, int key)
{
	size_t i;

	for (i = 0; i < grammar->n_longs; i++)
		if (grammar->longs[i].val == key)
			return grammar->longs[i].name;
	return "?";
}

/* 0, or a status plus 1. */
static int read_options(struct ctl *ctl, int argc, char **argv,
			const char *takes)
{
	struct grammar grammar;
	int key;

	make_grammar(&grammar, takes);
	while ((key = getopt_long(argc, argv, grammar.shorts, grammar.longs,
				  NULL)) != -1) {
		if (key == 'h') {
			ctl_help(ctl->command);
			return CTL_OK + 1;
		}
		if (key == 'V') {
			ctl_version(ctl, NULL, 0);
			return CTL_OK + 1;
		}
		if (key == ':')
			return 1 + ctl_usage(ctl, "%s needs a value",
					     argv[optind - 1]);
		if (key == '?')
			return 1 + ctl_usage(ctl, "unknown option %s",
					     argv[optind - 1]);
		if (!take(&ctl->options, key, optarg))
			return 1 + ctl_usage(ctl, "--%s: \"%s\" makes no sense",
					     name_of(&grammar, key), optarg);
	}
	return 0;
}

static int check_arguments(const struct ctl *ctl, int n)
{
	const struct ctl_command *command = ctl->command;

	if (n < command->n_least)
		return 1 + ctl_usage(ctl, "too few arguments");
	if (command->n_most >= 0 && n > command->n_most)
		return 1 + ctl_usage(ctl, "too many arguments");
	return 0;
}

static int help_about(struct ctl *ctl, const char *name)
{
	const struct ctl_command *command = NULL;

	if (name && !(command = ctl_find_command(name)))
		return 1 + ctl_usage(ctl, "unknown subcommand \"%s\"", name);
	ctl_help(command);
	return CTL_OK + 1;
}

int ctl_options_read(struct ctl *ctl, int argc, char **argv, int *first)
{
	int status = read_environment(ctl);
	int at;

	if (status)
		return status + 1;
	opterr = 0;
	status = read_options(ctl, argc, argv, NULL);
	if (status)
		return status;
	at = optind;
	if (at == argc)
		return 1 + ctl_usage(ctl, "no subcommand");
	if (!strcmp(argv[at], "help"))
		return help_about(ctl, argv[at + 1]);
	ctl->command = ctl_find_command(argv[at]);
	if (!ctl->command)
		return 1 +
		       ctl_usage(ctl, "unknown subcommand \"%s\"", argv[at]);
	/* 0: begin anew, with another grammar. */
	optind = 0;
	status = read_options(ctl, argc - at, argv + at, ctl->command->takes);
	if (status)
		return status;
	*first = at + optind;
	return check_arguments(ctl, argc - *first);
}
