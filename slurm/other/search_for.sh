#!/bin/bash
# Runs a search under any scheduler for so many seconds, then lets it save.
#
#   search_for.sh SECONDS RUN LAUNCHER... hierevo search --run RUN [options]
#
# The launcher must hand SIGUSR1 on to the ranks, as the mpiruns of Open MPI and MPICH do (MPICH's ends at
# SIGUSR2). SECONDS 0: something else sends it.
#
# Exit codes: 0 the search is finished; 75 it is saved, and further than before: start it again; 1 it is
# saved, but no further, or cut off; 2 to 5 are hierevo's refusals.
set -euo pipefail

if (($# < 4)); then
  sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
seconds=$1
run=$2
shift 2
for word in "$@"; do
  if [[ $word == hierevo || $word == */hierevo ]]; then hierevo=$word; fi
done

field() {
  "${hierevo:?the command has no hierevo}" status --run "$run" --json 2>/dev/null |
    sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" | head -n 1
}

before=$(field 'done') || before=
code=0
timeout --preserve-status --signal=USR1 "$seconds" "$@" || code=$?
# Launchers may tell another code than the program's: the run directory says what became of it.
state=$(field state) || state=
after=$(field 'done') || after=
case $code:$state in
  [2345]:*) exit "$code" ;;
  *:finished) exit 0 ;;
  75:* | *:saved)
    if [[ ${after:-0} != "${before:-0}" ]]; then exit 75; fi
    echo "search_for.sh: there is no new evaluation (is the time limit too short?)." >&2
    ;;
esac
exit 1
