#!/bin/bash
# hierevo search as a Slurm job that requeues itself until the search is finished.
#
#   sbatch [sbatch's options] slurm/search.sh [FILE.ini] [options of hierevo search]
#   sbatch -N 2 --ntasks-per-node=5 --cpus-per-task=4 --time=8:00:00 slurm/search.sh search.ini --threads 4
#
# Rank 0 coordinates, the other tasks evaluate. Without --run the run directory is named after FILE.ini,
# in the folder that sbatch was called in. Each task of a job array runs its own search, in RUN-TASK with
# the task's number as --seed.
#
# Before the time limit (and at `scancel --full -s USR2 JOB`) the search saves, and the job requeues itself
# to resume from its files. It gives up after ten consecutive starts (site.sh: `restarts`) without a new
# evaluation. It is not requeued for any other reason: scancel ends it, and the same sbatch command resumes
# the search later. A job that Slurm has restarted waits while an earlier start still holds RUN. The exit
# code is 0 only when the search is finished, so that `afterok` means that.

#SBATCH --job-name=hierevo
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR2@180

# The same in all job scripts, up to `source`. Slurm's signal to save may come from the first moment on.
trap 'save_asked=$SECONDS' USR1 USR2
set -euo pipefail

if [[ -z ${SLURM_JOB_ID:-} ]]; then
  echo "This is a job script. Submit it: sbatch [options] $0 ..." >&2
  exit 2
fi
# Slurm runs a copy: it knows where the script itself is, with job.sh beside it.
pause=1
until shown=$(trap '' USR1 USR2 && timeout --kill-after=5 20 scontrol show job "$SLURM_JOB_ID" 2>&1); do
  echo "scontrol show job $SLURM_JOB_ID: ${shown:-no answer within 20 s}" >&2
  if ((SECONDS + pause > ${save_asked:-180} + 120)); then
    echo "Slurm did not say where this script is. Nothing was started: submit it again." >&2
    exit 75
  fi
  sleep "$pause" || true
  pause=$((pause < 16 ? 2 * pause : 16))
done
command_line=$'\n *Command=([^\n]*)'
if [[ $shown =~ $command_line ]]; then original=${BASH_REMATCH[1]}; fi
while [[ ! -f ${original:=} && $original == *' '* ]]; do original=${original% *}; done
if [[ ! -f ${original%/*}/job.sh ]]; then
  echo "Slurm says '${original//[[:cntrl:]]/?}' of where this script is, and job.sh is not beside that." \
    "Give sbatch the script's path, not its text: sbatch [options] FOLDER/SCRIPT.sh ..." >&2
  exit 2
fi
# shellcheck source=slurm/job.sh
source "${original%/*}/job.sh"

read_arguments() {
  take_arguments "$@"
  require_given search run config seed dry-run
  plain folder "${given[run]}"
  if [[ -z $folder ]]; then name_of folder "${given[config]}" .ini; fi
  if [[ -z $folder ]]; then
    refuse "No run directory is given. Add --run DIR, or an INI file after which it is named."
  fi
  if [[ -n ${SLURM_ARRAY_TASK_ID:-} ]]; then
    folder=$folder-$SLURM_ARRAY_TASK_ID
    if [[ -z ${given[seed]} ]]; then arguments+=(--seed "$SLURM_ARRAY_TASK_ID"); fi
  fi
  # If an option is given twice, the last one counts.
  program=("$hierevo" search "${arguments[@]}" --run "$folder")
}

read_state() {
  local status
  status=$(trap '' USR1 USR2 && "$hierevo" status --run "$folder" --json 2>/dev/null) || status=
  json_field state state <<<"$status"
  json_field progress 'done' 2 <<<"$status"
  json_field saved_at saved_at <<<"$status"
}

run_job "$@"
