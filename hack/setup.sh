#!/bin/sh
# Installs what Gilliam needs on Debian or Ubuntu, and says each thing before it does it. Skips what is there; asks
# nothing.
#
#   hack/setup.sh             what a stage needs: etcd, Docker Engine, mmdebstrap, git
#   hack/setup.sh --node      only the Node packages of this checkout: what building needs
#   hack/setup.sh --demo      both, and curl
#   hack/setup.sh --dev       all that, and starts the Docker Engine where it does not run: what testing needs
#
# Node itself (20.19 or newer) has to be there.
set -eu

say() { echo "setup: $*"; }
die() {
  echo "setup: $*" >&2
  exit 1
}

mode=${1:-stage}
case $mode in
  stage | --node | --demo | --dev) ;;
  *) die "unknown argument $mode: there are --node, --demo and --dev" ;;
esac

root=$(cd "$(dirname "$0")/.." && pwd)

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "$1 needs root: run this as root, or install sudo"
  fi
}

check_node() {
  command -v node >/dev/null || die 'Node is not installed: install Node 20.19 or newer (https://nodejs.org), then run this again'
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    die "Node $(node --version) is too old: install Node 20.19 or newer, then run this again"
}

# Programs in /usr/sbin are not on every user's PATH.
has() { PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null 2>&1; }

# PROGRAM PACKAGE WHY: what is missing is collected, for one call of apt.
packages=
need() {
  has "$1" && return
  say "$2 is missing, $3"
  packages="$packages $2"
}

install_packages() {
  [ -n "$packages" ] || return 0
  has apt-get || die "this is neither Debian nor Ubuntu: install by hand:$packages"
  say "installing$packages (apt-get install)"
  # shellcheck disable=SC2086 # a list of words
  if apt_get install --simulate $packages 2>/dev/null && apt_get install $packages 2>/dev/null; then
    packages=
    return
  fi
  say 'updating the list of packages (apt-get update), then again'
  apt_get update
  # shellcheck disable=SC2086
  apt_get install $packages
  packages=
}

# Says nothing unless it fails, and then all.
apt_get() {
  if as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
    apt-get --yes --quiet=2 --no-install-recommends -o Dpkg::Use-Pty=0 "$@" >"$apt_log" 2>&1 </dev/null; then
    return
  fi
  cat "$apt_log" >&2
  return 1
}
apt_log=$(mktemp)
trap 'rm -f "$apt_log"' EXIT

# A stage runs an etcd of its own: the one that Debian starts is in nobody's way, and in nobody's use.
silence_packaged_etcd() {
  [ "$had_etcd" = no ] && [ -d /run/systemd/system ] || return 0
  systemctl is-active --quiet etcd 2>/dev/null || return 0
  say 'stopping the etcd service that the package has started: a stage runs its own'
  as_root systemctl disable --now --quiet etcd
}

engine_answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

start_engine() {
  if engine_answers; then return; fi
  if [ -n "${DOCKER_HOST:-}" ]; then die "the Docker Engine at DOCKER_HOST=$DOCKER_HOST does not answer: start it, or unset DOCKER_HOST"; fi
  if [ -d /run/systemd/system ]; then
    say 'starting the Docker Engine (systemctl start docker)'
    as_root systemctl start docker
  elif [ -x /etc/init.d/docker ] && as_root service docker start >/dev/null 2>&1 && wait_for_engine 15; then
    say 'started the Docker Engine (service docker start)'
  else
    say 'starting the Docker Engine (dockerd, its log is /var/log/dockerd.log)'
    # shellcheck disable=SC2016 # expanded by the inner shell
    as_root sh -c 'PATH=$PATH:/usr/sbin:/sbin; setsid nohup dockerd >>/var/log/dockerd.log 2>&1 </dev/null &'
  fi
  if wait_for_engine 60; then return; fi
  if as_root docker version >/dev/null 2>&1; then
    die "the Docker Engine runs, but $(id -un) may not use it: add the user to the group docker (usermod -aG docker $(id -un)), log in again, then run this again"
  fi
  die 'the Docker Engine does not answer 60 s after its start: see its log'
}

# SECONDS
wait_for_engine() {
  left=$1
  until engine_answers; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || return 1
    sleep 1
  done
}

node_packages() {
  stamp=$root/node_modules/.package-lock.json
  if [ -e "$stamp" ] && [ ! "$root/package-lock.json" -nt "$stamp" ]; then return; fi
  say "installing the Node packages of package-lock.json (npm ci)"
  (cd "$root" && npm ci --no-audit --no-fund)
  touch "$stamp"
}

stage_packages() {
  had_etcd=no
  if has etcd; then had_etcd=yes; fi
  need etcd etcd-server 'which keeps the state of a stage'
  need dockerd docker.io 'which runs the instances'
  # Some kernels confine containers with AppArmor, and some machines do not mount cgroups.
  if grep -qs Y /sys/module/apparmor/parameters/enabled; then
    need apparmor_parser apparmor 'which the Docker Engine confines containers with'
  fi
  if [ -z "$(ls /sys/fs/cgroup 2>/dev/null)" ]; then
    need cgroupfs-mount cgroupfs-mount 'with which the Docker Engine limits containers'
  fi
  need iptables iptables 'with which the Docker Engine publishes ports'
  need mmdebstrap mmdebstrap 'which makes the base image of Debian packages'
  # Ubuntu comes without Debian's keys; and without root, mmdebstrap maps user ids.
  if ! [ -e /usr/share/keyrings/debian-archive-keyring.gpg ]; then
    need debian-archive-keyring debian-archive-keyring 'with which Debian packages are checked'
  fi
  if [ "$(id -u)" != 0 ]; then need newuidmap uidmap 'with which the base image is made without root'; fi
  need git git 'of which gilliam deploys HEAD'
  if ! [ -e /etc/ssl/certs/ca-certificates.crt ]; then
    need update-ca-certificates ca-certificates 'which builds trust'
  fi
  if [ "$mode" != stage ]; then need curl curl 'with which the demo asks the instances'; fi
  install_packages
  # Its own package since Debian 13; before, docker.io has brought it.
  need docker docker-cli 'with which the base image is made'
  install_packages
  silence_packaged_etcd
}

check_node
if [ "$mode" != --node ]; then stage_packages; fi
if [ "$mode" != stage ]; then node_packages; fi
if [ "$mode" = --dev ]; then start_engine; fi
if [ "$mode" != --node ]; then say 'everything is there'; fi
