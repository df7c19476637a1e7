# Shared by the scripts of this folder: . "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# What a script has to hand over goes to stdout; everything said to a person goes to stderr.
# shellcheck shell=bash

ME=colcon/$(basename "$0")
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P) # top of the work tree
EXIT_CANNOT=3 # "not possible on this machine", as opposed to 1, "went wrong"

say() { printf '%s: %s\n' "$ME" "$*" >&2; }

die() { say "$*"; exit 1; }

cannot() { say "$*"; exit "$EXIT_CANNOT"; } # callers may go on without, so they can tell it from a failure

have() { command -v "$1" >/dev/null 2>&1; }

# CRIU cannot dump a process whose session's leader is outside of the pid namespace, as in some containers and sandboxes.
if [ "$(awk '{ print $6 }' /proc/$$/stat)" = 0 ] && have setsid; then
  exec setsid --wait "$0" "$@"
fi

# progress TEXT COMMAND...: says TEXT, then how long it is taking; COMMAND's output is shown only when it fails.
progress() {
  local text=$1 log tick rc=0 start=$SECONDS
  shift
  say "$text ..."
  log=$(mktemp "${TMPDIR:-/tmp}/rmw_ckpt.XXXXXX")
  # `read` on an empty pipe is a sleep without a child process, which would keep the caller's pipes open; the
  # test of $$ ends it after a SIGKILL, and without descriptor 9 it does not prolong the lock.
  while kill -0 $$ 2>/dev/null; do
    read -rt 5 <> <(:) || true
    kill -0 $$ 2>/dev/null && say "... $((SECONDS - start)) s"
  done >/dev/null 9>&- &
  tick=$!
  "$@" >"$log" 2>&1 </dev/null || rc=$?
  kill "$tick" 2>/dev/null || true
  wait "$tick" 2>/dev/null || true
  [ "$rc" = 0 ] || tail -n 25 "$log" >&2
  rm -f "$log"
  return "$rc"
}

# lock FILE: one run at a time, until this process and its children have ended (descriptor 9 goes with them, so that
# what a killed run left behind has finished writing before the next one starts).
lock() {
  mkdir -p "$(dirname "$1")"
  exec 9>>"$1"
  flock -n 9 && return
  say "another run is at work, waiting for it ..."
  flock 9
}

# hash_of TEXT FILE...: one word that changes when the text or a file does.
hash_of() {
  local text=$1
  shift
  { printf '%s\n' "$text"; cat -- "$@"; } | sha256sum | cut -c1-32
}
