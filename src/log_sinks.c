/* SPDX-License-Identifier: Apache-2.0 */
/* Ready-made sinks: JSON lines, and the system's log. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <metafora/log.h>

#include "clock.h"
#include "json.h"

/* Of a line at most so many pairs become members; the rest stays a text. */
#define PAIRS_MAX 64
/* A byte becomes six at most; a pair costs five more than it has. */
#define OUT_BYTES (6 * METAFORA_LOG_LINE_BYTES + 5 * PAIRS_MAX + 256)

struct out {
	char text[OUT_BYTES];
	size_t n;
};

static void put(struct out *out, const char *text, size_t n)
{
	/* The sizes above leave room: this is for who changes them. */
	if (n < sizeof(out->text) - out->n) {
		memcpy(out->text + out->n, text, n);
		out->n += n;
	}
}

static void put_text(struct out *out, const char *text)
{
	put(out, text, strlen(text));
}

static bool is_control(unsigned char byte)
{
	return byte < 0x20 || byte == 0x7f;
}

/* The n bytes, made printable: \xNN, whose backslash JSON wants doubled. */
static void put_escaped(struct out *out, const char *text, size_t n, bool json)
{
	size_t i = 0;

	while (i < n) {
		unsigned char byte = (unsigned char)text[i];
		size_t length = mf_utf8_length(text + i);
		char escaped[8];

		if (json && (byte == '"' || byte == '\\')) {
			escaped[0] = '\\';
			escaped[1] = text[i++];
			put(out, escaped, 2);
		} else if (length && length <= n - i && !is_control(byte)) {
			put(out, text + i, length);
			i += length;
		} else {
			snprintf(escaped, sizeof(escaped), "%s\\x%02x",
				 json ? "\\" : "", byte);
			put_text(out, escaped);
			i++;
		}
	}
}

static void put_member(struct out *out, const char *key, size_t key_bytes,
		       const char *value, size_t value_bytes)
{
	put_text(out, ",\"");
	put(out, key, key_bytes); /* letters, digits, underscores */
	put_text(out, "\":\"");
	put_escaped(out, value, value_bytes, true);
	put_text(out, "\"");
}

/* --- taking a line apart ---------------------------------------------------- */

/* One key=value of a line; the value without its quotes. */
struct pair {
	const char *key;
	size_t key_bytes;
	const char *value;
	size_t value_bytes;
};

static size_t key_length(const char *text)
{
	return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
}

/* Whether text begins with what looks like a pair. */
static bool begins_pair(const char *text)
{
	size_t n = key_length(text);

	return n && text[n] == '=';
}

/* Returns where the pair at text ends, a blank or the end; NULL: malformed. */
static const char *read_pair(const char *text, struct pair *pair)
{
	const char *end;

	if (!begins_pair(text))
		return NULL;
	pair->key = text;
	pair->key_bytes = key_length(text);
	pair->value = text + pair->key_bytes + 1;
	if (*pair->value == '"') {
		pair->value++;
		end = strchr(pair->value, '"');
		if (!end)
			return NULL;
		pair->value_bytes = (size_t)(end - pair->value);
		end++;
	} else {
		pair->value_bytes = strcspn(pair->value, " \"");
		end = pair->value + pair->value_bytes;
	}
	return *end == ' ' || !*end ? end : NULL;
}

static bool is_key(const struct pair *pair, const char *key, size_t key_bytes)
{
	return pair->key_bytes == key_bytes &&
	       !memcmp(pair->key, key, key_bytes);
}

/* Whether an object that has these members may not have this one too. */
static bool is_taken(const struct pair *pairs, size_t n,
		     const struct pair *pair)
{
	static const char *const own[] = {"time", "level", "phrase", "rest"};
	size_t i;

	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (is_key(pair, own[i], strlen(own[i])))
			return true;
	}
	for (i = 0; i < n; i++) {
		if (is_key(pair, pairs[i].key, pairs[i].key_bytes))
			return true;
	}
	return false;
}

/* Length of the words before the first pair, without the blank between. */
static size_t phrase_length(const char *line)
{
	const char *at = line;

	while (*at && !begins_pair(at)) {
		at += strcspn(at, " ");
		at += strspn(at, " ");
	}
	while (at > line && at[-1] == ' ')
		at--;
	return (size_t)(at - line);
}

static void put_line(struct out *out, const char *line)
{
	struct pair pairs[PAIRS_MAX];
	size_t n = 0;
	size_t length = phrase_length(line);

	put_member(out, "phrase", strlen("phrase"), line, length);
	line += length;
	line += strspn(line, " ");
	while (*line && n < PAIRS_MAX) {
		struct pair *pair = &pairs[n];
		const char *end = read_pair(line, pair);

		if (!end || is_taken(pairs, n, pair))
			break;
		put_member(out, pair->key, pair->key_bytes, pair->value,
			   pair->value_bytes);
		n++;
		line = end + strspn(end, " ");
	}
	if (*line)
		put_member(out, "rest", strlen("rest"), line, strlen(line));
}

/* --- sinks ------------------------------------------------------------------ */

/* The line as far as a sink takes it, in copy. */
static const char *cut(char copy[METAFORA_LOG_LINE_BYTES], const char *line)
{
	snprintf(copy, METAFORA_LOG_LINE_BYTES, "%s", line);
	return copy;
}

static void put_time(struct out *out)
{
	struct timespec now;
	struct tm tm;
	char text[64];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	put_text(out, text);
	snprintf(text, sizeof(text), ".%03dZ",
		 (int)(now.tv_nsec / (int64_t)MF_NS_PER_MS));
	put_text(out, text);
}

void metafora_log_json(void *arg, enum metafora_log_level level,
		       const char *line)
{
	const char *name = metafora_log_level_name(level);
	const int saved_errno = errno;
	char copy[METAFORA_LOG_LINE_BYTES];
	struct out out;

	if (!line)
		return;
	out.n = 0;
	put_text(&out, "{\"time\":\"");
	put_time(&out);
	put_text(&out, "\",\"level\":\"");
	put_text(&out, name ? name : "?");
	put_text(&out, "\"");
	put_line(&out, cut(copy, line));
	put_text(&out, "}\n");
	/* In one call, so that lines of several threads do not mix. */
	(void)!write(arg ? *(const int *)arg : STDERR_FILENO, out.text, out.n);
	errno = saved_errno;
}

void metafora_log_syslog(void *arg, enum metafora_log_level level,
			 const char *line)
{
	static const int priorities[] = {
		[METAFORA_LOG_ERROR] = LOG_ERR,
		[METAFORA_LOG_WARN] = LOG_WARNING,
		[METAFORA_LOG_INFO] = LOG_INFO,
		[METAFORA_LOG_DEBUG] = LOG_DEBUG,
	};
	const int saved_errno = errno;
	char copy[METAFORA_LOG_LINE_BYTES];
	struct out out;

	(void)arg;
	if (!line)
		return;
	out.n = 0;
	cut(copy, line);
	put_escaped(&out, copy, strlen(copy), false);
	syslog(metafora_log_level_name(level) ? priorities[level] : LOG_ERR,
	       "%.*s", (int)out.n, out.text);
	errno = saved_errno;
}
