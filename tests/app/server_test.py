"""A search whose candidates a program that stays evaluates (--evaluator server)."""
import json
import os
import re
import signal
import socket
import unittest

from jobs import JobTest
from programs import HIEREVO, mpirun

# Trains each candidate in STEPS steps, with a checkpoint behind each; notes what happens in notes/. Some
# candidates behave as their number says.
PROGRAM = """
import json, os, pathlib, subprocess, sys, time
notes = pathlib.Path("notes")
def note(kind, *words):
    with open(notes / kind, "a") as file:
        file.write(" ".join(map(str, words)) + "\\n")
def send(**message):
    print(json.dumps(message), flush=True)
def evaluate(candidate):
    id, folder = candidate["id"], pathlib.Path(candidate["folder"])
    note("candidates", id)
    behaviour = BEHAVIOUR.get(id)
    if behaviour == "hang":
        time.sleep(1000)
    if behaviour == "leave" and not (notes / f"left-{id}").exists():
        (notes / f"left-{id}").touch()
        subprocess.Popen(["sleep", "1000"], start_new_session=True)
        os._exit(3)
    if behaviour == "memory" and candidate["memory_parts"] < 4:
        return send(type="failure", id=id, kind="out_of_memory", reason="too little")
    file = folder / "step"
    step = int(file.read_text()) if file.exists() else 0
    note("begun", id, step)
    while step < STEPS:
        time.sleep(STEP)
        step += 1
        folder.mkdir(exist_ok=True, parents=True)
        (folder / "new").write_text(str(step))
        (folder / "new").rename(file)
        send(type="progress", id=id, step=step, steps=STEPS, loss=1 / step)
    send(type="result", id=id, fitness=id / 1000)
note("starts", os.getpid())
send(type="hello", protocol=1)
for line in sys.stdin:
    message = json.loads(line)
    if message["type"] == "candidate":
        evaluate(message)
    elif message["type"] == "shutdown":
        note("shutdown", os.getpid())
        break
"""


class Server(JobTest):
    def setUp(self):
        super().setUp()
        (self.folder / "notes").mkdir()

    def line(self, evaluations, steps=1, step=0.0, behaviour=None):
        values = f"STEPS, STEP, BEHAVIOUR = {steps}, {step}, {behaviour or {}}"
        (self.folder / "program.py").write_text(values + PROGRAM)
        return ["search", "--run", self.run_dir, "--evaluator", "server", "--command",
                "python3 program.py", "--population", 5, "--evaluations", evaluations]

    def notes(self, kind):
        file = self.folder / "notes" / kind
        return file.read_text().split("\n")[:-1] if file.exists() else []

    def step(self, folder):
        """How far a candidate is, by its checkpoint; 0 where there is none, or no more."""
        try:
            return int((folder / "step").read_text())
        except FileNotFoundError:
            return 0

    def evaluation(self, number):
        shown = self.hierevo("inspect", "--run", self.run_dir, "--id", number, "--json").stdout
        return json.loads(shown)

    def test_one_start_for_each_evaluator_and_an_order_to_exit(self):
        self.hierevo(*self.line(40), launcher=mpirun(3))
        self.assert_finished(40)
        self.assertEqual(len(self.notes("starts")), 2)
        self.assertEqual(sorted(self.notes("starts")), sorted(self.notes("shutdown")))
        self.assertEqual(sorted(map(int, self.notes("candidates"))), list(range(1, 41)))
        self.assertEqual(list((self.run_dir / "inflight").glob("*")), [])

    def test_evaluators_that_share_a_gpu_are_counted_and_shown_with_mps(self):
        # Nothing here needs the GPU: the ranks are told of one, and evaluate with a program.
        def place(number, *options):
            environment = ["env", "CUDA_VISIBLE_DEVICES=0", f"CUDA_MPS_PIPE_DIRECTORY={self.folder}"]
            self.run_dir = self.folder / f"run {number}"
            told = self.hierevo(*self.line(6), *options, launcher=[*mpirun(3), *environment]).stderr
            return re.search(r"Rank 2 is on [^,]*, (.*)", told)[1]

        # Rank 0 only coordinates, or evaluates too.
        self.assertEqual(place(1, "--evaluators-per-device", 2),
                         "2 evaluators on GPUs 0 (4 evaluators on each, without MPS)")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as daemon:
            daemon.bind(str(self.folder / "control"))
            daemon.listen()
            self.assertEqual(place(2, "--master-evaluates"),
                             "1 evaluator on GPUs 0 (3 evaluators on each, under MPS)")

    def test_failures_of_a_kind_each(self):
        job = self.start_job(HIEREVO, *self.line(20, behaviour={4: "hang", 6: "leave", 8: "memory"}),
                             "--timeout", 5, "--workers", 2)
        self.assertEqual(self.wait_for_end(job), 0, job.text())  # and nothing of it is left
        self.assert_finished(20)
        self.assertEqual(self.evaluation(4)["status"], "timed_out")
        self.assertEqual(self.evaluation(6)["status"], "evaluated")  # at the second attempt
        self.assertEqual(self.notes("candidates").count("6"), 2)
        self.assertEqual(self.evaluation(8)["status"], "evaluated")
        self.assertIn("cut into 4 parts", self.evaluation(8)["reason"])
        self.assertEqual(self.notes("candidates").count("8"), 3)
        # Two that stay, the one that hung, and the one that left.
        self.assertEqual(len(self.notes("starts")), 4)

    def test_what_is_killed_or_stopped_goes_on_where_it_was(self):
        line = self.line(12, steps=20, step=0.02)
        inflight = self.run_dir / "inflight"
        for end, first in ("kill", 1), ("stop", 4):
            job = self.start_job(*mpirun(3), HIEREVO, *line)

            def half_done():
                return any(5 <= self.step(folder) < 15 for folder in inflight.glob("*.d")
                           if int(folder.stem) >= first)
            self.assertTrue(self.wait_until(half_done, job.process), job.text())
            if end == "kill":
                job.end()
            else:
                os.kill(job.rank(1), signal.SIGTERM)
                self.wait_for_end(job)
                self.assertEqual(self.status()["state"], "saved")
        self.hierevo(*line, launcher=mpirun(3))
        self.assert_finished(12)
        resumed = [one.split() for one in self.notes("begun") if not one.endswith(" 0")]
        self.assertGreaterEqual(len(resumed), 2)
        self.assertEqual(list(inflight.glob("*")), [])
        self.hierevo("verify", "--run", self.run_dir)

    def test_a_program_that_does_not_begin_is_refused_before_anything_is_written(self):
        line = self.line(12)
        line[line.index("python3 program.py")] = "python3 -c 'import no_such_module'"
        self.refused(*line, says="No module named 'no_such_module'")
        self.refused(*line[:-6], says="Give --command 'PROGRAM ARGS'")
        dry = self.hierevo(*self.line(12), "--dry-run")
        self.assertIn("Everything is ready", dry.stderr)
        self.assertEqual(len(self.notes("starts")), 1)


if __name__ == "__main__":
    unittest.main()
