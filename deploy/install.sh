#!/bin/sh
# Installs teleport-slack from an unpacked archive, or from a checkout by "make
# install". It replaces the program and its unit, keeps a configuration that is
# there, and starts nothing.
#
#   sudo ./install.sh [--prefix /usr/local] [--destdir DIR] [--bin FILE]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
prefix=/usr/local
destdir=
bin=$here/teleport-slack
units=$here/systemd

fail() {
	echo "install.sh: error: $1" >&2
	exit "${2:-1}"
}

while [ $# -gt 0 ]; do
	case $1 in
	--prefix | --destdir | --bin)
		[ $# -ge 2 ] || fail "$1 needs a value" 2
		case $1 in
		--prefix) prefix=$2 ;;
		--destdir) destdir=$2 ;;
		--bin) bin=$2 ;;
		esac
		shift 2
		;;
	-h | --help)
		sed -n '2,/^set /{/^#/s/^# \{0,1\}//p;}' "$0"
		exit 0
		;;
	*) fail "unexpected argument $1" 2 ;;
	esac
done

[ -f "$bin" ] || fail "$bin is not there: unpack the whole archive, or name the program with --bin"
[ -n "$destdir" ] || [ "$(id -u)" -eq 0 ] || fail "run it as root, or install elsewhere with --destdir"

install -d "$destdir$prefix/bin" "$destdir/etc"
# Beside it first, so that a program that runs is replaced and not written into.
install -m 0755 "$bin" "$destdir$prefix/bin/.teleport-slack.new"
mv -f "$destdir$prefix/bin/.teleport-slack.new" "$destdir$prefix/bin/teleport-slack"

lib=$destdir$prefix/lib
install -d "$lib/systemd/system" "$lib/sysusers.d" "$lib/tmpfiles.d"
sed "s|^ExecStart=/usr/local/bin/|ExecStart=$prefix/bin/|" "$units/teleport-slack.service" >"$lib/systemd/system/teleport-slack.service"
chmod 0644 "$lib/systemd/system/teleport-slack.service"
install -m 0644 "$units/teleport-slack.sysusers" "$lib/sysusers.d/teleport-slack.conf"
install -m 0644 "$units/teleport-slack.tmpfiles" "$lib/tmpfiles.d/teleport-slack.conf"

config=$destdir/etc/teleport-slack.toml
if [ ! -e "$config" ]; then
	(umask 027 && "$destdir$prefix/bin/teleport-slack" configure >"$config")
	echo "wrote an example configuration to $config"
fi

# Users, files and units of this machine, if it runs systemd.
if [ -z "$destdir" ] && [ -d /run/systemd/system ]; then
	systemd-sysusers "$lib/sysusers.d/teleport-slack.conf"
	systemd-tmpfiles --create "$lib/tmpfiles.d/teleport-slack.conf"
	systemctl daemon-reload
	systemctl try-restart teleport-slack.service
fi
echo "installed teleport-slack in $destdir$prefix"
