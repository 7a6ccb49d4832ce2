# What the job scripts of this folder share: they source it; it is not a script by itself.
# shellcheck shell=bash disable=SC2034,SC2154 # all sourced files share their variables
#
# A job runs a program that saves at SIGUSR1 and exits with 75, and then requeues itself to resume from its
# files; it gives up after `restarts` consecutive starts without progress. It is not requeued for any other
# reason. Settings of a site are in site.sh beside this file (see site.sh.example), in
# ~/.config/hierevo/site.sh, or in the file that HIEREVO_SITE names.
#
# A script begins with the head that all of them have, defines the two functions below, and calls
# `run_job "$@"`.
#   read_arguments ARGUMENTS   sets `program`, the command line, and `folder`, which has all lasting files
#   read_state                 sets `state` of what is in `folder` (empty: nothing yet; finished; saved;
#                              others), `progress`, a number that grows, and `saved_at`, which changes
#                              with each save
#
# SIGUSR2 may come at any moment, with `scancel --full` also to whatever command is running. The trap only
# records it (in `save_asked`) and passes it on; commands whose answer matters run with the signal ignored.
# SIGUSR1 is handled alike. The launcher gets SIGUSR1, which srun and all mpiruns pass on to the ranks:
# SIGUSR2 kills MPICH's mpirun and all ranks with it.

say() {
  local text=$*
  printf '%(%FT%T)T %s: %s\n' -1 "$script" "${text//[[:cntrl:]]/?}" >&2
}

refuse() {
  say "$@"
  exit 2
}

# ---- Settings ------------------------------------------------------------------------------------

launcher=srun          # or mpirun
launcher_arguments=()  # such as --mpi=pmix
bin=                   # folder of the programs; empty: beside the scripts, else on PATH
restarts=10            # most consecutive starts without progress
restart_after=15       # seconds; Slurm takes two minutes if the old job has not ended by then
in_use_wait=600        # seconds that a restarted job waits for others to leave its folder
in_use_after=900       # seconds until it is restarted if they have not

scripts=${BASH_SOURCE[0]%/*}
script=${original##*/}
program_id='' # of the launcher while it runs

# shellcheck source=slurm/queue.sh
source "$scripts/queue.sh"

read_site() {
  local file
  if [[ -n ${HIEREVO_SITE:-} && ! -r $HIEREVO_SITE ]]; then
    refuse "HIEREVO_SITE names '$HIEREVO_SITE', which cannot be read."
  fi
  for file in "${HIEREVO_SITE:-}" "$scripts/site.sh" "${HOME:-}/.config/hierevo/site.sh"; do
    if [[ -n $file && -r $file ]]; then
      set +eu # the functions of modules are not written for strict mode
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
  if hash hierevo 2>/dev/null; then
    hierevo=${BASH_CMDS[hierevo]}
    return
  fi
  refuse "There is no hierevo (looked beside '$scripts' and on PATH). Set bin=FOLDER in site.sh."
}

# ---- Arguments -----------------------------------------------------------------------------------

# take_arguments [FILE.ini] [OPTIONS]: sets `arguments` to what the programs accept.
take_arguments() {
  if [[ ${1:-} == *.ini ]]; then
    if [[ ! -r $1 ]]; then refuse "'$1' cannot be read. Give a path that the nodes see."; fi
    arguments=(--config "$@")
  else
    arguments=("$@")
  fi
}

# read_given COMMAND NAME...: sets given[NAME] to the value of that option in `arguments` and the INI file, as
# the program itself reads them; empty if it is not given. If the program refuses them, fails with its code.
declare -A given=()
read_given() {
  local command=$1 values=() i
  shift
  mapfile -d '' -t values < <(
    trap '' USR1 USR2
    IFS=, code=0
    "$hierevo" "$command" --print-given "$*" "${arguments[@]}" || code=$?
    printf '%s\0' "$code"
  )
  if ((${#values[@]} == 0)); then return 140; fi # killed by the signal
  if ((${#values[@]} == 1)) && [[ ${values[0]} =~ ^[0-9]+$ ]]; then return "${values[0]}"; fi
  if ((${#values[@]} != $# + 1)); then refuse "Options such as --help are not allowed in jobs."; fi
  for ((i = 1; i <= $#; ++i)); do given[${!i}]=${values[i - 1]}; done
}

# The same, and ends the job if the arguments are refused, which the program has reported.
require_given() {
  local refused=0
  read_given "$@" || refused=$?
  if ((refused == 0)); then return; fi
  if ((refused != 140)) && [[ -z $save_asked ]]; then exit "$refused"; fi
  code=75
  trap '' USR1 USR2
  start_again "Asked to save before it had begun" "$restart_after"
  exit "$code"
}

# The following functions set the variable named first. (The signal may kill a subshell.)

# plain VARIABLE PATH: the path without slashes and dots at its end, so that names can be derived from it.
plain() {
  local path=$2
  while [[ $path == ?*/ || $path == ?*/. ]]; do
    path=${path%.}
    path=${path%/}
  done
  if [[ $path == . || $path == .. || $path == */.. ]]; then path=$(realpath -ms -- "$path") || return; fi
  printf -v "$1" %s "$path"
}

# name_of VARIABLE FILE SUFFIX: the file's name without folder and suffix.
name_of() {
  local name=${2##*/}
  printf -v "$1" %s "${name%"$3"}"
}

# json_field VARIABLE NAME [LEVEL]: the number or word of that name in the JSON on standard input, which has one
# member per line, two spaces further to the right on each level; of the first level unless given.
json_field() {
  local line member="^ {$((2 * ${3:-1}))}\"$2\": \"?([^\",]*)\"?,?\$"
  printf -v "$1" %s ''
  while IFS= read -r line; do
    if [[ $line =~ $member ]]; then
      printf -v "$1" %s "${BASH_REMATCH[1]}"
      return
    fi
  done
}

# number_in VARIABLE TEXT: the number that a file has, 0 for any other text. Bash runs commands in what is no
# number where it computes, and takes 08 for an octal one.
number_in() {
  if [[ $2 =~ ^[0-9]{1,18}$ ]]; then printf -v "$1" %s $((10#$2)); else printf -v "$1" %s 0; fi
}

# ---- The program ---------------------------------------------------------------------------------

# A restarted job numbers its steps from 0 again. If a node broke down before, Slurm's PMIx finds the socket
# of the earlier step with the same number there, and refuses to start.
take_new_step_ids() {
  local i
  for ((i = ${SLURM_RESTART_COUNT:-0} % 8; i > 0; --i)); do
    if [[ -n $save_asked ]]; then return; fi
    timeout 60 srun --mpi=none --nodes=1 --ntasks=1 true || true
  done
}

# With sbatch's --hierevo-stage, the tasks of a step wait on each node until the data are there. On the node
# where this runs they already are, so ranks here would wait in MPI_Init for those of other nodes, which gives
# up soon. So a step without MPI stages the data on all nodes first. Its exit code becomes `code`.
stage_on_all_nodes() {
  code=0
  if [[ -z ${HIEREVO_STAGED:-} ]]; then return; fi
  launch srun --mpi=none --nodes="$SLURM_JOB_NUM_NODES" --ntasks="$SLURM_JOB_NUM_NODES" \
    --ntasks-per-node=1 true
}

# The handlers do nothing else, and the shell is waiting when a signal comes: otherwise bash loses signals.
pass_signals_on() {
  trap 'save_asked=$SECONDS; [[ -z $program_id ]] || kill -USR1 "$program_id" 2>/dev/null || true' USR1 USR2
  trap '[[ -z $program_id ]] || kill -TERM "$program_id" 2>/dev/null || true' TERM
}

# Runs the program; its exit code, as the launcher returns it, becomes `code`: also 75 if it was asked to save
# before it had begun. srun may fail to start only because Slurm's controller did not respond.
srun_failed=76
run_program() {
  local pause=1
  code=75
  while [[ -z $save_asked ]]; do
    stage_on_all_nodes
    if ((code == 0)) && [[ -z $save_asked ]]; then
      launch "$launcher" "${launcher_arguments[@]}" "${program[@]}"
    fi
    if ((code != srun_failed || pause > 16)); then return; fi
    say "srun could not start the program. Retrying in $pause s, once Slurm responds."
    sleep "$pause" || true
    pause=$((2 * pause))
    code=75 job_state=''
    until find_state 30 "$job" || [[ -n $save_asked ]]; do :; done
    if [[ $job_state != RUNNING ]]; then return; fi
  done
}

# launch COMMAND...: runs it, passing signals on; its exit code becomes `code`.
launch() {
  local last=0
  pass_signals_on
  SLURM_EXIT_ERROR=$srun_failed "$@" &
  program_id=$!
  # The signal may have come before the process id was known.
  if [[ -n $save_asked ]]; then kill -USR1 "$program_id" 2>/dev/null || true; fi
  code=0
  wait "$program_id" || code=$?
  # A signal also ends a wait, with a code over 128; the launcher then still runs, or has just exited.
  while kill -0 "$program_id" 2>/dev/null; do wait "$program_id" || true; done
  wait "$program_id" 2>/dev/null || last=$?
  if ((last != 127)); then code=$last; fi
  program_id=''
  trap - TERM
}

# Launchers may return another code than the program's: except for its refusals, the files decide.
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
      elif [[ -n $save_asked ]]; then
        code=75 # its handler was not set yet, and what it did before is in its files
      elif ((code == srun_failed)) || { ((code == 0)) && [[ ${given[dry-run]:-} != true ]]; }; then
        code=1
      fi
      ;;
  esac
}

run_job() {
  : "${save_asked:=}"
  read_site
  find_programs
  folder='' state='' progress='' saved_at=''
  read_arguments "$@"
  read_state
  saved_before=$saved_at
  progress_before=$progress
  say "Job $SLURM_JOB_ID, start $((${SLURM_RESTART_COUNT:-0} + 1)): ${SLURM_NTASKS:-1} tasks" \
    "on ${SLURM_JOB_NODELIST:-this node} with $launcher, in '$folder'."
  find_end_of_job
  if [[ -n ${SLURM_CPUS_PER_TASK:-} ]]; then export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK; fi
  # For hierevo status: what the ranks print comes here. (The signal may kill readlink.)
  HIEREVO_LOG=$(readlink "/proc/$$/fd/2") || true
  export HIEREVO_LOG
  if [[ $launcher == srun ]]; then take_new_step_ids; fi
  run_program
  if ((code == 5)); then wait_for_folder; fi
  trap '' USR1 USR2 # from here on the signal makes no difference
  judge
  case $code in
    75) start_again "Saved" "$restart_after" ;;
    5)
      if ((${SLURM_RESTART_COUNT:-0} > 0)); then
        start_again "'$folder' is still in use" "$in_use_after"
      fi
      ;;
  esac
  exit "$code"
}
