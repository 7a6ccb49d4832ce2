"""A search whose ranks read one pack at once."""
import unittest

from data_sets import DataTest
from programs import mpirun


class PackUnderMpi(DataTest):
    def test_every_rank_of_a_search_reads_the_pack(self):
        self.small_folder()
        self.prepare(self.images)
        self.pack.chmod(0o444)
        self.hierevo("search", "--run", self.run_dir, "--space", "2x3,1x3", "--population", 3,
                     "--evaluations", 4, "--repeats", 1, "--channels", 4, "--crop", 0,
                     "--steps", 2, "--batch", 4, "--validation-size", 4,
                     "--dataset", self.pack, launcher=mpirun(3))
        self.assert_finished(4)


if __name__ == "__main__":
    unittest.main(verbosity=2)
