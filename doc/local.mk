# SPDX-License-Identifier: Apache-2.0
dist_man_MANS = doc/metafora.7
EXTRA_DIST += doc/lease.md doc/locking.md doc/zookeeper.md
