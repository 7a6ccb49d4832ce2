"""Every command of docs/tutorial.md, except those of Slurm (tests/slurm/tutorial_test.py has these too)."""
import unittest

from programs import ProgramTest
from tutorial import TUTORIAL, Tutorial


class TutorialTest(Tutorial, ProgramTest):
    def setUp(self):
        super().setUp()
        self.set_up()
        self.slurms = 0

    def on_slurm(self, block):
        self.slurms += 1

    def test_every_command(self):
        # The training that the job array would make.
        text = TUTORIAL.replace("search-train", "tried")
        self.go_through(text)
        self.assertGreater(self.slurms, 4)
        if self.left_out:
            self.skipTest("; ".join(self.left_out))

    def test_options_at_their_real_size(self):
        self.check_real_size(TUTORIAL)


if __name__ == "__main__":
    unittest.main(verbosity=2)
