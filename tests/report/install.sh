#!/usr/bin/env bash
# Debian's Chromium and its driver, which tests/report opens the report with, where
# they are not there yet. As root.
set -euo pipefail
command -v chromium >/dev/null && command -v chromedriver >/dev/null && exit 0
if [ "$(id -u)" != 0 ]; then
	echo "not installed: chromium chromium-driver; run as root" >&2
	exit 1
fi
echo "installs: chromium chromium-driver"
apt-get -qq update || echo "not every source of packages answers" >&2
DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install chromium chromium-driver >/dev/null
