# What train.sh and imagenet.sh share besides job.sh.
# shellcheck shell=bash disable=SC2034,SC2154 # all sourced files share their variables

# read_training_arguments DEFAULT.ini ARGUMENTS: read_arguments for a training of all repeats, or for one
# repeat in a task of a job array.
read_training_arguments() {
  local standard=$1 cell
  shift
  take_arguments "$@"
  arguments=(--config "$standard" "${arguments[@]}") # if there are two, the last one counts
  require_given train out run genotype config only-repeat dry-run
  plain out "${given[out]}"
  if [[ -z $out ]]; then
    plain cell "${given[run]}"
    if [[ -z $cell ]]; then name_of cell "${given[genotype]}" .json; fi
    if [[ -z $cell ]]; then refuse "No cell is given. Add --run DIR of a search, or --genotype FILE.json."; fi
    name_of out "${given[config]}" .ini
    out=$cell-$out
  fi
  repeat=${given[only-repeat]#0}
  if [[ -n ${SLURM_ARRAY_TASK_ID:-} ]]; then take_repeat_of_task; fi
  folder=$out
  if [[ -n $repeat ]]; then folder=$out/repeat-$repeat; fi
  program=("$hierevo" train "${arguments[@]}" --out "$out")
}

# The task's number is the repeat's. --repeats on the command line says how many there are; otherwise
# there are as many as the highest number, or as the training already has, so that one can be redone.
take_repeat_of_task() {
  local highest=$SLURM_ARRAY_TASK_MAX
  repeat=$SLURM_ARRAY_TASK_ID
  if ((${SLURM_ARRAY_TASK_MIN:-$repeat} == 0)); then
    refuse "This job array has a task 0 (task numbers are repeat numbers, which begin at 1)." \
      "Submit it with --array=1-$((highest + 1))."
  fi
  if [[ " ${arguments[*]}" != *' --repeats'[\ =]* ]]; then
    find_recorded_repeats
    arguments+=(--repeats $((highest > recorded ? highest : recorded)))
  fi
  arguments+=(--only-repeat "$repeat")
}

# Sets `recorded` to the number of repeats of the training in `out`; 0 if there is none.
find_recorded_repeats() {
  recorded=0
  if [[ -r $out/config.ini ]]; then
    recorded=$(sed -n 's/^repeats=\([0-9]\{1,9\}\)$/\1/p' "$out/config.ini") || true # the signal may kill it
    number_in recorded "$recorded"
  fi
}

# The progress.json of each repeat has its steps; a result.json means that something is finished.
read_state() {
  local file step result=$folder/result.json files=("$out"/repeat-*/progress.json)
  if [[ -n $repeat ]]; then files=("$folder/progress.json"); fi
  state='' progress=0 saved_at=''
  for file in "${files[@]}"; do
    if [[ ! -r $file ]]; then continue; fi
    json_field step step <"$file"
    number_in step "$step"
    progress=$((progress + step))
    saved_at+=$(stat --format=%Y "$file") || true # the signal may kill it
    if [[ $state != saved ]]; then json_field state state <"$file"; fi
  done
  # A result of fewer repeats may be left from earlier; each start rewrites config.ini.
  if [[ -r $result && (-n $repeat || $result -nt $out/config.ini) ]]; then state=finished; fi
}
