# SPDX-License-Identifier: Apache-2.0

check_PROGRAMS += t/api-client-calls
TESTS += t/api-client-calls
t_api_client_calls_CPPFLAGS = $(API_CPPFLAGS)
t_api_client_calls_LDADD = $(API_LIBS)

check_PROGRAMS += t/api-client
TESTS += t/api-client
t_api_client_CPPFLAGS = $(API_CPPFLAGS)
t_api_client_LDADD = $(API_LIBS)
