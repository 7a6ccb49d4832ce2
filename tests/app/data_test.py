"""Data sets of every kind: packed by prepare, trained on from their own files and from packs."""
import json
import os
import pathlib
import random
import resource
import signal
import stat
import struct
import subprocess
import unittest

from data_sets import DataTest
from programs import HIEREVO, SANITIZED, behaviour

FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")


class Packs(DataTest):
    @unittest.skipUnless(FASHION.exists(), "Debian's dataset-fashion-mnist is not there")
    def test_training_on_idx_files_and_on_their_pack_is_the_same(self):
        said = self.prepare(FASHION)
        self.assertIn("is idx: 10 classes, 60000 training images, 10000 test images.", said)
        self.assertIn(f"Packed into '{self.pack}'", said)
        numbers = ["--train-size", 300, "--validation-size", 200]
        original = self.result(self.evaluation(*numbers))
        self.assertEqual(original, self.result(self.evaluation(*numbers, "--dataset", self.pack)))
        other = self.result(self.evaluation(*numbers, "--dataset", self.pack, "--seed", 2))
        self.assertNotEqual(original, other)
        train = self.training("train", "--train-size", 300)
        self.assertEqual(self.result(train), self.result([*train, "--dataset", self.pack]))

    @behaviour
    def test_training_on_mnists_files_and_on_their_pack_is_the_same(self):
        noise = random.Random(1)
        for part, count in (("train", 60), ("t10k", 20)):
            (self.folder / f"{part}-images-idx3-ubyte").write_bytes(
                struct.pack(">IIII", 0x803, count, 8, 9) + noise.randbytes(count * 8 * 9))
            (self.folder / f"{part}-labels-idx1-ubyte").write_bytes(
                struct.pack(">II", 0x801, count) + bytes(i % 10 for i in range(count)))
        self.prepare(self.folder)
        named = self.training("train", "--dataset", "mnist", "--data-dir", self.folder)
        packed = self.training("train", "--dataset", self.pack)
        self.assertEqual(self.result(named), self.result(packed))
        (self.folder / "t10k-images-idx3-ubyte").write_bytes(bytes(100))
        self.not_prepared(self.folder, "--out", self.folder / "other.h5",
                          says="t10k-images-idx3-ubyte' (at byte 0: magic number 0x00000000")

    def cifar_is_the_same(self, name, folder, files, labels):
        """`files` by their numbers of records, as published; `labels` of the i-th record."""
        inner = self.folder / folder
        inner.mkdir()
        noise = random.Random(1)
        for file, records in files.items():
            some = b"".join(labels(i) + noise.randbytes(3072) for i in range(100))
            (inner / file).write_bytes(some * (records // 100))
        said = self.prepare(self.folder)
        self.assertRegex(said, f"is {name}: .* 50000 training images, 10000 test images.")
        numbers = ["--train-size", 100, "--validation-size", 100]
        named = self.evaluation(*numbers, "--dataset", name, "--data-dir", inner)
        packed = self.evaluation(*numbers, "--dataset", self.pack)
        self.assertEqual(self.result(named), self.result(packed))
        return inner

    def test_training_on_cifar10s_files_and_on_their_pack_is_the_same(self):
        names = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
        inner = self.cifar_is_the_same("cifar10", "cifar-10-batches-bin",
                                       dict.fromkeys(names, 10_000), lambda i: bytes([i % 10]))
        (inner / "data_batch_2.bin").write_bytes(b"\x0b" + bytes(30_729_999))
        self.not_prepared(inner, "--out", self.folder / "other.h5",
                          says="data_batch_2.bin' (at byte 0: label 11, but the 10 classes")

    @behaviour
    def test_training_on_cifar100s_files_and_on_their_pack_is_the_same(self):
        inner = self.cifar_is_the_same("cifar100", "cifar-100-binary",
                                       {"train.bin": 50_000, "test.bin": 10_000},
                                       lambda i: bytes([i % 20, i % 100]))
        os.truncate(inner / "test.bin", 3074)
        self.not_prepared(inner, "--out", self.folder / "other.h5",
                          says="test.bin' (at byte 3074: 3074 bytes in total; 10000 records")

    def test_a_folder_of_images_gives_the_same_bytes_again(self):
        self.small_folder()
        said = self.prepare(self.images)
        self.assertIn("2 classes, 16 training images, 6 test images", said)
        again = self.folder / "again.h5"
        self.prepare(self.images, "--threads", 3, out=again)
        self.assertEqual(self.pack.read_bytes(), again.read_bytes())
        result = self.result(self.training("train", "--dataset", self.pack))
        self.assertGreaterEqual(result["test_accuracy"], 0.5)

    def test_ilsvrc_with_a_png_that_is_named_jpeg(self):
        self.ilsvrc()
        self.png("train/n01440764/n01440764_0.JPEG")
        line = ["--size", 8, "--validation-labels", self.solution]
        self.not_prepared(self.images, *line, says="1 image is broken")
        said = self.prepare(self.images, *line, "--skip-broken")
        self.assertIn("2 classes, 16 training images, 4 test images.", said)
        self.assertIn(f"'{self.images}/val' is tested on.", said)
        self.assertRegex(said, r"Packed into '.*' \(0.0 MB\); 1 broken image is left out\.")
        trained = self.hierevo(*self.training("train", "--dataset", self.pack), "--dry-run",
                               "--out", self.folder / "out").stderr
        self.assertIn("on 15 images of 'images', and to test on 4.", trained)

    def test_labels_in_a_file_are_worth_folders(self):
        self.ilsvrc()
        line = ["--size", 8, "--validation-labels", self.solution]
        self.prepare(self.images, *line)
        for number in range(4):
            image = self.images / f"val/ILSVRC2012_val_0000000{number}.JPEG"
            folder = image.parent / ("n01440764" if number < 2 else "n01443537")
            folder.mkdir(exist_ok=True)
            image.rename(folder / image.name)
        in_folders = self.folder / "in_folders.h5"
        self.prepare(self.images, "--size", 8, out=in_folders)
        self.assertEqual(self.pack.read_bytes(), in_folders.read_bytes())
        self.assertIn("no test images lie outside class folders",
                      self.prepare(self.images, *line, out=self.folder / "x.h5", code=2))

    def test_broken_images_are_named_and_left_out_when_asked_to(self):
        self.small_folder()
        self.broken_images()
        before = sorted(self.folder.iterdir())
        said = self.prepare(self.images, "--threads", 2, code=2)
        self.assertIn("broken: cat/0.jpg (at byte", said)
        self.assertIn("broken: dog/1.jpg (at byte 0: it is a PNG image", said)
        self.assertIn("broken: dog/2.jpg (at byte 0: it is a PNG image", said)
        self.assertIn(f"3 images are broken ('{self.pack}' is not made). Repair", said)
        self.assertEqual(sorted(self.folder.iterdir()), before)
        said = self.prepare(self.images, "--skip-broken")
        self.assertIn("left out: cat/0.jpg (at byte", said)
        self.assertIn("; 3 broken images are left out.", said)
        packed = self.pack.read_bytes()
        for name in (b"cat/0.jpg (at byte", b"dog/1.jpg (at byte 0: it is", b"dog/2.jpg (at byte"):
            self.assertIn(name, packed)
        again = self.folder / "again.h5"
        self.prepare(self.images, "--skip-broken", "--threads", 3, out=again)
        self.assertEqual(packed, again.read_bytes())
        # But for the names it is the pack of a folder without them.
        result = self.result(self.training("train", "--dataset", self.pack))
        for name in ("train/cat/0.jpg", "train/dog/1.jpg", "test/dog/2.jpg"):
            (self.images / name).unlink()
        without = self.folder / "without.h5"
        self.prepare(self.images, "--skip-broken", out=without)
        self.assertEqual(result, self.result(self.training("train", "--dataset", without)))
        for number in range(8):
            (self.images / f"train/cat/{number}.jpg").write_bytes(b"")
        self.assertIn("Class 0, 'cat', has no training image (all of its images are broken)",
                      self.prepare(self.images, "--skip-broken", out=self.folder / "x.h5", code=2))

    def test_what_is_not_used_is_named(self):
        self.small_folder()
        for name in ("val/cat/0.jpg", "valid/cat/0.jpg"):
            self.image(name)
        (self.images / "train.bin").touch()
        self.assertIn(f"'{self.images}' is a folder of images too, which is not used",
                      self.prepare(self.images, code=2))
        (self.images / "train.bin").unlink()
        said = self.prepare(self.images)
        for name in ("val", "valid"):
            self.assertIn(f"'{self.images}/{name}' is not used. '{self.images}/test' is tested on.",
                          said)

    def test_tiny_imagenet_is_read_as_it_is(self):
        for label in ("n01", "n02"):
            for number in range(4):
                self.image(f"train/{label}/images/{label}_{number}.JPEG")
            (self.images / f"train/{label}/{label}_boxes.txt").touch()
            self.image(f"val/images/val_{label}.JPEG")
        self.image("test/images/test_0.JPEG")
        (self.images / "val/val_annotations.txt").write_text(
            "val_n02.JPEG\tn02\t0\t0\t1\t1\nval_n01.JPEG\tn01\t0\t0\t1\t1\n")
        said = self.prepare(self.images)
        self.assertIn("2 classes, 8 training images, 2 test images.", said)
        self.assertIn(f"'{self.images}/test' is not used: its images are not in a folder", said)

    def test_labels_say_where_their_numbers_count_from(self):
        self.ilsvrc()
        labels, synsets = self.folder / "val.txt", self.folder / "synsets.txt"
        names = [f"ILSVRC2012_val_0000000{number}.JPEG" for number in range(4)]
        synsets.write_text("n01440764\nn01443537\n")
        labels.write_text("".join(f"{name} 1\n" for name in names))
        line = ["--size", 8, "--validation-labels", labels, "--synsets", synsets]
        self.assertIn("--labels-from is '2'", self.prepare(self.images, *line, "--labels-from", 2,
                                                           code=2))
        self.assertIn("--labels-from is given without --synsets",
                      self.prepare(self.images, *line[:-2], "--labels-from", 1, code=2))
        packs = {}
        for base in (0, 1):
            out = self.folder / f"{base}.h5"
            said = self.prepare(self.images, *line, "--labels-from", base, out=out)
            self.assertNotIn("classes are taken", said)
            packs[base] = out.read_bytes()
        self.assertNotEqual(packs[0], packs[1])
        labels.write_text("".join(f"{name} 0\n" for name in names))
        self.assertIn(f"'{labels}': classes are assumed to count from 0, as line 1 has a 0. "
                      "Use --labels-from to state it.", self.prepare(self.images, *line))
        self.assertEqual(self.pack.read_bytes(), packs[1])  # all are of the first class

    def test_links_to_nothing_are_broken_images(self):
        self.small_folder()
        for name in ("train/cat/8.jpg", "train/dog/8.jpg"):
            (self.images / name).symlink_to("gone.jpg")
        said = self.prepare(self.images, code=2)
        for name in ("cat/8.jpg", "dog/8.jpg"):
            self.assertIn(f"broken: {name} (a link to 'gone.jpg': No such file or", said)
        self.assertIn("2 images are broken", said)
        said = self.prepare(self.images, "--skip-broken")
        self.assertIn("left out: dog/8.jpg (a link to 'gone.jpg'", said)

    def test_a_strip_does_not_take_the_memory(self):
        self.small_folder()
        self.image("train/cat/strip.jpg", 1, 65500)
        said = self.within_memory("prepare", self.images, "--out", self.pack, "--size", 64,
                                  megabytes=256)
        self.assertEqual(said.returncode, 0, said.stderr)

    def test_images_that_differ_in_size_are_not_decoded(self):
        self.small_folder()
        self.image("train/cat/0.jpg", 1, 1)
        for number in range(1, 8):
            self.image(f"train/cat/{number}.jpg", 6000, 6000)
        said = self.within_memory("prepare", self.images, "--out", self.pack, "--threads", 2,
                                  megabytes=256)
        self.assertEqual(said.returncode, 2, said.stderr)
        self.assertIn("differ in size (1×1 and 6000×6000", said.stderr)

    def test_want_of_memory_is_no_bug(self):
        self.small_folder()
        self.prepare(self.images)
        line = self.training("train", "--dataset", self.pack, "--out", self.folder / "out")
        line[line.index("--channels") + 1] = 512
        pack = ["prepare", self.images, "--out", self.folder / "x.h5", "--size", 4096]
        for words, megabytes in ((line, 512), (pack, 128)):
            with self.subTest(words[0]):
                said = self.within_memory(*words, megabytes=megabytes)
                self.assertEqual(said.returncode, 4, said.stderr)
                self.assertIn("hierevo: Not enough memory", said.stderr)
                self.assertNotIn("frame #", said.stderr)

    def within_memory(self, *words, megabytes):
        """With so much for what it writes to: libraries may be mapped besides."""
        if SANITIZED:
            self.skipTest("the sanitizers' own tables need more")

        def limit():
            resource.setrlimit(resource.RLIMIT_DATA, (megabytes << 20, megabytes << 20))

        return subprocess.run([HIEREVO, *map(str, words)], capture_output=True, text=True,
                              timeout=100, preexec_fn=limit, cwd=self.folder)

    def test_a_folder_of_broken_images_alone_is_refused(self):
        for name in ("train/cat/0.jpg", "train/dog/0.jpg"):
            (self.images / name).parent.mkdir(parents=True)
            self.png(name)
        self.not_prepared(self.images, "--skip-broken", says="2 images are broken")
        self.not_prepared(self.images, "--skip-broken", says="repair some, and run the same command again")

    @behaviour
    def test_crops_as_large_as_the_images_are_told_of(self):
        self.small_folder()
        self.prepare(self.images)
        note = "Note: --crop is 12, and the images of 'images' are 12×12, so there are no random crops"
        for crop, told in ((12, True), (8, False), (0, False)):
            line = self.training("train", "--dataset", self.pack, "--out", self.folder / "out")
            line[line.index("--crop") + 1] = crop
            self.assertEqual(note in self.hierevo(*line, "--dry-run").stderr, told, crop)

    def test_a_folder_may_have_nothing_to_test_on(self):
        for wnid in ("n01440764", "n01443537"):
            for number in range(10):
                self.image(f"train/{wnid}/{wnid}_{number}.JPEG", 20 + number, 40)
        said = self.prepare(self.images, "--size", 8)
        self.assertIn("2 classes, 20 training images, no test images", said)
        self.result(self.evaluation("--validation-size", 4, "--dataset", self.pack))
        self.refused(*self.training("train", "--dataset", self.pack),
                     says="The data set 'images' has no test set")

    def test_many_processes_read_one_pack_at_once(self):
        self.small_folder()
        self.prepare(self.images)
        self.pack.chmod(0o444)
        command = [HIEREVO, *map(str, self.evaluation("--validation-size", 4,
                                                      "--dataset", self.pack))]
        running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                    text=True) for _ in range(6)]
        results = []
        for process in running:
            out, errors = process.communicate(timeout=100)
            self.assertEqual(process.returncode, 0, errors)
            results.append(json.loads(out)["repeat_loss"])
        self.assertEqual(results, [results[0]] * 6)


class Refusals(DataTest):
    def test_folders_that_are_no_data_set(self):
        self.not_prepared(self.folder, says=f"There is no data set in '{self.folder}' (neither")
        self.not_prepared(self.folder / "none", says="There is no folder")
        self.assertIn("There is nothing to pack",
                      self.hierevo("prepare", "--out", self.pack, code=2).stderr)
        self.assertIn("--out is ''", self.hierevo("prepare", self.folder, code=2).stderr)
        self.not_prepared(self.folder, "--size", 5000, says="--size is 5000")
        self.not_prepared(self.folder, "--threads", 0, says="--threads is 0")
        self.not_prepared(self.folder, "--out", "none/x.h5", says="There is no folder 'none'")

    def test_a_pack_is_never_written_over(self):
        self.small_folder()
        self.pack.write_text("precious")
        self.not_prepared(self.images, says=f"'{self.pack}' is already there")
        self.assertEqual(self.pack.read_text(), "precious")

    def test_a_link_to_nothing_is_refused_before_the_work(self):
        self.small_folder()
        self.pack.symlink_to("nothing")
        self.broken_images()  # it would name them
        self.not_prepared(self.images, says=f"'{self.pack}' is already there")

    def test_what_is_made_lies_outside_of_the_folder(self):
        self.small_folder()
        for out in (self.images / "train/cat/x.h5", self.images / "x", self.images / "test/x",
                    self.images / "train"):
            self.assertIn(f"--out is '{out}' (that is in the folder to pack",
                          self.prepare(self.images, out=out, code=2))
        self.assertIn("(that is in the folder to pack",
                      self.prepare(self.images, out=f"{self.images}/../images/x", code=2))
        self.assertEqual(sorted(path.name for path in self.images.iterdir()), ["test", "train"])
        self.prepare(self.images, out=self.images / "x.h5")

    def test_classes_that_could_not_be_told_apart_are_refused(self):
        self.small_folder()
        for label, name in (("cat", b"q\xff"), ("dog", b"q\xfe")):
            for part in ("train", "test"):
                os.rename(self.images / part / label, os.path.join(os.fsencode(self.images / part), name))
        says = r"The classes 'q\xfe' and 'q\xff' cannot be told apart"
        self.not_prepared(self.images, says=says)
        self.not_prepared(self.images, "--out", self.folder / "shards", says=says)

    def test_pipes_and_sockets_are_broken_images(self):
        self.small_folder()
        os.mkfifo(self.images / "train/cat/8.jpg")
        silent = os.open(self.images / "train/cat/8.jpg", os.O_RDWR)
        self.addCleanup(os.close, silent)
        os.mknod(self.images / "train/dog/8.jpg", stat.S_IFSOCK | 0o600)
        said = self.prepare(self.images, code=2)
        for name in ("cat/8.jpg", "dog/8.jpg"):
            self.assertIn(f"broken: {name} (it is not a regular file)", said)
        said = self.prepare(self.images, "--skip-broken")
        self.assertIn("left out: cat/8.jpg (it is not a regular file)", said)

    def test_images_that_differ_in_size_are_both_named(self):
        self.small_folder()
        odd = self.image("train/dog/9.jpg", 12, 13)
        first = self.images / "train" / "cat" / "0.jpg"
        self.not_prepared(self.images, says=f"'{first}' and '{odd}' differ in size (12×12 and "
                                            "12×13, and a pack's images have one size). Give "
                                            "--size N")

    def test_classes_without_images_and_strange_files_are_named(self):
        self.small_folder()
        empty = self.images / "train" / "emu"
        empty.mkdir()
        self.not_prepared(self.images, says=f"There is no image in '{empty}'")
        empty.rmdir()
        self.image("test/emu/1.jpg")
        self.not_prepared(self.images, says="test/emu' is a class without training images")

    def test_a_damaged_image_is_named(self):
        self.small_folder()
        damaged = self.images / "train" / "dog" / "7.jpg"
        whole = damaged.read_bytes()
        damaged.write_bytes(whole[:-20])
        self.not_prepared(self.images, says="broken: dog/7.jpg (at byte ")
        damaged.write_bytes(b"GIF89a" + whole)
        self.not_prepared(self.images, says="broken: dog/7.jpg (at byte 0: Not a JPEG file")

    def test_published_data_sets_have_no_broken_images(self):
        for part in ("train", "t10k"):
            (self.folder / f"{part}-images-idx3-ubyte").touch()
            (self.folder / f"{part}-labels-idx1-ubyte").touch()
        for option in (["--size", 8], ["--skip-broken"], ["--validation-labels", "x"]):
            self.not_prepared(self.folder, *option, says=f"{option[0]} cannot be used here (")

    @behaviour
    def test_data_sets_say_how_to_get_them(self):
        self.refused(*self.evaluation("--dataset", "cifar10"),
                     says="Get cifar-10-binary.tar.gz from its publisher")
        self.refused(*self.evaluation("--dataset", "cifar100", "--data-dir", self.folder),
                     says="train.bin'. Unpack cifar-100-binary.tar.gz")
        self.refused(*self.evaluation("--dataset", "mnist"), says="--data-dir is empty (no package contains mnist). Give the folder")
        self.refused(*self.evaluation("--dataset", "cifar11"), says="Did you mean 'cifar10'?")
        self.refused(*self.evaluation("--dataset", "none.h5"),
                     says="/none.h5'. Make it with hierevo prepare.")
        self.refused(*self.evaluation("--dataset", "x/a.h5", "--data-dir", "b"),
                     says="--data-dir cannot be used with")

    def test_what_the_system_refuses_is_told_in_its_words(self):
        loop = self.folder / "loop"
        loop.symlink_to(loop)
        self.not_prepared(loop, says=f"Cannot use '{loop}' (Too many levels of symbolic links).")

    def test_a_run_finds_its_pack_from_any_folder(self):
        self.small_folder()
        self.prepare(self.images)
        numbers = self.evaluation("--validation-size", 4)[3:]
        line = ["search", "--population", 2, "--evaluations", 2, "--repeats", 1, "--space", "1x3",
                *numbers, "--dataset"]
        self.hierevo(*line, self.pack.name, "--run", self.run_dir)
        self.assertIn(f"dataset={self.pack}\n", (self.run_dir / "config.ini").read_text())
        self.hierevo(*line, f"../{self.folder.name}/{self.pack.name}", "--run", self.run_dir)

    def test_a_pack_may_have_any_name(self):
        self.small_folder()
        self.pack = self.folder / "c #1\n.h5"
        self.prepare(self.images)
        line = ["search", "--run", self.run_dir, "--population", 2, "--repeats", 1, "--space", "1x3",
                *self.evaluation("--validation-size", 4)[3:], "--dataset", self.pack, "--evaluations"]
        self.hierevo(*line, 2)
        self.hierevo(*line, 3)
        for command in ("status", "verify", "evaluate"):
            self.hierevo(command, "--run", self.run_dir)

    def test_damaged_packs_are_refused_and_never_crash(self):
        self.small_folder()
        self.prepare(self.images)
        good = self.pack.read_bytes()
        noise = random.Random(1)
        spoilt = [good[:length] for length in (0, 100, len(good) // 2, len(good) - 1)]
        for position in (0, 9, 20, 60, *noise.sample(range(len(good)), 8)):
            spoilt.append(good[:position] + bytes([good[position] ^ 0x55]) + good[position + 1:])
        codes = []
        for data in spoilt:
            self.pack.write_bytes(data)
            process = subprocess.run(
                [HIEREVO, *map(str, self.evaluation("--validation-size", 4, "--dataset",
                                                    self.pack))],
                capture_output=True, text=True, timeout=100)
            self.assertIn(process.returncode, (0, 2), process.stderr)  # 0: in a gap of the file
            if process.returncode == 2:
                self.assertIn(f"Cannot use '{self.pack}' (", process.stderr)
                self.assertEqual(process.stderr.count("\n"), 1)
            codes.append(process.returncode)
        self.assertEqual(codes[:6], [2] * 6)


class Interruptions(DataTest):
    def many_images(self):
        """So many that packing them takes much longer than a signal; all the same file."""
        original = self.image("train/cat/0.jpg", 400, 400)
        for number in range(1, 5000):
            os.symlink(original, self.images / "train" / "cat" / f"{number}.jpg")

    def start(self):
        process = subprocess.Popen([HIEREVO, "prepare", self.images, "--out", self.pack],
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        self.assertTrue(self.wait_until(lambda: list(self.folder.glob("pack.h5.*.tmp")), process))
        return process

    def test_nothing_stays_of_an_interrupted_packing(self):
        self.many_images()
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.start()
            process.send_signal(number)
            self.assertEqual(process.wait(100), 75)
            self.assertIn("The packing was stopped (nothing of it is kept)", process.stderr.read())
            self.assertEqual(list(self.folder.glob("pack*")), [])
        process = self.start()
        self.assertIn("another process makes it",
                      self.prepare(self.images, "--size", 8, code=5))
        process.kill()
        process.wait(100)
        self.assertFalse(self.pack.exists())
        self.assertEqual(len(list(self.folder.glob("pack.h5.*.tmp"))), 1)
        other = self.folder / "pack.h5.old.h5.node.1.0123456789abcdef.tmp"  # of another pack
        other.write_text("another's")
        for path in list(self.images.glob("train/*/*"))[2:]:
            if path.name != "0.jpg":
                path.unlink()
        self.prepare(self.images, "--size", 8)
        self.assertEqual(sorted(self.folder.glob("pack*")), [self.pack, other])

    def test_a_pack_is_made_also_where_nobody_reads_the_messages(self):
        self.small_folder()
        self.assertEqual(self.unheard("prepare", self.images, "--out", self.pack, "--size", 16), ("", 0))
        self.assertTrue(self.pack.exists())

    def test_a_full_disk_leaves_nothing(self):
        self.small_folder()

        def small_files_only():
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

        process = subprocess.run([HIEREVO, "prepare", self.images, "--out", self.pack, "--size",
                                  "64"], capture_output=True, text=True, timeout=100,
                                 preexec_fn=small_files_only)
        self.assertEqual(process.returncode, 3, process.stderr)
        self.assertIn(f"Cannot write '{self.pack}' (HDF5 cannot close what was written (File too large))",
                      process.stderr)
        self.assertEqual(list(self.folder.glob("pack*")), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
