#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Status and metrics as the tools of others read them: promtool, jsonschema.
. "${0%/*}/lib/tap.sh"
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT

# promtool says what it dislikes, on standard error, and exits with 3.
promtool_accepts() {
	promtool check metrics <"$tmp/metrics"
}

validate() {
	python3 - "$top_srcdir/doc/status.schema.json" "$1" <<'END'
import json, sys, jsonschema
schema, status = (json.load(open(path)) for path in sys.argv[1:])
jsonschema.validators.validator_for(schema).check_schema(schema)
jsonschema.validate(status, schema)
END
}

# A validator that accepts anything would be none.
spoilt_is_refused() {
	sed 's/"life": "running"/"life": "merry"/' "$tmp/status" >"$tmp/spoilt"
	! validate "$tmp/spoilt" >"$tmp/out" 2>&1 && grep -q merry "$tmp/out"
}

documented() {
	sed -nE 's/^# TYPE ([a-z0-9_]+) .*/\1/p' "$tmp/metrics" |
		while read -r name; do
			grep -q "\`$name\`" "$top_srcdir/doc/operating.md" ||
				echo "not in doc/operating.md: $name"
		done
}

case_is "a node writes its status and metrics" \
	"$top_builddir/t/status-dump" "$tmp/status" "$tmp/metrics"
if command -v promtool >/dev/null 2>&1; then
	case_is "promtool accepts the metrics" nothing promtool_accepts
else
	case_skip "promtool accepts the metrics" \
		"no promtool here (package prometheus)"
fi
if python3 -c 'import jsonschema' 2>/dev/null; then
	case_is "jsonschema accepts the status" validate "$tmp/status"
	case_is "jsonschema refuses a spoilt one" spoilt_is_refused
else
	for sentence in "jsonschema accepts the status" \
		"jsonschema refuses a spoilt one"; do
		case_skip "$sentence" \
			"no module jsonschema here (package python3-jsonschema)"
	done
fi
case_is "doc/operating.md names every metric" nothing documented
tap_end
