"""Runs that earlier programs began are read, verified and resumed.

old_runs/2026-11.tar.xz holds, with options that had other names then: `synthetic`, a search that was
killed after 17 of 40 evaluations; `trained`, one that was stopped after 5 of 6 and left a half-trained
candidate; `training`, one of that search's best, stopped at step 12 of the first of two repeats; and the
data pack of both, `tiny.h5`. All of them were in the folder /data of another machine.
"""
import json
import pathlib
import tarfile
import unittest

from programs import SANITIZED, ProgramTest

ARCHIVE = pathlib.Path(__file__).parent / "old_runs" / "2026-11.tar.xz"
DATA = ["--channels", 2, "--cells", 1, "--batch", 8, "--crop", 0, "--evaluation-batch", 20,
        "--validation-size", 20]


class OldRuns(ProgramTest):
    def setUp(self):
        super().setUp()
        with tarfile.open(ARCHIVE) as archive:
            archive.extractall(self.folder)
        self.pack = self.folder / "tiny.h5"

    def status(self, run):
        return json.loads(self.hierevo("status", "--run", run, "--json").stdout)

    def test_a_killed_search_is_verified_and_resumed_to_the_end_that_it_would_have_had(self):
        run = self.folder / "synthetic"
        self.hierevo("verify", "--run", run)
        self.assertEqual(self.status(run)["evaluations"]["done"], 17)
        line = ["search", "--run", run, "--evaluator", "synthetic", "--space", "2x3,1x3",
                "--population", 6, "--evaluations", 40, "--tournament", 0.3, "--seed", 3]
        for old in (["--failures-in-series", 7], ["--failures-in-series=7"]):
            said = self.hierevo(*line, *old, code=2).stderr
            self.assertIn("Use '--max-consecutive-failures'.", said)
        # The sanitizers' own tables need more.
        limit = [] if SANITIZED else ["--address-space-limit", 64]
        self.hierevo(*line, "--max-consecutive-failures", 7, *limit)
        # As the program that began it finds it.
        best = self.status(run)["best"]
        self.assertEqual((best["id"], best["parameters"]), (38, 89338))
        self.assertAlmostEqual(best["fitness"], 0.4421, places=4)
        self.hierevo("verify", "--run", run)
        record = (run / "config.ini").read_text()
        self.assertIn("max-consecutive-failures=7\n", record)
        self.assertNotIn("failures-in-series", record)

    def test_a_half_trained_candidate_is_resumed(self):
        run = self.folder / "trained"
        said = self.hierevo(
            "search", "--run", run, "--space", "1x3", "--repeats", 1, "--steps", 400,
            "--population", 3, "--evaluations", 6, "--tournament", 0.5, "--checkpoint-every", 0.1,
            "--max-training-memory", 1, "--lr-reference-batch", 16, "--ema-decay", 0.5,
            "--dataset", self.pack, *DATA).stderr
        self.assertRegex(said, r"Candidate 6 resumes at step [1-9]\d* of repeat 1")
        self.assertEqual(self.status(run)["evaluations"]["done"], 6)
        self.hierevo("verify", "--run", run)

    def test_a_training_is_resumed(self):
        out = self.folder / "training"
        said = self.hierevo(
            "train", "--run", self.folder / "trained", "--id", 2, "--out", out, "--steps", 60,
            "--repeats", 2, "--ema-decay", 0.9, "--lr-reference-batch", 8, "--sync-batchnorm",
            "--dataset", self.pack, *DATA)
        self.assertIn("step 12", said.stderr)
        result = json.loads(said.stdout)
        self.assertEqual([repeat["steps"] for repeat in result["repeats"]], [60, 60])
        self.assertIn("ema-decay=0.9\n", (out / "config.ini").read_text())


if __name__ == "__main__":
    unittest.main()
