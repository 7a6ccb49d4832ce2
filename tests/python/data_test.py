#!/usr/bin/env python3
"""Data packs and image shards as sequences for torch.utils.data."""

import os
import pathlib
import pickle
import random
import shutil
import struct
import subprocess
import sys
import unittest

import h5py
import hierevo
import numpy as np
from hierevo.checksums import crc32c

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "app"))
from data_sets import DataTest  # noqa: E402
from small_data import DATA, write_small_data  # noqa: E402

try:
    import torch
    from torch.utils.data import DataLoader
except ImportError:
    torch = None
try:
    import PIL
except ImportError:
    PIL = None
needs_torch = unittest.skipIf(torch is None, "Torch is not there")
needs_pillow = unittest.skipIf(PIL is None, "Pillow (Debian: python3-pil) is not there")


class ImagesTest(DataTest):
    def assert_loader_gives(self, images: hierevo.Images, method: str) -> None:
        """A DataLoader with two workers gives each image once, with its label, in any order."""
        loader = DataLoader(
            images, batch_size=3, shuffle=True, num_workers=2, multiprocessing_context=method
        )
        found = []
        for pixels, labels in loader:
            self.assertEqual(pixels.dtype, torch.uint8)
            self.assertEqual(labels.dtype, torch.int64)
            found += [(label, one.numpy().tobytes()) for one, label in zip(pixels, labels.tolist())]
        expected = [(label, pixels.tobytes()) for pixels, label in images]
        self.assertEqual(sorted(found), sorted(expected))


class Packs(ImagesTest):
    def noise_pack(self, channels: int = 3, images: int = 60) -> np.ndarray:
        """A pack of MNIST's files or CIFAR's, whose pixels are returned [N, C, H, W]."""
        noise = random.Random(1)
        if channels == 3:
            inner = self.folder / "cifar-10-batches-bin"
            inner.mkdir()
            rows = [bytes([i % 10]) + noise.randbytes(3072) for i in range(100)]
            for name in [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]:
                (inner / name).write_bytes(b"".join(rows) * 100)
            self.prepare(self.folder)
            return np.frombuffer(b"".join(row[1:] for row in rows), np.uint8).reshape(
                100, 3, 32, 32
            )
        pixels = b""
        for part, count in (("train", images), ("t10k", 20)):
            content = noise.randbytes(count * 8 * 9)
            pixels = pixels or content
            (self.folder / f"{part}-images-idx3-ubyte").write_bytes(
                struct.pack(">IIII", 0x803, count, 8, 9) + content
            )
            (self.folder / f"{part}-labels-idx1-ubyte").write_bytes(
                struct.pack(">II", 0x801, count) + bytes(i % 10 for i in range(count))
            )
        self.prepare(self.folder)
        return np.frombuffer(pixels, np.uint8).reshape(images, 1, 8, 9)

    def test_cifar_as_its_files_have_it(self) -> None:
        expected = self.noise_pack()
        data = hierevo.open_data(self.pack)
        self.assertEqual((data.source, len(data.train), len(data.test)), ("cifar10", 50000, 10000))
        self.assertEqual(data.class_names, [str(i) for i in range(10)])
        self.assertEqual(data.train.shape, (3, 32, 32))
        for place in (0, 7, 99, 100, 49999, -1, np.int64(-50000)):
            pixels, label = data.train[place]
            np.testing.assert_array_equal(pixels, expected[place % 100])
            self.assertEqual((pixels.dtype, label), (np.uint8, place % 10))
        for outside in (50000, -50001):
            with self.assertRaises(IndexError):
                data.train[outside]
        with self.assertRaises(TypeError):
            data.train[1.0]
        pixels, labels = data.test.arrays()
        np.testing.assert_array_equal(pixels.reshape(100, 100, 3, 32, 32)[99], expected)
        np.testing.assert_array_equal(labels, data.test.labels)
        values = expected.transpose(1, 0, 2, 3).reshape(3, -1)
        np.testing.assert_allclose(data.pixel_mean, values.mean(axis=1), rtol=1e-12)
        np.testing.assert_allclose(data.pixel_deviation, values.std(axis=1), rtol=1e-12)

    @needs_torch
    def test_workers_of_a_loader_read_every_image(self) -> None:
        self.noise_pack(channels=1)
        data = hierevo.open_data(self.pack)
        data.train[0]  # opened here; a forked process must not share it
        for method in ("fork", "spawn"):
            self.assert_loader_gives(data.train, method)

    def test_pickled_it_has_no_open_file_and_reads_the_same(self) -> None:
        self.noise_pack(channels=1)
        data = hierevo.open_data(self.pack)
        first = data.train[5]
        again = pickle.loads(pickle.dumps(data.train))
        np.testing.assert_array_equal(again[5][0], first[0])
        self.pack.unlink()
        with self.assertRaisesRegex(hierevo.MissingFileError, "no such file"):
            pickle.loads(pickle.dumps(data.train))[5]

    @needs_torch
    @unittest.skipUnless(DATA.exists(), "Debian's dataset-fashion-mnist is not there")
    def test_normalisation_is_the_one_that_training_uses(self) -> None:
        source = self.folder / "small"
        source.mkdir()
        write_small_data(source)
        self.prepare(source)
        out = self.folder / "out"
        line = self.training("train", "--dataset", self.pack, "--train-size", 0, "--out", out)
        self.hierevo(*line)
        network = hierevo.read_training_snapshot(out / "repeat-1" / "last.h5")
        data = hierevo.open_data(self.pack)
        np.testing.assert_allclose(data.pixel_mean, network.pixel_mean, rtol=1e-6)
        np.testing.assert_allclose(1 / data.pixel_deviation, network.pixel_scale, rtol=1e-6)
        record = hierevo.open_training(out).data
        self.assertEqual(record["class_names"], data.class_names)
        self.assertEqual((record["training_images"], record["test_images"]), (5000, 1000))

    def test_damage_is_found_when_it_is_read(self) -> None:
        """Flipped bits anywhere: the right images, or an error of this package."""
        expected = self.noise_pack(channels=1)
        whole = self.pack.read_bytes()
        labels = hierevo.open_data(self.pack).train.labels
        rng = random.Random(3)
        found = {"right": 0, "open": 0, "read": 0}
        for _ in range(300):
            damaged = bytearray(whole)
            damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
            self.pack.write_bytes(bytes(damaged))
            found[self.read_all(expected, labels)] += 1
        self.assertTrue(all(found.values()), found)
        for length in range(0, len(whole), 997):
            self.pack.write_bytes(whole[:length])
            with self.assertRaises(hierevo.FileError):
                hierevo.open_data(self.pack)

    def read_all(self, expected: np.ndarray, labels: np.ndarray) -> str:
        try:
            data = hierevo.open_data(self.pack)
        except hierevo.FileError:
            return "open"
        try:
            pixels, found = data.train.arrays()
        except hierevo.FileError as error:
            self.assertRegex(str(error), r"images 0…59 of /train/pixels cannot be read")
            return "read"
        np.testing.assert_array_equal(pixels, expected)
        np.testing.assert_array_equal(found, labels)
        return "right"

    @needs_torch
    def test_a_loader_raises_what_its_worker_has_raised(self) -> None:
        self.noise_pack(channels=1)
        data = hierevo.open_data(self.pack)
        content = self.pack.read_bytes()
        pixels = data.train[0][0].tobytes()
        self.pack.write_bytes(content.replace(pixels, bytes(len(pixels))))
        with self.assertRaisesRegex(
            hierevo.FileError, r"image \d+ of /train/pixels cannot be read"
        ):
            list(DataLoader(data.train, num_workers=2))

    def test_what_is_no_pack_is_refused(self) -> None:
        self.noise_pack(channels=1)
        for change, problem in (
            (lambda file: file.attrs.__setitem__("version", np.uint32(2)), "version 2"),
            (lambda file: file.attrs.__delitem__("format"), "'format' of / is missing"),
            (lambda file: file["train/labels"].__setitem__(3, 10), "image 3 has label 10 of 10"),
            (lambda file: replace(file, "train/labels", np.zeros(60, "i8")), "class '1' has no"),
            (
                lambda file: replace(file, "train/labels", np.zeros(59, "i8")),
                "60 rows instead of 59",
            ),
            (
                lambda file: replace(file, "test/pixels", np.zeros((20, 1, 8, 8), "u1")),
                "another size",
            ),
            (lambda file: replace(file, "train/pixels", np.zeros((60, 1, 8, 9))), "a wrong type"),
            (link_elsewhere, "a link to somewhere else"),
            (huge, "has a shape of|more chunks than"),
        ):
            copy = self.folder / "copy.h5"
            shutil.copy(self.pack, copy)
            with h5py.File(copy, "r+", libver=("v110", "v110")) as file:
                change(file)
            with self.assertRaisesRegex(hierevo.FileError, problem):
                hierevo.open_data(copy)
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        with self.assertRaisesRegex(hierevo.FileError, "not a regular file"):
            hierevo.open_data(pipe)
        with self.assertRaisesRegex(hierevo.MissingFileError, "no such file"):
            hierevo.open_data(self.folder / "nothing.h5")
        (self.folder / "text").write_text("text")
        with self.assertRaisesRegex(hierevo.FileError, "HDF5 cannot read it"):
            hierevo.open_data(self.folder / "text")

    def test_repacked_with_deflate_and_big_endian(self) -> None:
        """What other programs may have made of it is read too; what unpacks to too much is not."""
        expected = self.noise_pack(channels=1)
        with h5py.File(self.pack, "r+", libver=("v110", "v110")) as file:
            pixels, labels = file["train/pixels"][...], file["train/labels"][...]
            del file["train/pixels"], file["train/labels"]
            options = {"compression": "gzip", "shuffle": True, "fletcher32": True}
            file.create_dataset("train/pixels", data=pixels, chunks=(7, 1, 8, 9), **options)
            file.create_dataset("train/labels", data=labels.astype(">i8"))
        data = hierevo.open_data(self.pack)
        np.testing.assert_array_equal(data.train.arrays()[0], expected)
        self.assertEqual([label for _, label in data.train], [i % 10 for i in range(60)])


def replace(file: h5py.File, name: str, values: np.ndarray) -> None:
    del file[name]
    file[name] = values


def link_elsewhere(file: h5py.File) -> None:
    del file["test"]
    file["test"] = h5py.ExternalLink("pack.h5", "/test")


def huge(file: h5py.File) -> None:
    del file["train/pixels"]
    shape = (60, 1, 1 << 20, 1 << 20)
    file.create_dataset("train/pixels", shape, "u1", chunks=(1, 1, 1 << 10, 1 << 10))


class Shards(ImagesTest):
    def setUp(self) -> None:
        super().setUp()
        self.shards = self.folder / "shards"
        self.small_folder()
        self.image("train/cat/of another size.jpg", 20, 31)

    def pack_shards(self, *arguments: object) -> hierevo.ImageShards:
        self.prepare(self.images, "--shard-images", 5, *arguments, out=self.shards)
        return hierevo.open_data(self.shards)

    def test_files_are_there_byte_for_byte(self) -> None:
        data = self.pack_shards()
        self.assertEqual((data.source, data.class_names), ("images", ["cat", "dog"]))
        for part, images, count in (("train", data.train, 17), ("test", data.test, 6)):
            self.assertEqual(len(images), count)
            names = [images.name(i) for i in range(count)]
            source = self.images / part
            files = [str(path.relative_to(source)) for path in source.rglob("*.jpg")]
            self.assertEqual(sorted(names), sorted(files))
            for i, name in enumerate(names):
                self.assertEqual(images.jpeg(i), (source / name).read_bytes())
                self.assertEqual(images.labels[i], data.class_names.index(name.split("/")[0]))
                large = name == "cat/of another size.jpg"
                self.assertEqual(tuple(images.sizes[i]), (20, 31) if large else (12, 12))
        self.assertTrue(np.all(data.pixel_mean > 0) and np.all(data.pixel_deviation > 0))

    @needs_pillow
    def test_pixels_are_those_that_hierevo_decodes(self) -> None:
        (self.images / "train/cat/of another size.jpg").unlink()
        data = self.pack_shards()
        self.prepare(self.images)
        pack = hierevo.open_data(self.pack)
        for packed, sharded in ((pack.train, data.train), (pack.test, data.test)):
            expected = sorted((label, pixels.tobytes()) for pixels, label in packed)
            found = sorted((label, pixels.tobytes()) for pixels, label in sharded)
            self.assertEqual(found, expected)
            self.assertEqual(sharded[0][0].shape, (3, 12, 12))

    @needs_torch
    @needs_pillow
    def test_workers_of_a_loader_read_every_image(self) -> None:
        (self.images / "train/cat/of another size.jpg").unlink()
        data = self.pack_shards()
        data.train.jpeg(0)
        for method in ("fork", "spawn"):
            self.assert_loader_gives(data.train, method)

    def test_without_pillow_there_are_jpeg_files(self) -> None:
        self.pack_shards()
        program = (
            "import sys; sys.modules['PIL'] = None\n"
            "import hierevo; images = hierevo.open_data(sys.argv[1]).train\n"
            "print(images.jpeg(0)[:2])\n"
            "try:\n    images[0]\nexcept ImportError as error:\n    print(error)"
        )
        line = [sys.executable, "-c", program, str(self.shards)]
        said = subprocess.run(line, check=True, capture_output=True, text=True).stdout
        self.assertIn(str(b"\xff\xd8"), said)
        self.assertIn("pip install pillow", said)

    def test_broken_images_that_were_left_out_are_named(self) -> None:
        self.broken_images()
        self.prepare(self.images, "--skip-broken", out=self.shards)
        data = hierevo.open_data(self.shards)
        self.assertEqual((len(data.train), len(data.test)), (15, 5))
        self.assertRegex(" ".join(data.skipped), r"cat/0\.jpg \(at byte .*dog/1\.jpg \(at byte 0")

    def test_damage_is_found_when_it_is_read(self) -> None:
        data = self.pack_shards()
        expected = [data.train.jpeg(i) for i in range(len(data.train))]
        labels = data.train.labels.tolist()
        rng = random.Random(5)
        found = {"right": 0, "open": 0, "read": 0}
        files = sorted(self.shards.glob("*.h5"))
        for _ in range(300):
            file = rng.choice(files)
            whole = file.read_bytes()
            damaged = bytearray(whole)
            damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
            file.write_bytes(bytes(damaged))
            found[self.read_all(expected, labels)] += 1
            file.write_bytes(whole)
        self.assertTrue(all(found.values()), found)

    def read_all(self, expected: "list[bytes]", labels: "list[int]") -> str:
        try:
            data = hierevo.open_data(self.shards)
        except hierevo.FileError:
            return "open"
        self.assertEqual(data.train.labels.tolist(), labels)
        for i, jpeg in enumerate(expected):
            try:
                self.assertEqual(data.train.jpeg(i), jpeg)
            except hierevo.FileError as error:
                self.assertRegex(str(error), r"image \d+ is damaged \(its checksum is wrong\)")
                return "read"
        return "right"

    @needs_pillow
    def test_a_file_that_is_no_jpeg_is_an_error(self) -> None:
        """With right checksums all the same."""
        self.pack_shards()
        for content in (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", bytes(3)):
            path = self.shards / "train-00000.h5"
            whole, index = path.read_bytes(), (self.shards / "index.h5").read_bytes()
            with h5py.File(path, "r+", libver=("v110", "v110")) as file:
                length = int(file["length"][0])
                start = int(file["offset"][0])
                jpeg = np.frombuffer(content.ljust(length, b"\0"), np.uint8)
                file["bytes"][start : start + length] = jpeg
                file["crc32c"][0] = crc32c(jpeg.tobytes())
                checksum = checksum_of(file)
            with h5py.File(self.shards / "index.h5", "r+", libver=("v110", "v110")) as file:
                file["shard_crc32c"][0] = checksum
            images = hierevo.open_data(self.shards).train
            self.assertEqual(images.jpeg(0), jpeg.tobytes())
            with self.assertRaisesRegex(hierevo.FileError, "image 0 cannot be decoded"):
                images[0]
            path.write_bytes(whole)
            (self.shards / "index.h5").write_bytes(index)

    def test_what_does_not_belong_together_is_refused(self) -> None:
        self.pack_shards()
        kept = self.folder / "kept"
        shutil.copytree(self.shards, kept)

        def refused(problem: str) -> None:
            with self.assertRaisesRegex(hierevo.FileError, problem):
                hierevo.open_data(self.shards)
            shutil.copytree(kept, self.shards, dirs_exist_ok=True)

        shutil.copy(kept / "train-00001.h5", self.shards / "train-00000.h5")
        refused("train-00000.h5': it was made from other images")
        (self.shards / "train-00002.h5").unlink()
        refused("train-00002.h5': there is no such file")
        (self.shards / "index.h5").unlink()
        refused("index.h5': there is no such file")
        with h5py.File(self.shards / "train-00001.h5", "r+", libver=("v110", "v110")) as file:
            file["offset"][0] = 2**64 - 1
        refused("is not the shard that index.h5 lists")
        with h5py.File(self.shards / "index.h5", "r+", libver=("v110", "v110")) as file:
            file.attrs["version"] = np.uint32(3)
        refused("version 3.*Use a newer hierevo")
        self.assertEqual(len(hierevo.open_data(self.shards).train), 17)

    def test_images_beyond_their_bytes_are_refused(self) -> None:
        """With the right checksum all the same: nothing else of the file is read."""
        self.pack_shards()
        for name, value in (
            ("offset", 2**64 - 1),
            ("offset", 1 << 40),
            ("length", 2**32 - 1),
            ("length", 0),
            ("height", 0),
            ("width", 65536),
            ("label", 2),
        ):
            whole = {path: path.read_bytes() for path in self.shards.iterdir()}
            with h5py.File(self.shards / "train-00000.h5", "r+", libver=("v110", "v110")) as file:
                file[name][0] = value
                checksum = checksum_of(file)
            with h5py.File(self.shards / "index.h5", "r+", libver=("v110", "v110")) as file:
                file["shard_crc32c"][0] = checksum
            with self.assertRaisesRegex(
                hierevo.FileError, "beyond the bytes|impossible|label 2 of 2"
            ):
                hierevo.open_data(self.shards)
            for path, content in whole.items():
                path.write_bytes(content)


def checksum_of(file: h5py.File) -> int:
    """Of a shard's rows, as io/FORMAT.md says."""
    names = ("offset", "length", "crc32c", "label", "height", "width")
    columns = [file[name][...].tolist() for name in names]
    return crc32c(b"".join(struct.pack("<QIIqII", *row) for row in zip(*columns)))


if __name__ == "__main__":
    unittest.main()
