"""Outside failures of a job of slurm/search.sh: nothing that had finished is lost."""
from slurm_jobs import SlurmTest

EVALUATIONS = 60


class InterruptedSearch(SlurmTest):
    def begin(self, **more):
        job = self.synthetic(EVALUATIONS, 300, **more)
        self.wait_for_done(3)
        self.seen = self.done()
        return job

    def assert_ended_and_resubmitted(self, job, *states):
        self.assertIn(self.wait_for_end(job)[0], states)
        self.assertEqual(self.restarts(job), 0)
        self.assertGreaterEqual(self.done(), self.seen)
        self.assert_completed(self.synthetic(EVALUATIONS, 20), EVALUATIONS)

    def assert_put_back_and_finishes(self, job):
        self.wait_for_restart(job, 1)
        self.assertGreaterEqual(self.done(), self.seen)
        self.assert_completed(job, EVALUATIONS)


class Failures(InterruptedSearch):
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

    def test_evaluator_killed(self):
        job = self.begin()
        self.kill_one(job, "n2", "hierevo-search", "evaluator")
        self.assert_completed(job, EVALUATIONS)

    def test_rank_on_the_other_node_killed(self):
        job = self.begin()
        self.kill_one(job, "n2", "hierevo-search", "--run")
        self.assert_ended_and_resubmitted(job, "FAILED", "COMPLETED", "CANCELLED")


class NodeFailures(InterruptedSearch):
    alone = True

    def test_preempted(self):
        job = self.begin()
        other = self.submit(options=("--partition=urgent", "--nodes=2", "--exclusive"),
                            script=self.script("short.sh", "true"))
        self.assertEqual(self.wait_for_end(other), ("COMPLETED", "0:0"))
        self.assert_put_back_and_finishes(job)

    def test_node_killed(self):
        job = self.begin()
        self.cluster.control("kill-node", "n1")
        self.cluster.control("start-node", "n1")
        self.assert_put_back_and_finishes(job)
