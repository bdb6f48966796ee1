# SPDX-License-Identifier: Apache-2.0

check_PROGRAMS += t/api-client-calls
TESTS += t/api-client-calls
t_api_client_calls_CPPFLAGS = $(API_CPPFLAGS)
t_api_client_calls_LDADD = $(API_LIBS)

check_PROGRAMS += t/api-client
TESTS += t/api-client
t_api_client_CPPFLAGS = $(API_CPPFLAGS)
t_api_client_LDADD = $(API_LIBS)

check_LTLIBRARIES += libscene.la
libscene_la_CPPFLAGS = $(API_CPPFLAGS)
libscene_la_SOURCES = t/lib/scene.c t/lib/scene.h t/lib/canned_node.c \
	t/lib/canned_node.h

check_PROGRAMS += t/api-consumer t/api-consumer-calls
TESTS += t/api-consumer t/api-consumer-calls
t_api_consumer_CPPFLAGS = $(API_CPPFLAGS)
t_api_consumer_LDADD = libscene.la $(API_LIBS)
t_api_consumer_calls_CPPFLAGS = $(API_CPPFLAGS)
t_api_consumer_calls_LDADD = libscene.la $(API_LIBS)

check_PROGRAMS += t/api-consumer-life
TESTS += t/api-consumer-life
t_api_consumer_life_CPPFLAGS = $(API_CPPFLAGS)
t_api_consumer_life_LDADD = libscene.la $(API_LIBS)

check_PROGRAMS += t/api-many
TESTS += t/api-many
t_api_many_CPPFLAGS = $(API_CPPFLAGS)
t_api_many_LDADD = $(API_LIBS)

check_PROGRAMS += t/api-log
TESTS += t/api-log
t_api_log_CPPFLAGS = $(API_CPPFLAGS) $(JANSSON_CFLAGS)
t_api_log_LDADD = $(API_LIBS) $(JANSSON_LIBS)

check_PROGRAMS += t/api-client-ensure t/api-client-commands
TESTS += t/api-client-ensure t/api-client-commands
t_api_client_ensure_CPPFLAGS = $(API_CPPFLAGS)
t_api_client_ensure_LDADD = libscene.la $(API_LIBS)
t_api_client_commands_CPPFLAGS = $(API_CPPFLAGS)
t_api_client_commands_LDADD = libscene.la $(API_LIBS)

check_PROGRAMS += t/api-client-watch
TESTS += t/api-client-watch
t_api_client_watch_CPPFLAGS = $(API_CPPFLAGS)
t_api_client_watch_LDADD = libscene.la $(API_LIBS)
