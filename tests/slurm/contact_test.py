"""Nodes that Slurm loses contact with while their processes live, and a controller that answers half of the
time: jobs continue until they are finished, without intervention."""
import json
import os
import re
import shutil
import signal

from programs import CELL
from slurm_jobs import TRAIN, SlurmTest
from small_data import DATA

EVALUATIONS = 900
STEPS = 8000  # more than are done before the last cut


class Contact(SlurmTest):
    alone = True  # other jobs would be on these nodes too

    def setUp(self):
        super().setUp()
        self.site("srun", "in_use_after=5")
        for command in ("squeue", "scontrol"):
            self.script(command, "if [ $(od -An -N1 -tu1 /dev/urandom) -lt 128 ]; then\n"
                                 "  echo 'Unable to contact slurm controller' >&2; exit 1\nfi\n"
                                 f'exec {shutil.which(command)} "$@"')
        for node in ("n1", "n2"):
            self.addCleanup(self.link, node, "up")

    def submit(self, *arguments, options, **more):
        """Slurm answers the job's script half of the time."""
        path = f"--export=ALL,PATH={self.folder}:{os.environ['PATH']}"
        return super().submit(*arguments, options=(*options, path), **more)

    def link(self, node, state):
        self.on_head("ip", "link", "set", f"to-{node}", state)

    def search(self, go):
        program = self.script("evaluate.sh", f"[ -e '{go}' ] || sleep 3\necho '{{\"fitness\": 0.5}}'")
        return self.submit("--run", self.run_dir, "--evaluator", "command", "--population", 8,
                           "--command", f"'{program}'", "--evaluations", EVALUATIONS,
                           options=("--nodes=1", "--ntasks=4"))

    def training(self):
        (self.folder / "cell.json").write_text(json.dumps(CELL))
        (self.folder / "t.ini").write_text(
            "out = mine # here\ndataset=fashion-mnist\nmodel=cifar-small\nchannels=4\ncells=1\n"
            "batch=16\ntrain-size=2000\nvalidation-size=100\ntest-every=100000\nsave-every=0.01\n"
            f"steps={STEPS}\ndata-dir={self.cluster.data}\n")
        return self.submit("t.ini", "--genotype", "cell.json", script=TRAIN, options=("--ntasks=1",))

    def step(self):
        progress = self.folder / "mine" / "repeat-1" / "progress.json"
        return json.loads(progress.read_text())["step"] if progress.exists() else 0

    def train_on(self, stopped):
        """A few steps. Free processes would do all of them before Slurm ends them."""
        step = self.step()
        self.go_on(stopped)
        self.wait_until(lambda: self.step() > step, pause=0.02)
        for process in stopped:
            os.kill(process, signal.SIGSTOP)

    def wait_for_all(self, jobs, holds):
        for job, program in jobs.items():
            self.wait_until(lambda job=job, program=program: holds(job, program))

    def wait_for_done_on_its_node(self, job, number):
        """Starts of a job count their steps anew. Slurm may take the end of one of an earlier start, on the node
        that is back, for that of the present step of the same number, and cancels this: nobody has asked it to,
        and no task has failed before."""
        node = self.shown(job, "NodeList")

        def mistaken():
            start = self.output_of(job).split(", start ")[-1]
            before, cancelled, _ = start.partition(f" ON {node} CANCELLED AT ")
            return cancelled and not re.search(r"Exited with exit code (?!5\b)|Killed", before)
        self.wait_until(lambda: self.done() >= number or mistaken())
        if self.done() < number:
            self.skipTest("Slurm has cancelled the running step for one of an earlier start")

    def test_lost_three_times(self):
        """Slurm starts the jobs on the other node, where they wait for the surviving processes."""
        if not DATA.exists():
            self.skipTest("Fashion-MNIST (Debian: dataset-fashion-mnist) is not there")
        go = self.folder / "go"
        search, training = self.search(go), self.training()
        jobs = {search: "hierevo-search", training: "hierevo-train"}
        done = step = 0
        for number in (1, 2, 3):
            self.wait_until(lambda: self.step() > step, pause=0.02)
            # Otherwise it would finish long before.
            stopped = self.stop(training, "hierevo-train")
            self.wait_for_done_on_its_node(search, done + 3)
            node = self.shown(search, "NodeList")
            self.assertEqual(self.shown(training, "NodeList"), node)
            self.link(node, "down")
            for job in jobs:
                self.wait_for_restart(job, number)
                self.assertNotEqual(self.shown(job, "NodeList"), node)
            self.wait_for_all(jobs, lambda job, _: self.output_of(job).count(
                "was restarted: it waits up to") == number)
            self.wait_for_done(self.done() + 3)  # where Slurm knows of no job
            self.train_on(stopped)
            self.link(node, "up")
            self.wait_for_all(jobs, lambda job, program: not self.processes(job, node, program))
            done, step = self.done(), self.step()
        go.touch()
        self.assert_completed(search, EVALUATIONS)
        self.assertEqual(self.wait_for_end(training), ("COMPLETED", "0:0"))
        result = json.loads((self.folder / "mine" / "repeat-1" / "result.json").read_text())
        self.assertEqual(result["steps"], STEPS)
        for job in jobs:
            self.assertEqual(self.restarts(job), 3)
