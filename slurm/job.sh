# What the job scripts of this folder have in common: they source it, and it is no script by itself.
# shellcheck shell=bash
#
# A job runs a program that saves at SIGUSR2 and ends with 75, and then puts itself into the queue
# again, to go on from its files; it gives up after `restarts` starts in series without progress. It starts
# again after nothing else. What differs from site to site is set in site.sh beside this file (see
# site.sh.example), in ~/.config/hierevo/site.sh, or in the file that HIEREVO_SITE names.
#
# A script sources this, defines the two functions below, and calls `run_job "$@"`.
#   read_arguments ARGUMENTS   sets `program`, the command line, and `folder`, where all that lasts is
#   read_state                 sets `state` of what is in `folder` (empty: nothing yet; finished; saved;
#                              others), `progress`, a number that grows, and `saved_at`, which changes
#                              with each save

say() {
  printf '%s %s: %s\n' "$(date +%FT%T)" "$script" "$*" >&2
}

refuse() {
  say "$@"
  exit 2
}

# ---- Settings ------------------------------------------------------------------------------------

launcher=srun          # or mpirun
launcher_arguments=()  # such as --mpi=pmix
bin=                   # folder of the programs; empty: beside the scripts, else on PATH
restarts=10            # so many in series without progress
restart_after=15       # seconds; Slurm takes two minutes where the old job has not ended by then

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
script=$(basename "${original:-job.sh}")

read_site() {
  local file
  if [[ -n ${HIEREVO_SITE:-} && ! -r $HIEREVO_SITE ]]; then
    refuse "HIEREVO_SITE names '$HIEREVO_SITE', which cannot be read."
  fi
  for file in "${HIEREVO_SITE:-}" "$scripts/site.sh" "${HOME:-}/.config/hierevo/site.sh"; do
    if [[ -n $file && -r $file ]]; then
      set +eu # modules' own functions are not written for strict mode
      # shellcheck source=/dev/null
      source "$file"
      set -eu
      return
    fi
  done
}

find_programs() {
  local place
  for place in "$bin" "$scripts/../build/release/bin" "$scripts/../../../bin" \
    "$SLURM_SUBMIT_DIR/build/release/bin"; do
    if [[ -n $place && -x $place/hierevo ]]; then
      hierevo=$place/hierevo
      return
    fi
  done
  if hierevo=$(command -v hierevo); then return; fi
  refuse "There is no hierevo (looked beside '$scripts' and on PATH). Set bin=FOLDER in site.sh."
}

# ---- Arguments -----------------------------------------------------------------------------------

# take_arguments [FILE.ini] [OPTIONS]: sets `ini` and `arguments`, which are OPTIONS.
take_arguments() {
  ini=
  if [[ ${1:-} == *.ini ]]; then
    ini=$1
    shift
    if [[ ! -r $ini ]]; then refuse "'$ini' cannot be read. Give a path that the nodes see."; fi
  fi
  arguments=("$@")
}

# given NAME: the value of --NAME, or NAME's in the INI file; nothing when it is in neither.
given() {
  local i value=''
  if [[ -n $ini ]]; then
    value=$(sed -n "s/^[[:space:]]*$1[[:space:]]*=[[:space:]]*//p" "$ini" | tail -n 1)
  fi
  for ((i = 0; i < ${#arguments[@]}; ++i)); do
    case ${arguments[i]} in
      "--$1") value=${arguments[i + 1]:-} ;;
      "--$1="*) value=${arguments[i]#*=} ;;
    esac
  done
  printf '%s\n' "$value"
}

# drop NAME: takes --NAME and its value out of `arguments`.
drop() {
  local i kept=()
  for ((i = 0; i < ${#arguments[@]}; ++i)); do
    case ${arguments[i]} in
      "--$1") i=$((i + 1)) ;;
      "--$1="*) ;;
      *) kept+=("${arguments[i]}") ;;
    esac
  done
  arguments=("${kept[@]}")
}

# json_field NAME: the first number or word of that name in the JSON that is read, a member a line.
json_field() {
  sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" | head -n 1
}

is_dry_run() {
  local argument
  for argument in "${program[@]}"; do
    if [[ $argument == --dry-run* ]]; then return 0; fi
  done
  return 1
}

# ---- The program ---------------------------------------------------------------------------------

# A job that is started again counts its steps from 0 again. Where a node broke down before, Slurm's PMIx
# finds the socket of the earlier step with the same number there, and refuses to start.
take_new_step_ids() {
  local i
  for ((i = ${SLURM_RESTART_COUNT:-0} % 8; i > 0; --i)); do
    srun --mpi=none --nodes=1 --ntasks=1 true || true
  done
}

# With sbatch's --hierevo-stage, tasks of a step wait on each node until the data are there. They already are
# where this runs, so ranks here would wait in MPI_Init for those of other nodes, and not for long: so
# the data go to all nodes before, by a step without MPI.
stage_on_all_nodes() {
  if [[ -z ${HIEREVO_STAGED:-} ]]; then return; fi
  srun --mpi=none --nodes="$SLURM_JOB_NUM_NODES" --ntasks="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1 true
}

# When the time limit comes, for the program: Slurm before 23 does not say so itself.
tell_end_of_job() {
  local limit
  if [[ -n ${SLURM_JOB_END_TIME:-} ]]; then return; fi
  limit=$(squeue --noheader --jobs="$SLURM_JOB_ID" --format=%e 2>/dev/null | head -n 1) || true
  [[ $limit == [0-9]*T* ]] || return 0 # there is none
  if limit=$(date --date="$limit" +%s); then export SLURM_JOB_END_TIME=$limit; fi
}

# Runs the program; its exit code, as the launcher tells it, becomes `code`. The shell must be waiting
# when a signal comes, and the handler do no more than this: bash loses signals otherwise.
run_program() {
  local pid last
  tell_end_of_job
  if [[ -n ${SLURM_CPUS_PER_TASK:-} ]]; then export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK; fi
  if [[ $launcher == srun ]]; then take_new_step_ids; fi
  code=0
  stage_on_all_nodes || code=$?
  if ((code != 0)); then return; fi
  "$launcher" "${launcher_arguments[@]}" "${program[@]}" &
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

# Launchers may tell another code than the program's: beyond its refusals the files decide.
judge() {
  read_state
  case $code in
    2 | 3 | 4 | 5) return ;;
    75) if [[ $state == finished ]]; then code=0; fi ;;
    *)
      if [[ $state == finished ]]; then
        code=0
      elif [[ $state == saved && $saved_at != "$saved_before" ]]; then
        code=75
      elif ((code == 0)) && ! is_dry_run; then
        code=1
      fi
      ;;
  esac
}

# ---- Again ---------------------------------------------------------------------------------------

# Counts starts in series that brought no progress, in `folder`. Fails when there were too many.
made_progress() {
  local count=0 file=$folder/restarts
  if [[ ${progress:-0} == "${progress_before:-0}" ]]; then
    count=$(cat "$file" 2>/dev/null || echo 0)
    [[ $count =~ ^[0-9]+$ ]] || count=0
    count=$((count + 1))
  fi
  # Before the first save there is no folder to write to.
  if [[ -n $state ]]; then
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
    say "Saved; the job is ${job_state:-gone}. Where Slurm does not start it again by itself, the same" \
      "sbatch line goes on."
    return
  fi
  if ! made_progress; then
    say "Saved, but $restarts starts in series brought no progress (is the time limit too short?)." \
      "The job ends here; the same sbatch line goes on."
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

run_job() {
  read_site
  find_programs
  state='' progress='' saved_at=''
  read_arguments "$@"
  read_state
  saved_before=$saved_at
  progress_before=$progress
  say "Job $SLURM_JOB_ID, start $((${SLURM_RESTART_COUNT:-0} + 1)): ${SLURM_NTASKS:-1} tasks" \
    "on ${SLURM_JOB_NODELIST:-this node} by $launcher, in '$folder'."
  run_program
  judge
  if ((code == 75)); then start_again; fi
  exit "$code"
}

# ---- Trainings, of train.sh and imagenet.sh ------------------------------------------------------

# training_arguments DEFAULT.ini ARGUMENTS: read_arguments of one training, or of one repeat of several
# in a task of a job array.
training_arguments() {
  local standard=$1 of
  shift
  take_arguments "$@"
  if [[ -z $ini ]]; then ini=$standard; fi
  out=$(given out)
  if [[ -z $out ]]; then
    of=$(given run)
    if [[ -z $of ]]; then of=$(basename "$(given genotype)" .json); fi
    if [[ -z $of ]]; then refuse "No cell is given. Add --run DIR of a search, or --genotype FILE.json."; fi
    out=$of-$(basename "$ini" .ini)
  fi
  drop out
  folder=$out
  repeat=${SLURM_ARRAY_TASK_ID:-}
  if [[ -n $repeat ]]; then
    folder=$out/repeat-$repeat
    arguments+=(--repeat "$repeat")
    drop repeats
    arguments+=(--repeats "$SLURM_ARRAY_TASK_MAX")
  fi
  program=("$hierevo" train --config "$ini" --out "$out" "${arguments[@]}")
}

# The repeats' progress.json tell their steps, and a result.json that something is finished.
read_training_state() {
  local file step result=$folder/result.json files=("$out"/repeat-*/progress.json)
  if [[ -n $repeat ]]; then files=("$folder/progress.json"); fi
  state='' progress=0 saved_at=''
  for file in "${files[@]}"; do
    if [[ ! -r $file ]]; then continue; fi
    step=$(json_field step <"$file")
    progress=$((progress + ${step:-0}))
    saved_at+=$(stat --format=%Y "$file")
    if [[ $state != saved ]]; then state=$(json_field state <"$file"); fi
  done
  # That of fewer repeats may be there from earlier; each start writes config.ini anew.
  if [[ -r $result && (-n $repeat || $result -nt $out/config.ini) ]]; then state=finished; fi
}
