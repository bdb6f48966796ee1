# SPDX-License-Identifier: Apache-2.0
# Examples use the library as anybody does: by its public headers.
noinst_LTLIBRARIES += libshelld.la
libshelld_la_SOURCES = \
	examples/shelld/child.c \
	examples/shelld/child.h \
	examples/shelld/encode.c \
	examples/shelld/encode.h \
	examples/shelld/groups.c \
	examples/shelld/groups.h \
	examples/shelld/journal.c \
	examples/shelld/journal.h \
	examples/shelld/journal_check.c \
	examples/shelld/journal_check.h \
	examples/shelld/process.c \
	examples/shelld/process.h \
	examples/shelld/shell_handler.c \
	examples/shelld/shell_handler.h \
	examples/shelld/task_file.c \
	examples/shelld/task_file.h \
	examples/shelld/warden.c \
	examples/shelld/warden.h

noinst_PROGRAMS += examples/metafora-journal-check
examples_metafora_journal_check_SOURCES = examples/shelld/journal_check_main.c
examples_metafora_journal_check_LDADD = libshelld.la

noinst_PROGRAMS += examples/metafora-demo
examples_metafora_demo_SOURCES = \
	examples/shelld/demo.c \
	examples/shelld/demo_cluster.h \
	examples/shelld/demo_embedded.c \
	examples/shelld/demo_picture.c \
	examples/shelld/demo_picture.h \
	examples/shelld/demo_site.c \
	examples/shelld/demo_view.c \
	examples/shelld/demo_view.h \
	examples/shelld/demo_zookeeper.c \
	examples/shelld/reach.c \
	examples/shelld/reach.h
examples_metafora_demo_LDADD = libshelld.la libmetafora.la $(PTHREAD_LIBS)

# A node of a real cluster, which is worth running: it is installed, with a
# unit for systemd; and a submitter.
bin_PROGRAMS += examples/metafora-shelld
examples_metafora_shelld_SOURCES = \
	examples/shelld/attendant.c \
	examples/shelld/attendant.h \
	examples/shelld/notify.c \
	examples/shelld/notify.h \
	examples/shelld/reach.c \
	examples/shelld/reach.h \
	examples/shelld/settings.c \
	examples/shelld/settings.h \
	examples/shelld/shelld.c
examples_metafora_shelld_LDADD = libshelld.la libmetafora.la $(PTHREAD_LIBS)
EXTRA_DIST += examples/shelld/metafora-shelld.service.in
CLEANFILES += examples/metafora-shelld.service
systemdunit_DATA = examples/metafora-shelld.service
examples/metafora-shelld.service: examples/shelld/metafora-shelld.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) examples && sed -e 's|@bindir[@]|$(bindir)|g' \
		-e 's|@sysconfdir[@]|$(sysconfdir)|g' \
		$(srcdir)/examples/shelld/metafora-shelld.service.in >$@

noinst_PROGRAMS += examples/metafora-submit
examples_metafora_submit_SOURCES = examples/shelld/submit.c \
	examples/shelld/reach.c examples/shelld/reach.h
examples_metafora_submit_LDADD = libshelld.la libmetafora.la $(PTHREAD_LIBS)

noinst_PROGRAMS += examples/metafora-private-zookeeper
examples_metafora_private_zookeeper_SOURCES = examples/shelld/private_zookeeper.c
examples_metafora_private_zookeeper_LDADD = libshelld.la

EXTRA_DIST += script/demo

noinst_PROGRAMS += examples/hello
examples_hello_SOURCES = examples/hello.c
examples_hello_LDADD = libmetafora.la $(PTHREAD_LIBS)

noinst_PROGRAMS += examples/service
examples_service_SOURCES = examples/service.c
examples_service_LDADD = libmetafora.la $(PTHREAD_LIBS)

noinst_PROGRAMS += examples/custom_balancer
examples_custom_balancer_SOURCES = examples/custom_balancer.c
examples_custom_balancer_LDADD = libmetafora.la $(PTHREAD_LIBS)
