# SPDX-License-Identifier: Apache-2.0
libtest_la_SOURCES += t/lib/sim.c t/lib/sim.h t/lib/sim_embedded.c
check_PROGRAMS += t/sim-cluster t/sim-seeds
TESTS += t/sim-cluster t/sim-seeds
t_sim_cluster_CPPFLAGS = $(TEST_CPPFLAGS) -DSIM_BACKEND=sim_embedded
t_sim_cluster_LDADD = $(TEST_LIBS)
t_sim_seeds_CPPFLAGS = $(TEST_CPPFLAGS) -DSIM_BACKEND=sim_embedded
t_sim_seeds_LDADD = $(TEST_LIBS)

check_PROGRAMS += t/sim-handoff
TESTS += t/sim-handoff
t_sim_handoff_CPPFLAGS = $(TEST_CPPFLAGS) -DSIM_BACKEND=sim_embedded
t_sim_handoff_LDADD = $(TEST_LIBS)

check_PROGRAMS += t/sim-oom
TESTS += t/sim-oom
t_sim_oom_CPPFLAGS = $(TEST_CPPFLAGS)
t_sim_oom_LDFLAGS = $(AM_LDFLAGS) $(OOM_LDFLAGS)
t_sim_oom_LDADD = $(TEST_LIBS)

# The same on the ZooKeeper coordinator over a simulated ensemble.
libtest_la_SOURCES += t/lib/sim_fakezk.c
check_PROGRAMS += t/zk-sim-cluster t/zk-sim-handoff t/zk-sim-seeds
TESTS += t/zk-sim-cluster t/zk-sim-handoff t/zk-sim-seeds
t_zk_sim_handoff_SOURCES = t/sim-handoff.c
t_zk_sim_handoff_CPPFLAGS = $(TEST_CPPFLAGS) -DSIM_BACKEND=sim_fakezk
t_zk_sim_handoff_LDADD = $(TEST_LIBS)
t_zk_sim_cluster_SOURCES = t/sim-cluster.c
t_zk_sim_cluster_CPPFLAGS = $(TEST_CPPFLAGS) -DSIM_BACKEND=sim_fakezk
t_zk_sim_cluster_LDADD = $(TEST_LIBS)
t_zk_sim_seeds_SOURCES = t/sim-seeds.c
t_zk_sim_seeds_CPPFLAGS = $(TEST_CPPFLAGS) -DSIM_BACKEND=sim_fakezk -DSEEDS=1000
t_zk_sim_seeds_LDADD = $(TEST_LIBS)
