"""hierevo train on a folder of JPEG shards."""
import json
import os
import shutil
import signal
import unittest
import unittest.mock

from data_sets import DataTest
from jobs import JobTest
from programs import HIEREVO, mpirun

try:
    import h5py
except ImportError:
    h5py = None

STEPS = 30
LONG = 300  # enough to be interrupted twice


@unittest.skipUnless(h5py, "no h5py")
class JpegTraining(DataTest, JobTest):
    def setUp(self):
        super().setUp()
        for label in ("cat", "dog", "eel"):
            for number in range(9):
                self.image(f"train/{label}/{number}.jpg", 40 + number, 50)
            for number in range(4):
                self.image(f"test/{label}/{number}.jpg", 45, 40 + number)
        self.shards = self.folder / "shards"
        self.prepare(self.images, "--shard-images", 5, out=self.shards)
        self.line = ["train", "--genotype", self.cell, "--channels", 4, "--crop", 16, "--steps", STEPS,
                     "--batch", 10, "--dataset", self.shards, "--mixup", 0.2, "--brightness", 0.3]

    def train(self, out, *options, launcher=(), code=0):
        result = self.hierevo(*self.line, "--out", self.folder / out, *options, launcher=launcher,
                              code=code)
        return json.loads(result.stdout) if code == 0 else result.stderr

    def test_the_first_line_says_how_many_threads_decode(self):
        for options, text in (((), "a thread of the CPU; a thread decodes JPEG"),
                              (("--threads", 2), "2 threads of the CPU; 2 threads decode JPEG"),
                              (("--loader-threads", 3), "a thread of the CPU; 3 threads decode JPEG")):
            result = self.hierevo(*self.line, "--out", self.folder / "none", "--dry-run", *options)
            self.assertRegex(result.stderr, f"This training is on .*, with {text}\n")

    def weights(self, out, steps=STEPS):
        with h5py.File(self.folder / out / "repeat-1" / "last.h5") as file:
            self.assertEqual(len(file["losses"]), steps)
            return {name: tensor[...].tobytes() for name, tensor in file["weights"].items()}

    def test_the_same_weights_whatever_threads_decode(self):
        result = self.train("one", "--loader-threads", 1)
        repeat = result["repeats"][0]
        self.assertEqual(repeat["steps"], STEPS)
        self.assertGreaterEqual(repeat["top5"], repeat["top1"])
        self.assertEqual(repeat["top5"], 1.0)  # of three classes
        self.train("three", "--loader-threads", 3)
        self.assertEqual(self.weights("one"), self.weights("three"))
        facts = json.loads((self.folder / "one" / "data.json").read_text())
        self.assertEqual(facts["class_names"], ["cat", "dog", "eel"])
        self.assertEqual((facts["training_images"], facts["test_images"]), (27, 12))

    def test_a_stopped_training_of_two_ranks_goes_on_bit_for_bit(self):
        self.line += ["--steps", LONG]
        self.train("whole", launcher=mpirun(2))
        line = [*mpirun(2), HIEREVO, *self.line, "--out", self.folder / "parts", "--save-every", 0.01]
        last = self.folder / "parts" / "repeat-1" / "last.h5"
        for number in (signal.SIGKILL, signal.SIGUSR1):
            before = last.stat().st_mtime_ns if last.exists() else None
            job = self.start_job(*line)
            self.assertTrue(self.wait_until(
                lambda: last.exists() and last.stat().st_mtime_ns != before, job.process), job.text())
            os.kill(job.rank(1), number)
            self.assertNotEqual(self.wait_for_end(job), 0, job.text())
        self.train("parts", launcher=mpirun(2))
        self.assertEqual(self.weights("whole", LONG), self.weights("parts", LONG))

    def test_the_imagenet_model_with_images_held_out(self):
        self.line[self.line.index("--crop") + 1] = 64
        result = self.train("large", "--model", "imagenet", "--cells", 1, "--validation-size", 6,
                            "--train-size", 20, "--test-every", 10)
        self.assertIn(result["repeats"][0]["best"]["step"], (10, 20, 30))
        facts = json.loads((self.folder / "large" / "data.json").read_text())
        self.assertEqual((facts["training_images"], facts["held_out_images"]), (20, 6))

    def test_a_folder_is_found_by_its_name_and_refused_where_it_cannot_serve(self):
        self.line[self.line.index("--dataset") + 1] = "shards"
        self.train("here")
        self.train("there", "--data-dir", self.folder)
        self.assertEqual(self.weights("here"), self.weights("there"))
        # As the plugin stages it, while another one of that name lies here.
        staged = self.folder / "node" / "shards"
        shutil.copytree(self.shards, staged)
        (self.shards / "train-00000.h5").rename(self.folder / "gone.h5")
        with unittest.mock.patch.dict(os.environ, {"HIEREVO_DATA_DIR": str(staged)}):
            self.train("staged")
        self.assertEqual(self.weights("here"), self.weights("staged"))
        (self.folder / "gone.h5").rename(self.shards / "train-00000.h5")
        self.assertIn("those of '", self.train("no", "--crop", 0, code=2))
        self.assertIn("--batch is 28", self.train("no", "--batch", 28, code=2))
        self.assertIn("only hierevo train decodes images while it trains",
                      self.hierevo(*self.evaluation("--dataset", self.shards), code=2).stderr)
        index = self.shards / "index.h5"
        index.rename(self.folder / "index.h5")
        told = self.train("no", "--dataset", self.shards, code=2)
        self.assertIn("it has no index.h5, which hierevo prepare writes last", told)
        self.assertFalse((self.folder / "no").exists())

    def test_it_goes_on_with_the_same_images_alone(self):
        self.train("out")
        self.image("train/cat/9.jpg", 44, 50)
        others = self.folder / "others"
        self.prepare(self.images, "--shard-images", 5, out=others)
        for again in (1, 2):
            told = self.train("out", "--dataset", others, code=2)
            self.assertIn("contains a training on other data (it began with 'images' (27 images of 16×16 ", told)
            self.assertIn("and these are 'images' (28 images", told)
            if again == 1:
                self.shards.rename(self.folder / "moved")
                others.rename(self.shards)
                others = self.shards
        self.train("out", "--dataset", self.folder / "moved", "--repeats", 2)

    def test_an_image_that_was_damaged_since_is_named(self):
        shard = self.shards / "train-00002.h5"
        content = bytearray(shard.read_bytes())
        place = content.find(b"\xff\xd8\xff", len(content) // 2)
        content[place + 100] ^= 1
        shard.write_bytes(content)
        for launcher in ((), mpirun(2)):
            told = self.train("out", launcher=launcher, code=3)
            self.assertRegex(told, r"hierevo: (rank \d: )?Cannot use '.*train-00002.h5: \w+/\d.jpg'")


if __name__ == "__main__":
    unittest.main(verbosity=2)
