"""Real training on Fashion-MNIST by search, evaluate and train."""
import json
import pathlib
import unittest

from programs import ProgramTest

# A cell that trains in seconds: one separable convolution.
CELL = {"format": "hierevo.genotype", "version": 1, "levels": [
    {"level": 2, "nodes": 2, "motifs": [["separable3x3"]]},
    {"level": 3, "nodes": 2, "motifs": [[1]]}]}
QUICK = ["--channels", "8", "--crop", "20", "--steps", "100", "--batch", "32",
         "--train-size", "2000"]
DATA = pathlib.Path("/usr/share/datasets/fashion-mnist")


@unittest.skipUnless(DATA.exists(), "Fashion-MNIST (Debian: dataset-fashion-mnist) is not there")
class Training(ProgramTest):
    def setUp(self):
        super().setUp()
        self.cell = self.folder / "cell.json"
        self.cell.write_text(json.dumps(CELL))

    def evaluate(self, *arguments):
        return json.loads(self.hierevo("evaluate", "--genotype", self.cell, *QUICK, "--repeats", 2,
                                       "--validation-size", 1000, *arguments).stdout)

    def test_a_fitness_is_above_chance_and_depends_on_the_seed_alone(self):
        first = self.evaluate()
        self.assertGreater(first["fitness"], 0.2)
        self.assertEqual(len(first["repeat_fitness"]), 2)
        self.assertAlmostEqual(first["fitness"], sum(first["repeat_fitness"]) / 2)
        again = self.evaluate()
        self.assertEqual(first["repeat_fitness"], again["repeat_fitness"])
        self.assertEqual(first["repeat_loss"], again["repeat_loss"])
        self.assertNotEqual(first["repeat_fitness"], self.evaluate("--seed", 2)["repeat_fitness"])

    def test_a_search_trains_and_its_best_cell_is_tested(self):
        self.hierevo("search", "--run", self.run_dir, "--space", "2x3,1x3", "--population", 3,
                     "--evaluations", 5, *QUICK, "--repeats", 1, "--validation-size", 500,
                     "--workers", 2)
        self.assert_finished(5)
        self.assertGreater(self.status()["best"]["fitness"], 0.12)
        result = json.loads(self.hierevo("train", "--run", self.run_dir, *QUICK).stdout)
        self.assertGreater(result["test_accuracy"], 0.2)
        self.assertEqual(result["id"], self.status()["best"]["id"])

    def test_a_divergence_is_a_result(self):
        shown = self.hierevo("evaluate", "--genotype", self.cell, *QUICK, "--repeats", 1,
                             "--lr", 1e30, code=4)
        self.assertEqual(json.loads(shown.stdout)["status"], "diverged")

    def test_data_and_options_that_do_not_fit_are_refused(self):
        search = ["search", "--run", self.run_dir]
        self.refused(*search, "--crop", 29, says="the images are 28×28")
        self.refused(*search, "--dataset", "fashion-minst", says="fashion-mnist")
        self.refused(*search, "--data-dir", self.folder, says=str(self.folder))
        self.refused(*search, "--train-size", 60000, "--validation-size", 1, says="60000")
        self.refused(*search, "--train-size", 100, "--batch", 200, says="100 images")
        for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3",
                     "t10k-labels-idx1"):
            (self.folder / f"{name}-ubyte").write_bytes(b"\0\0\x08\x07" + bytes(100))
        self.refused(*search, "--data-dir", self.folder, says="idx")


if __name__ == "__main__":
    unittest.main(verbosity=2)
