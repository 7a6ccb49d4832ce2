"""What the tests of training share: a small part of Fashion-MNIST, and a cell that trains in seconds."""
import json
import pathlib
import tempfile
import unittest

from programs import CELL, SANITIZED, ProgramTest
from small_data import DATA, write_small_data

QUICK = ["--channels", "4", "--crop", "16", "--steps", "100", "--batch", "32",
         "--train-size", "2000"]
SLOWER = [] if SANITIZED else ["--channels", "8", "--crop", "20"]  # for what is stopped before its end


@unittest.skipUnless(DATA.exists(), "Fashion-MNIST (Debian: dataset-fashion-mnist) is not there")
class TrainingTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        """The beginning of Fashion-MNIST: the sanitizers make the whole test set slow."""
        cls.some = tempfile.TemporaryDirectory(prefix="hierevo-test-")
        cls.addClassCleanup(cls.some.cleanup)
        write_small_data(pathlib.Path(cls.some.name))
        cls.quick = [*QUICK, "--data-dir", cls.some.name]

    def setUp(self):
        super().setUp()
        self.cell = self.folder / "cell.json"
        self.cell.write_text(json.dumps(CELL))

    def evaluate(self, *arguments):
        return json.loads(self.hierevo("evaluate", "--genotype", self.cell, *self.quick, "--repeats", 2,
                                       "--validation-size", 1000, *arguments).stdout)

    def train(self, *arguments, code=0):
        result = self.hierevo("train", "--genotype", self.cell, *self.quick, *arguments, code=code)
        return json.loads(result.stdout) if code == 0 else result
