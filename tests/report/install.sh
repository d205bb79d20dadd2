#!/usr/bin/env bash
# Installs Debian's Chromium and its driver, in which tests/report opens the
# report, if they are missing. Run as root.
set -euo pipefail
command -v chromium >/dev/null && command -v chromedriver >/dev/null && exit 0
if [ "$(id -u)" != 0 ]; then
	echo "not installed: chromium chromium-driver; run as root" >&2
	exit 1
fi
echo "installing: chromium chromium-driver"
apt-get -qq update || echo "some package sources are not available" >&2
DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install chromium chromium-driver >/dev/null
