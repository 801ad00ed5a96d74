#!/bin/sh
# After installing or upgrading: the user, the modes of files, and the new
# program where the old one runs. It starts nothing that did not run.
set -e
if command -v systemd-sysusers >/dev/null; then
	systemd-sysusers /usr/lib/sysusers.d/teleport-slack.conf
fi
if command -v systemd-tmpfiles >/dev/null; then
	systemd-tmpfiles --create /usr/lib/tmpfiles.d/teleport-slack.conf
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	systemctl try-restart teleport-slack.service
fi
