# SPDX-License-Identifier: Apache-2.0
noinst_LTLIBRARIES += libcoordinators.la
libcoordinators_la_SOURCES =
