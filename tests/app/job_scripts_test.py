"""The job scripts of slurm/, with stand-ins for Slurm's commands that fail, hang and send signals."""
import json
import os
import shutil
import subprocess
import unittest
import unittest.mock

from programs import BIN, CELL, DEADLINE, HIEREVO, SOURCE, ProgramTest

SCRIPTS = SOURCE / "slurm"
SMALL = ["--evaluator", "synthetic", "--population", "4", "--evaluations", "10", "--progress", "off"]

# `behaviour` is what a test adds. Where it does nothing, Slurm answers.
STAND_IN = r"""#!/bin/bash
tool=${0##*/}
echo "$tool $*" >>"$STAND_INS/calls"
calls() { grep -c "^$tool $1" "$STAND_INS/calls"; }
fail() { echo "$tool: error: $1" >&2; exit 1; }
unreachable() { fail "Unable to contact slurm controller (connect failure)"; }
. "$STAND_INS/behaviour"
case "$tool $*" in
  "scontrol show"*)
    printf 'JobId=77 JobName=a Command=b\n   JobState=RUNNING Restarts=%s\n   Command=%s\n' \
      "${SLURM_RESTART_COUNT:-0}" "$STAND_INS_COMMAND" ;;
  squeue*=%T) echo RUNNING ;;
  squeue*=%e) echo N/A ;;
  srun*)
    while [[ $1 == --* ]]; do shift; done
    exec "$@" ;;
esac
"""


class JobScripts(ProgramTest):
    def setUp(self):
        super().setUp()
        self.run_dir = self.folder / "my run"
        self.stand_ins = self.folder / "stand-ins"
        self.stand_ins.mkdir()
        self.stand_in("scontrol", STAND_IN)
        for name in ("squeue", "srun"):
            (self.stand_ins / name).symlink_to("scontrol")
        # Nothing takes as long as it would.
        self.stand_in("sleep", "#!/bin/bash\n")
        self.site()
        self.behave("")

    def stand_in(self, name, text):
        path = self.stand_ins / name
        path.write_text(text)
        path.chmod(0o700)

    def behave(self, text):
        (self.stand_ins / "behaviour").write_text(text)

    def site(self, *lines):
        (self.folder / "site.sh").write_text("\n".join([f"bin='{BIN}'", *lines]))

    def environment(self, command, variables):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
        variables = {f"SLURM_{name}": str(value) for name, value in variables.items()}
        return {**kept, "PATH": f"{self.stand_ins}:{os.environ['PATH']}",
                "STAND_INS": str(self.stand_ins), "STAND_INS_COMMAND": " ".join(command),
                "HIEREVO_SITE": str(self.folder / "site.sh"), "SLURM_JOB_ID": "77",
                "SLURM_SUBMIT_DIR": str(self.folder), **variables}

    def script(self, name, *arguments, **variables):
        """Ends as the job of this script does; variables are those of Slurm, without SLURM_."""
        command = [str(SCRIPTS / name), *map(str, arguments)]
        shutil.copy(SCRIPTS / name, self.folder / "slurm_script")
        (self.stand_ins / "calls").write_text("")
        # The shell's id is that of the script, which stand-ins send signals to.
        line = ["bash", "-c", 'export SCRIPT=$$; exec bash "$@"', "-", "slurm_script", *command[1:]]
        return subprocess.run(line, cwd=self.folder, env=self.environment(command, variables),
                              text=True, capture_output=True, timeout=DEADLINE)

    def search(self, *arguments, **variables):
        return self.script("search.sh", *arguments, *SMALL, **variables)

    def calls(self, beginning):
        lines = (self.stand_ins / "calls").read_text().splitlines()
        return [line for line in lines if line.startswith(beginning)]

    def assert_queued(self, result, times=1):
        self.assertEqual(len(self.calls("scontrol requeue 77")), times, result.stderr)
        self.assertEqual(result.returncode, 75, result.stderr)


class Finding(JobScripts):
    """What a script takes from its arguments, its INI file and the job."""

    def test_heads_are_equal(self):
        heads = []
        for name in ("search", "train", "imagenet"):
            text = (SCRIPTS / f"{name}.sh").read_text()
            begin = text.index("# The same in all job scripts")
            heads.append(text[begin:text.index("\n", text.index("\nsource ") + 1)])
        self.assertEqual(len(set(heads)), 1)

    def test_a_script_that_slurm_got_as_text_is_refused(self):
        for says in ("Command=(null)", "Name=x"):
            with self.subTest(says=says):
                self.behave('[[ $tool == scontrol ]] && '
                            f"{{ printf 'JobId=77\\n   {says}\\n'; exit 0; }}")
                result = self.search("--run", "my")
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertIn("Give sbatch the script's path, not its text:", result.stderr)
                self.assertEqual(self.calls("srun"), [])

    def test_names_are_what_the_program_reads(self):
        ini = self.folder / "the.ini"
        for text, made in [("run = my   # where\n", "my"), ("run=other\r\nseed=3\r\n", "other"),
                           ("", "the"), ("run=a\nrun=b\n", None)]:
            with self.subTest(text=text):
                ini.write_bytes(text.encode())
                before = set(os.listdir(self.folder))
                result = self.search("the.ini")
                self.assertEqual(result.returncode, 0 if made else 2, result.stderr)
                new = set(os.listdir(self.folder)) - before - {"slurm_script"}
                self.assertEqual(new, {made} if made else set())

    def test_the_file_may_be_given_by_its_option(self):
        (self.folder / "the.ini").write_text("population=4\n")
        result = self.search("--config", "the.ini")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue((self.folder / "the" / "search.h5").exists())

    def test_what_is_refused_is_told_once(self):
        result = self.search("--run", "my", "--populaton", 3)
        self.assertEqual(result.returncode, 2)
        self.assertEqual(result.stderr.count("Did you mean '--population'?"), 1)
        self.assertEqual(self.calls("srun"), [])
        self.assertEqual(self.search("--help").returncode, 2)

    def test_folders_of_an_array(self):
        for run in ("my", "my/", "my//", "./my/."):
            with self.subTest(run=run):
                result = self.search("--run", run, ARRAY_JOB_ID=70, ARRAY_TASK_ID=2)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertIn("seed=2\n", (self.folder / "my-2" / "config.ini").read_text())
        self.assertEqual([path.name for path in self.folder.glob("*my*")], ["my-2"])
        self.assertEqual(list(self.folder.glob("my*/*-2")), [])


@unittest.skipUnless((BIN / "hierevo-train").exists(), "without Torch")
class Trainings(JobScripts):
    """Only what would be started: other tests train."""

    def setUp(self):
        super().setUp()
        (self.folder / "cell.json").write_text(json.dumps(CELL))
        (self.folder / "t.ini").write_text("steps=8   # few\nrepeats=7\r\n")
        self.behave('[[ $tool != srun ]] || exit 2\n')

    def started(self, *arguments, **variables):
        """The words of the program's command line, or nothing."""
        self.result = self.script("train.sh", "t.ini", "--genotype", "cell.json", *arguments,
                                  **variables)
        self.assertEqual(self.result.returncode, 2, self.result.stderr)
        return (self.calls("srun") or [""])[0].split(" train ")[-1].split()

    def last(self, words, option):
        return words[len(words) - words[::-1].index(option)]

    def array(self, task, *arguments, begin=1, end=3):
        return self.started("--out", "arr/", *arguments, ARRAY_JOB_ID=70, ARRAY_TASK_ID=task,
                            ARRAY_TASK_MIN=begin, ARRAY_TASK_MAX=end)

    def test_folder(self):
        self.assertEqual(self.last(self.started(), "--out"), "cell-t")
        self.assertEqual(self.last(self.started("--out", "x/"), "--out"), "x")
        (self.folder / "t.ini").write_text("out = y # here\n")
        self.assertEqual(self.last(self.started(), "--out"), "y")
        self.hierevo("search", "--run", self.run_dir, *SMALL)
        (self.folder / "t.ini").write_text("")
        self.result = self.script("train.sh", "t.ini", "--run", "my run/")
        self.assertIn("in 'my run-t'.", self.result.stderr)

    def test_tasks_are_repeats(self):
        words = self.array(2)
        self.assertEqual((self.last(words, "--out"), self.last(words, "--only-repeat"),
                          self.last(words, "--repeats")), ("arr", "2", "3"))
        self.assertEqual(self.last(self.array(2, "--repeats", 5), "--repeats"), "5")
        self.assertEqual(self.last(self.array(2, "--repeats=5"), "--repeats=5"), "--only-repeat")

    def test_one_is_made_again(self):
        """There are as many as before, not as many as this array's highest number."""
        (self.folder / "arr").mkdir()
        # An earlier program's record, with names that --config refuses.
        (self.folder / "arr" / "config.ini").write_text("repeats=4\nsync-norms=true\n")
        self.assertEqual(self.last(self.array(1, begin=1, end=1), "--repeats"), "4")
        self.assertEqual(self.last(self.array(2, begin=2, end=2), "--repeats"), "4")
        self.assertEqual(self.last(self.array(6, begin=5, end=6), "--repeats"), "6")

    def test_numbers_in_files_are_only_numbers(self):
        """Bash would run the commands in them where it computes."""
        repeat = self.folder / "arr" / "repeat-1"
        repeat.mkdir(parents=True)
        for text in ("progress[$(touch ran)]", "08", "9" * 30, "x", "-1"):
            with self.subTest(text):
                (repeat / "progress.json").write_text(f'{{\n  "state": "saved",\n  "step": {text}\n}}\n')
                (repeat.parent / "config.ini").write_text(f"repeats={text}\n")
                (repeat / "restarts").write_text(text)
                (repeat.parent / "restarts").write_text(text)
                self.assertEqual(self.last(self.started("--out", "arr"), "--out"), "arr")
                repeats = self.last(self.array(1, begin=1, end=3), "--repeats")
                self.assertEqual(repeats, "8" if text == "08" else "3")
                self.assertFalse((self.folder / "ran").exists())

    def test_an_array_from_0_is_refused(self):
        for task in (0, 1, 2):
            self.assertEqual(self.array(task, begin=0, end=2), [])
            self.assertIn("Submit it with --array=1-3.", self.result.stderr)
        self.assertFalse((self.folder / "arr").exists())


class Signals(JobScripts):
    """USR2 at the moment in which the script starts any other command."""
    COMMANDS = ["scontrol", "squeue", "srun", "hierevo", "sed", "head", "date", "cat", "dirname",
                "basename"]

    def setUp(self):
        super().setUp()
        # What each command does first, however it is found.
        (self.stand_ins / "real").mkdir()
        for name in self.COMMANDS:
            path = self.stand_ins / name
            if path.exists():
                path.rename(self.stand_ins / "real" / name)
            else:
                (self.stand_ins / "real" / name).symlink_to(
                    BIN / name if name == "hierevo" else shutil.which(name))
            self.stand_in(name, r"""#!/bin/bash
if [[ -n ${SCRIPT:-} ]]; then
  exec 9>>"$STAND_INS/lock"
  flock 9
  echo "now ${0##*/} $*" >>"$STAND_INS/calls"
  now=$(grep -c ^now "$STAND_INS/calls")
  exec 9>&-
  if ((now == $(<"$STAND_INS/moment"))); then
    kill -USR2 "$SCRIPT"
    [[ -e $STAND_INS/alone ]] || kill -USR2 $$
  fi
fi
case ${0##*/} in
  hierevo) exec "$(readlink "$STAND_INS/real/hierevo")" "$@" ;;
  *) exec "$STAND_INS/real/${0##*/}" "$@" ;;
esac
""")
        self.site(f"bin='{self.stand_ins}'")

    def test_under_other_schedulers(self):
        line = [SCRIPTS / "other" / "search_for.sh", 1000, self.run_dir, self.stand_ins / "hierevo",
                "search", "--run", self.run_dir, *SMALL, "--synthetic-ms", 100]
        (self.stand_ins / "alone").touch()
        for moment in (1, 2, 3, 4):
            with self.subTest(moment=moment):
                (self.stand_ins / "moment").write_text(str(moment))
                (self.stand_ins / "calls").write_text("")
                result = subprocess.run(
                    ["bash", "-c", 'export SCRIPT=$$; exec "$@"', "-", *map(str, line)],
                    env=self.environment([], {}), capture_output=True, text=True, timeout=DEADLINE)
                self.assertEqual(result.returncode, 75, result.stderr)
        self.assertEqual(len(self.calls("now hierevo search")), 1)

    def test_other_schedulers_take_the_first_hierevo_for_the_program(self):
        script = SCRIPTS / "other" / "search_for.sh"
        run = self.folder / "hierevo"
        result = self.command(["bash", script, "1000", run, BIN / "hierevo", "search", "--run", run, *SMALL])
        self.assertEqual(result.returncode, 0, result.stderr)
        result = self.command(["bash", script, "1000", run, "env", "true"])
        self.assertEqual(result.returncode, 2)
        self.assertIn("has no hierevo in it", result.stderr)

    def test_at_every_moment(self):
        for alone in (True, False):
            if alone:
                (self.stand_ins / "alone").touch()
            else:
                (self.stand_ins / "alone").unlink()
            moment = 0
            while True:
                moment += 1
                (self.stand_ins / "moment").write_text(str(moment))
                shutil.rmtree(self.run_dir, ignore_errors=True)
                result = self.search("--run", self.run_dir, "--synthetic-ms", 100,
                                     RESTART_COUNT=1)
                moments = self.calls("now")
                if len(moments) < moment:
                    break
                with self.subTest(moment=moments[moment - 1], alone=alone):
                    self.assert_queued(result)
                if moments[moment - 1].startswith("now srun") and "search" in moments[moment - 1]:
                    break
            self.assertGreater(moment, 5)


class Mpirun(JobScripts):
    """As of MPICH: SIGUSR2 ends it and all ranks, SIGUSR1 it hands to them."""

    def test_saves(self):
        self.site("launcher=mpirun")
        for number in ("USR2", "USR1"):
            with self.subTest(signal=number):
                shutil.rmtree(self.run_dir, ignore_errors=True)
                self.stand_in("mpirun", rf"""#!/bin/bash
trap 'kill -KILL "$program"; trap - USR2; kill -USR2 $$' USR2
trap 'kill -USR1 "$program"' USR1
"$@" & program=$!
until [[ -e $STAND_INS/../my\ run/search.h5 ]]; do read -r -t 0.01 <> <(:); done
kill -{number} "$SCRIPT"
while kill -0 "$program" 2>/dev/null; do wait "$program"; code=$?; done
exit "$code"
""")
                result = self.search("--run", self.run_dir, "--synthetic-ms", 200)
                self.assert_queued(result)
                self.assertEqual(self.status()["state"], "saved")


class Controller(JobScripts):
    """Slurm's controller is away, slow, or says no."""

    def saved(self, behaviour, *site, **variables):
        """Of a search that is told to save as soon as it runs."""
        self.site(*site)
        self.behave(behaviour + r"""
if [[ $tool == srun && $* == *search* ]]; then
  while [[ $1 == --* ]]; do shift; done
  "$@" & program=$!
  until [[ -e $STAND_INS/../my\ run/search.h5 ]]; do read -r -t 0.01 <> <(:); done
  kill -USR2 "$program"
  wait "$program"; exit
fi
""")
        return self.search("--run", self.run_dir, "--synthetic-ms", 200, **variables)

    def test_answers_the_third_time(self):
        for command in ("scontrol show", "squeue", "scontrol requeue", "scontrol update"):
            with self.subTest(command=command):
                shutil.rmtree(self.run_dir, ignore_errors=True)
                tool, word = (command.split() + [""])[:2]
                result = self.saved(f'[[ $tool != {tool} || $1 != "{word}"* ]] || '
                                    f'(($(calls "{word}") > 2)) || unreachable')
                self.assert_queued(result, times=3 if word == "requeue" else 1)
                self.assertEqual(self.status()["state"], "saved")

    def is_saved_and_not_queued(self, behaviour, says, tries, states=None):
        result = self.saved(behaviour, "seconds_left() { printf -v \"$1\" 3; }")
        self.assertIn(says, result.stderr)
        self.assertIn("the same sbatch command resumes it", result.stderr)
        self.assertEqual(result.returncode, 75, result.stderr)
        self.assertIn(len(self.calls("scontrol requeue 77")), tries)
        if states is not None:
            self.assertEqual(len(self.calls("squeue --noheader --jobs=77 --format=%T")), states)
        self.assertEqual(self.status()["state"], "saved")

    def test_does_not_answer(self):
        self.is_saved_and_not_queued(
            "[[ $tool != squeue ]] || unreachable",
            "Saved, but Slurm has not responded for 3 s: squeue: error: Unable to contact slurm", [0])

    def test_hangs(self):
        self.stand_in("timeout", "#!/bin/bash\nwhile [[ $1 == --* ]]; do shift; done\n"
                                 'shift\nexec /usr/bin/timeout --kill-after=1 1 "$@"\n')
        self.is_saved_and_not_queued(
            "[[ $tool != squeue || $* != *%T ]] || exec /bin/sleep 1000",
            "Saved, but Slurm has not responded for 3 s: no answer within 20 s.", [0])

    def test_does_not_take_it(self):
        self.is_saved_and_not_queued("[[ $1 != requeue ]] || unreachable",
                                         "Saved, but Slurm has not responded for 3 s", [2, 3])

    def test_refuses(self):
        self.is_saved_and_not_queued(
            "[[ $1 != requeue ]] || fail 'Requested operation is presently disabled for job 77'",
            "Saved, but Slurm does not requeue the job: scontrol: error: Requested",
            [1], 1)

    def test_does_not_know_the_job(self):
        self.is_saved_and_not_queued("[[ $tool != squeue ]] || fail 'Invalid job id specified'",
                                         "Saved; the job is GONE.", [0], 1)

    def test_runs_the_job_elsewhere(self):
        result = self.saved("[[ $tool:$1 != scontrol:show || ! -e $STAND_INS/../my\\ run ]] || "
                            "{ echo '   Requeue=1 Restarts=2 Reboot=0'; exit; }", RESTART_COUNT=1)
        self.assertIn("Saved; Slurm has restarted this job elsewhere.", result.stderr)
        self.assert_queued(result, times=0)

    def test_srun_gets_no_answer(self):
        self.behave("[[ $tool != srun ]] || (($(calls) > 2)) || { [[ $SLURM_EXIT_ERROR ]] && "
                    "exit $SLURM_EXIT_ERROR; }")
        self.assertEqual(self.search("--run", self.run_dir).returncode, 0)
        self.assertEqual(len(self.calls("srun")), 3)
        self.assert_finished(10)
        self.behave("[[ $tool != srun ]] || exit $SLURM_EXIT_ERROR")
        self.assertEqual(self.search("--run", self.run_dir / "new").returncode, 1)
        self.assertEqual(len(self.calls("srun")), 6)

    def test_never_says_where_the_script_lies(self):
        self.behave("unreachable")
        with unittest.mock.patch.dict(os.environ, SECONDS="280"):  # so long has bash tried
            result = self.search("--run", self.run_dir)
        self.assertEqual(result.returncode, 75)
        self.assertGreater(result.stderr.count("Unable to contact slurm controller"), 2)
        self.assertIn("Slurm did not say where this script is. Nothing was started", result.stderr)
        self.assertFalse(self.run_dir.exists())


class InUse(JobScripts):
    """Another process works in the folder: what the program ends with is then 5."""

    def setUp(self):
        super().setUp()
        self.hierevo("search", "--run", self.run_dir, *SMALL)

    def in_use(self, while_it_holds="", **variables):
        self.behave("if [[ $tool == srun && $* == *search* ]]; then\n"
                    f"  {while_it_holds or 'true'} && exit 5\nfi")
        return self.search("--run", self.run_dir, **variables)

    def programs(self):
        return len([line for line in self.calls("srun") if " search " in line])

    def owned_by(self, job, knows, **variables):
        for number, pid in ((9, 99), (10, 123)):
            (self.run_dir / f"owner-{number}").write_text(
                f"token = 12\nincarnation = {number}\nhost = n1\npid = {pid}\njob = {job}\nstarted = now\n")
        self.behave(f"[[ $tool != srun ]] || exit 5\n[[ $* != *=%T ]] || {knows}")
        result = self.search("--run", self.run_dir, **variables)
        self.assertEqual(result.returncode, 5)
        return result.stderr

    def test_by_hand_it_is_refused(self):
        self.assertEqual(self.in_use().returncode, 5)
        self.assertEqual(self.programs(), 1)
        self.assertEqual(self.calls("scontrol requeue"), [])

    def test_whose_it_is(self):
        self.assertIn("The last to start in ", self.owned_by(78, "true"))
        self.assertIn("was process 123 on n1, for job 78, which is running.",
                      self.owned_by(78, "true"))
        # Not waited for: where locks do not hold, both would take the folder over in turn.
        self.assertIn("which is running.", self.owned_by(78, "true", RESTART_COUNT=1))
        self.assertEqual(self.programs(), 1)
        self.assertEqual(self.calls("scontrol requeue"), [])
        for knows in ("exit 0", "fail 'Invalid job id specified'"):
            self.assertIn("for job 78, which Slurm no longer knows as running (GONE).",
                          self.owned_by(78, knows))
        self.assertIn("for job 78. Slurm did not say whether", self.owned_by(78, "unreachable"))
        self.assertIn("of another start of this job", self.owned_by(77, "true"))
        self.assertIn("outside of any job", self.owned_by("", "true"))

    def test_a_program_that_works_there(self):
        """What it writes is what the script reads."""
        run_dir = self.folder / "worked in"
        line = [HIEREVO, "search", "--run", str(run_dir), *SMALL, "--evaluations", "100000",
                "--synthetic-ms", "100"]
        for job, says in (("", "outside of any job."), ("78", "for job 78, which is running.")):
            with self.subTest(job=job):
                shutil.rmtree(run_dir, ignore_errors=True)
                variables = {"JOB_ID": job} if job else {}
                environment = self.environment([], variables)
                if not job:
                    del environment["SLURM_JOB_ID"]
                process = subprocess.Popen(line, env=environment, stderr=subprocess.DEVNULL)
                try:
                    self.assertTrue(self.wait_until((run_dir / "search.h5").exists, process))
                    result = self.search("--run", run_dir)
                finally:
                    process.kill()
                    process.wait()
                self.assertEqual(result.returncode, 5, result.stderr)
                self.assertIn(f"The last to start in '{run_dir}' was process {process.pid} on "
                              f"{os.uname().nodename}, {says}", result.stderr)

    def test_a_job_that_was_started_again_waits(self):
        result = self.in_use('(($(calls "[^ ]*hierevo search") < 3))', RESTART_COUNT=1)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.programs(), 3)

    def test_a_start_that_was_taken_over_does_not_take_back(self):
        """The first question is where the script lies; each later one comes before a run."""
        for question, programs in ((2, 1), (3, 1), (4, 2)):
            with self.subTest(question=question):
                self.behave("[[ $tool != srun || $* != *search* ]] || "
                            "(($(calls '[^ ]*hierevo search') > 3)) || exit 5\n"
                            f"[[ $tool != scontrol ]] || (($(calls show) < {question})) || "
                            "{ echo '   Requeue=1 Restarts=2 Reboot=0'; exit; }")
                result = self.search("--run", self.run_dir, RESTART_COUNT=1)
                self.assertEqual(result.returncode, 5, result.stderr)
                self.assertIn("Slurm has restarted this job elsewhere. This start exits.",
                              result.stderr)
                self.assertEqual(self.programs(), programs)
                self.assertEqual(self.calls("scontrol requeue"), [])

    def test_it_waits_only_so_long_and_so_often(self):
        self.site("in_use_wait=0", "restarts=3")
        for count in (1, 2):
            self.assertIn("is still in use; the job is requeued",
                          self.in_use(RESTART_COUNT=7).stderr)
            self.assertEqual(self.calls("scontrol requeue"), ["scontrol requeue 77"])
            self.assertEqual(self.calls("scontrol update"),
                             ["scontrol update JobId=77 StartTime=now+900"])
            self.assertEqual((self.run_dir / "restarts").read_text(), f"{count}\n")
        result = self.in_use(RESTART_COUNT=8)
        self.assertEqual(result.returncode, 5)
        self.assertIn("3 consecutive starts made no progress (others held the folder)", result.stderr)
        self.assertEqual(self.calls("scontrol requeue"), [])

    def test_the_time_ends_while_it_waits(self):
        self.stand_in("sleep", "#!/bin/bash\nkill -USR2 $SCRIPT\nexec /bin/sleep 1000\n")
        result = self.in_use(RESTART_COUNT=1)
        self.assert_queued(result)
        self.assertEqual(self.programs(), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
