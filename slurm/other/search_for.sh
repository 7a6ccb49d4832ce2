#!/bin/bash
# Runs a search under any scheduler for a number of seconds, then makes it save.
#
#   search_for.sh SECONDS RUN LAUNCHER... hierevo search --run RUN [options]
#
# The launcher must pass SIGUSR1 on to the ranks, as the mpiruns of Open MPI and MPICH do (SIGUSR2 kills
# MPICH's). SECONDS 0: something else sends SIGUSR1 or SIGUSR2 to this script, or SIGUSR1 to the launcher.
#
# Exit codes: 0 the search is finished; 75 it is saved and has made progress, or was asked to save before it
# had begun: start it again; 1 it is saved without progress, or was killed; 2 to 5 are hierevo's refusals.

# First of all: the signal may come at any moment.
trap 'save_asked=1; [[ -z ${program:-} ]] || kill -USR1 "$program" 2>/dev/null || true' USR1 USR2
set -euo pipefail

if (($# < 4)); then
  sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
seconds=$1
run=$2
shift 2
# The first such word: the run may be called so too.
hierevo=
for word in "$@"; do
  if [[ $word == hierevo || $word == */hierevo ]]; then
    hierevo=$word
    break
  fi
done
if [[ -z $hierevo ]]; then
  echo "search_for.sh: the command '$*' has no hierevo in it." >&2
  exit 2
fi

# field NAME LEVEL: of the status, each level of which is two spaces further to the right.
field() {
  "$hierevo" status --run "$run" --json 2>/dev/null |
    sed -n "s/^ \{$((2 * $2))\}\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" | head -n 1
}

before=$(field 'done' 2) || before=
code=138 # as if the signal had killed it before its handler was set
if [[ -z ${save_asked:-} ]]; then
  timeout --preserve-status --signal=USR1 "$seconds" "$@" &
  program=$!
  if [[ -n ${save_asked:-} ]]; then kill -USR1 "$program" 2>/dev/null || true; fi
  code=0
  wait "$program" || code=$?
  # A signal also ends a wait.
  while kill -0 "$program" 2>/dev/null; do wait "$program" || true; done
  last=0
  wait "$program" 2>/dev/null || last=$?
  if ((last != 127)); then code=$last; fi
fi
trap '' USR1 USR2
# Launchers may return another code than the program's: the run directory has the search's state.
state=$(field state 1) || state=
after=$(field 'done' 2) || after=
case $code:$state in
  [2345]:*) exit "$code" ;;
  *:finished) exit 0 ;;
  138:*) if [[ -n ${save_asked:-} ]]; then exit 75; fi ;;
  75:* | *:saved)
    if [[ ${after:-0} != "${before:-0}" ]]; then exit 75; fi
    echo "search_for.sh: there is no new evaluation (is the time limit too short?)." >&2
    ;;
esac
exit 1
