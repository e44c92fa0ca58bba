#!/usr/bin/env bash
# Proves deploy/Dockerfile on a machine without Docker: builds the image of the last commit with buildah, in a chroot, on
# Debian made by debootstrap; then looks at the image, recognises a document in it, and starts the server.
#
#   sudo deploy/prove-image.sh                 # everything as it is released; an hour on a small machine
#   sudo PROFILE=dev deploy/prove-image.sh     # built quickly
#   sudo UNPACKED=FOLDER deploy/prove-image.sh # from an unpacked release: nothing is compiled, a few minutes
#
# Both arguments for bases are used, since no registry is asked for images: BASE is Debian, RUST_IMAGE is the same Debian
# with this machine's Rust and what Cargo has downloaded (`cargo fetch` first). Needs root, buildah and debootstrap
# (apt-get install --no-install-recommends buildah debootstrap), and 15 gigabytes. It is no part of `cargo xtask test`.
#
#   PROFILE     profile of Cargo (release)
#   UNPACKED    folder of an unpacked release, whose binary and Dockerfile are taken
#   MIRROR      of Debian (that of debootstrap)
#   SUITE       release of Debian (bookworm)
#   WORK        folder for everything that it makes (target/prove-image); it is removed at the end, unless KEEP is set
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PROFILE=${PROFILE:-release}
UNPACKED=${UNPACKED:-}
MIRROR=${MIRROR:-}
SUITE=${SUITE:-bookworm}
WORK=$(realpath -m "${WORK:-target/prove-image}")
WEB_PORT=${WEB_PORT:-18080}
METRICS_PORT=${METRICS_PORT:-19100}
server=

say() { printf '\n=== %s\n' "$*"; }
fail() { printf 'prove-image: %s\n' "$*" >&2; exit 1; }
# Layers as plain folders: slow, and possible everywhere.
build() { buildah --storage-driver vfs --root "$WORK/storage" --runroot "$WORK/run" "$@"; }
in_image() { build run --isolation chroot "$@"; }

finish() {
  local status=$?
  [ -z "$server" ] || kill -TERM "$server" 2>/dev/null || true
  if [ -n "${KEEP:-}" ]; then
    echo "kept: $WORK"
  else
    build rm --all >/dev/null 2>&1 || true
    rm -rf --one-file-system "$WORK"
  fi
  exit "$status"
}

[ "$(id -u)" = 0 ] || fail "needs root, for debootstrap and chroot"
needed="buildah debootstrap curl"
[ -n "$UNPACKED" ] || needed="$needed git rustc cargo node npm"
for program in $needed; do
  command -v "$program" >/dev/null || fail "$program is not installed"
done
# What is removed at the end has to be its own.
[ ! -e "$WORK" ] || [ -e "$WORK/made-by-prove-image" ] || fail "$WORK is there already and was made by somebody else"
mkdir -p "$WORK" && touch "$WORK/made-by-prove-image"
trap finish EXIT

say "Debian $SUITE"
if [ ! -e "$WORK/debian/etc/debian_version" ]; then
  debootstrap --variant=minbase "$SUITE" "$WORK/debian" ${MIRROR:+"$MIRROR"} >"$WORK/debootstrap.log" || fail "debootstrap: $(tail -3 "$WORK/debootstrap.log")"
fi
container=$(build from scratch)
build add --quiet "$container" "$WORK/debian" /
build config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --cmd /bin/bash "$container"
build commit --quiet "$container" localhost/prove-debian >/dev/null
build rm "$container" >/dev/null

# What compiles: the same Debian with this machine's Rust, and with its Node.js; the source, and a look at what gets into it.
prepare_to_compile() {
  say "the same with $(rustc --version)"
  container=$(build from localhost/prove-debian)
  in_image "$container" -- sh -euc 'apt-get -qq update && apt-get -qq install -y --no-install-recommends gcc libc6-dev >/dev/null'
  rust=$(build mount "$container")/opt
  mkdir -p "$rust/rust" "$rust/cargo"
  tar -C "$(rustc --print sysroot)" --exclude=./share --exclude=./lib/rustlib/src -cf - . | tar -C "$rust/rust" -xf -
  tar -C "${CARGO_HOME:-$HOME/.cargo}" -cf - registry | tar -C "$rust/cargo" -xf -
  build umount "$container" >/dev/null
  build config --env PATH=/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --env CARGO_HOME=/opt/cargo \
    --env CARGO_NET_OFFLINE=true --env "CARGO_BUILD_JOBS=${CARGO_BUILD_JOBS:-$(nproc)}" "$container"
  build commit --quiet "$container" localhost/prove-rust >/dev/null
  build rm "$container" >/dev/null

  say "Debian with Node.js $(node --version)"
  container=$(build from localhost/prove-debian)
  node=$(build mount "$container")/opt/node
  install -D "$(readlink -f "$(command -v node)")" "$node/bin/node"
  npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  mkdir -p "$node/lib" && cp -a "$npm" "$node/lib/npm" && ln -s ../lib/npm/bin/npm-cli.js "$node/bin/npm"
  build umount "$container" >/dev/null
  build config --env PATH=/opt/node/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    --env "NPM_CONFIG_REGISTRY=$(npm config get registry)" "$container"
  build commit --quiet "$container" localhost/prove-node >/dev/null
  build rm "$container" >/dev/null

  say "the source of the last commit, and what must not get into the image"
  rm -rf "$WORK/source" && mkdir "$WORK/source"
  git archive HEAD | tar -C "$WORK/source" -xf -
  mkdir -p "$WORK/source/.git" "$WORK/source/target/debug" "$WORK/source/monitoring/secrets" "$WORK/source/deploy/secrets"
  for planted in .git/config target/debug/crpipeline monitoring/secrets/smtp_password monitoring/.env deploy/secrets/garage.env; do
    echo planted >"$WORK/source/$planted"
  done
  printf 'FROM scratch\nCOPY . /\n' >"$WORK/only-copy"
  build build --quiet --file "$WORK/only-copy" --tag localhost/prove-context "$WORK/source" >/dev/null
  container=$(build from localhost/prove-context)
  if found=$(grep -rlx planted "$(build mount "$container")"); then fail "in the context of the build: $found"; fi
  build rm "$container" >/dev/null
  echo "nothing of it"
}

arguments=(--build-arg BASE=localhost/prove-debian)
if [ -n "$UNPACKED" ]; then
  source=$(realpath "$UNPACKED")
  [ -x "$source/crpipeline" ] || fail "$source has no crpipeline; is it an unpacked release?"
  arguments+=(--build-arg BUILT=unpacked)
  say "deploy/Dockerfile, from $source"
else
  prepare_to_compile
  source=$WORK/source
  arguments+=(--build-arg NODE_IMAGE=localhost/prove-node --build-arg RUST_IMAGE=localhost/prove-rust
    --build-arg "PROFILE=$PROFILE" --build-arg "CRPIPELINE_REVISION=$(git rev-parse --short=12 HEAD)")
  say "deploy/Dockerfile, profile $PROFILE"
fi
build build --isolation chroot --format docker --file "$source/deploy/Dockerfile" --tag localhost/crpipeline:proof \
  "${arguments[@]}" "$source"

say "what the image says"
build inspect --type image --format 'user {{.Docker.Config.User}}
ports {{.Docker.Config.ExposedPorts}}
volumes {{.Docker.Config.Volumes}}
start {{.Docker.Config.Entrypoint}} {{.Docker.Config.Cmd}}
stop {{.Docker.Config.StopSignal}}
health {{.Docker.Config.Healthcheck}}' localhost/crpipeline:proof | tee "$WORK/config"
for part in 'user 10001:10001' '8080/tcp' '9100/tcp' '/var/lib/crpipeline' '[crpipeline] [serve]' 'SIGTERM' '/readyz'; do
  grep -qF -- "$part" "$WORK/config" || fail "the image does not say $part"
done

say "crpipeline in the image"
container=$(build from localhost/crpipeline:proof)
in_image "$container" -- crpipeline --version
in_image "$container" -- sh -euc 'echo "as user $(id -u)"; if command -v cargo gcc; then exit 1; fi'
in_image "$container" -- crpipeline doctor

say "a document"
# Not in the volume, which buildah gives to every run anew.
build copy --quiet --chown 10001:10001 "$container" examples/documents/letter.pdf /tmp/proof/letter.pdf >/dev/null
in_image "$container" -- sh -euc 'mkdir /tmp/read && crpipeline run -o /tmp/read /tmp/proof/letter.pdf && cat /tmp/read/letter.txt' >"$WORK/letter.txt"
word=$(grep -oE '[A-Za-z]{6,}' examples/documents/letter.txt | head -1)
grep -q "$word" "$WORK/letter.txt" || fail "the text of the letter has no \"$word\""
echo "read: $(head -c 200 "$WORK/letter.txt" | tr '\n' ' ')"

say "the server"
in_image --env "CRPIPELINE_LISTEN=127.0.0.1:$WEB_PORT" --env "CRPIPELINE_METRICS_LISTEN=127.0.0.1:$METRICS_PORT" \
  "$container" -- sh -c 'echo $$ >/tmp/pid; exec crpipeline serve' >"$WORK/serve.log" 2>&1 &
running=$!
for _ in $(seq 120); do
  if curl -fsS "http://127.0.0.1:$METRICS_PORT/readyz" >"$WORK/ready" 2>/dev/null; then break; fi
  kill -0 "$running" 2>/dev/null || fail "the server ended: $(cat "$WORK/serve.log")"
  sleep 1
done
[ -s "$WORK/ready" ] || fail "the server is not ready: $(cat "$WORK/serve.log")"
# In a chroot the numbers of processes are those of the machine.
server=$(in_image "$container" -- cat /tmp/pid)
cat "$WORK/ready"; echo
in_image "$container" -- curl -fsS -o /dev/null "http://127.0.0.1:$METRICS_PORT/readyz"
curl -fsS "http://127.0.0.1:$METRICS_PORT/metrics" | grep '^crpipeline_build_info'
kill -TERM "$server"
wait "$running" || fail "the server did not end well: $(tail -5 "$WORK/serve.log")"
server=

say "proven"
