/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines, the ready-made sink, the rate limit. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "tap.h"

static char last_line[METAFORA_LOG_LINE_BYTES * 2];
static enum metafora_log_level last_level;
static void *last_arg;
static int n_lines;

static void sink(void *arg, enum metafora_log_level level, const char *line)
{
	last_arg = arg;
	last_level = level;
	snprintf(last_line, sizeof(last_line), "%s", line);
	n_lines++;
	errno = EBADF; /* as a sink that writes may do */
}

static struct mf_log log_;

static void setup(void)
{
	log_ = (struct mf_log){.fn = sink,
			       .arg = &n_lines,
			       .level = METAFORA_LOG_INFO};
	n_lines = 0;
	last_line[0] = '\0';
}

static void levels_have_names(void)
{
	CU_ASSERT_STRING_EQUAL(metafora_log_level_name(METAFORA_LOG_ERROR),
			       "error");
	CU_ASSERT_STRING_EQUAL(metafora_log_level_name(METAFORA_LOG_WARN),
			       "warn");
	CU_ASSERT_STRING_EQUAL(metafora_log_level_name(METAFORA_LOG_INFO),
			       "info");
	CU_ASSERT_STRING_EQUAL(metafora_log_level_name(METAFORA_LOG_DEBUG),
			       "debug");
	CU_ASSERT_PTR_NULL(
		metafora_log_level_name((enum metafora_log_level)4));
	CU_ASSERT_PTR_NULL(
		metafora_log_level_name((enum metafora_log_level)-1));
}

static void a_line_goes_to_the_sink_with_its_level(void)
{
	mf_log(&log_, METAFORA_LOG_WARN, "task stopped task=%s n=%d", "a", 7);
	CU_ASSERT_EQUAL(n_lines, 1);
	CU_ASSERT_EQUAL(last_level, METAFORA_LOG_WARN);
	CU_ASSERT_PTR_EQUAL(last_arg, &n_lines);
	CU_ASSERT_STRING_EQUAL(last_line, "task stopped task=a n=7");
}

static void lines_beyond_the_level_go_nowhere(void)
{
	CU_ASSERT_TRUE(mf_log_wants(&log_, METAFORA_LOG_INFO));
	CU_ASSERT_FALSE(mf_log_wants(&log_, METAFORA_LOG_DEBUG));
	mf_log(&log_, METAFORA_LOG_DEBUG, "quiet");
	CU_ASSERT_EQUAL(n_lines, 0);
	mf_log(&log_, METAFORA_LOG_INFO, "heard");
	CU_ASSERT_EQUAL(n_lines, 1);
}

static void without_a_sink_there_is_silence(void)
{
	log_.fn = NULL;
	CU_ASSERT_FALSE(mf_log_wants(&log_, METAFORA_LOG_ERROR));
	mf_log(&log_, METAFORA_LOG_ERROR, "nobody hears");
	CU_ASSERT_EQUAL(n_lines, 0);
}

static void the_node_is_appended(void)
{
	log_.node = "node-1";
	mf_log(&log_, METAFORA_LOG_INFO, "joined");
	CU_ASSERT_STRING_EQUAL(last_line, "joined node=node-1");
}

static void control_bytes_cannot_forge_a_line(void)
{
	log_.node = "n\r1";
	mf_log(&log_, METAFORA_LOG_INFO, "task=%s", "a\nerror \x1b[1m\x7f\t");
	CU_ASSERT_STRING_EQUAL(last_line, "task=a?error ?[1m?? node=n?1");
	log_.node = NULL;
	mf_log(&log_, METAFORA_LOG_INFO, "task=%s", "\xc3\xa4 stays");
	CU_ASSERT_STRING_EQUAL(last_line, "task=\xc3\xa4 stays");
}

static void a_long_line_is_cut_but_not_the_node(void)
{
	char text[METAFORA_LOG_LINE_BYTES + 100];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	mf_log(&log_, METAFORA_LOG_INFO, "%s", text);
	CU_ASSERT_EQUAL(strlen(last_line), METAFORA_LOG_LINE_BYTES - 1);
	log_.node = "me";
	mf_log(&log_, METAFORA_LOG_INFO, "%s", text);
	CU_ASSERT_EQUAL(strlen(last_line), METAFORA_LOG_LINE_BYTES - 1);
	CU_ASSERT_STRING_EQUAL(last_line + strlen(last_line) - 9,
			       "x node=me");
	log_.node = text;
	mf_log(&log_, METAFORA_LOG_INFO, "phrase");
	CU_ASSERT_EQUAL(strncmp(last_line, "phrase node=xxx", 15), 0);
	CU_ASSERT_TRUE(strlen(last_line) < METAFORA_LOG_LINE_BYTES);
}

static void logging_leaves_errno_alone(void)
{
	errno = ENOENT;
	mf_log(&log_, METAFORA_LOG_INFO, "line");
	CU_ASSERT_EQUAL(errno, ENOENT);
}

/* What the ready-made sink writes for a line. */
static void check_stderr(enum metafora_log_level level, const char *line,
			 const char *expected)
{
	char text[2 * METAFORA_LOG_LINE_BYTES] = "";
	int saved = dup(STDERR_FILENO);
	ssize_t n;
	int fds[2];

	CU_ASSERT_EQUAL_FATAL(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	metafora_log_stderr(NULL, level, line);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fds[1]);
	n = read(fds[0], text, sizeof(text) - 1);
	close(fds[0]);
	CU_ASSERT_EQUAL(n, (ssize_t)strlen(expected));
	CU_ASSERT_STRING_EQUAL(text, expected);
}

static void the_ready_made_sink_writes_level_and_line(void)
{
	char longest[METAFORA_LOG_LINE_BYTES];
	char expected[METAFORA_LOG_LINE_BYTES + 16];

	check_stderr(METAFORA_LOG_ERROR, "it burns", "error it burns\n");
	check_stderr(METAFORA_LOG_DEBUG, "", "debug \n");
	check_stderr((enum metafora_log_level)9, "what", "? what\n");
	check_stderr(METAFORA_LOG_ERROR, NULL, "");
	memset(longest, 'y', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	snprintf(expected, sizeof(expected), "error %s\n", longest);
	check_stderr(METAFORA_LOG_ERROR, longest, expected);
}

static void a_limit_lets_a_burst_through_and_counts_the_rest(void)
{
	struct mf_log_limit limit = {.interval_ns = 100, .burst = 2};
	uint64_t suppressed = 99;
	int i;

	CU_ASSERT_TRUE(mf_log_limit(&limit, 1000, &suppressed));
	CU_ASSERT_EQUAL(suppressed, 0);
	CU_ASSERT_TRUE(mf_log_limit(&limit, 1050, &suppressed));
	for (i = 0; i < 5; i++)
		CU_ASSERT_FALSE(mf_log_limit(&limit, 1099, &suppressed));
	CU_ASSERT_TRUE(mf_log_limit(&limit, 1100, &suppressed));
	CU_ASSERT_EQUAL(suppressed, 5);
	CU_ASSERT_TRUE(mf_log_limit(&limit, 1199, &suppressed));
	CU_ASSERT_EQUAL(suppressed, 0);
	CU_ASSERT_FALSE(mf_log_limit(&limit, 1199, &suppressed));
}

static const struct tap_case cases[] = {
	{"levels have names", levels_have_names},
	{"a line goes to the sink with its level",
	 a_line_goes_to_the_sink_with_its_level},
	{"lines beyond the level go nowhere",
	 lines_beyond_the_level_go_nowhere},
	{"without a sink there is silence", without_a_sink_there_is_silence},
	{"the node is appended", the_node_is_appended},
	{"control bytes cannot forge a line",
	 control_bytes_cannot_forge_a_line},
	{"a long line is cut but not the node",
	 a_long_line_is_cut_but_not_the_node},
	{"logging leaves errno alone", logging_leaves_errno_alone},
	{"the ready-made sink writes level and line",
	 the_ready_made_sink_writes_level_and_line},
	{"a limit lets a burst through and counts the rest",
	 a_limit_lets_a_burst_through_and_counts_the_rest},
};

TAP_MAIN(cases, setup, NULL)
