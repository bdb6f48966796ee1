# SPDX-License-Identifier: Apache-2.0
# The core, as a convenience archive that tests use too, and the library.
noinst_LTLIBRARIES += libcore.la
libcore_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/src $(JANSSON_CFLAGS) \
	$(LIBCONFUSE_CFLAGS)
libcore_la_SOURCES = \
	src/batch.c \
	src/batch.h \
	src/client.c \
	src/client.h \
	src/client_batch.c \
	src/client_calls.c \
	src/client_check.c \
	src/client_commands.c \
	src/client_requests.c \
	src/clock.c \
	src/clock.h \
	src/cluster.c \
	src/command.c \
	src/command.h \
	src/config.c \
	src/config_keys.c \
	src/config_parse.c \
	src/config_problem.c \
	src/config_rules.c \
	src/config_sift.c \
	src/config_text.c \
	src/config_text.h \
	src/config_values.h \
	src/consumer.c \
	src/consumer.h \
	src/consumer_calls.c \
	src/consumer_life.c \
	src/engine.c \
	src/engine.h \
	src/engine_entries.c \
	src/engine_parts.h \
	src/engine_plan.c \
	src/engine_verdicts.c \
	src/error.c \
	src/gate.c \
	src/gate.h \
	src/guard.c \
	src/guard.h \
	src/handler.c \
	src/handler.h \
	src/host.c \
	src/histogram.h \
	src/host.h \
	src/ignore.c \
	src/ignore.h \
	src/json.c \
	src/json.h \
	src/lease.c \
	src/lease.h \
	src/listing.c \
	src/listing.h \
	src/log.c \
	src/log.h \
	src/log_sinks.c \
	src/loop.c \
	src/loop.h \
	src/mailbox.c \
	src/mailbox.h \
	src/metrics.c \
	src/metrics.h \
	src/name.c \
	src/name.h \
	src/plan.c \
	src/plan.h \
	src/plugin.c \
	src/plugin.h \
	src/prng.c \
	src/prng.h \
	src/registry.c \
	src/registry.h \
	src/request.h \
	src/runner.c \
	src/runner.h \
	src/runtime_threads.c \
	src/secret.c \
	src/secret.h \
	src/shards.h \
	src/status.c \
	src/status.h \
	src/task.c \
	src/task.h \
	src/task_info.c \
	src/task_info.h \
	src/task_list.c \
	src/task_list.h \
	src/task_table.c \
	src/task_table.h \
	src/text.c \
	src/text.h \
	src/timers.c \
	src/timers.h \
	src/view.c \
	src/view.h \
	src/wait.c \
	src/wait.h \
	src/watch.c \
	src/watch.h

if HAVE_HTTP
libcore_la_SOURCES += src/http.c
libcore_la_CPPFLAGS += $(MICROHTTPD_CFLAGS)
else
libcore_la_SOURCES += src/http_none.c
endif

lib_LTLIBRARIES += libmetafora.la
libmetafora_la_SOURCES =
libmetafora_la_LIBADD = libcore.la libcoordinators.la libbalancers.la \
	$(JANSSON_LIBS) $(LIBCONFUSE_LIBS) $(MICROHTTPD_LIBS) \
	$(ZOOKEEPER_LIBS) $(PTHREAD_LIBS)
libmetafora_la_LDFLAGS = $(AM_LDFLAGS) -version-info $(METAFORA_LT_VERSION) \
	-Wl,--version-script=$(top_srcdir)/src/libmetafora.map -no-undefined
libmetafora_la_DEPENDENCIES = libcore.la libcoordinators.la libbalancers.la \
	src/libmetafora.map
EXTRA_DIST += src/libmetafora.map doc/locking.md
