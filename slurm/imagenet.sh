#!/bin/bash
# hierevo train on ImageNet as a Slurm job that starts itself again until the network is trained.
#
#   sbatch [sbatch's options] slurm/imagenet.sh [FILE.ini] [options of hierevo train]
#   sbatch -N 4 --ntasks-per-node=4 --cpus-per-task=16 --time=24:00:00 slurm/imagenet.sh --run my-run \
#       --dataset imagenet --threads 16
#
# Without FILE.ini it is imagenet.ini beside this script. Without --out the results lie in RUN-FILE, here
# my-run-imagenet. The data are shards made by hierevo prepare. All else is as in train.sh, job arrays too.

#SBATCH --job-name=hierevo-imagenet
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR2@300

set -euo pipefail

if [[ -z ${SLURM_JOB_ID:-} ]]; then
  echo "This is a job's script. Start it by: sbatch [options] slurm/imagenet.sh ..." >&2
  exit 2
fi
# What runs is a copy that Slurm made. It tells where from, together with the arguments.
original=$(scontrol show job "$SLURM_JOB_ID" | sed -n 's/^ *Command=//p')
original=${original%%$'\n'*}
while [[ ! -f $original && $original == *' '* ]]; do original=${original% *}; done
# shellcheck source=slurm/job.sh
source "$(dirname "$original")/job.sh"

read_arguments() {
  training_arguments "$scripts/imagenet.ini" "$@"
}

read_state() {
  read_training_state
}

run_job "$@"
