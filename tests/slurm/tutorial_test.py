"""Every command of docs/tutorial.md, on a cluster of two nodes."""
import json
import re

from slurm_jobs import CLUSTER, SlurmTest
from tutorial import TUTORIAL, Tutorial


class TutorialTest(Tutorial, SlurmTest):
    def setUp(self):
        super().setUp()
        self.set_up()
        self.environment["HIEREVO_SITE"] = str(self.folder / "site.sh")  # what a reader would edit
        # What happens after each block of Slurm's, before the next.
        self.then = iter([self.it_searches, self.it_is_listed, self.it_is_requeued, self.it_is_cancelled,
                          self.it_finishes, self.repeats_are_trained])

    def outputs(self):
        return "".join(f"--- {path.name}\n{path.read_text(errors='replace')}\n"
                       for path in sorted(self.here.glob("*.out")))

    def on_slurm(self, block):
        self.done_before = self.done()
        self.run_block(block, launcher=[CLUSTER, "run", str(self.cluster.folder)])
        submitted = re.search(r"Submitted batch job (\d+)", block.printed)
        if submitted:
            self.jobs.append(submitted[1])
        next(self.then)(block)

    def wait_for_another(self):
        """Evaluation, of a search that then waits, so that it is not finished too early."""
        self.wait_until(lambda: self.done() > self.done_before, pause=0.02)
        self.stopped = self.stop(self.jobs[0], "hierevo-search")

    def it_searches(self, block):
        self.wait_for_another()

    def it_is_listed(self, block):
        self.assertRegex(block.printed, rf"\n +{self.jobs[0]} +debug +hierevo +root +R ")

    def it_is_requeued(self, block):
        self.go_on(self.stopped)
        self.wait_for_restart(self.jobs[0], 1)
        self.done_before = self.done()
        self.wait_for_another()

    def it_is_cancelled(self, block):
        self.go_on(self.stopped)
        self.assertEqual(self.wait_for_end(self.jobs[0])[0], "CANCELLED")
        self.assertLess(self.done(), self.status()["evaluations"]["target"])

    def it_finishes(self, block):
        self.assert_completed(self.jobs[1], self.status()["evaluations"]["target"])

    def repeats_are_trained(self, block):
        for task in (1, 2):
            self.assertEqual(self.wait_for_end(f"{self.jobs[2]}_{task}"), ("COMPLETED", "0:0"))
        result = json.loads((self.here / "search-train" / "result.json").read_text())
        self.assertEqual([repeat["ranks"] for repeat in result["repeats"]], [2, 2])
        self.assertIsNotNone(result["test_accuracy_deviation"])

    def test_every_command(self):
        self.go_through(TUTORIAL)
        self.assertEqual(list(self.then), [])
        if self.left_out:
            self.skipTest("; ".join(self.left_out))
