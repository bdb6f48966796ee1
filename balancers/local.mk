# SPDX-License-Identifier: Apache-2.0
noinst_LTLIBRARIES += libbalancers.la
libbalancers_la_SOURCES =
