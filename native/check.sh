#!/usr/bin/env bash
# Runs the addon under AddressSanitizer and UndefinedBehaviorSanitizer (built in a folder of its own), and under valgrind:
# the contract of sockets, answers in advance, threads that come and go under load, arguments of any kind, and transfers.
#   native/check.sh [asan|valgrind]     default: both. Needs g++ with libasan; valgrind for the second
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
folder=$root/.cache/sanitized
wanted=${1:-both}
tests=(io/native-sockets io/answers-ahead io/socket-groups native/ library/client)

# The same sources and settings, with checks instead of -O3.
build() { # FOLDER FLAGS
  rm -rf "$1"
  mkdir -p "$1"
  cp -r binding.gyp native package.json "$1"
  (cd "$1" && CXXFLAGS="-g -O1 -fno-omit-frame-pointer $2" LDFLAGS="$2" \
    npm_config_nodedir=${npm_config_nodedir:-$(dirname "$(dirname "$(command -v node)")")} \
    timeout 600 node "$root/node_modules/node-gyp/bin/node-gyp.js" rebuild --silent)
}

# Nothing of another build may be tested by mistake.
export NTFTP_NATIVE=1
loads() {
  node -e 'process.exitCode = require("node-gyp-build").path(".").startsWith(process.argv[1]) ? 0 : 1' "$NTFTP_PREBUILD"
}

if [ "$wanted" != valgrind ]; then
  build "$folder/asan" "-fsanitize=address,undefined -fno-sanitize-recover=undefined"
  export NTFTP_PREBUILD=$folder/asan
  # Node itself does not free everything at its end; a report ends the process, which its test then tells.
  export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:log_path=$folder/report
  libraries="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libubsan.so)"
  loads
  LD_PRELOAD=$libraries timeout 900 node test/run.mjs "${tests[@]}"
  if compgen -G "$folder/report*" >/dev/null; then
    cat "$folder"/report*
    exit 1
  fi
  echo "AddressSanitizer: no error"
fi

if [ "$wanted" != asan ]; then
  build "$folder/plain" ""
  export NTFTP_PREBUILD=$folder/plain
  loads
  # V8's interpreter, because code that is made on the way can't be followed. Only errors in or below the addon count.
  for file in io/native-sockets io/answers-ahead native/arguments; do
    timeout 900 valgrind --suppressions=native/valgrind.supp --smc-check=all-non-file --error-limit=no --num-callers=30 \
      --log-file="$folder/valgrind.log" node --jitless "dist/test/$file.test.js"
    if grep -q "ntftp\.node\|ntftp::" "$folder/valgrind.log"; then
      cat "$folder/valgrind.log"
      exit 1
    fi
  done
  echo "valgrind: no error in the addon"
fi
