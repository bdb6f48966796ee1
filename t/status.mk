# SPDX-License-Identifier: Apache-2.0
# Status and metrics.
check_LTLIBRARIES += libstatustest.la
libstatustest_la_CPPFLAGS = $(API_CPPFLAGS) $(JANSSON_CFLAGS)
libstatustest_la_SOURCES = t/lib/prom.c t/lib/prom.h t/lib/schema.c \
	t/lib/schema.h

check_PROGRAMS += t/api-status
TESTS += t/api-status
t_api_status_CPPFLAGS = $(API_CPPFLAGS) $(JANSSON_CFLAGS)
t_api_status_LDADD = libstatustest.la libscene.la $(API_LIBS) $(JANSSON_LIBS) -lm

check_PROGRAMS += t/status-dump
t_status_dump_SOURCES = t/lib/status_dump.c
t_status_dump_LDADD = libmetafora.la
TESTS += t/api-status-tools.sh
EXTRA_DIST += t/api-status-tools.sh

# Which of the two depends on --with-http.
if HAVE_HTTP
check_PROGRAMS += t/api-http
TESTS += t/api-http
else
check_PROGRAMS += t/api-http-absent
TESTS += t/api-http-absent
endif
t_api_http_CPPFLAGS = $(API_CPPFLAGS) $(JANSSON_CFLAGS)
t_api_http_LDADD = libstatustest.la libscene.la $(API_LIBS) $(JANSSON_LIBS) -lm
t_api_http_absent_CPPFLAGS = $(API_CPPFLAGS)
t_api_http_absent_LDADD = libscene.la $(API_LIBS)
