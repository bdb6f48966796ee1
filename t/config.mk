# SPDX-License-Identifier: Apache-2.0
# Configuration files.
check_PROGRAMS += t/api-config
TESTS += t/api-config
t_api_config_CPPFLAGS = $(API_CPPFLAGS)
t_api_config_LDADD = $(API_LIBS)
