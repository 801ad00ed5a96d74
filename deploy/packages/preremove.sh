#!/bin/sh
# Before removing, and not before upgrading: dpkg says "remove", rpm says 0.
set -e
case $1 in
remove | 0)
	if [ -d /run/systemd/system ]; then
		systemctl disable --now teleport-slack.service
	fi
	;;
esac
