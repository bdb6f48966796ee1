/* SPDX-License-Identifier: Apache-2.0 */
/* The version of the library, at compile time and at run time. */
#ifndef METAFORA_VERSION_H
#define METAFORA_VERSION_H

#define METAFORA_VERSION_MAJOR 0
#define METAFORA_VERSION_MINOR 1
#define METAFORA_VERSION_PATCH 0
#define METAFORA_VERSION "0.1.0"

/* Marks what the shared library exports. */
#if defined(__GNUC__)
#define METAFORA_API __attribute__((visibility("default")))
#define METAFORA_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define METAFORA_API
#define METAFORA_PRINTF(fmt, args)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The version of the library that is running, such as "0.1.0".  The string
 * is static.  Any thread; does not block.  Since: 0.1.
 */
METAFORA_API const char *metafora_version(void);

#ifdef __cplusplus
}
#endif
#endif
