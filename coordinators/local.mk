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
	coordinators/embedded/verbs.c \
	coordinators/embedded/watch.c

# The ZooKeeper coordinator is always built: it knows the client library only
# through a table of calls, behind which tests put a simulated ensemble.
libcoordinators_la_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
libcoordinators_la_SOURCES += \
	coordinators/zookeeper/claims.c \
	coordinators/zookeeper/client.c \
	coordinators/zookeeper/client.h \
	coordinators/zookeeper/client_check.c \
	coordinators/zookeeper/client_check.h \
	coordinators/zookeeper/client_check_buckets.c \
	coordinators/zookeeper/client_check_mend.c \
	coordinators/zookeeper/client_command.c \
	coordinators/zookeeper/client_describe.c \
	coordinators/zookeeper/client_list.c \
	coordinators/zookeeper/client_read.c \
	coordinators/zookeeper/client_remove.c \
	coordinators/zookeeper/client_rows.c \
	coordinators/zookeeper/client_rows.h \
	coordinators/zookeeper/client_submit.c \
	coordinators/zookeeper/client_watch.c \
	coordinators/zookeeper/commands.c \
	coordinators/zookeeper/evict.c \
	coordinators/zookeeper/folders.c \
	coordinators/zookeeper/ghosts.c \
	coordinators/zookeeper/join.c \
	coordinators/zookeeper/json.c \
	coordinators/zookeeper/json.h \
	coordinators/zookeeper/layout.c \
	coordinators/zookeeper/lease.c \
	coordinators/zookeeper/lease.h \
	coordinators/zookeeper/member.c \
	coordinators/zookeeper/member.h \
	coordinators/zookeeper/members.c \
	coordinators/zookeeper/node.c \
	coordinators/zookeeper/node.h \
	coordinators/zookeeper/options.c \
	coordinators/zookeeper/options.h \
	coordinators/zookeeper/options_security.c \
	coordinators/zookeeper/pace.c \
	coordinators/zookeeper/pace.h \
	coordinators/zookeeper/path.c \
	coordinators/zookeeper/path.h \
	coordinators/zookeeper/session.c \
	coordinators/zookeeper/session.h \
	coordinators/zookeeper/takeover.c \
	coordinators/zookeeper/verbs.c \
	coordinators/zookeeper/writes.c \
	coordinators/zookeeper/zk_calls.h
if HAVE_ZOOKEEPER
libcoordinators_la_SOURCES += \
	coordinators/zookeeper/zk_code.c \
	coordinators/zookeeper/zk_handle.c \
	coordinators/zookeeper/zk_handle.h \
	coordinators/zookeeper/zk_real.c \
	coordinators/zookeeper/zk_resolve.c \
	coordinators/zookeeper/zk_resolve.h
else
libcoordinators_la_SOURCES += coordinators/zookeeper/zk_absent.c
endif
