"""The SPANK plugin on a real Slurm of two nodes, for an ordinary user's jobs."""
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from programs import BIN, DEADLINE, SOURCE

CLUSTER = str(pathlib.Path(__file__).resolve().parent / "cluster")
PLUGIN = os.environ["HIEREVO_SPANK"]
LATE_PLUGIN = os.environ["HIEREVO_LATE_SPANK"]
# How Slurm knows which processes belong to a job, and so which it kills.
PROCTRACK = os.environ.get("HIEREVO_PROCTRACK", "linuxproc")
NODES = ("n1", "n2")
FOLDER = "/tmp/hierevo"  # each node has a /tmp of its own
OPTION = "_SLURM_SPANK_OPTION_hierevo_hierevo_stage"
TASKS = ("--nodes=2", "--ntasks-per-node=2")


class Cluster:
    """With the plugin; up while this lives."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hierevo-slurm-"))
        self.folder.chmod(0o755)
        shutil.copy(PLUGIN, self.folder / "hierevo_spank.so")
        shutil.copy(LATE_PLUGIN, self.folder / "late_spank.so")
        self.settings()
        prolog = self.folder / "prolog"
        prolog.write_text("#!/bin/sh\nwhile test -e /tmp/late_node; do sleep 0.02; done\n")
        prolog.chmod(0o755)
        (self.folder / "more.conf").write_text(f"ProctrackType=proctrack/{PROCTRACK}\n"
                                               f"Prolog={prolog}\n")
        self.holder = subprocess.Popen([CLUSTER, "hold", self.folder, SOURCE, BIN], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "ready\n":
            code = self.holder.wait()
            shutil.rmtree(self.folder, ignore_errors=True)
            sys.exit(code)

    def settings(self, *settings, kind="optional"):
        """Slurm reads them for each job."""
        lines = [["required", str(self.folder / "late_spank.so")],
                 [kind, str(self.folder / "hierevo_spank.so"),
                  *(settings or [f"folder={FOLDER}"])]]
        new = self.folder / "plugstack.conf.new"
        new.write_text("".join(" ".join(line) + "\n" for line in lines))
        new.rename(self.folder / "plugstack.conf")  # the end of a job may just be reading it

    def end(self):
        self.holder.stdin.close()
        self.holder.wait(timeout=DEADLINE)
        left = subprocess.run([CLUSTER, "check", self.folder], stderr=subprocess.PIPE, text=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        if left.returncode != 0:
            raise AssertionError(left.stderr)


def without_slurms_words(text):
    """Slurm may write its own line into the middle of a task's."""
    return re.sub(r"slurmstepd-\w+: error: [^\n]*\n", "", text)


class Spank(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.end)
        cls.user = pwd.getpwnam("nobody")
        cls.data = cls.cluster.folder / "data"
        (cls.data / "inner").mkdir(parents=True)
        (cls.data / "a").write_text("first")
        (cls.data / "inner" / "b").write_text("second")

    def setUp(self):
        self.work = self.cluster.folder / self._testMethodName
        self.work.mkdir()
        os.chown(self.work, self.user.pw_uid, self.user.pw_gid)
        self.addCleanup(self.assert_nothing_left)

    def as_root(self, *command, **more):
        result = subprocess.run([CLUSTER, "run", self.cluster.folder, *map(str, command)], text=True,
                                capture_output=True, timeout=DEADLINE, cwd=self.work, **more)
        result.stderr = without_slurms_words(result.stderr)
        return result

    def as_user(self, *command, environment=None):
        """As nobody, on the head."""
        become = ("setpriv", f"--reuid={self.user.pw_uid}", f"--regid={self.user.pw_gid}",
                  "--clear-groups")
        return self.as_root(*become, *command,
                            env={"PATH": os.environ["PATH"], **(environment or {})})

    def on_node(self, node, *command):
        """Without a job: what the command prints there."""
        first = (self.cluster.folder / node / "pid").read_text().strip()
        return self.as_root("nsenter", "--target", first, "--mount", "--", *command).stdout

    def files_on(self, node, folder=FOLDER):
        return self.on_node(node, "find", folder, "-mindepth", "1").split()

    def wait_until(self, holds):
        end = time.monotonic() + DEADLINE
        while not holds():
            self.assertLess(time.monotonic(), end, "the event never came")
            time.sleep(0.05)

    def assert_nothing_left(self):
        """Nor a node that Slurm has taken out of service."""
        self.cluster.settings()
        self.as_root("scancel", "--user=nobody")
        idle = ("sinfo", "--noheader", "--partition=debug", "--states=idle", "--format=%D")
        self.wait_until(lambda: self.as_root(*idle).stdout.strip() == "2")
        for node in NODES:  # on an idle one, the end of the job may still be in progress
            self.wait_until(lambda node=node: self.files_on(node) == [])

    def batch(self, script, *options):
        """The id of a job of this shell script, whose output is in a file of that name."""
        path = self.work / "script"
        path.write_text("#!/bin/sh\n" + script)
        path.chmod(0o755)
        result = self.as_user("sbatch", "--parsable", "--output=%j", "--nodelist=n1", *options, path)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout.strip()

    def state_of(self, job):
        shown = self.as_root("scontrol", "--oneliner", "show", "job", job).stdout
        fields = dict(word.split("=", 1) for word in shown.split() if "=" in word)
        return fields["JobState"], fields["ExitCode"]

    def wait_for_end(self, job):
        self.wait_until(lambda: self.state_of(job)[0] not in ("PENDING", "RUNNING", "COMPLETING"))
        return self.state_of(job)

    def output_of(self, job):
        return (self.work / job).read_text()

    def refused(self, *options, says, environment=None, code=2):
        """By a node, before a task's program starts; the job ends at once."""
        began = time.monotonic()
        result = self.as_user("srun", "--nodelist=n1", *options, "sh", "-c",
                              "echo started; sleep 600", environment=environment)
        self.assertIn(says, result.stderr)
        self.assertLess(time.monotonic() - began, 60)
        self.assertEqual(result.returncode, code, result.stderr)
        return result

    def refused_by_client(self, *options, says, environment=None):
        result = self.as_user("srun", *options, "echo", "started", environment=environment)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(says, result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertNotIn("queued", result.stderr)

    def test_help_shows_the_options(self):
        for command in ("srun", "sbatch", "salloc"):
            shown = self.as_user(command, "--help").stdout
            for option in ("--hierevo-stage=SRC[:NAME]", "--hierevo-evaluators-per-gpu=N",
                           "--hierevo-devices=shared|own"):
                self.assertIn(option, shown, command)

    def test_staged_once_per_node_for_two_tasks_each(self):
        result = self.as_user("srun", *TASKS, f"--hierevo-stage={self.data}:images", "sh", "-c",
                              'cat "$HIEREVO_DATA_DIR/a" "$HIEREVO_STAGED/inner/b"; '
                              'stat -c " %U %a $HIEREVO_STAGED" "$HIEREVO_STAGED"')
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = result.stdout.splitlines()
        self.assertEqual(len(lines), 4)
        self.assertEqual(len(set(lines)), 1)
        self.assertRegex(lines[0], rf"^firstsecond nobody 700 {FOLDER}/\d+/images$")
        for node in NODES:
            summary = f"hierevo: {node}: 11 bytes in 2 files staged as '{FOLDER}/"
            self.assertEqual(result.stderr.count(summary), 1, result.stderr)

    def test_steps_of_a_batch_script_have_the_options_too(self):
        job = self.batch('test -e "$HIEREVO_STAGED" && echo here\n'
                         f"srun {' '.join(TASKS)} sh -c 'cat \"$HIEREVO_STAGED\"; "
                         'echo " $HIEREVO_DATA_DIR $HIEREVO_EVALUATORS_PER_DEVICE '
                         '$HIEREVO_DEVICES"\'\n', *TASKS, f"--hierevo-stage={self.data}/a:p.h5",
                         "--hierevo-evaluators-per-gpu=3", "--hierevo-devices=own")
        self.assertEqual(self.wait_for_end(job), ("COMPLETED", "0:0"), self.output_of(job))
        output = self.output_of(job)
        self.assertEqual(output.count(f"first {FOLDER}/{job} 3 own\n"), 4, output)
        self.assertEqual(output.count("here\n"), 1)
        for told in ("hierevo: n1: 5 bytes in 1 files", "hierevo: n2: 5 bytes in 1 files",
                     "hierevo: HIEREVO_EVALUATORS_PER_DEVICE=3", "hierevo: HIEREVO_DEVICES=own"):
            self.assertEqual(output.count(told), 1, output)

    def test_options_of_salloc_are_those_of_its_steps(self):
        result = self.as_user("salloc", f"--hierevo-stage={self.data}", "--hierevo-devices=own",
                              "srun", "sh", "-c", 'cat "$HIEREVO_STAGED/a"; echo " $HIEREVO_DEVICES"')
        self.assertEqual(result.stdout, "first own\n", result.stderr)

    def test_requeued_jobs_stage_anew(self):
        source = self.work / "source"
        source.write_text("old")
        source.chmod(0o666)
        job = self.batch('cat "$HIEREVO_STAGED"\n'
                         "test -n \"$SLURM_RESTART_COUNT\" || { echo new >source; touch begun; "
                         "sleep 600; }\n", "--requeue", "--open-mode=append",
                         f"--hierevo-stage={source}")
        self.wait_until((self.work / "begun").exists)
        self.as_root("scontrol", "requeue", job)
        self.wait_until(lambda: self.state_of(job)[0] == "PENDING")
        self.as_root("scontrol", "update", f"JobId={job}", "StartTime=now+2")
        self.assertEqual(self.wait_for_end(job), ("COMPLETED", "0:0"))
        self.assertRegex(self.output_of(job), "(?s)old.*new")
        self.assertEqual(self.output_of(job).count("staged as"), 2)

    def running(self, script, *options):
        """The id of a job of this script, which then runs until it is ended."""
        begun = self.work / "begun"
        job = self.batch(f'{script}\ntouch "{begun}"; sleep 600\n', *options)
        self.wait_until(begun.exists)
        begun.unlink()
        return job

    def end(self, job):
        self.as_user("scancel", job)
        self.assertEqual(self.wait_for_end(job)[0], "CANCELLED")

    def test_steps_from_elsewhere_leave_a_restarted_jobs_folder_alone(self):
        script = 'echo mine >"$HIEREVO_STAGED/../result"'
        job = self.running(script, "--requeue", f"--hierevo-stage={self.data}")
        self.as_root("scontrol", "requeue", job)
        self.wait_until(lambda: self.state_of(job)[0] == "PENDING")
        self.as_root("scontrol", "update", f"JobId={job}", "StartTime=now+2")
        self.wait_until((self.work / "begun").exists)
        # A login shell has no restart count, and another job has its own.
        for name, environment in (("one", {}), ("two", {"SLURM_RESTART_COUNT": "7"})):
            step = self.as_user("srun", f"--jobid={job}", "--overlap",
                                f"--hierevo-stage={self.data}/a:{name}", "sh", "-c",
                                'cat "$HIEREVO_STAGED"', environment=environment)
            self.assertEqual(step.stdout, "first", step.stderr)
            files = self.files_on("n1")
            for path in ("result", "data/inner/b", name):
                self.assertIn(f"{FOLDER}/{job}/{path}", files)
        self.end(job)

    def test_jobs_of_one_user_on_a_node_have_folders_of_their_own(self):
        for path, text in (("one", "1"), ("two", "2")):
            (self.work / path).write_text(text)
        first = self.running("true", f"--hierevo-stage={self.work}/one:data")
        second = self.running("true", f"--hierevo-stage={self.work}/two:data")
        read = ("srun", f"--jobid={second}", "--overlap", "cat", f"{FOLDER}/{second}/data")
        self.assertEqual(self.as_user(*read).stdout, "2")
        self.end(first)
        self.wait_until(lambda: f"{FOLDER}/{first}" not in self.files_on("n1"))
        self.assertEqual(self.as_user(*read).stdout, "2")
        self.end(second)

    def test_tasks_of_a_job_array_stage_for_themselves(self):
        for task in ("1", "2"):
            (self.work / f"data-{task}").write_text(f"of task {task}")
        job = self.batch('srun sh -c \'cat "$HIEREVO_STAGED"; echo " $HIEREVO_STAGED"\'\n'
                         f'srun --hierevo-stage="{self.work}/data-$SLURM_ARRAY_TASK_ID" '
                         'sh -c \'cat "$HIEREVO_STAGED"; echo " $HIEREVO_STAGED"\'\n',
                         "--array=1-2", "--output=%a", f"--hierevo-stage={self.data}/a")
        for task in ("1", "2"):
            self.assertEqual(self.wait_for_end(f"{job}_{task}"), ("COMPLETED", "0:0"))
            self.assertRegex(self.output_of(task), rf"(?m)^first {FOLDER}/\d+/a$")
            self.assertRegex(self.output_of(task), rf"(?m)^of task {task} {FOLDER}/\d+/data-{task}$")
        folders = {re.search(rf"{FOLDER}/\d+", self.output_of(task))[0] for task in ("1", "2")}
        self.assertEqual(len(folders), 2)

    def test_steps_of_a_heterogeneous_job_stage_what_its_first_component_or_they_ask_for(self):
        show = "sh -c 'cat \"$HIEREVO_STAGED\"; echo \" $HIEREVO_STAGED $SLURMD_NODENAME\"'\n"
        job = self.batch(f"srun --het-group=0,1 {show}"
                         f"srun --het-group=1 --hierevo-stage={self.data}/inner/b {show}",
                         f"--hierevo-stage={self.data}/a", ":", "--nodelist=n2")
        self.assertEqual(self.wait_for_end(job), ("COMPLETED", "0:0"), self.output_of(job))
        for line in ("first .*/a n1", "first .*/a n2", "second .*/b n2"):
            self.assertRegex(self.output_of(job), f"(?m)^{line}$")

    def test_a_slurmd_that_is_restarted_keeps_and_then_removes_the_data(self):
        job = self.running("true", f"--hierevo-stage={self.data}")
        pid = self.cluster.folder / "n1" / "slurmd.pid"
        before = pid.read_text()
        self.as_root("pkill", "-KILL", "-f", "^slurmd -D .* -N n1$")
        self.wait_until(lambda: pid.read_text() not in ("", before))
        step = ("srun", f"--jobid={job}", "--overlap", "--mpi=none", f"--hierevo-stage={self.data}",
                "sh", "-c", 'cat "$HIEREVO_STAGED/a"')
        self.wait_until(lambda: self.as_user(*step).stdout == "first")
        self.end(job)
        self.wait_until(lambda: self.files_on("n1") == [])

    def search(self, *options):
        """The id of a job of search.sh on both nodes, by root."""
        (self.work / "site.sh").write_text(
            "launcher=srun\nlauncher_arguments=(--mpi=pmix)\n"
            f"export OMPI_MCA_btl_tcp_if_include=10.77.0.0/24\nbin='{BIN}'\n")
        result = self.as_root("sbatch", "--parsable", "--output=%j", "--nodes=2",
                              "--ntasks-per-node=1", *options, SOURCE / "slurm" / "search.sh",
                              "--run", self.work / "run", "--evaluator", "synthetic",
                              "--population", 4, "--evaluations", 8,
                              env={"PATH": os.environ["PATH"],
                                   "HIEREVO_SITE": str(self.work / "site.sh")})
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout.strip()

    @unittest.skipUnless((BIN / "hierevo-search").exists(), "without hierevo search")
    def test_job_scripts_start_mpi_once_all_nodes_have_the_data(self):
        self.on_node("n2", "touch", "/tmp/late_tasks")
        self.addCleanup(self.on_node, "n2", "rm", "-f", "/tmp/late_tasks")
        job = self.search(f"--hierevo-stage={self.data}")
        steps = ("squeue", "--noheader", f"--steps={job}.0", "--format=%j")
        self.wait_until(lambda: self.as_root(*steps).stdout.strip())
        # The first node has the data; the other has yet to copy them.
        self.assertEqual(self.as_root(*steps).stdout.strip(), "true")
        self.on_node("n2", "rm", "/tmp/late_tasks")
        self.assertEqual(self.wait_for_end(job), ("COMPLETED", "0:0"), self.output_of(job))
        self.assertEqual(self.output_of(job).count("staged as"), 2, self.output_of(job))

    @unittest.skipUnless((BIN / "hierevo-search").exists(), "without hierevo search")
    def test_job_scripts_end_when_a_node_cannot_have_the_data(self):
        self.make_source("n1", "/tmp/only_here")
        job = self.search("--nodelist=n[1-2]", "--hierevo-stage=/tmp/only_here")
        self.assertEqual(self.wait_for_end(job)[0], "FAILED", self.output_of(job))
        self.assertIn("hierevo: n2: Cannot open '/tmp/only_here'", self.output_of(job))
        self.assertFalse((self.work / "run").exists())

    def test_the_end_of_a_job_is_not_held_up_by_its_users_other_processes(self):
        # Enough that they are not removed before they are stopped.
        job = self.running('for i in $(seq 20); do mkdir "$HIEREVO_STAGED/$i" &&\n'
                           '(cd "$HIEREVO_STAGED/$i" && mkdir $(seq 2000)); done',
                           f"--hierevo-stage={self.data}")
        # Stops all of the user's processes on the node, again and again.
        other = self.batch("touch begun; exec python3 -c '\nimport os, signal\n"
                           "while True: os.kill(-1, signal.SIGSTOP)\n'\n")
        self.wait_until((self.work / "begun").exists)
        self.as_root("scancel", "--signal=KILL", "--full", job)
        self.wait_for_end(job)
        self.wait_until(lambda: f"'{FOLDER}/{job}' was given up (its process was stopped" in
                        (self.cluster.folder / "log" / "n1").read_text())
        self.as_root("scancel", "--signal=KILL", "--full", other)
        self.wait_for_end(other)
        self.on_node("n1", "rm", "-r", f"{FOLDER}/{job}")

    def test_a_disk_that_does_not_answer_holds_up_the_end_of_a_job_as_long_as_it_may(self):
        image = self.cluster.folder / "disk"
        image.touch()
        os.truncate(image, 32 << 20)
        mounted = self.on_node("n1", "sh", "-c", f"mkfs.ext4 -q {image} && mkdir /tmp/disk && "
                               f"mount -o loop {image} /tmp/disk && echo mounted")
        if mounted.strip() != "mounted":
            self.skipTest("no file system can be mounted from a file here")
        self.addCleanup(self.on_node, "n1", "sh", "-c", "umount /tmp/disk; rmdir /tmp/disk")
        self.cluster.settings("folder=/tmp/disk/hierevo", "removal-seconds=1")
        job = self.running("true", f"--hierevo-stage={self.data}")
        self.on_node("n1", "fsfreeze", "--freeze", "/tmp/disk")
        self.addCleanup(self.on_node, "n1", "fsfreeze", "--unfreeze", "/tmp/disk")
        self.end(job)
        self.wait_until(lambda: f"/disk/hierevo/{job}' was given up (it took more than 1 s)" in
                        (self.cluster.folder / "log" / "n1").read_text())

    def test_hostile_values_are_refused_before_the_job(self):
        for value, says in (("data", "absolute path"), ("/data/..", "begin with a '.'"),
                            ("/data:../../etc", "begin with a '.'"), ("/data:a/../b", "has a '/'"),
                            ("/data:a\nb", "control characters"), ("/da\nta", "control characters"),
                            ("/data:" + "n" * 10_000, "at most 255 characters"),
                            ("/" + "s" * 10_000, "has less than 4096 characters")):
            self.refused_by_client(f"--hierevo-stage={value}", says=says)
        self.refused_by_client("--hierevo-evaluators-per-gpu=65", says="Give 1 to 64.")
        self.refused_by_client("--hierevo-devices=mine", says="Known: shared, own.")

    def test_hostile_values_that_come_around_the_client_are_refused_by_nodes(self):
        for value in ("data", "/data:../../etc", "/data:a\nb", "/data:" + "n" * 10_000):
            self.refused(says="hierevo: n1: --hierevo-stage is '", environment={OPTION: value})

    def test_what_the_user_cannot_read_is_refused(self):
        secret = self.work / "secret"
        secret.write_text("of root")
        secret.chmod(0o600)
        link = self.work / "link"
        link.symlink_to("/etc/shadow")
        for source, why in ((self.work / "missing", "No such file"), (secret, "Permission denied"),
                            (link, "Permission denied")):
            said = self.refused(f"--hierevo-stage={source}", says=why).stderr
            self.assertIn(f"hierevo: n1: Cannot open '{source}' (", said)
        job = self.batch("echo started\n", f"--hierevo-stage={secret}")
        self.assertEqual(self.wait_for_end(job), ("FAILED", "2:0"))
        self.assertNotIn("started", self.output_of(job))

    def make_source(self, node, path):
        """For this test alone: others would find it."""
        self.on_node(node, "sh", "-c", f"echo 1 >{path} && chmod a+r {path}")
        self.addCleanup(self.on_node, node, "rm", "-f", path)

    def test_a_failure_on_one_node_ends_all_tasks(self):
        self.make_source("n1", "/tmp/only_here")
        began = time.monotonic()
        result = self.as_user("srun", *TASKS, "--hierevo-stage=/tmp/only_here", "sleep", "600")
        self.assertLess(time.monotonic() - began, 60)
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual(result.stderr.count("hierevo: n2: Cannot open '/tmp/only_here'"), 1,
                         result.stderr)

    def test_a_failure_ends_tasks_that_start_after_the_kill_too(self):
        """On a node that does not know of the step yet, or whose tasks are not ready: srun, which has seen
        the kill, ends them."""
        self.make_source("n2", "/tmp/only_here")
        for late in ("/tmp/late_node", "/tmp/late_tasks"):
            self.on_node("n2", "touch", late)
            self.addCleanup(self.on_node, "n2", "rm", "-f", late)
            with open(self.work / "errors", "w+") as errors:
                srun = subprocess.Popen(
                    [CLUSTER, "run", self.cluster.folder, "srun", *TASKS,
                     "--hierevo-stage=/tmp/only_here", "sleep", "600"], stderr=errors, cwd=self.work)
                self.addCleanup(srun.kill)
                said = (lambda: without_slurms_words((self.work / "errors").read_text()))
                self.wait_until(lambda: "Job step aborted" in said())
                self.on_node("n2", "rm", late)
                self.assertNotEqual(srun.wait(timeout=DEADLINE), 0, late)
                self.assertEqual(said().count("hierevo: n1: Cannot open '/tmp/only_here'"), 1, said())

    def test_no_space(self):
        for node in NODES:
            self.on_node(node, "sh", "-c",
                         "mkdir /tmp/small && mount -t tmpfs -o size=1m tmpfs /tmp/small")
        self.cluster.settings("folder=/tmp/small/hierevo")
        large = self.work / "large"
        large.write_bytes(b"x" * 2_000_000)
        self.refused("--ntasks=2", f"--hierevo-stage={large}",
                     says="1.9 MiB cannot be staged (the disk of '/tmp/small/hierevo/")
        self.wait_until(lambda: self.files_on("n1", "/tmp/small/hierevo") == [])
        for node in NODES:
            self.on_node(node, "sh", "-c", "umount /tmp/small && rmdir /tmp/small")

    def test_limit(self):
        self.cluster.settings(f"folder={FOLDER}", "limit=10")
        self.refused(f"--hierevo-stage={self.data}", says="11 bytes are too much to stage")

    def large_source(self):
        """Takes seconds to copy, and no space itself."""
        path = self.work / "large"
        with open(path, "wb") as file:
            file.truncate(2 << 30)
        return path

    def test_jobs_cancelled_while_they_copy(self):
        job = self.batch("echo started\n", f"--hierevo-stage={self.large_source()}")
        copy = f"{FOLDER}/{job}/.partial/large"
        self.wait_until(lambda: copy in self.files_on("n1"))
        self.as_user("scancel", job)
        self.assertEqual(self.wait_for_end(job)[0], "CANCELLED")
        self.assertNotIn("started", self.output_of(job))
        self.wait_until(lambda: self.files_on("n1") == [])

    def test_whatever_a_cancelled_job_leaves_is_removed_and_nothing_else(self):
        kept = self.work / "kept"
        job = self.batch('mkdir -p kept closed; touch kept/file; cd "$HIEREVO_STAGED"/..\n'
                         f"ln -s {kept} link; ln -s {kept} data/link; ln -s /etc/shadow shadow\n"
                         "mkdir -p closed/inner; touch closed/inner/x; chmod 0 closed/inner closed\n"
                         f"mkfifo pipe; chmod 0 .; touch {self.work}/begun; sleep 600\n",
                         f"--hierevo-stage={self.data}")
        self.wait_until((self.work / "begun").exists)
        self.assertEqual(self.files_on("n1")[0], f"{FOLDER}/{job}")
        self.as_user("scancel", job)
        self.assertEqual(self.wait_for_end(job)[0], "CANCELLED")
        self.wait_until(lambda: self.files_on("n1") == [])
        self.assertTrue((kept / "file").exists())

    def test_what_cannot_be_removed_is_told_to_administrators(self):
        job = self.batch("touch begun; while test -e begun; do sleep 0.1; done\n",
                         f"--hierevo-stage={self.data}")
        self.wait_until((self.work / "begun").exists)
        theirs = f"{FOLDER}/{job}/data/theirs"
        self.on_node("n1", "sh", "-c", f"mkdir {theirs} && touch {theirs}/file")  # root's
        (self.work / "begun").unlink()
        self.assertEqual(self.wait_for_end(job), ("COMPLETED", "0:0"))
        log = self.cluster.folder / "log" / "n1"
        told = f"error: hierevo: Cannot remove '{FOLDER}/{job}/"
        self.wait_until(lambda: told in log.read_text())
        self.assertIn(theirs + "/file", self.files_on("n1"))
        self.on_node("n1", "rm", "-r", f"{FOLDER}/{job}")

    def test_unknown_settings_are_refused(self):
        self.cluster.settings("foldr=/x", kind="required")
        self.refused_by_client(says="There is no setting in plugstack.conf 'foldr'.")
        self.cluster.settings("limit=much")
        self.refused_by_client("--hierevo-stage=/x", says="unrecognized option")
        self.cluster.settings("limit=1G")
        self.refused_by_client("--hierevo-stage=/x", says="has set no folder for staged data")

    def test_slurm_tracks_processes_as_this_test_is_to_be_run(self):
        groups = self.as_user("srun", "cat", "/proc/self/cgroup").stdout
        own = f"freezer:/slurm_{self.cluster.folder.name}/slurm_n1/"
        self.assertEqual(own in groups, PROCTRACK == "cgroup", groups)

    def test_jobs_without_the_options_are_not_touched(self):
        result = self.as_user("srun", *TASKS, "env")
        self.assertEqual(result.returncode, 0)
        self.assertNotIn("HIEREVO", result.stdout)
        self.assertNotIn("hierevo:", result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
