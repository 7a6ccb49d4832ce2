"""What the tests on a real Slurm share: a cluster a script, jobs, and waiting for what becomes of them."""
import datetime
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from programs import BIN, DEADLINE, SOURCE, ProgramTest

CLUSTER = str(pathlib.Path(__file__).resolve().parent / "cluster")
SEARCH = SOURCE / "slurm" / "search.sh"
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "NODE_FAIL", "TIMEOUT", "PREEMPTED", "OUT_OF_MEMORY")

TRAINING = ["--evaluator", "train", "--dataset", "fashion-mnist", "--population", "4",
            "--evaluations", "8", "--repeats", "1", "--channels", "4", "--batch", "16",
            "--train-size", "200", "--validation-size", "100"]

SITE = {
    "srun": "launcher=srun\nlauncher_arguments=(--mpi=pmix)\n",
    "mpirun": "launcher=mpirun\nlauncher_arguments=(--oversubscribe --bind-to none "
              "--mca oob_tcp_if_include 10.77.0.0/24)\n"
              "export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1\n",
}
# Several interfaces are up on a node where the nodes are namespaces of one machine.
NETWORK = "export OMPI_MCA_btl_tcp_if_include=10.77.0.0/24\n"


class Cluster:
    """Up while this lives; ends with this process, however that ends."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hierevo-slurm-"))
        self.holder = subprocess.Popen([CLUSTER, "hold", self.folder, SOURCE, BIN],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "ready\n":
            code = self.holder.wait()
            shutil.rmtree(self.folder, ignore_errors=True)
            sys.exit(code)

    def end(self):
        self.holder.stdin.close()
        self.holder.wait(timeout=DEADLINE)
        left = subprocess.run([CLUSTER, "check", self.folder], stderr=subprocess.PIPE, text=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        if left.returncode != 0:
            raise AssertionError(left.stderr)


class SlurmTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.end)

    def setUp(self):
        self.folder = self.cluster.folder / f"test {self._testMethodName}"
        self.folder.mkdir()
        self.run_dir = self.folder / "a run"
        self.site("srun")
        self.addCleanup(self.end_jobs)

    def end_jobs(self):
        """The next test finds an empty queue and two nodes."""
        if self.failed_now():
            for path in sorted(self.folder.glob("*.out")):
                print(f"--- {path.name}\n{path.read_text()}", file=sys.stderr)
        self.on_head("scancel", "--user=root")
        self.wait_until(lambda: not self.on_head("squeue", "--noheader").strip())

    def failed_now(self):
        return any(error for _, error in getattr(self._outcome, "errors", [])) or any(
            test is self for test, _ in getattr(getattr(self._outcome, "result", None),
                                                "failures", []))

    def site(self, launcher, *lines):
        text = SITE[launcher] + NETWORK + f"bin='{BIN}'\nrestart_after=2\n" + "\n".join(lines)
        (self.folder / "site.sh").write_text(text)

    def run_on_head(self, *command):
        return subprocess.run([CLUSTER, "run", self.cluster.folder, *map(str, command)], text=True,
                              capture_output=True, cwd=self.folder, timeout=DEADLINE,
                              env={**os.environ, "HIEREVO_SITE": str(self.folder / "site.sh")})

    def on_head(self, *command, check=True):
        """What the command prints."""
        result = self.run_on_head(*command)
        if check:
            self.assertEqual(result.returncode, 0, f"{command}\n{result.stdout}{result.stderr}")
        return result.stdout

    def output_of(self, job):
        return (self.folder / f"hierevo-{job}.out").read_text()

    def submit(self, *arguments, options=("--nodes=2", "--ntasks-per-node=2"), script=SEARCH):
        """The id of a job of search.sh, whose output is NAME-ID.out."""
        return self.on_head("sbatch", "--parsable", "--output=%x-%j.out", *options, script,
                            *arguments).strip()

    def synthetic(self, evaluations, milliseconds, **more):
        return self.submit("--run", self.run_dir, "--evaluator", "synthetic", "--population", 8,
                           "--tournament", "0.3", "--evaluations", evaluations,
                           "--synthetic-ms", milliseconds, **more)

    def state_of(self, job):
        return self.on_head("squeue", "--noheader", "--states=all", f"--jobs={job}",
                            "--format=%T").strip()

    def shown(self, job, field):
        for word in self.on_head("scontrol", "show", "job", job).split():
            if word.startswith(field + "="):
                return word.split("=", 1)[1]
        return None

    def restarts(self, job):
        return int(self.shown(job, "Restarts"))

    def hurry(self, job):
        """A job that Slurm itself has put back waits for two minutes otherwise. Not in this second: a
        node that has just ended the job refuses a start in the same one."""
        if self.state_of(job) != "PENDING" or self.shown(job, "Reason") != "BeginTime":
            return
        start = self.shown(job, "StartTime")
        soon = datetime.datetime.now() + datetime.timedelta(seconds=30)
        if start != "Unknown" and datetime.datetime.fromisoformat(start) > soon:
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

    def assert_finished(self, evaluations):
        super().assert_finished(evaluations)
        self.hierevo("verify", "--run", self.run_dir)

    def done(self):
        if not (self.run_dir / "search.h5").exists():
            return 0
        return self.status()["evaluations"]["done"]

    def wait_for_done(self, number):
        self.wait_until(lambda: self.done() >= number)

    def wait_until(self, holds, process=None):
        """Waits for an event; Slurm takes its time for some."""
        end = time.monotonic() + 2 * DEADLINE
        while not holds():
            self.assertLess(time.monotonic(), end, "the event never came")
            time.sleep(0.1)
        return True

    def processes(self, node, *words):
        """Ids of processes on a node whose command line has all words."""
        found = []
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                line = (folder / "cmdline").read_bytes().split(b"\0")
                environment = (folder / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            here = f"SLURM_CONF={self.cluster.folder}/slurm.conf".encode() in environment
            if here and f"SLURMD_NODENAME={node}".encode() in environment:
                names = [pathlib.Path(word.decode()).name for word in line]
                if all(word in names for word in words):
                    found.append(int(folder.name))
        return found

    def kill_one(self, node, *words):
        """kill -9 of one of them, once there is one."""
        self.wait_until(lambda: self.processes(node, *words))
        os.kill(self.processes(node, *words)[0], signal.SIGKILL)
