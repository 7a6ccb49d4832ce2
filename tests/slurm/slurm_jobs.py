"""What the tests on a real Slurm share: the cluster, jobs, and waiting for their outcome."""
import datetime
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from programs import BIN, DEADLINE, SOURCE, ProgramTest
from small_data import DATA, write_small_data

CLUSTER = str(pathlib.Path(__file__).resolve().parent / "cluster")
SEARCH = SOURCE / "slurm" / "search.sh"
TRAIN = SOURCE / "slurm" / "train.sh"
IMAGENET = SOURCE / "slurm" / "imagenet.sh"
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "NODE_FAIL", "TIMEOUT", "PREEMPTED", "OUT_OF_MEMORY")

TRAINING = ["--evaluator", "train", "--population", "4", "--repeats", "1", "--channels", "4",
            "--batch", "8", "--crop", "12", "--train-size", "200", "--validation-size", "100"]

SITE = {
    "srun": "launcher=srun\nlauncher_arguments=(--mpi=pmix)\n",
    "mpirun": "launcher=mpirun\nlauncher_arguments=(--oversubscribe --bind-to none "
              "--mca oob_tcp_if_include 10.77.0.0/24)\n"
              "export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1\n",
}
# Several interfaces are up on a node where the nodes are namespaces of one machine.
NETWORK = "export OMPI_MCA_btl_tcp_if_include=10.77.0.0/24\n"


class Cluster:
    """Up while this lives; ends with this process, however it exits. For any thread."""

    def __init__(self):
        self.lock = threading.Lock()
        self.looked = 0.0
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hierevo-slurm-"))
        self.holder = subprocess.Popen([CLUSTER, "hold", self.folder, SOURCE, BIN],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "ready\n":
            code = self.holder.wait()
            shutil.rmtree(self.folder, ignore_errors=True)
            sys.exit(code)
        self.data = self.folder / "data"
        self.data.mkdir()
        if DATA.exists():
            write_small_data(self.data)

    def run(self, *command, **more):
        """A command on the head."""
        return subprocess.run([CLUSTER, "run", self.folder, *map(str, command)], text=True,
                              capture_output=True, timeout=DEADLINE, **more)

    def control(self, command, *arguments):
        subprocess.run([CLUSTER, command, self.folder, *arguments], check=True)

    def jobs(self):
        """What Slurm shows of all jobs, by id and name of a field; half a second old at most."""
        with self.lock:
            if time.monotonic() - self.looked > 0.5:
                shown = self.run("scontrol", "--oneliner", "show", "job").stdout
                self.known = dict(map(fields_of_job, shown.splitlines()))
                self.looked = time.monotonic()
            return self.known

    def end(self):
        self.holder.stdin.close()
        self.holder.wait(timeout=DEADLINE)
        left = subprocess.run([CLUSTER, "check", self.folder], stderr=subprocess.PIPE, text=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        if left.returncode != 0:
            raise AssertionError(left.stderr)


def fields_of_job(line):
    """Its id (JOB_TASK for an array's task) and a dictionary."""
    fields = dict(word.split("=", 1) for word in line.split() if "=" in word)
    if "ArrayTaskId" in fields:
        return f"{fields['ArrayJobId']}_{fields['ArrayTaskId']}", fields
    return fields.get("JobId"), fields


class SlurmTest(ProgramTest):
    """A test among others on one cluster, at the same time; jobs_test.py runs them."""
    cluster = None
    alone = False  # it disturbs others' jobs

    def setUp(self):
        self.jobs = []
        self.folder = self.cluster.folder / f"test {self._testMethodName}"
        self.folder.mkdir()
        self.run_dir = self.folder / "a run"
        self.site("srun")
        self.addCleanup(self.end_jobs)

    def end_jobs(self):
        if self.jobs:
            self.on_head("scancel", "--quiet", *self.jobs, check=False)

    def outputs(self):
        """Of all jobs, for finding the cause of a failure."""
        return "".join(f"--- {path.name}\n{path.read_text(errors='replace')}\n"
                       for path in sorted(self.folder.glob("*.out")))

    def site(self, launcher, *lines):
        text = SITE[launcher] + NETWORK + f"bin='{BIN}'\nrestart_after=2\n" + "\n".join(lines)
        (self.folder / "site.sh").write_text(text)

    def run_on_head(self, *command):
        return self.cluster.run(*command, cwd=self.folder, env={
            **os.environ, "HIEREVO_SITE": str(self.folder / "site.sh")})

    def on_head(self, *command, check=True):
        """What the command prints."""
        result = self.run_on_head(*command)
        if check:
            self.assertEqual(result.returncode, 0, f"{command}\n{result.stdout}{result.stderr}")
        return result.stdout

    def output_of(self, job):
        return (self.folder / f"{job}.out").read_text()

    def submit(self, *arguments, options=("--nodes=2", "--ntasks-per-node=2"), script=SEARCH):
        """The id of a job of search.sh, whose output is ID.out (JOB_TASK.out for an array's task)."""
        name = "%A_%a" if any(str(option).startswith("--array") for option in options) else "%j"
        job = self.on_head("sbatch", "--parsable", f"--output={name}.out", *options, script,
                           *arguments).strip()
        self.jobs.append(job)
        return job

    def script(self, name, line):
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)
        return path

    def training(self, evaluations, *arguments, **more):
        if not DATA.exists():
            self.skipTest("Fashion-MNIST (Debian: dataset-fashion-mnist) is not there")
        return self.submit("--run", self.run_dir, *TRAINING, "--evaluations", evaluations,
                           "--data-dir", self.cluster.data, *arguments, **more)

    def synthetic(self, evaluations, milliseconds, **more):
        return self.submit("--run", self.run_dir, "--evaluator", "synthetic", "--population", 8,
                           "--tournament", "0.3", "--evaluations", evaluations,
                           "--synthetic-ms", milliseconds, **more)

    def state_of(self, job):
        return self.shown(job, "JobState")

    def shown(self, job, field):
        return self.cluster.jobs().get(job, {}).get(field)

    def restarts(self, job):
        return int(self.shown(job, "Restarts") or 0)

    def hurry(self, job):
        """A job that Slurm itself has requeued would wait for two minutes. Not in this second: a node that
        has just ended the job refuses a start in the same one."""
        if self.state_of(job) != "PENDING" or self.shown(job, "Reason") != "BeginTime":
            return
        start = self.shown(job, "StartTime")
        soon = datetime.datetime.now() + datetime.timedelta(seconds=30)
        if start not in (None, "Unknown") and datetime.datetime.fromisoformat(start) > soon:
            self.on_head("scontrol", "update", f"JobId={job}", "StartTime=now+2", check=False)

    def wait_for_end(self, job):
        """Its last state and exit code."""
        def ended():
            self.hurry(job)
            return self.state_of(job) in ENDED
        self.wait_until(ended)
        return self.state_of(job), self.shown(job, "ExitCode")

    def wait_for_restart(self, job, number):
        def restarted():
            self.hurry(job)
            return self.restarts(job) >= number and self.state_of(job) == "RUNNING"
        self.wait_until(restarted)

    def assert_completed(self, job, evaluations):
        self.assertEqual(self.wait_for_end(job), ("COMPLETED", "0:0"))
        self.assert_finished(evaluations)

    def assert_finished(self, evaluations):
        """All that were requested, no id twice, and the same as in a replay."""
        status = self.status()
        self.assertEqual(status["state"], "finished")
        self.assertEqual(status["evaluations"]["done"], evaluations)
        self.assertEqual(status["evaluations"]["in_flight"], 0)
        self.assertEqual(status["evaluations"]["failed"], 0)
        verified = json.loads(self.hierevo("verify", "--run", self.run_dir, "--json").stdout)
        self.assertEqual(verified["problems"], [])

    def done(self):
        if not (self.run_dir / "search.h5").exists():
            return 0
        return self.status()["evaluations"]["done"]

    def wait_for_done(self, number):
        self.wait_until(lambda: self.done() >= number)

    def wait_until(self, holds, process=None, pause=0.2):
        """Waits for an event; Slurm is slow with some."""
        end = time.monotonic() + 2 * DEADLINE
        while not holds():
            self.assertLess(time.monotonic(), end, "the event never came")
            time.sleep(pause)
        return True

    def stop(self, job, *words):
        """Stops such processes of a job, and returns their ids for go_on(): what must happen before they
        exit then does."""
        found = [process for node in ("n1", "n2") for process in self.processes(job, node, *words)]
        self.assertTrue(found)
        for process in found:
            os.kill(process, signal.SIGSTOP)
        return found

    def go_on(self, processes):
        for process in processes:
            os.kill(process, signal.SIGCONT)

    def processes(self, job, node, *words):
        """Ids of a job's processes on a node whose command line has all words."""
        found = []
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                line = (folder / "cmdline").read_bytes().split(b"\0")
                environment = (folder / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            here = [f"SLURM_CONF={self.cluster.folder}/slurm.conf", f"SLURM_JOB_ID={job}",
                    f"SLURMD_NODENAME={node}"]
            if all(variable.encode() in environment for variable in here):
                names = [pathlib.Path(word.decode()).name for word in line]
                if all(word in names for word in words):
                    found.append(int(folder.name))
        return found

    def kill_one(self, job, node, *words):
        """kill -9 of one of them, once there is one."""
        self.wait_until(lambda: self.processes(job, node, *words))
        os.kill(self.processes(job, node, *words)[0], signal.SIGKILL)
