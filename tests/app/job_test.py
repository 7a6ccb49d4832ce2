"""What a search takes from the job that it is part of, told by the variables that Slurm sets."""
import os
import pathlib
import re
import signal
import subprocess
import time
import unittest
from unittest import mock

from programs import DEADLINE, HIEREVO, MPIRUN, SOURCE, ProgramTest, mpirun

SMALL = ["--evaluator", "synthetic", "--population", "4", "--evaluations", "20"]


class Job(ProgramTest):
    def in_job(self, **variables):
        variables = {f"SLURM_{name}": str(value) for name, value in variables.items()}
        return mock.patch.dict(os.environ, {"SLURM_JOB_ID": "7", **variables})

    def test_nothing_has_started_the_tasks(self):
        with self.in_job(NTASKS=3):
            self.refused("search", "--run", self.run_dir, *SMALL,
                         says="This job has 3 tasks, but only one process was started (neither srun "
                              "nor mpirun started it). Write srun or mpirun before the command")
            self.hierevo("search", "--run", self.run_dir, *SMALL, "--workers", 2)
        self.assert_finished(20)

    def test_tasks_that_do_not_know_of_each_other(self):
        line = ["search", "--run", self.run_dir, *SMALL, "--dry-run"]
        with self.in_job(NTASKS=3, STEP_NUM_TASKS=3, PROCID=0):
            self.refused(*line, says="srun started 3 tasks, but for MPI each of them is "
                                     "alone")
        with self.in_job(NTASKS=3, STEP_NUM_TASKS=3, PROCID=1):
            self.assertEqual(self.hierevo(*line, code=2).stderr, "")
        with self.in_job(NTASKS=1, STEP_NUM_TASKS=1):
            self.hierevo(*line)

    def test_saves_before_the_time_limit(self):
        line = ["search", "--run", self.run_dir, *SMALL, "--synthetic-ms", 400]
        with self.in_job(JOB_END_TIME=int(time.time()) + 6):
            result = self.hierevo(*line, "--progress", "lines", code=75)
        self.assertIn("(job ends in ", result.stderr)
        self.assertEqual(self.status()["state"], "saved")
        with self.in_job(JOB_END_TIME=1):  # long ago: it says nothing
            self.hierevo(*line)
        self.assert_finished(20)

    @unittest.skipUnless(MPIRUN, "without MPI")
    def test_a_program_of_command_may_call_mpirun_with_the_settings_of_the_user(self):
        program = self.folder / "program"
        program.write_text(f"""#!/bin/sh\n[ -z "$PMIX_RANK$OMPI_COMM_WORLD_RANK$PMI_RANK" ] || exit 7
                           {MPIRUN[0]} -n 4 true && echo '{{"fitness": 0.5}}'\n""")
        program.chmod(0o700)
        line = ["search", "--run", self.run_dir, "--evaluator", "command", "--command", program,
                "--population", 2, "--evaluations", 2]
        with mock.patch.dict(os.environ, {"OMPI_MCA_rmaps_base_oversubscribe": "1",
                                          "OMPI_ALLOW_RUN_AS_ROOT": "1",
                                          "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                                          "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
                                          "PRTE_ALLOW_RUN_AS_ROOT": "1",
                                          "PRTE_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}):
            for isolation in ("process", "none"):
                self.run_dir = self.folder / isolation
                self.hierevo(*line[:2], self.run_dir, *line[3:], "--isolation", isolation,
                             launcher=mpirun(2))
                self.assertEqual(self.status()["evaluations"]["failed"], 0)

    def on_disk(self, options, launcher=(), code=3):
        """What is said of a run directory on a new disk, which is mounted for the rank 2 alone when
        there are several."""
        disk = self.folder / "disk"
        disk.mkdir()
        mounted = ('rank=${OMPI_COMM_WORLD_RANK:-${PMI_RANK:-2}}; test "$rank" != 2 || '
                   f'mount {options} "$0" || exit 77; exec "$@"')
        return self.hierevo("search", "--run", disk / "run", *SMALL, "--dry-run", code=code,
                            launcher=[*launcher, "unshare", "--mount", "sh", "-c", mounted,
                                      str(disk)]).stderr

    @unittest.skipUnless(os.geteuid() == 0, "only root can mount a disk")
    def test_hardly_any_room_left(self):
        self.assertIn("only 1 MB are free on its file system (64 MB are needed)", self.on_disk("-t tmpfs -o size=1m tmpfs"))

    @unittest.skipUnless(os.geteuid() == 0, "only root can mount a disk")
    def test_read_only_disk(self):
        self.assertIn("Read-only file system", self.on_disk("-t tmpfs -o ro tmpfs"))

    @unittest.skipUnless(MPIRUN and os.geteuid() == 0, "without MPI, or not root")
    def test_a_rank_with_another_disk(self):
        said = self.on_disk("-t tmpfs -o size=100m tmpfs", launcher=mpirun(3), code=2)
        self.assertEqual(said.count("disk' is not the folder that rank 0 has there"), 1, said)
        self.assertIn("Rank 2 on ", said)

    @unittest.skipUnless(MPIRUN and os.geteuid() == 0, "without MPI, or not root")
    def test_a_rank_that_cannot_write(self):
        said = self.on_disk('-o bind,ro "$0"', launcher=mpirun(3), code=2)
        self.assertIn("Read-only file system", said)
        self.assertIn("Rank 2 on ", said)

    @unittest.skipUnless(MPIRUN, "without MPI")
    def test_what_other_schedulers_run(self):
        line = [*map(str, [SOURCE / "slurm" / "other" / "search_for.sh", 1000, self.run_dir,
                           *mpirun(3), HIEREVO, "search", "--run", self.run_dir, *SMALL,
                           "--synthetic-ms", 200])]
        process = subprocess.Popen(line, start_new_session=True, stderr=subprocess.DEVNULL)
        self.wait_until(lambda: (self.run_dir / "search.h5").exists() and
                        self.status()["evaluations"]["done"] > 2, process)
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
        os.kill(int(children.read_text().split()[0]), signal.SIGUSR1)  # timeout's, of itself
        self.assertEqual(process.wait(timeout=DEADLINE), 75)
        self.assertEqual(self.status()["state"], "saved")
        self.assertEqual(subprocess.run(line, timeout=DEADLINE).returncode, 0)
        self.assert_finished(20)
        wrong = [*line, "--population", "1"]
        self.assertEqual(subprocess.run(wrong, timeout=DEADLINE).returncode, 2)

    def searched_beside_gpus(self, *evaluator, ranks=4, visible="0,1", code=0):
        """What is said on a node of which Slurm has given the job two GPUs."""
        with self.in_job(GPUS_ON_NODE=2), mock.patch.dict(os.environ, CUDA_VISIBLE_DEVICES=visible):
            return self.hierevo("search", "--run", self.run_dir, *SMALL, "--evaluator", *evaluator,
                                "--dry-run", launcher=mpirun(ranks), code=code).stderr

    @unittest.skipUnless(MPIRUN, "without MPI")
    def test_more_ranks_than_devices(self):
        program = ["command", "--command", "true"]
        told = self.searched_beside_gpus(*program, code=2)
        self.assertEqual(told.count("3 ranks of this node evaluate on 2 GPUs"), 1)
        self.searched_beside_gpus(*program, ranks=3)

    @unittest.skipUnless(MPIRUN, "without MPI")
    def test_who_uses_no_gpu_may_have_more_ranks(self):
        self.assertIn("Everything is ready", self.searched_beside_gpus("synthetic"))
        self.assertIn("Everything is ready",
                      self.searched_beside_gpus("command", "--command", "true", visible=""))
        if re.search("Torch: +[0-9](.|\n)*CUDA: +not built in", self.hierevo("--version").stdout):
            told = self.searched_beside_gpus("train", "--data-dir", "none", code=2)
            self.assertNotIn("GPU", told)
            self.assertIn("none", told)


if __name__ == "__main__":
    unittest.main(verbosity=2)
