#!/bin/bash
# hierevo search as a Flux job that resubmits itself until the search is finished.
# An example to adapt: hierevo's tests do not run it under Flux.
#
#   flux batch search.flux

#flux: --job-name=hierevo
#flux: --nodes=4
#flux: --nslots=32
#flux: --time-limit=8h

scripts=$HOME/hierevo/share/hierevo/slurm/other
hierevo=$HOME/hierevo/bin/hierevo
run=my-run

# Flux itself signals the ranks five minutes before their time ends.
"$scripts/search_for.sh" 0 "$run" \
  flux run --nodes=4 --ntasks=32 --time-limit=475m --signal=USR1@5m \
  "$hierevo" search --run "$run" --config my.ini
code=$?
if ((code == 75)); then flux --parent batch search.flux; fi
exit "$code"
