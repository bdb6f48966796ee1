# SPDX-License-Identifier: Apache-2.0
include_HEADERS = include/metafora.h
metaforaincludedir = $(includedir)/metafora
metaforainclude_HEADERS = \
	include/metafora/balancer.h \
	include/metafora/client.h \
	include/metafora/cluster.h \
	include/metafora/command.h \
	include/metafora/config.h \
	include/metafora/consumer.h \
	include/metafora/coordinator.h \
	include/metafora/error.h \
	include/metafora/handler.h \
	include/metafora/http.h \
	include/metafora/log.h \
	include/metafora/plugins.h \
	include/metafora/status.h \
	include/metafora/task.h \
	include/metafora/version.h \
	include/metafora/watch.h \
	include/metafora/zookeeper.h
