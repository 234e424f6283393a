#!/bin/sh
# Makes the image that apps without a Dockerfile of their own are built on.
#
#   hack/base-image.sh [--force]
#
# GILLIAM_BASE_IMAGE   the image to have; default gilliam/base:bookworm, which is made here of Debian's packages and this
#                      machine's Node. Any other image is used as it is, and pulled where it is missing.
# DOCKER_HOST          the engine to have it in, as for docker
#
# Needs docker, mmdebstrap, debian-archive-keyring, node and npm, and takes about a minute. Does nothing when the image is
# there and up to date. Stands alone: it needs none of the files beside it.
set -eu

readonly own_image=gilliam/base:bookworm
image=${GILLIAM_BASE_IMAGE:-$own_image}
suite=bookworm
packages=ca-certificates,libatomic1,libstdc++6,procps,python-is-python3,python3,python3-venv

say() { echo "base image: $*"; }
die() {
  echo "base image: $*" >&2
  exit 1
}

# Called by mmdebstrap inside its namespace, with the new root's directory: what Debian's packages do not give.
customize() {
  root=$1
  if [ "$BASE_NODE" = host ]; then
    install -m 0755 "$HOST_NODE" "$root/usr/local/bin/node"
  fi
  mkdir -p "$root/usr/local/lib/node_modules"
  cp -R "$HOST_NPM" "$root/usr/local/lib/node_modules/npm"
  chown -R 0:0 "$root/usr/local/lib/node_modules"
  rm -rf "$root/usr/local/lib/node_modules/npm/docs" "$root/usr/local/lib/node_modules/npm/man"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$root/usr/local/bin/npx"
  chroot "$root" node -e 'process.exit(0)' || exit 3
  chroot "$root" npm --version >/dev/null || exit 3
  chroot "$root" useradd --uid 10001 --user-group --home-dir /app --no-create-home --shell /bin/sh app
  install -d -o 10001 -g 10001 "$root/app"
  rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/log/* "$root"/root/.npm "$root"/tmp/*
}

if [ "${1:-}" = --customize ]; then
  customize "$2"
  exit 0
fi

force=
case ${1:-} in
  '') ;;
  --force) force=1 ;;
  *)
    echo "base image: unknown argument $1: only --force is known" >&2
    exit 2
    ;;
esac

command -v docker >/dev/null || die 'docker is not installed: install docker.io, then run this again'
docker version --format '{{.Server.Version}}' >/dev/null 2>&1 ||
  die 'the Docker Engine does not answer: start it, then run this again'

if [ "$image" != "$own_image" ]; then
  if [ -z "$force" ] && docker image inspect "$image" >/dev/null 2>&1; then
    say "$image is there (GILLIAM_BASE_IMAGE)"
    exit 0
  fi
  say "pulling $image (GILLIAM_BASE_IMAGE)"
  docker pull "$image" || die "$image cannot be pulled: see above; or unset GILLIAM_BASE_IMAGE to make one here"
  exit 0
fi

HOST_NODE=$(command -v node) || die 'node is not installed: install Node 20.19 or newer, then run this again'
HOST_NODE=$(node -p 'require("fs").realpathSync(process.execPath)')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# This machine's Node runs in the image too, unless a distribution has split it into libraries of its own: then
# Debian's package, which is older.
node_is_whole() {
  ! ldd "$HOST_NODE" | grep -Ev 'linux-vdso|ld-linux|lib(c|m|dl|rt|pthread|gcc_s|stdc\+\+|atomic)\.so' | grep -q .
}
if node_is_whole; then BASE_NODE=host; else BASE_NODE=debian; fi

# This machine's npm where it is a package with all its dependencies in it, else that package from npm's registry.
HOST_NPM=$(npm root --global 2>/dev/null)/npm
[ -d "$HOST_NPM/node_modules/@npmcli/arborist" ] || HOST_NPM=
npm_version=10
[ -z "$HOST_NPM" ] || npm_version=$(node -p 'require(process.argv[1]).version' "$HOST_NPM/package.json")

version=$( (cat "$0" && echo "$BASE_NODE" "$(node --version)" "npm $npm_version") | sha256sum | cut -c1-16)
have=$(docker image inspect --format '{{index .Config.Labels "gilliam.base.version"}}' "$image" 2>/dev/null || true)
if [ -z "$force" ] && [ "$have" = "$version" ]; then
  say "$image is there and up to date"
  exit 0
fi
command -v mmdebstrap >/dev/null || die 'mmdebstrap is not installed: install mmdebstrap, then run this again'
[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] ||
  die "Debian's keys are not installed: install debian-archive-keyring, then run this again"

if [ -z "$HOST_NPM" ]; then
  say "taking npm $npm_version from npm's registry"
  (cd "$work" && npm pack --silent "npm@$npm_version" >/dev/null && tar -xzf npm-*.tgz) ||
    die 'npm cannot be taken from its registry: see above'
  HOST_NPM=$work/package
fi

make_root() {
  include=$packages
  [ "$BASE_NODE" = host ] || include=$include,nodejs
  export BASE_NODE HOST_NODE HOST_NPM
  mmdebstrap --quiet --variant=minbase --include="$include" \
    --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/lintian/*' \
    --customize-hook="sh $(quote "$self") --customize \"\$1\"" \
    "$suite" "$work/root.tar" >&2
}
quote() { printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }
self=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")

say "making $image of Debian $suite and Node $([ "$BASE_NODE" = host ] && node --version || echo "of Debian's package"), about a minute"
if ! make_root; then
  [ "$BASE_NODE" = host ] || die "mmdebstrap failed: see above"
  say "that failed: again, with Debian's own Node"
  BASE_NODE=debian
  make_root || die "mmdebstrap failed: see above"
fi

before=$(docker image inspect --format '{{.Id}}' "$image" 2>/dev/null || true)
docker import \
  --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
  --change 'ENV LANG=C.UTF-8' \
  --change "LABEL gilliam.base.version=$version" \
  "$work/root.tar" "$image" >/dev/null
docker run --rm --network none "$image" node --version >"$work/node" ||
  die "node does not run in $image: see above"
say "$image is made, $(docker image inspect --format '{{.Size}}' "$image" | awk '{printf "%d MB", $1 / 1000000}'), with Node $(cat "$work/node")"
# Stays where apps have been built on it.
[ -z "$before" ] || docker rmi "$before" >/dev/null 2>&1 || true
