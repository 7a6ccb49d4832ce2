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
# the queue again, to go on from its files. It does so up to `restarts` times without a new evaluation,
# and after nothing else: scancel ends it, and the same sbatch line goes on later. The exit code is 0 only
# when the search is finished, so that `afterok` means that.
#
# What differs from site to site is set in slurm/site.sh (see site.sh.example) or
# ~/.config/hierevo/site.sh, or the file that HIEREVO_SITE names.

#SBATCH --job-name=hierevo
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR2@180

set -euo pipefail

say() {
  printf '%s search.sh: %s\n' "$(date +%FT%T)" "$*" >&2
}

# The folder of this script as it was given to sbatch, which runs a copy of it. Slurm tells the path
# together with the arguments, and both may have spaces.
original_folder() {
  local path
  path=$(scontrol show job "$SLURM_JOB_ID" 2>/dev/null | sed -n 's/^ *Command=//p' | head -n 1)
  while [[ ! -f $path && $path == *' '* ]]; do path=${path% *}; done
  if [[ -f $path ]]; then dirname "$path"; fi
}

# ---- Settings ------------------------------------------------------------------------------------

launcher=srun          # or mpirun
launcher_arguments=()  # such as --mpi=pmix
bin=                   # folder of the programs; empty: beside this script, else on PATH
restarts=10            # so many in series without a new evaluation
restart_after=15       # seconds; Slurm takes two minutes where the old job has not ended by then

read_site() {
  local file
  for file in "${HIEREVO_SITE:-}" "$folder/site.sh" "${HOME:-}/.config/hierevo/site.sh"; do
    if [[ -n $file && -r $file ]]; then
      set +eu # modules' own functions are not written for strict mode
      # shellcheck source=/dev/null
      source "$file"
      set -eu
      return
    fi
  done
  if [[ -n ${HIEREVO_SITE:-} ]]; then
    say "HIEREVO_SITE names '$HIEREVO_SITE', which cannot be read."
    exit 2
  fi
}

find_programs() {
  local place
  for place in "$bin" "$folder/../build/release/bin" "$folder/../../../bin" \
    "$SLURM_SUBMIT_DIR/build/release/bin"; do
    if [[ -n $place && -x $place/hierevo ]]; then
      hierevo=$place/hierevo
      return
    fi
  done
  if hierevo=$(command -v hierevo); then return; fi
  say "There is no hierevo (looked beside '$folder' and on PATH). Set bin=FOLDER in slurm/site.sh."
  exit 2
}

# ---- What to run ---------------------------------------------------------------------------------

# Sets run, and arguments to all others.
read_arguments() {
  local ini='' seeded=''
  run='' arguments=()
  if [[ ${1:-} == *.ini ]]; then
    ini=$1
    shift
    if [[ ! -r $ini ]]; then
      say "'$ini' cannot be read. Give a path that the nodes see."
      exit 2
    fi
    arguments+=(--config "$ini")
    run=$(sed -n 's/^[[:space:]]*run[[:space:]]*=[[:space:]]*//p' "$ini" | tail -n 1)
    if [[ -z $run ]]; then run=$(basename "$ini" .ini); fi
    if grep -q '^[[:space:]]*seed[[:space:]]*=' "$ini"; then seeded=yes; fi
  fi
  while (($# > 0)); do
    case $1 in
      --run)
        run=${2:-}
        shift
        ;;
      --run=*) run=${1#--run=} ;;
      --seed | --seed=*)
        seeded=yes
        arguments+=("$1")
        ;;
      *) arguments+=("$1") ;;
    esac
    if (($# > 0)); then shift; fi
  done
  if [[ -z $run ]]; then
    say "No run directory is given. Add --run DIR, or an INI file after which it is named."
    exit 2
  fi
  if [[ -n ${SLURM_ARRAY_TASK_ID:-} ]]; then
    run=$run-$SLURM_ARRAY_TASK_ID
    if [[ -z $seeded ]]; then arguments+=(--seed "$SLURM_ARRAY_TASK_ID"); fi
  fi
}

# status_field NAME: a number or word of `hierevo status --json`; nothing when there is no run yet.
status_field() {
  sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" <<<"$status" | head -n 1
}

read_status() {
  status=$("$hierevo" status --run "$run" --json 2>/dev/null) || status=
}

# A job that is started again counts its steps from 0 again. Where a node broke down before, Slurm's PMIx
# finds the socket of the earlier step with the same number there, and refuses to start.
take_new_step_ids() {
  local i
  for ((i = ${SLURM_RESTART_COUNT:-0} % 8; i > 0; --i)); do
    srun --mpi=none --nodes=1 --ntasks=1 true || true
  done
}

# When the time limit comes, for the program: Slurm before 23 does not say so itself.
tell_end_of_job() {
  local limit
  if [[ -n ${SLURM_JOB_END_TIME:-} ]]; then return; fi
  limit=$(squeue --noheader --jobs="$SLURM_JOB_ID" --format=%e 2>/dev/null | head -n 1) || true
  [[ $limit == [0-9]*T* ]] || return 0 # there is none
  if limit=$(date --date="$limit" +%s); then export SLURM_JOB_END_TIME=$limit; fi
}

# Runs the search; its exit code, as the launcher tells it, becomes `code`. The shell must be waiting
# when a signal comes, and the handler do no more than this: bash loses signals otherwise.
run_search() {
  local pid last
  tell_end_of_job
  if [[ -n ${SLURM_CPUS_PER_TASK:-} ]]; then export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK; fi
  if [[ $launcher == srun ]]; then take_new_step_ids; fi
  "$launcher" "${launcher_arguments[@]}" "$hierevo" search --run "$run" "${arguments[@]}" &
  pid=$!
  # shellcheck disable=SC2064 # the id of now
  trap "kill -USR2 $pid" USR2
  # shellcheck disable=SC2064
  trap "kill -TERM $pid" TERM
  code=0
  wait "$pid" || code=$?
  # A signal ends a wait too, with a code over 128; the launcher is still there then, or has just ended.
  while kill -0 "$pid" 2>/dev/null; do wait "$pid" || true; done
  last=0
  wait "$pid" 2>/dev/null || last=$?
  if ((last != 127)); then code=$last; fi
  trap '' USR2
}

# ---- How it ended --------------------------------------------------------------------------------

# Launchers may tell another code than the program's: beyond its refusals the run directory decides.
judge() {
  local state
  read_status
  state=$(status_field state)
  case $code in
    2 | 3 | 4) return ;;
    75) if [[ $state == finished ]]; then code=0; fi ;;
    *)
      if [[ $state == finished ]]; then
        code=0
      elif [[ $state == saved && $(status_field saved_at) != "$saved_before" ]]; then
        code=75
      elif ((code == 0)) && [[ $dry_run != yes ]]; then
        code=1
      fi
      ;;
  esac
}

# Counts starts in series that brought no new evaluation, in the run directory. Fails when there were
# too many.
made_progress() {
  local count=0 done_now file=$run/restarts
  done_now=$(status_field 'done')
  if [[ ${done_now:-0} == "${done_before:-0}" ]]; then
    count=$(cat "$file" 2>/dev/null || echo 0)
    [[ $count =~ ^[0-9]+$ ]] || count=0
    count=$((count + 1))
  fi
  # Before the first save there is no run directory to write to.
  if [[ -e $run/search.h5 ]]; then
    echo "$count" >"$file.new" && mv -f "$file.new" "$file"
  else
    count=${SLURM_RESTART_COUNT:-0}
  fi
  ((count < restarts))
}

# Puts this job into the queue again, which ends it. Not when it is being cancelled.
start_again() {
  local job=$SLURM_JOB_ID job_state
  if [[ -n ${SLURM_ARRAY_JOB_ID:-} ]]; then job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID; fi
  job_state=$(squeue --noheader --jobs="$job" --format=%T 2>/dev/null | head -n 1) || true
  if [[ $job_state != RUNNING ]]; then
    say "Saved; the job is ${job_state:-gone}. The same sbatch line goes on with the search."
    return
  fi
  if ! made_progress; then
    say "Saved, but $restarts starts in series brought no new evaluation (is the time limit too" \
      "short?). The job ends here; the same sbatch line goes on with the search."
    return
  fi
  say "Saved; the job is put into the queue again."
  trap '' TERM
  scontrol requeue "$job" || return 0
  # Without a time that is still to come when this job has ended, Slurm lets it wait for two minutes. Not
  # at once: a node refuses a start in the second in which it has ended the job, which then fails.
  scontrol update JobId="$job" StartTime="now+$restart_after" || true
  # Slurm ends the job now; its code is not looked at.
  exit 75
}

main() {
  if [[ -z ${SLURM_JOB_ID:-} ]]; then
    echo "search.sh: this is a job's script. Start it by: sbatch [options] slurm/search.sh ..." >&2
    exit 2
  fi
  folder=$(original_folder)
  read_site
  find_programs
  read_arguments "$@"
  dry_run=no
  for argument in "${arguments[@]}"; do
    if [[ $argument == --dry-run* ]]; then dry_run=yes; fi
  done
  read_status
  saved_before=$(status_field saved_at)
  done_before=$(status_field 'done')
  say "Job $SLURM_JOB_ID, start $((${SLURM_RESTART_COUNT:-0} + 1)):" \
    "${SLURM_NTASKS:-1} tasks on ${SLURM_JOB_NODELIST:-this node} by $launcher, run '$run'."
  run_search
  judge
  if ((code == 75)); then start_again; fi
  exit "$code"
}

main "$@"
