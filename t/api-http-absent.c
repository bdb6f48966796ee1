/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of the HTTP server in a library that was built without it. */
#include <metafora.h>

#include "scene.h"
#include "tap.h"

#define SESSION_MS 10000

static void without_http_it_says_so(void)
{
	struct metafora_http *http = NULL;
	struct metafora_consumer *consumer;

	scene_open(SESSION_MS);
	consumer = scene_start("n1", scene.async);
	CU_ASSERT_EQUAL(metafora_http_start(consumer, NULL, 0, &http),
			METAFORA_ENOTSUP);
	CU_ASSERT_EQUAL(metafora_http_start(NULL, NULL, 0, &http),
			METAFORA_EINVAL);
	CU_ASSERT_PTR_NULL(http);
	CU_ASSERT_EQUAL(metafora_http_port(NULL), 0);
	metafora_http_stop(NULL);
	metafora_consumer_free(consumer);
	scene_close();
}

static const struct tap_case cases[] = {
	{"without HTTP it says so", without_http_it_says_so},
};

TAP_MAIN(cases, NULL, NULL)
