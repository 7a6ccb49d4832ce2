#!/bin/bash
# hierevo search as a Slurm job that starts itself again until the search is finished.
#
#   sbatch [sbatch's options] slurm/search.sh [FILE.ini] [options of hierevo search]
#   sbatch -N 2 --ntasks-per-node=5 --cpus-per-task=4 --time=8:00:00 slurm/search.sh search.ini --threads 4
#
# Rank 0 coordinates, the other tasks evaluate. Without --run the run directory is named after FILE.ini,
# in the folder that sbatch was called in. Tasks of a job array make searches of their own, in
# RUN-TASK with the task's number as --seed.
#
# Before the time limit (and at `scancel --full -s USR2 JOB`) the search saves, and the job puts itself into
# the queue again, to go on from its files. It gives up after ten starts in series (site.sh: `restarts`)
# without a new evaluation, and starts again after nothing else: scancel ends it, and the same sbatch line
# goes on later. The exit code is 0 only when the search is finished, so that `afterok` means that.

#SBATCH --job-name=hierevo
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR2@180

set -euo pipefail

if [[ -z ${SLURM_JOB_ID:-} ]]; then
  echo "This is a job's script. Start it by: sbatch [options] slurm/search.sh ..." >&2
  exit 2
fi
# What runs is a copy that Slurm made. It tells where from, together with the arguments.
original=$(scontrol show job "$SLURM_JOB_ID" | sed -n 's/^ *Command=//p')
original=${original%%$'\n'*}
while [[ ! -f $original && $original == *' '* ]]; do original=${original% *}; done
# shellcheck source=slurm/job.sh
source "$(dirname "$original")/job.sh"

read_arguments() {
  take_arguments "$@"
  folder=$(given run)
  if [[ -z $folder && -n $ini ]]; then folder=$(basename "$ini" .ini); fi
  if [[ -z $folder ]]; then
    refuse "No run directory is given. Add --run DIR, or an INI file after which it is named."
  fi
  drop run
  if [[ -n ${SLURM_ARRAY_TASK_ID:-} ]]; then
    folder=$folder-$SLURM_ARRAY_TASK_ID
    if [[ -z $(given seed) ]]; then arguments+=(--seed "$SLURM_ARRAY_TASK_ID"); fi
  fi
  if [[ -n $ini ]]; then arguments=(--config "$ini" "${arguments[@]}"); fi
  program=("$hierevo" search --run "$folder" "${arguments[@]}")
}

read_state() {
  local status
  status=$("$hierevo" status --run "$folder" --json 2>/dev/null) || status=
  state=$(json_field state <<<"$status")
  progress=$(json_field 'done' <<<"$status")
  saved_at=$(json_field saved_at <<<"$status")
}

run_job "$@"
