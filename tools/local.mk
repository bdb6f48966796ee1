# SPDX-License-Identifier: Apache-2.0
# The operator's program; it uses the library as anybody does.
bin_PROGRAMS += tools/metaforactl
tools_metaforactl_SOURCES = \
	tools/ctl.h \
	tools/ctl_attendant.c \
	tools/ctl_cluster.c \
	tools/ctl_commands.c \
	tools/ctl_config.c \
	tools/ctl_connect.c \
	tools/ctl_drain.c \
	tools/ctl_failure.c \
	tools/ctl_fsck.c \
	tools/ctl_init.c \
	tools/ctl_input.c \
	tools/ctl_input.h \
	tools/ctl_json.c \
	tools/ctl_options.c \
	tools/ctl_output.h \
	tools/ctl_show.c \
	tools/ctl_submit.c \
	tools/ctl_table.c \
	tools/ctl_tasks.c \
	tools/ctl_text.c \
	tools/ctl_watch.c \
	tools/metaforactl.c
bashcompdir = $(datadir)/bash-completion/completions
install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(bashcompdir)'
	$(INSTALL_DATA) $(srcdir)/tools/metaforactl.bash \
		'$(DESTDIR)$(bashcompdir)/metaforactl'
uninstall-local:
	rm -f '$(DESTDIR)$(bashcompdir)/metaforactl'
EXTRA_DIST += tools/metaforactl.bash

tools_metaforactl_LDADD = libmetafora.la $(PTHREAD_LIBS)
