"""A search whose ranks read one pack at once."""
import re
import unittest

from data_sets import DataTest
from programs import HIEREVO, MPIRUN, mpirun


class PackUnderMpi(DataTest):
    def line(self, evaluations, dataset):
        return ["search", "--run", self.run_dir, "--space", "2x3,1x3", "--population", 3,
                "--evaluations", evaluations, "--repeats", 1, "--channels", 4, "--crop", 0,
                "--steps", 2, "--batch", 4, "--validation-size", 4, "--dataset", dataset]

    def each_with_its_own(self, words, folders):
        """A rank for each folder, which is its own folder of data."""
        ranks = []
        for folder in folders:
            ranks += [":", MPIRUN[-1], "1", "env", f"HIEREVO_DATA_DIR={folder}", HIEREVO, *map(str, words)]
        return self.command([*MPIRUN[:-1], *ranks[1:]])

    def test_ranks_may_have_the_data_at_places_of_their_own(self):
        self.small_folder()
        nodes = [self.folder / name for name in ("a", "b", "c")]
        for node in nodes:
            node.mkdir()
            self.prepare(self.images, out=node / "pack.h5")
        result = self.each_with_its_own(self.line(3, "pack.h5"), nodes)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_finished(3)
        # Another image on one node: its rank is refused; at a first start the one that comes later is.
        self.image("train/cat/9.jpg")
        (nodes[2] / "pack.h5").unlink()
        self.prepare(self.images, out=nodes[2] / "pack.h5")
        of_the_run = f"those that the run in '{self.run_dir}' began with"
        for run, refusals in ((self.run_dir, {2: of_the_run}),
                              (self.folder / "new", {2: "those of rank 1", 1: "those of rank 2"})):
            self.run_dir = run
            result = self.each_with_its_own(self.line(4, "pack.h5"), nodes)
            self.assertEqual(result.returncode, 2, result.stderr)
            refused = int(re.search(r"Rank (\d) on \S+ cannot take part", result.stderr)[1])
            images = {1: 12, 2: 13}[refused]
            self.assertIn(f"(its data differ from {refusals[refused]}: 'images' ({images} images",
                          result.stderr)
        train = [*self.training("train", "--dataset", "pack.h5"), "--out", self.folder / "out"]
        self.assertEqual(self.each_with_its_own(train, nodes[:2]).returncode, 0)
        result = self.each_with_its_own(train, nodes[1:])
        self.assertIn("Rank 1 has other data than rank 0", result.stderr)

    def test_every_rank_of_a_search_reads_the_pack(self):
        self.small_folder()
        self.prepare(self.images)
        self.pack.chmod(0o444)
        self.hierevo(*self.line(4, self.pack), launcher=mpirun(3))
        self.assert_finished(4)


if __name__ == "__main__":
    unittest.main(verbosity=2)
