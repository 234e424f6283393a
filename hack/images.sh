#!/bin/sh
# Runs the image registry of a stage: frees the space of images that it has been told to forget, then serves. The stage's
# supervisor starts it.
#
#   hack/images.sh DIRECTORY SOCKET
set -eu

directory=$1
socket=$2
config=$directory/config.yml
cat >"$config" <<YAML
version: 0.1
log:
  level: warn
  accesslog:
    disabled: true
storage:
  filesystem:
    rootdirectory: '$directory/data'
  delete:
    enabled: true
http:
  net: unix
  addr: '$socket'
YAML

# Only while nothing is brought to it: what is on its way would be taken for garbage. In the background, so that this
# shell hears of its end and takes the collector with it.
mkdir -p "$directory/data/docker/registry/v2/repositories"
docker-registry garbage-collect --delete-untagged "$config" >/dev/null &
collector=$!
trap 'kill "$collector" 2>/dev/null; wait "$collector"; exit 143' TERM INT
wait "$collector" || echo "images: the space of forgotten images could not be freed" >&2
trap - TERM INT

exec docker-registry serve "$config"
