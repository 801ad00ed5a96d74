#!/bin/sh
# The user, its files and a changed configuration stay: they may hold an
# identity that is hard to get again.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
