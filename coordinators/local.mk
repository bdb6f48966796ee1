# SPDX-License-Identifier: Apache-2.0
noinst_LTLIBRARIES += libcoordinators.la
libcoordinators_la_SOURCES = \
	coordinators/embedded/broker.c \
	coordinators/embedded/broker.h \
	coordinators/embedded/client.c \
	coordinators/embedded/fault.c \
	coordinators/embedded/link.c \
	coordinators/embedded/link.h \
	coordinators/embedded/listing.c \
	coordinators/embedded/node.c \
	coordinators/embedded/node.h \
	coordinators/embedded/reads.c \
	coordinators/embedded/request.c \
	coordinators/embedded/request.h \
	coordinators/embedded/session.c \
	coordinators/embedded/shared.c \
	coordinators/embedded/verbs.c
