"""What begins with some data is refused others, and takes the same ones at any place."""
import unittest

from data_sets import DataTest
from programs import HIEREVO, behaviour, steps


class DataRecord(DataTest):
    def setUp(self):
        super().setUp()
        self.small_folder()
        self.old = self.folder / "old" / "my.h5"
        self.old.parent.mkdir()
        self.prepare(self.images, out=self.old)

    def line(self, dataset, evaluations, *arguments):
        return ["search", "--run", self.run_dir, "--space", "1x3", "--population", 2, "--evaluations",
                evaluations, "--repeats", 1, "--channels", 4, "--crop", 0, "--steps", 2, "--batch", 4,
                "--validation-size", 4, "--dataset", dataset, *arguments]

    def search(self, *arguments, code=0):
        return self.hierevo(*self.line(*arguments), code=code).stderr

    def done(self):
        return self.status()["evaluations"]["done"]

    def changed_packs(self):
        """A label moved; an image more; one that is another; and all of another size."""
        cat = self.images / "train" / "cat"
        cat_7, cat_8 = cat / "7.jpg", cat / "8.jpg"
        for change, undo in (
                (lambda: cat_7.rename(self.images / "train/dog/7a.jpg"),
                 lambda: (self.images / "train/dog/7a.jpg").rename(cat_7)),
                (lambda: self.image("train/cat/8.jpg"), cat_8.unlink),
                (lambda: cat_7.write_bytes((cat / "6.jpg").read_bytes()),
                 lambda: self.image("train/cat/7.jpg"))):
            change()
            pack = self.folder / "changed.h5"
            self.prepare(self.images, out=pack)
            undo()
            yield pack
            pack.unlink()
        self.prepare(self.images, "--size", 8, out=pack)
        yield pack

    def test_a_search_refuses_other_data_and_verify_names_them(self):
        self.search(self.old, 2)
        record = (self.run_dir / "data.json").read_bytes()
        whole = self.old.read_bytes()
        for pack in self.changed_packs():
            self.old.write_bytes(pack.read_bytes())
            told = self.search(self.old, 3, code=2)
            self.assertIn(f"its data differ from those that the run in '{self.run_dir}' began "
                          "with: 'images' (", told)
            self.assertRegex(told, r"instead of 'images' \(12 images of 12×12 to train on and 4 to "
                             r"validate on, 2 classes, fingerprint [0-9a-f]{16}\)\)\. Use the data")
            told = self.hierevo("verify", "--run", self.run_dir, code=3).stdout
            self.assertIn(f"'{self.old}': its images, with the fingerprint ", told)
        for more in (["--isolation", "none"], ["--dry-run"]):
            self.assertIn("its data differ from", self.search(self.old, 3, *more, code=2))
        told = self.hierevo("evaluate", "--run", self.run_dir).stderr
        self.assertIn("so its fitness will not be reproduced: 'images' (", told)
        self.assertEqual(self.done(), 2)
        # By any option that names them.
        told = self.search("changed.h5", 3, "--data-dir", self.folder, code=2)
        self.assertIn("(12 images of 8×8", told)
        self.assertEqual((self.run_dir / "data.json").read_bytes(), record)
        self.old.write_bytes(whole)
        self.search(self.old, 3)
        self.assertNotIn("fitness", self.hierevo("evaluate", "--run", self.run_dir).stderr)
        self.hierevo("verify", "--run", self.run_dir)

    def test_a_run_of_before_there_was_a_record_gets_one(self):
        self.search(self.old, 2)
        record = self.run_dir / "data.json"
        content = record.read_bytes()
        record.unlink()
        self.assertIn("There is no data.json", self.hierevo("verify", "--run", self.run_dir).stdout)
        self.assertIn("has no record of its data; assuming that it began with 'images' (",
                      self.search(self.old, 3))
        self.assertEqual(record.read_bytes(), content)

    @behaviour
    def test_the_same_data_at_any_place_are_taken(self):
        out = self.folder / "out"
        train = [*self.training("train"), "--out", out, "--repeats"]
        self.search(self.old, 2)
        self.hierevo(*train, 1, "--dataset", self.old)
        new = self.folder / "new" / "another name.h5"
        new.parent.mkdir()
        self.old.rename(new)
        self.old.symlink_to(new)
        places = ([new], [self.old], [new.name, "--data-dir", new.parent])
        for number, place in enumerate(places, start=1):
            self.search(place[0], 2 + number, *place[1:])
            self.hierevo(*train, 1 + number, "--dataset", *place)
            self.hierevo("verify", "--run", self.run_dir)
        self.assertEqual(self.done(), 5)
        self.prepare(self.images, "--size", 8, out=self.folder / "other.h5")
        told = self.hierevo(*train, 5, "--dataset", self.folder / "other.h5", code=2).stderr
        self.assertIn("'out' contains a training on other data (it began with 'images' (16 images of 12×12 ",
                      told.replace(str(out), "out"))
        self.assertIn("and these are 'images' (16 images of 8×8 ", told)

    @behaviour
    def test_a_half_trained_candidate_goes_on_when_its_data_have_moved(self):
        checkpoint = self.folder / "half.h5"
        slow = ["--checkpoint-every", 0.01, "--steps", steps(1000)]
        search = [*slow, "--space", "2x3,1x3"]
        evaluate = [*self.evaluation("--validation-size", 4, "--checkpoint", checkpoint), *slow]
        new = self.folder / "moved.h5"
        self.stop_when_there_is([HIEREVO, *self.line(self.old, 2, *search)],
                                self.run_dir / "inflight" / "1.h5")
        self.stop_when_there_is([HIEREVO, *evaluate, "--dataset", self.old], checkpoint)
        self.old.rename(new)
        self.assertIn("Candidate 1 resumes at step", self.search(new, 2, *search))
        self.assertIn(" resumes at step", self.hierevo(*evaluate, "--dataset", new).stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
