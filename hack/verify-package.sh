#!/bin/sh
# The npm package holds what `gilliam up` needs elsewhere, and no sources.
set -eu
cd "$(dirname "$0")/.."
npm pack --dry-run --ignore-scripts --json 2>/dev/null | node -e '
  const [{ files }] = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
  const names = new Set(files.map(({ path }) => path));
  const needed = ["bin/gilliam", "dist/cli.js", "dist/gilliam.binpb", "hack/setup.sh", "hack/base-image.sh", "hack/images.sh", "LICENSE",
    "README.md", ...["supervisor", "controlplane", "network", "router", "executor"].map((name) => `dist/cmd/${name}.js`)];
  const missing = needed.filter((name) => !names.has(name));
  const stray = [...names].filter((name) => /\.ts$|\.tmp$|^(pkg|cmd|test)\//.test(name));
  for (const name of missing) console.log(`not in the package: ${name}`);
  for (const name of stray) console.log(`does not belong into the package: ${name}`);
  process.exit(missing.length + stray.length > 0 ? 1 : 0);
'
