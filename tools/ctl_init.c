/* SPDX-License-Identifier: Apache-2.0 */
/* init: makes a namespace. */
#include "ctl_output.h"

static void tell(const struct ctl *ctl, bool created)
{
	struct ctl_json json = {0};

	if (ctl->options.json) {
		ctl_json_open(&json, NULL, '{');
		ctl_json_string(&json, "namespace", ctl->root);
		ctl_json_bool(&json, "created", created);
		ctl_json_close(&json, '}');
	} else {
		printf("%s %s\n", ctl->root,
		       created ? "created" : "is there already");
	}
}

/* Open with or without creating; a METAFORA_E... code is left in *error. */
static int try(struct ctl *ctl, bool create, int *error)
{
	int status = ctl_coordinator(ctl, create);

	*error = status ? 0 : ctl_open(ctl);
	return status;
}

int ctl_init(struct ctl *ctl, char **argv, int argc)
{
	int error;
	int status;

	(void)argv;
	(void)argc;
	/* That it is there already must not pass for having made it. */
	status = try(ctl, false, &error);
	if (status)
		return status;
	if (!error && !ctl->options.idempotent)
		return ctl_complain(ctl, CTL_EXISTS,
				    "%s: already exists: "
				    "--idempotent if that is all right",
				    ctl->root);
	if (!error) {
		tell(ctl, false);
		return CTL_OK;
	}
	if (error != METAFORA_ENAMESPACE)
		return ctl_unreachable(ctl, error);
	ctl_disconnect(ctl);
	status = try(ctl, true, &error);
	if (status)
		return status;
	if (error)
		return ctl_unreachable(ctl, error);
	tell(ctl, true);
	return CTL_OK;
}
