# SPDX-License-Identifier: Apache-2.0
# What a reader should not have to check by eye.
EXTRA_DIST += $(lint_tests) t/lib/lint.sh
lint_tests = \
	t/lint-doc.sh \
	t/lint-exports.sh \
	t/lint-files.sh \
	t/lint-includes.sh \
	t/lint-script.sh \
	t/lint-self.sh
TESTS += $(lint_tests)
