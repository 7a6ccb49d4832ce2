"""slurm/train.sh and slurm/imagenet.sh: trainings that restart themselves."""
import json
import re

from programs import CELL
from slurm_jobs import IMAGENET, TRAIN, SlurmTest

STEPS = 300


class Trainings(SlurmTest):
    def setUp(self):
        super().setUp()
        self.cell = self.folder / "my cell.json"
        self.cell.write_text(json.dumps(CELL))
        (self.folder / "tiny.ini").write_text(
            "dataset=fashion-mnist\nmodel=cifar-small\nchannels=4\ncells=1\nbatch=16\n"
            "train-size=2000\nvalidation-size=100\ntest-every=100000\nsave-every=0.01\n"
            f"data-dir={self.cluster.data}\n")

    def train(self, script, steps, *options):
        return self.submit("tiny.ini", "--genotype", self.cell, "--steps", steps, script=script,
                           options=options)

    def folder_of(self, repeat):
        return self.folder / "my cell-tiny" / f"repeat-{repeat}"

    def interrupt(self, job, repeat):
        """The signal comes in the middle of the training."""
        self.wait_until((self.folder_of(repeat) / "progress.json").exists, pause=0.02)
        stopped = self.stop(self.shown(job, "JobId"), "hierevo-train")
        self.on_head("scancel", "--signal=USR2", "--full", job)
        self.go_on(stopped)

    def test_array_of_repeats_gives_one_mean_and_deviation(self):
        job = self.train(TRAIN, STEPS, "--array=1-3")
        self.interrupt(f"{job}_2", 2)
        for task in (1, 2, 3):
            self.assertEqual(self.wait_for_end(f"{job}_{task}"), ("COMPLETED", "0:0"))
        self.assertEqual(self.restarts(f"{job}_2"), 1)
        self.assertIn("Resuming at step ", self.output_of(f"{job}_2"))
        result = json.loads((self.folder_of(1).parent / "result.json").read_text())
        self.assertEqual([repeat["steps"] for repeat in result["repeats"]], [STEPS] * 3)
        self.assertIsNotNone(result["test_accuracy_deviation"])
        said = "".join(self.output_of(f"{job}_{task}") for task in (1, 2, 3))
        self.assertIn("Test error ", said)

    def test_imagenet_script_goes_on(self):
        job = self.train(IMAGENET, STEPS, "--ntasks=1")
        self.interrupt(job, 1)
        self.wait_for_restart(job, 1)
        self.assertEqual(self.wait_for_end(job), ("COMPLETED", "0:0"))
        self.assertIn("Resuming at step ", self.output_of(job))
        self.assertTrue((self.folder_of(1).parent / "result.json").exists())

    def test_one_training_over_both_nodes_goes_on(self):
        job = self.train(IMAGENET, STEPS, "--nodes=2", "--ntasks-per-node=1")
        self.interrupt(job, 1)
        self.wait_for_restart(job, 1)
        self.assertEqual(self.wait_for_end(job), ("COMPLETED", "0:0"))
        said = self.output_of(job)
        hosts = re.findall(r"^Rank (\d) is on (\S+),", said, re.M)
        self.assertEqual(sorted(set(hosts)), [("0", "n1"), ("1", "n2")])
        self.assertIn("Resuming at step ", said)
        result = json.loads((self.folder_of(1) / "result.json").read_text())
        self.assertEqual((result["ranks"], result["steps"]), (2, STEPS))

    def test_refusal_is_final(self):
        job = self.submit(script=TRAIN, options=("--ntasks=1",))
        self.assertEqual(self.wait_for_end(job), ("FAILED", "2:0"))
        self.assertIn("No cell is given", self.output_of(job))
