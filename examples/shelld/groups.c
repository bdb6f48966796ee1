/* SPDX-License-Identifier: Apache-2.0 */
/* Which process groups have members that live, by a look at /proc. */
#include "groups.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct place {
	pid_t group;
	pid_t session;
};

/* Where a process belongs; all 0 if it has gone or is dead. */
static struct place living_place(int proc_fd, const char *pid)
{
	struct place nowhere = {0};
	struct place place;
	char path[64];
	char text[512];
	const char *end;
	ssize_t n_bytes;
	char state;
	int fd;

	snprintf(path, sizeof(path), "%.20s/stat", pid);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return nowhere;
	n_bytes = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n_bytes <= 0)
		return nowhere;
	text[n_bytes] = '\0';
	/* "PID (NAME) STATE PARENT GROUP SESSION"; a name may hold anything. */
	end = strrchr(text, ')');
	if (!end || sscanf(end + 1, " %c %*d %d %d", &state, &place.group,
			   &place.session) != 3)
		return nowhere;
	return state == 'Z' || state == 'X' ? nowhere : place;
}

static int compare(const void *left, const void *right)
{
	pid_t a = *(const pid_t *)left;
	pid_t b = *(const pid_t *)right;

	return (a > b) - (a < b);
}

static int add(struct groups *groups, size_t *n_room, pid_t group)
{
	size_t n_new = *n_room ? 2 * *n_room : 256;
	pid_t *ids;

	if (groups->n == *n_room) {
		ids = realloc(groups->ids, n_new * sizeof(*ids));
		if (!ids)
			return -1;
		groups->ids = ids;
		*n_room = n_new;
	}
	groups->ids[groups->n++] = group;
	return 0;
}

int groups_look(struct groups *groups)
{
	struct groups found = {0};
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	size_t n_room = 0;
	int result = 0;
	pid_t group;

	if (!proc)
		return -1;
	while (!result && (entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		group = living_place(dirfd(proc), entry->d_name).group;
		if (group)
			result = add(&found, &n_room, group);
	}
	closedir(proc);
	/* We are there ourselves: an empty /proc is none. */
	if (result || !found.n) {
		groups_free(&found);
		return -1;
	}
	qsort(found.ids, found.n, sizeof(*found.ids), compare);
	groups_free(groups);
	*groups = found;
	return 0;
}

bool groups_has(const struct groups *groups, pid_t group)
{
	return groups->n &&
	       bsearch(&group, groups->ids, groups->n, sizeof(group), compare);
}

void groups_free(struct groups *groups)
{
	free(groups->ids);
	groups->ids = NULL;
	groups->n = 0;
}

int session_lives(pid_t session)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int result = 0;

	if (!proc)
		return -1;
	while (!result && (entry = readdir(proc)))
		result = isdigit((unsigned char)entry->d_name[0]) &&
			 living_place(dirfd(proc), entry->d_name).session ==
				 session;
	closedir(proc);
	return result;
}
