#!/bin/sh
# The quick intro, on the stage that is up: prints each command before it runs it, as a person would type it. Can be
# run again: releases go on counting.
#
#   GILLIAM_DEMO_DIR   where the app is kept; default ~/gilliam-demo
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
app=${GILLIAM_DEMO_DIR:-$HOME/gilliam-demo}/hello
PATH=$root/bin:$PATH
# What is asked here is this machine, whatever proxy leads to others.
NO_PROXY=localhost,.localhost,127.0.0.1,$(hostname)${NO_PROXY:+,$NO_PROXY}
no_proxy=$NO_PROXY
export PATH NO_PROXY no_proxy

say() { printf '\n# %s\n' "$*"; }
run() {
  printf '\n$'
  for word in "$@"; do
    case $word in
      *[!A-Za-z0-9_./:=@-]*) printf " '%s'" "$word" ;;
      *) printf ' %s' "$word" ;;
    esac
  done
  printf '\n'
  "$@"
}

as_somebody() { git -c user.name=Gilliam -c user.email=gilliam@localhost "$@"; }

# vN of the newest release; nothing when there is none.
newest() {
  gilliam releases --json | node -e '
    const [newest] = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
    if (newest) console.log(newest.metadata.name);
  '
}

# Each web instance of a release answers at its own port.
ask() {
  gilliam ps | sed -n "s/^web\.[0-9]* $1 .* on host \([^ ]*\) port \([0-9]*\).*/\1:\2/p" | while read -r address; do
    run curl --silent --show-error --fail --max-time 5 "http://$address/"
  done
}

# Moves all that runs to a release: up there first, then down everywhere else.
migrate_to() {
  run gilliam scale "$1" web=2 worker=1 --wait
  gilliam scale | cut -d' ' -f1 | while read -r release; do
    if [ "$release" != "$1" ]; then run gilliam scale "$release" web=0 worker=0 --wait; fi
  done
}

# Routers hear of a route and of instances a moment after they are made.
wait_for() {
  left=50
  until curl --silent --fail --max-time 5 --output /dev/null "$1"; do
    left=$((left - 1))
    if [ "$left" -eq 0 ]; then
      echo "demo: $1 does not answer: see gilliam status" >&2
      return 1
    fi
    sleep 0.2
  done
}

if [ ! -d "$app/.git" ]; then
  say "an app of its own: a git repository with a Procfile, in $app"
  mkdir -p "$app"
  cp -R "$root/examples/hello/." "$app/"
  cd "$app"
  run git init --quiet .
  git add --all
  as_somebody commit --quiet --message 'Say hello'
fi
cd "$app"
run cat Procfile

say 'a formation is a namespace for its instances'
if [ -e .gilliam.app ] && gilliam releases >/dev/null 2>&1; then
  echo "(formation hello is there from the last time)"
elif gilliam releases --formation hello >/dev/null 2>&1; then
  run sh -c 'echo "formation: hello" > .gilliam.app'
else
  run gilliam create hello
fi

say 'HEAD becomes an image, and with the configuration a release; nothing runs yet'
run gilliam deploy
first=$(newest)

say 'scale factors say how many instances of each process of a release are to run'
migrate_to "$first"
run gilliam scale
run gilliam ps
ask "$first"

say 'changed configuration makes a release of its own'
run gilliam config "GREETING=Good day, it is $(date +%H:%M:%S),"
second=$(newest)
run gilliam config

say "migrate: $second up, then $first down"
migrate_to "$second"
run gilliam ps
ask "$second"

say 'instances have a name, under which they find each other'
run gilliam resolve web.hello.service

say 'a route leads requests from outside to the service, whichever instances it has'
run gilliam route hello.localhost web.hello.service --name hello
run gilliam routes
url=$(gilliam route hello.localhost web.hello.service --name hello | tail -n 1)
wait_for "$url"
run curl --silent --show-error --fail --max-time 5 "$url"

say "the stage is up: in $app try gilliam logs, gilliam ps, gilliam events; \"make down\" stops it"
echo "$url"
