"""What may happen to a job of slurm/search.sh from outside: nothing that had finished is lost."""
import subprocess
import unittest

from slurm_jobs import CLUSTER, SlurmTest

EVALUATIONS = 60


class Failures(SlurmTest):
    def begin(self, **more):
        job = self.synthetic(EVALUATIONS, 300, **more)
        self.wait_for_done(3)
        self.seen = self.done()
        return job

    def assert_finishes(self, job):
        self.assertEqual(self.wait_for_end(job), ("COMPLETED", "0:0"))
        self.assert_finished(EVALUATIONS)

    def assert_ended_and_resubmitted(self, job, *states):
        self.assertIn(self.wait_for_end(job)[0], states)
        self.assertEqual(self.restarts(job), 0)
        self.assertGreaterEqual(self.done(), self.seen)
        self.assert_finishes(self.synthetic(EVALUATIONS, 20))

    def assert_put_back_and_finishes(self, job):
        self.wait_for_restart(job, 1)
        self.assertGreaterEqual(self.done(), self.seen)
        self.assert_finishes(job)

    def test_cancelled(self):
        job = self.begin()
        self.on_head("scancel", job)
        self.assert_ended_and_resubmitted(job, "CANCELLED")

    def test_cancelled_under_mpirun(self):
        self.site("mpirun")
        job = self.begin()
        self.on_head("scancel", job)
        self.assert_ended_and_resubmitted(job, "CANCELLED")

    def test_requeued_by_hand(self):
        job = self.begin()
        self.on_head("scontrol", "requeue", job)
        self.assert_put_back_and_finishes(job)

    def test_preempted(self):
        job = self.begin(options=("--nodes=2", "--ntasks-per-node=4"))
        other = self.submit(options=("--partition=urgent", "--nodes=2", "--exclusive"),
                            script=self.short_script())
        self.assertEqual(self.wait_for_end(other), ("COMPLETED", "0:0"))
        self.assert_put_back_and_finishes(job)

    def short_script(self):
        script = self.folder / "short.sh"
        script.write_text("#!/bin/sh\ntrue\n")
        return script

    def test_evaluator_killed(self):
        job = self.begin()
        self.kill_one("n2", "hierevo-search", "evaluator")
        self.assert_finishes(job)

    def test_rank_on_the_other_node_killed(self):
        job = self.begin()
        self.kill_one("n2", "hierevo-search", "--run")
        self.assert_ended_and_resubmitted(job, "FAILED", "COMPLETED", "CANCELLED")

    def test_node_killed(self):
        job = self.begin()
        subprocess.run([CLUSTER, "kill-node", self.cluster.folder, "n1"], check=True)
        subprocess.run([CLUSTER, "start-node", self.cluster.folder, "n1"], check=True)
        self.assert_put_back_and_finishes(job)


if __name__ == "__main__":
    unittest.main(verbosity=2)
