# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += doc/operating.md doc/status.schema.json
dist_man_MANS = \
	doc/metafora-shelld.8 \
	doc/metafora.7 \
	doc/metafora.conf.5 \
	doc/metaforactl.1

sampledir = $(docdir)/examples
dist_sample_DATA = doc/metafora.conf.sample
EXTRA_DIST += doc/lease.md doc/locking.md doc/performance.md doc/tutorial.md \
	doc/zookeeper.md
