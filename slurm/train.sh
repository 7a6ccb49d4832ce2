#!/bin/bash
# hierevo train as a Slurm job that starts itself again until the network is trained: the final training.
#
#   sbatch [sbatch's options] slurm/train.sh [FILE.ini] [options of hierevo train]
#   sbatch --array=1-5 --cpus-per-task=16 --time=8:00:00 slurm/train.sh slurm/cifar10-final.ini \
#       --run my-run --data-dir cifar-10-batches-bin --threads 16
#
# Without FILE.ini it is cifar10-final.ini beside this script. Without --out the results lie in RUN-FILE,
# here my-run-cifar10-final, in the folder that sbatch was called in.
#
# A job array trains a repeat a task, as many as its highest number; without one the repeats are trained
# one after another. The task that ends last writes result.json, with mean and deviation over the
# repeats. All tasks that srun starts in a job (--ntasks) make each training together.
#
# Before the time limit (and at `scancel --full -s USR2 JOB`) the training saves, and the job puts itself
# into the queue again, to go on from its files. It gives up after ten starts in series (site.sh:
# `restarts`) without a new step, and starts again after nothing else: scancel ends it, and the same sbatch
# line goes on later. The exit code is 0 only when the training is finished, so that `afterok` means that.

#SBATCH --job-name=hierevo-train
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR2@180

set -euo pipefail

if [[ -z ${SLURM_JOB_ID:-} ]]; then
  echo "This is a job's script. Start it by: sbatch [options] slurm/train.sh ..." >&2
  exit 2
fi
# What runs is a copy that Slurm made. It tells where from, together with the arguments.
original=$(scontrol show job "$SLURM_JOB_ID" | sed -n 's/^ *Command=//p')
original=${original%%$'\n'*}
while [[ ! -f $original && $original == *' '* ]]; do original=${original% *}; done
# shellcheck source=slurm/job.sh
source "$(dirname "$original")/job.sh"

read_arguments() {
  training_arguments "$scripts/cifar10-final.ini" "$@"
}

read_state() {
  read_training_state
}

run_job "$@"
