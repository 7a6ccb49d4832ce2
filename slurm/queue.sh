# Requests of a job to Slurm's controller, which may be slow or away for a while: job.sh sources this.
# shellcheck shell=bash disable=SC2034,SC2154 # all sourced files share their variables
#
# If the controller does not respond, that says nothing about the job. So everything is retried, at growing
# intervals, for as long as the job lasts.

answer_within=20 # seconds for one command
job=$SLURM_JOB_ID
if [[ -n ${SLURM_ARRAY_JOB_ID:-} ]]; then job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID; fi

# seconds_left VARIABLE: how long to retry: until shortly before the job's limit, at most half an hour.
seconds_left() {
  local now left=1800
  printf -v now '%(%s)T' -1
  if [[ ${SLURM_JOB_END_TIME:-} =~ ^[0-9]+$ ]] && ((SLURM_JOB_END_TIME > now)); then
    left=$((SLURM_JOB_END_TIME - now - 30))
  elif [[ -n $save_asked ]]; then
    left=$((save_asked + 150 - SECONDS))
  fi
  printf -v "$1" %s $((left < 30 ? 30 : left > 1800 ? 1800 : left))
}

# ask SECONDS COMMAND...: Slurm's answer becomes `answer`. Tries for that many seconds, at least once.
# Fails with 1 if Slurm refuses (no such job, not allowed), with 2 if it did not respond.
ask() {
  local give_up=$((SECONDS + $1)) pause=1
  shift
  while ! answer=$(trap '' USR1 USR2 && timeout --kill-after=5 "$answer_within" "$@" 2>&1); do
    case $answer in *"Invalid job id"* | *disabled* | *denied*) return 1 ;; esac
    answer=${answer:-no answer within $answer_within s}
    if ((SECONDS + pause > give_up)); then return 2; fi
    say "$1 $2: $answer. Retrying in $pause s."
    sleep "$pause" || true
    pause=$((pause < 16 ? 2 * pause : 30))
  done
}

# find_state SECONDS JOB: sets `job_state` to Slurm's word for it, GONE if there is no such job (any more).
# Fails if Slurm does not respond.
find_state() {
  local code=0
  ask "$1" squeue --noheader --jobs="$2" --format=%T || code=$?
  if ((code == 2)); then return 1; fi
  job_state=GONE
  # There may be warnings before and after it.
  if ((code == 0)) && [[ $'\n'$answer$'\n' =~ $'\n'([A-Z_]+)$'\n' ]]; then
    job_state=${BASH_REMATCH[1]}
  fi
}

# Finds the time limit, for the program: Slurm before 23 does not set the variable itself.
find_end_of_job() {
  local end
  if [[ -n ${SLURM_JOB_END_TIME:-}$save_asked ]]; then return; fi
  ask 60 squeue --noheader --jobs="$job" --format=%e || return 0
  [[ $answer =~ [0-9]{4}-[0-9]+-[0-9]+T[0-9:]+ ]] || return 0 # there is no limit
  if end=$(date --date="${BASH_REMATCH[0]}" +%s); then export SLURM_JOB_END_TIME=$end; fi
}

# ---- A folder that another process is using ------------------------------------------------------

# find_owner VARIABLE: the file of the last start in `folder` or in a repeat's folder there: of each the one
# with the highest number (io/FORMAT.md, "Owner"). Empty if there is none.
find_owner() {
  local place file number highest newest found=''
  for place in "$folder" "$folder"/repeat-*; do
    highest=0 newest=''
    for file in "$place"/owner-*; do
      number=${file##*/owner-}
      [[ $number =~ ^[1-9][0-9]{0,17}$ && -f $file && -r $file ]] || continue
      if ((number > highest)); then highest=$number newest=$file; fi
    done
    if [[ -n $newest && (-z $found || $newest -nt $found) ]]; then found=$newest; fi
  done
  printf -v "$1" %s "$found"
}

# owner_field VARIABLE NAME: a field of such a file, which is read from standard input.
owner_field() {
  local line
  printf -v "$1" %s ''
  while IFS= read -r line; do
    if [[ $line == "$2 = "* ]]; then printf -v "$1" %s "${line#"$2 = "}"; fi
  done
}

# Reports which process was the last to start in `folder`, as far as is known (its file stays when it exits),
# and what Slurm knows about its job. Fails if that is another running job: two jobs that wait for each other
# would take the folder over in turn where locks do not work.
report_owner() {
  local owner host pid of last
  find_owner owner
  [[ -n $owner ]] || return 0
  owner_field host host <"$owner" && owner_field pid pid <"$owner" && owner_field of job <"$owner" ||
    return 0 # it has just been removed
  last="The last to start in '$folder' was process $pid on $host"
  if [[ -z $of ]]; then
    say "$last, outside of any job."
  elif [[ $of == "$SLURM_JOB_ID" ]]; then
    say "$last, of another start of this job, which Slurm no longer knows as running. If it is still alive," \
      "it will be killed when $host is in contact with Slurm again."
  elif ! find_state 30 "$of"; then
    say "$last, for job $of. Slurm did not say whether that runs."
  elif [[ $job_state == RUNNING ]]; then
    say "$last, for job $of, which is running."
    return 1
  else
    say "$last, for job $of, which Slurm no longer knows as running ($job_state)." \
      "If it is still alive, kill it there, or ask the administrators to."
  fi
}

# Reruns the program until `code` is no longer 5, at most for `in_use_wait` seconds: the processes of a start
# that Slurm has given up may still be alive on a node that has lost contact. Only a restarted job may wait
# for that, and not a start that Slurm itself has given up: it would take the folder back from the one that
# Slurm knows.
wait_for_folder() {
  local give_up=$((SECONDS + in_use_wait)) pause=4
  end_if_superseded
  if ! report_owner; then exit 5; fi
  if ((${SLURM_RESTART_COUNT:-0} == 0)); then return; fi
  say "This job was restarted: it waits up to $in_use_wait s for '$folder'."
  while ((code == 5 && SECONDS < give_up)) && [[ -z $save_asked ]]; do
    sleep "$pause" &
    program_id=$! # a request to save is passed on to it, and ends it
    if [[ -n $save_asked ]]; then kill -USR1 "$program_id" 2>/dev/null || true; fi
    wait "$program_id" || true
    kill "$program_id" 2>/dev/null || true
    program_id=''
    pause=$((pause < 16 ? 2 * pause : 30))
    end_if_superseded
    if [[ -z $save_asked ]]; then run_program; fi
  done
}

end_if_superseded() {
  if is_superseded 30; then
    say "Slurm has restarted this job elsewhere. This start exits."
    exit 5
  fi
}

# ---- Requeueing ----------------------------------------------------------------------------------

# Counts, in `folder`, consecutive starts that made no progress, including those that found it in use. Fails
# if there were too many.
made_progress() {
  local count=0 file=$folder/restarts
  if [[ -z $folder ]]; then return; fi # it was asked to save before the folder was known
  if ((code == 5)) || [[ ${progress:-0} == "${progress_before:-0}" ]]; then
    if [[ -r $file ]]; then read -r count <"$file" || true; fi
    number_in count "$count"
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

# Whether Slurm has meanwhile restarted this job elsewhere, because it had lost contact with this node.
is_superseded() {
  ask "$1" scontrol show job "$job" && [[ $answer =~ Restarts=([0-9]+) ]] &&
    ((BASH_REMATCH[1] > ${SLURM_RESTART_COUNT:-0}))
}

# start_again WHY SECONDS: requeues this job, to start in that many seconds, which ends it now. Not if it is
# being cancelled. Returns if it cannot be requeued, after a message that says why.
start_again() {
  local again='the same sbatch command resumes it' patience give_up pause=1 refused announced=''
  seconds_left patience
  give_up=$((SECONDS + patience))
  while find_state $((give_up - SECONDS)) "$job"; do
    if [[ $job_state != RUNNING && $job_state != SIGNALING ]]; then
      say "$1; the job is $job_state. If Slurm does not restart it by itself, $again."
      return
    fi
    if is_superseded $((give_up - SECONDS)); then
      say "$1; Slurm has restarted this job elsewhere. This start exits."
      return
    fi
    if [[ -z $announced ]] && ! made_progress; then
      say "$1, but $restarts consecutive starts made no progress" \
        "($( ((code == 5)) && echo 'others held the folder' || echo 'is the time limit too short?'))." \
        "The job ends here; $again."
      return
    fi
    if [[ -z $announced ]]; then say "$1; the job is requeued."; fi
    announced=yes
    trap '' TERM # it comes as soon as Slurm has done so
    refused=0
    ask 0 scontrol requeue "$job" || refused=$?
    if ((refused == 0)); then
      # Without a start time that is still in the future when this job has ended, Slurm waits two minutes. Not
      # at once: a node refuses a start within the second in which it ended the job, which then fails. Not
      # through `ask`: its timeout would be killed by SIGTERM, which Slurm now sends to the whole job.
      for ((pause = 0; pause < 5; ++pause)); do
        if scontrol update JobId="$job" StartTime="now+$2"; then break; fi
        sleep 1 || true
      done
      exit 75 # Slurm ends the job now, and ignores the code
    fi
    if ((refused == 1)); then
      say "$1, but Slurm does not requeue the job: $answer. It ends here; $again."
      return
    fi
    if ((SECONDS + pause > give_up)); then break; fi
    say "scontrol requeue: $answer. Retrying in $pause s."
    sleep "$pause" || true
    pause=$((pause < 16 ? 2 * pause : 30))
  done
  say "$1, but Slurm has not responded for $patience s: $answer. The job is not requeued; $again."
}
