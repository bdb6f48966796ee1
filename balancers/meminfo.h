/* SPDX-License-Identifier: Apache-2.0 */
/* How much of the machine's memory is in use, from /proc/meminfo. */
#ifndef MF_MEMINFO_H
#define MF_MEMINFO_H

#define MF_MEMINFO_PATH "/proc/meminfo"

/*
 * Take MemTotal and MemAvailable out of the text: *used and *total in KiB.
 * Returns 0 or METAFORA_EPROTO (outputs untouched): a line is missing, is not
 * "Name:   number kB", or the numbers make no sense together.
 */
int mf_meminfo_parse(const char *text, double *used, double *total);

/*
 * A reporter of the resource balancer; arg is the path.  Reading it does not
 * wait for a disk.  Returns 0, METAFORA_ESYS (not readable), METAFORA_EPROTO.
 */
int mf_meminfo_report(void *arg, double *used, double *total);

#endif
