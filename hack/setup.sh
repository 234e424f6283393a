#!/bin/sh
# Installs what Gilliam needs on Debian or Ubuntu, and says each thing before it does it. Skips what is there; asks
# nothing.
#
#   hack/setup.sh             what a stage needs: etcd, Docker Engine, HAProxy, nftables, mmdebstrap, git
#   hack/setup.sh --node      only the Node packages of this checkout: what building needs
#   hack/setup.sh --demo      both, and curl
#   hack/setup.sh --dev       all that, and starts the Docker Engine where it does not run: what testing needs
#   hack/setup.sh --bench     all that, and the programs that benchmarks measure against
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
  stage | --node | --demo | --dev | --bench) ;;
  *) die "unknown argument $mode: there are --node, --demo, --dev and --bench" ;;
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

# PROGRAM PACKAGE WHY [SERVICE]: what is missing is collected, for one call of apt. The service is one that Debian starts
# with the package, and that Gilliam has no use for: it starts such programs itself.
packages=
services=
need() {
  has "$1" && return
  say "$2 is missing, $3"
  packages="$packages $2"
  services="$services ${4:-}"
}

# The same for what a stage can do without, since some releases of Debian and Ubuntu have no package of this name.
wishes=
want() {
  has "$1" && return
  say "$2 is missing, $3"
  wishes="$wishes $2"
}

install_packages() {
  [ -n "$packages" ] || return 0
  has apt-get || die "this is neither Debian nor Ubuntu: install by hand:$packages"
  deny_services
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

install_wishes() {
  if [ -z "$wishes" ] || ! has apt-get; then return 0; fi
  # shellcheck disable=SC2086 # a list of words
  apt_get install --simulate $wishes 2>/dev/null || apt_get update 2>/dev/null || true
  for wish in $wishes; do
    if apt_get install --simulate "$wish" 2>/dev/null; then
      packages="$packages $wish"
    else
      say "there is no package $wish here: it is done without"
    fi
  done
  wishes=
  install_packages
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
trap 'allow_services; rm -f "$apt_log"' EXIT

# Asked by packages before they start a service. Who has such a policy already keeps it.
policy=/usr/sbin/policy-rc.d
denied=no
deny_services() {
  if [ -z "$(echo $services)" ] || [ -e "$policy" ]; then return; fi
  denied=yes
  # shellcheck disable=SC2016 # expanded when it is asked
  printf '#!/bin/sh\nfor word in "$@"; do case " %s " in *" ${word%%%%.service} "*) exit 101 ;; esac; done\n' \
    "$(echo $services)" | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
}
allow_services() {
  [ "$denied" = yes ] || return 0
  as_root rm -f "$policy"
  denied=no
}

# Not when the machine starts, either.
disable_services() {
  allow_services
  if [ -d /run/systemd/system ]; then
    for service in $services; do as_root systemctl disable --now --quiet "$service" 2>/dev/null || true; done
  fi
  services=
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

# Instances ask their host for proxy, registry and resolver, at the gateway of the engine's bridge.
warn_of_firewall() {
  rules=$(as_root_quietly iptables --list-rules INPUT) || return 0
  case $rules in
    *"-i docker0 -j ACCEPT"*) ;;
    "-P INPUT DROP"*)
      say 'this firewall keeps instances from their host, so from proxy and names: iptables --insert INPUT --in-interface docker0 --jump ACCEPT lets them'
      ;;
  esac
}

as_root_quietly() {
  [ "$(id -u)" = 0 ] || return 1
  PATH=$PATH:/usr/sbin:/sbin "$@" 2>/dev/null
}

node_packages() {
  stamp=$root/node_modules/.package-lock.json
  if [ -e "$stamp" ] && [ ! "$root/package-lock.json" -nt "$stamp" ]; then return; fi
  say "installing the Node packages of package-lock.json (npm ci)"
  (cd "$root" && npm ci --no-audit --no-fund)
  touch "$stamp"
}

stage_packages() {
  need etcd etcd-server 'which keeps the state of a stage' etcd
  need dockerd docker.io 'which runs the instances'
  # Some kernels confine containers with AppArmor, and some machines do not mount cgroups.
  if grep -qs Y /sys/module/apparmor/parameters/enabled; then
    need apparmor_parser apparmor 'which the Docker Engine confines containers with'
  fi
  if [ -z "$(ls /sys/fs/cgroup 2>/dev/null)" ]; then
    need cgroupfs-mount cgroupfs-mount 'with which the Docker Engine limits containers'
  fi
  need iptables iptables 'with which the Docker Engine publishes ports'
  need haproxy haproxy 'which carries the traffic of the router' haproxy
  need nft nftables 'with which names of services have virtual IPs'
  want bpftool bpftool 'with which connections to virtual IPs cost what those to containers do'
  need conntrack conntrack 'with which connections to virtual IPs are drained'
  need ip iproute2 'with which an instance reaches itself by its name'
  need mmdebstrap mmdebstrap 'which makes the base image of Debian packages'
  # Ubuntu comes without Debian's keys; and without root, mmdebstrap maps user ids.
  if ! [ -e /usr/share/keyrings/debian-archive-keyring.gpg ]; then
    need debian-archive-keyring debian-archive-keyring 'with which Debian packages are checked'
  fi
  if [ "$(id -u)" != 0 ]; then need newuidmap uidmap 'with which the base image is made without root'; fi
  need docker-registry docker-registry 'by which other machines have images of the stage' docker-registry
  need git git 'of which gilliam deploys HEAD'
  if ! [ -e /etc/ssl/certs/ca-certificates.crt ]; then
    need update-ca-certificates ca-certificates 'which builds trust'
  fi
  if [ "$mode" != stage ]; then need curl curl 'with which the demo asks the instances'; fi
  if [ "$mode" != stage ]; then
    want clang clang 'which compiles the translation of virtual IPs'
    if ! [ -e /usr/include/bpf/bpf_helpers.h ]; then
      want bpf-headers libbpf-dev 'with which that is compiled'
    fi
  fi
  install_packages
  install_wishes
  # Its own package since Debian 13; before, docker.io has brought it.
  need docker docker-cli 'with which the base image is made'
  if [ "$mode" = --bench ]; then bench_packages; fi
  install_packages
  disable_services
}

bench_packages() {
  need wrk wrk 'which makes load'
  need nginx nginx-light 'which the router is measured against' nginx
  need caddy caddy 'which the router is measured against' caddy
  need squid squid 'which the proxy is measured against' squid
  need tinyproxy tinyproxy 'which the proxy is measured against' tinyproxy
}

check_node
if [ "$mode" != --node ]; then stage_packages; fi
if [ "$mode" != stage ]; then node_packages; fi
case $mode in --dev | --bench) start_engine ;; esac
if [ "$mode" != --node ]; then warn_of_firewall; fi
if [ "$mode" != --node ]; then say 'everything is there'; fi
