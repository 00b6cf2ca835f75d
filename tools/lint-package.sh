#!/usr/bin/env bash
# What users get of the package: exports and types (publint, attw), exports and dependencies without use (knip), and
# whether the API report and the API reference in docs/ are those of the code. `npm run api` renews the two.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p .cache
rm -f .cache/ntftp-*.tgz
npm pack --silent --ignore-scripts --pack-destination .cache >/dev/null
npx publint run --strict .cache/ntftp-*.tgz
npx attw .cache/ntftp-*.tgz
npx knip
npx api-extractor run
node tools/api-reference.mjs .cache/api/ntftp.api.json .cache/api/api.md
diff -u docs/api.md .cache/api/api.md || { echo "docs/api.md is not of this code: npm run api" >&2; exit 1; }
