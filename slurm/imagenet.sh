#!/bin/bash
# hierevo train on ImageNet as a Slurm job that requeues itself until the network is trained.
#
#   sbatch [sbatch's options] slurm/imagenet.sh [FILE.ini] [options of hierevo train]
#   sbatch -N 4 --ntasks-per-node=4 --cpus-per-task=16 --time=24:00:00 slurm/imagenet.sh --run my-run \
#       --dataset imagenet --threads 16
#
# Without FILE.ini, ../protocols/imagenet.ini is used. Without --out the results are in RUN-FILE, here
# my-run-imagenet. The data are shards made by hierevo prepare. Everything else is as in train.sh.

#SBATCH --job-name=hierevo-imagenet
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR2@300

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

# shellcheck source=slurm/training.sh
source "$scripts/training.sh"

read_arguments() {
  read_training_arguments "$scripts/../protocols/imagenet.ini" "$@"
}

run_job "$@"
