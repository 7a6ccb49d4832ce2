#!/bin/bash
# hierevo train as a Slurm job that requeues itself until the network is trained: the final training.
#
#   sbatch [sbatch's options] slurm/train.sh [FILE.ini] [options of hierevo train]
#   sbatch --array=1-5 --cpus-per-task=16 --time=8:00:00 slurm/train.sh protocols/cifar10-final.ini \
#       --run my-run --data-dir cifar-10-batches-bin --threads 16
#
# Without FILE.ini, ../protocols/cifar10-final.ini is used. Without --out the results are in RUN-FILE,
# here my-run-cifar10-final, in the folder that sbatch was called in.
#
# A job array trains one repeat per task: tasks are numbered from 1, and there are as many repeats as the
# highest number, or as the training already has, or as --repeats here. Without an array the repeats are
# trained one after another. The task that finishes last writes result.json, with mean and deviation over
# the repeats. All tasks that srun starts in a job (--ntasks) run each training together.
#
# Before the time limit (and at `scancel --full -s USR2 JOB`) the training saves, and the job requeues itself
# to resume from its files. It gives up after ten consecutive starts (site.sh: `restarts`) without a new
# step. It is not requeued for any other reason: scancel ends it, and the same sbatch command resumes the
# training later. A job that Slurm has restarted waits while an earlier start still trains. The exit code is
# 0 only when the training is finished, so that `afterok` means that.

#SBATCH --job-name=hierevo-train
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

# shellcheck source=slurm/training.sh
source "$scripts/training.sh"

read_arguments() {
  read_training_arguments "$scripts/../protocols/cifar10-final.ini" "$@"
}

run_job "$@"
