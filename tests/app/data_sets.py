"""Data sets of pictures for tests, and programs that pack them and train on them."""
import json
import os
import subprocess

from programs import CELL, ProgramTest

WRITE_JPEG = os.environ["HIEREVO_WRITE_JPEG"]
os.environ.pop("HIEREVO_DATA_DIR", None)  # here each test says where its data are


class DataTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.cell = self.folder / "cell.json"
        self.cell.write_text(json.dumps(CELL))
        self.images = self.folder / "images"
        self.pack = self.folder / "pack.h5"
        self.results = 0

    def prepare(self, source, *arguments, out=None, code=0):
        return self.hierevo("prepare", source, "--out", out or self.pack, *arguments,
                            code=code).stderr

    def not_prepared(self, source, *arguments, says):
        """Refused with `says`, and nothing is left."""
        before = sorted(self.folder.iterdir())
        self.assertIn(says, self.prepare(source, *arguments, code=2))
        self.assertEqual(sorted(self.folder.iterdir()), before)

    def training(self, command, *arguments):
        return [command, "--genotype", self.cell, "--channels", 4, "--crop", 0, "--steps", 20,
                "--batch", 8, *arguments]

    def evaluation(self, *arguments):
        return self.training("evaluate", "--repeats", 1, *arguments)

    def result(self, arguments):
        """What a training says, without the time it took."""
        self.results += 1
        out = ["--out", self.folder / f"out-{self.results}"] if arguments[0] == "train" else []
        found = json.loads(self.hierevo(*arguments, *out).stdout)
        for part in (found, *found.get("repeats", [])):
            for time in ("seconds", "images_per_second", "data_share"):
                part.pop(time, None)
        return found

    def image(self, name, height=12, width=12):
        """A JPEG file, another picture for each name."""
        path = self.images / name
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([WRITE_JPEG, path, str(height), str(width), str(sum(name.encode()))],
                       check=True)
        return path

    def small_folder(self):
        for label in ("cat", "dog"):
            for number in range(8):
                self.image(f"train/{label}/{number}.jpg")
            for number in range(3):
                self.image(f"test/{label}/{number}.jpg")

    def ilsvrc(self):
        """As Kaggle has it: neither val/ nor test/ has classes, and only those of val/ are known."""
        wnids = ("n01440764", "n01443537")
        for wnid in wnids:
            for number in range(8):
                self.image(f"train/{wnid}/{wnid}_{number}.JPEG", 20 + number, 40)
        solution = []
        for number in range(4):
            name = f"ILSVRC2012_val_0000000{number}"
            self.image(f"val/{name}.JPEG", 30, 20)
            solution.append(f"{name},{wnids[number // 2]} 1 2 15 16\n")
            self.image(f"test/ILSVRC2012_test_0000000{number}.JPEG", 30, 20)
        self.solution = self.folder / "LOC_val_solution.csv"
        self.solution.write_text("ImageId,PredictionString\n" + "".join(reversed(solution)))

    def broken_images(self):
        """In a small_folder()."""
        cut = self.images / "train/cat/0.jpg"
        cut.write_bytes(cut.read_bytes()[:300])
        self.png("train/dog/1.jpg")
        self.png("test/dog/2.jpg")

    def png(self, name):
        (self.images / name).write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
