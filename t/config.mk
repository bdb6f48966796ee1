# SPDX-License-Identifier: Apache-2.0
# Configuration files.
check_PROGRAMS += t/api-config
TESTS += t/api-config
t_api_config_CPPFLAGS = $(API_CPPFLAGS)
t_api_config_LDADD = $(API_LIBS)

check_PROGRAMS += t/unit-config t/unit-config-doc t/unit-config-fuzz \
	t/unit-config-oom
TESTS += t/unit-config t/unit-config-doc t/unit-config-fuzz \
	t/unit-config-oom
t_unit_config_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_config_LDADD = $(TEST_LIBS)
t_unit_config_doc_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_config_doc_LDADD = $(TEST_LIBS)
t_unit_config_fuzz_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_config_fuzz_LDADD = $(TEST_LIBS)
t_unit_config_oom_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_config_oom_LDFLAGS = $(AM_LDFLAGS) $(OOM_LDFLAGS)
t_unit_config_oom_LDADD = $(TEST_LIBS)
