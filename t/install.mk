# SPDX-License-Identifier: Apache-2.0
# What is installed works without the source tree.
EXTRA_DIST += $(install_tests) t/lib/install.sh
install_tests = \
	t/install-headers.sh \
	t/install-library.sh
TESTS += $(install_tests)
