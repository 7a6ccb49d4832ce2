"""Folders of JPEG files, kept as they are: prepare --out FOLDER."""
import os
import re
import subprocess
import unittest

from data_sets import DataTest
from programs import HIEREVO


class Shards(DataTest):
    def setUp(self):
        super().setUp()
        self.shards = self.folder / "shards"

    def shard(self, *arguments, out=None, code=0):
        return self.prepare(self.images, *arguments, out=out or self.shards, code=code)

    def files(self, folder):
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    def test_the_same_bytes_whatever_number_of_processes_and_threads(self):
        self.small_folder()
        said = self.shard("--shard-images", 5)
        self.assertIn("6 shards, 16 training images, 6 test images.", said)
        expected = self.files(self.shards)
        self.assertEqual(sorted(expected), ["index.h5", "test-00000.h5", "test-00001.h5"]
                         + [f"train-0000{i}.h5" for i in range(4)])
        others = self.folder / "others"
        processes = [subprocess.Popen([HIEREVO, "prepare", self.images, "--out", others,
                                       "--shard-images", "5", "--threads", str(threads)],
                                      stderr=subprocess.DEVNULL) for threads in (1, 3, 2)]
        self.assertEqual([process.wait() for process in processes], [0, 0, 0])
        self.shard("--shard-images", 5, out=others)
        self.assertEqual(self.files(others), expected)

    @unittest.skipUnless("HIEREVO_TEST_LYING_LOCKS" in os.environ, "with a sanitizer")
    def test_processes_that_locks_do_not_keep_apart_make_the_same(self):
        self.small_folder()
        self.shard("--shard-images", 5)
        others = self.folder / "others"
        line = [HIEREVO, "prepare", self.images, "--out", others, "--shard-images", "5"]
        lying = {**os.environ, "LD_PRELOAD": os.environ["HIEREVO_TEST_LYING_LOCKS"],
                 "HIEREVO_TEST_LOCKS": "always"}
        processes = [subprocess.Popen(list(map(str, line)), env=lying, stderr=subprocess.PIPE, text=True)
                     for _ in range(3)]
        errors = [process.communicate()[1] for process in processes]
        self.assertEqual([process.returncode for process in processes], [0, 0, 0], errors)
        made = {name: content for name, content in self.files(others).items() if name.endswith(".h5")}
        self.assertEqual(made, self.files(self.shards))

    def test_goes_on_with_what_is_there(self):
        self.small_folder()
        self.shard("--shard-images", 5)
        expected = self.files(self.shards)
        kept = (self.shards / "train-00000.h5").stat().st_mtime_ns
        for name in ("index.h5", "train-00002.h5"):
            (self.shards / name).unlink()
        (self.shards / "train-00002.h5.node.17.tmp").write_bytes(b"left by a killed process")
        self.shard("--shard-images", 5)
        self.assertEqual(self.files(self.shards), expected)
        self.assertEqual((self.shards / "train-00000.h5").stat().st_mtime_ns, kept)
        self.assertIn("it was made from other images or with other options",
                      self.shard("--shard-images", 4, code=2))
        image = self.images / "train/dog/3.jpg"
        whole = image.read_bytes()
        image.write_bytes(whole + b"\0")
        (self.shards / "index.h5").unlink()
        size = len(whole)
        said = self.shard("--shard-images", 5, code=2)
        self.assertRegex(said, "/train-0000[0-3].h5' has another image 'dog/3.jpg' than there is now "
                               rf"\(of {size} bytes, not {size + 1}\)\. Remove this shard")
        self.assertNotIn("index.h5", self.files(self.shards))
        os.unlink(re.search(r"'([^']*/train-0000\d\.h5)' has", said)[1])
        self.shard("--shard-images", 5)
        image.write_bytes(whole)
        self.image("train/dog/another.jpg")
        self.assertIn("does not belong here", self.shard("--shard-images", 5, code=2))

    def test_broken_images_are_named_and_left_out_when_asked_to(self):
        self.small_folder()
        self.broken_images()
        said = self.shard(code=2)
        self.assertIn("broken: cat/0.jpg (at byte", said)
        self.assertIn("broken: dog/1.jpg (at byte 0: it is a PNG image", said)
        self.assertIn("broken: dog/2.jpg (at byte 0: it is a PNG image", said)
        self.assertIn("3 images are broken (2 of 2 shards are not made because of them)", said)
        self.assertNotIn("index.h5", self.files(self.shards))
        said = self.shard("--skip-broken")
        self.assertIn("left out: dog/1.jpg (at byte 0: it is a PNG image", said)
        self.assertIn("14 training images, 5 test images; 3 broken images are left out.", said)

    def test_links_to_nothing_are_broken_images(self):
        for name in ("train/cat/0.jpg", "train/cat/1.jpg", "train/dog/0.jpg"):
            self.image(name)
        for name in ("train/cat/1.jpg", "train/dog/1.jpg"):
            (self.images / name).unlink(missing_ok=True)
            (self.images / name).symlink_to("gone.jpg")
        for line in ([], ["--shard-images", 1, "--skip-broken"]):  # of one there is no other image
            said = self.shard(*line, out=self.folder / f"shards{len(line)}", code=2)
            for name in ("cat/1.jpg", "dog/1.jpg"):
                self.assertIn(f"broken: {name} (a link to 'gone.jpg': No such file or", said)
        said = self.shard("--skip-broken")
        self.assertIn("2 training images, 0 test images", said)
        self.assertIn("; 2 broken images are left out", said)

    def test_a_link_to_nothing_in_the_place_of_a_shard_is_named(self):
        self.small_folder()
        self.shard("--shard-images", 5)
        for name in ("index.h5", "train-00002.h5"):
            (self.shards / name).unlink()
        (self.shards / "train-00002.h5").symlink_to("nowhere")
        self.assertIn(f"'{self.shards}/train-00002.h5' is a broken link",
                      self.shard("--shard-images", 5, code=2))
        (self.shards / "train-00002.h5").unlink()
        self.shard("--shard-images", 5)

    def test_a_trailing_slash_is_none(self):
        self.small_folder()
        self.shard(out=f"{self.shards}/")
        self.assertIn("index.h5", self.files(self.shards))

    def test_an_image_that_changes_while_it_is_packed_is_named(self):
        self.small_folder()
        # Has no bytes, and yet some can be read.
        (self.images / "train/cat/4.jpg").unlink()
        (self.images / "train/cat/4.jpg").symlink_to("/proc/version")
        said = self.shard("--skip-broken", code=2)
        self.assertIn("train/cat/4.jpg' changes while it is packed (it has", said)
        self.assertEqual([name for name in self.files(self.shards) if "tmp" in name], [])

    def test_images_to_test_on_without_folders_have_labels_in_a_file(self):
        for label in ("n01", "n02"):
            self.image(f"train/{label}/{label}_1.JPEG")
        for number in range(3):
            self.image(f"val/ILSVRC2012_val_0000000{number}.JPEG")
        self.assertIn("a file of validation labels may say their classes", self.shard(code=2))
        truth, synsets = self.folder / "truth.txt", self.folder / "synsets.txt"
        truth.write_text("1\n2\n2\n")
        synsets.write_text("n02 kite\nn01 tench\n")
        self.assertIn("no synsets say of which class",
                      self.shard("--validation-labels", truth, code=2))
        said = self.shard("--validation-labels", truth, "--synsets", synsets)
        self.assertIn("2 training images, 3 test images.", said)

    def test_ilsvrcs_test_folder_without_classes_is_not_used(self):
        self.ilsvrc()
        said = self.shard("--validation-labels", self.solution)
        self.assertIn(f"'{self.images}/test' is not used: its images are not in a folder for each "
                      f"class. '{self.images}/val' is tested on.", said)
        self.assertIn("16 training images, 4 test images.", said)

    def test_refuses_what_cannot_become_shards(self):
        self.small_folder()
        self.assertIn("--size cannot be used here", self.shard("--size", 8, code=2))
        self.assertIn("--shard-images is 0", self.shard("--shard-images", 0, code=2))
        self.assertIn("--synsets is given without", self.shard("--synsets", "x", code=2))
        self.assertIn("There are no JPEG images in", self.prepare(self.folder, out=self.shards,
                                                                  code=2))
        self.assertIn("--out is", self.shard(out=self.folder / "data.hdf5", code=2))
        self.shards.mkdir()
        (self.shards / "thesis.tex").touch()
        self.assertIn("'thesis.tex' is in it", self.shard(code=2))


if __name__ == "__main__":
    unittest.main(verbosity=2)
