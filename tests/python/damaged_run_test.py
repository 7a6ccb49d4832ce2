#!/usr/bin/env python3
"""Runs whose files are damaged, torn, mixed up, or made to do harm."""

import io
import math
import os
import random
import re
import shutil
import subprocess
import unittest
import warnings

import h5py
import hierevo
import numpy as np
from hierevo.checksums import crc32c
from runs import HIEREVO, RunTest


def with_header(content: bytes) -> bytes:
    """A snapshot of what follows its header."""
    text = f"hierevo snapshot 1\nbytes {len(content)}\ncrc32c {crc32c(content):08x}\n"
    return text.encode().ljust(512, b"\0") + content


def set_attribute(file: h5py.File, name: str, value: object) -> None:
    file.attrs[name] = value


def replace(file: h5py.File, name: str, **description: object) -> None:
    del file[name]
    file.create_dataset(name, **description)


def external_link(file: h5py.File, secret: str) -> None:
    del file["individuals/id"]
    file["individuals/id"] = h5py.ExternalLink(secret, "/id")


def soft_link(file: h5py.File, secret: str) -> None:
    file["elsewhere"] = file["individuals/seed"][...]
    del file["individuals/seed"]
    file["individuals/seed"] = h5py.SoftLink("/elsewhere")


def external_values(file: h5py.File, secret: str) -> None:
    rows = len(file["individuals/id"])
    values = {"shape": (rows,), "dtype": "u8", "external": [(secret, 0, 8 * rows)]}
    replace(file, "individuals/seed", **values)


def virtual(file: h5py.File, secret: str) -> None:
    rows = len(file["individuals/id"])
    layout = h5py.VirtualLayout((rows,), "u8")
    layout[:2] = h5py.VirtualSource(secret, "id", (2,))
    del file["individuals/seed"]
    file.create_virtual_dataset("individuals/seed", layout)


def huge(file: h5py.File, secret: str) -> None:
    replace(
        file,
        "individuals/repeat_loss",
        shape=(len(file["individuals/id"]), 1 << 40),
        dtype="f8",
        chunks=(1, 1024),
    )


def packed(file: h5py.File, secret: str) -> None:
    rows = len(file["individuals/id"])
    replace(file, "individuals/repeat_loss", data=np.zeros((rows, 1 << 16)), compression="gzip")


def other_type(file: h5py.File, secret: str) -> None:
    replace(file, "individuals/id", data=np.arange(len(file["individuals/id"]), dtype=np.float64))


def other_status(file: h5py.File, secret: str) -> None:
    names = {"evaluated": 1, "reused": 0}
    rows = len(file["individuals/id"])
    replace(file, "individuals/status", shape=(rows,), dtype=h5py.enum_dtype(names, "u1"))


def wrong_gene(file: h5py.File, secret: str) -> None:
    file["individuals/genotype"][0, 0] = 7


def wrong_parent(file: h5py.File, secret: str) -> None:
    file["individuals/parent"][0] = 2


def wrong_id(file: h5py.File, secret: str) -> None:
    file["individuals/id"][0] = 2**63


def negative_fitness(file: h5py.File, secret: str) -> None:
    file["individuals/fitness"][0] = -1.0


def too_many_repeats(file: h5py.File, secret: str) -> None:
    file["individuals/repeat_fitness_count"][0] = 2**32 - 1


def no_group(file: h5py.File, secret: str) -> None:
    del file["in_flight"]


def no_attribute(file: h5py.File, secret: str) -> None:
    del file.attrs["space"]


def wrong_space(file: h5py.File, secret: str) -> None:
    file.attrs["space"] = "9999999x3,1x3"


def wrong_tournament(file: h5py.File, secret: str) -> None:
    file.attrs["tournament"] = math.nan


HARMFUL = (
    external_link,
    soft_link,
    external_values,
    virtual,
    huge,
    packed,
    other_type,
    other_status,
    wrong_gene,
    wrong_parent,
    wrong_id,
    negative_fitness,
    too_many_repeats,
    no_group,
    no_attribute,
    wrong_space,
    wrong_tournament,
)


class Damaged(RunTest):
    def setUp(self) -> None:
        super().setUp()
        self.kill_after(15)
        self.kill_after(40)
        self.files = {path.name: path.read_bytes() for path in self.run_dir.iterdir()}
        self.whole = hierevo.open_run(self.run_dir)

    def restore(self) -> None:
        for path in self.run_dir.iterdir():
            if path.name not in self.files:
                path.unlink()
        for name, content in self.files.items():
            (self.run_dir / name).write_bytes(content)

    def change(self, name: str, content: bytes) -> None:
        (self.run_dir / name).write_bytes(content)

    def warned(self) -> tuple[hierevo.Run, list[str]]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            run = hierevo.open_run(self.run_dir)
        self.assertTrue(all(one.category is hierevo.DamageWarning for one in caught))
        said = [str(one.message) for one in caught]
        self.assertEqual(said, run.warnings)
        return run, said

    def test_a_damaged_snapshot_is_replaced_by_the_one_before_and_its_journals(self) -> None:
        content = self.files["search.h5"]
        rng = random.Random(1)
        for place in [0, 17, 20, 40, 511, *(rng.randrange(len(content)) for _ in range(20))]:
            damaged = bytearray(content)
            damaged[place] ^= 1 << rng.randrange(8)
            self.change("search.h5", bytes(damaged))
            try:
                run, said = self.warned()
            except hierevo.NewerVersionError:
                self.assertEqual(place, 17)  # the digit of the version
                continue
            self.assertEqual(run.history, self.whole.history)
            self.assertEqual(run.in_flight, self.whole.in_flight)
            self.assertEqual(len(said), 1)
            self.assertRegex(
                said[0], r"search\.h5': it is .* 'search\.h5\.1'|search\.h5\.1' is used"
            )

    def test_a_torn_or_missing_snapshot_too(self) -> None:
        content = self.files["search.h5"]
        for length in (0, 10, 511, 512, len(content) - 1):
            self.change("search.h5", content[:length])
            run, said = self.warned()
            self.assertEqual(run.history, self.whole.history)
            self.assertEqual(len(said), 1)
        (self.run_dir / "search.h5").unlink()
        run, said = self.warned()
        self.assertEqual(run.history, self.whole.history)
        self.assertIn("there is no such file", said[0])

    def test_without_a_good_snapshot_there_is_an_error(self) -> None:
        for name in self.files:
            if name.startswith("search.h5"):
                self.change(name, b"hierevo snapshot 1\nnothing")
        with self.assertRaisesRegex(hierevo.FileError, "none of its snapshots can be used"):
            hierevo.open_run(self.run_dir)
        for name in self.files:
            if name.startswith("search.h5"):
                (self.run_dir / name).unlink()
        with self.assertRaisesRegex(hierevo.FileError, "a journal but no snapshot"):
            hierevo.open_run(self.run_dir)

    def test_a_journal_cut_off_anywhere_has_what_came_before(self) -> None:
        content = self.files["journal"]
        longest = -1
        for length in [*range(0, len(content), 7), len(content)]:
            self.change("journal", content[:length])
            run, said = self.warned()
            self.assertEqual(said, [])
            found = len(run.history)
            self.assertEqual(run.history, self.whole.history[:found])
            self.assertGreaterEqual(found, longest)
            longest = found
        self.assertEqual(longest, len(self.whole.history))

    def test_a_damaged_journal_is_used_up_to_the_damage(self) -> None:
        content = self.files["journal"]
        rng = random.Random(2)
        for place in [0, 16, 18, 22, 26, 30, *(rng.randrange(18, len(content)) for _ in range(30))]:
            damaged = bytearray(content)
            damaged[place] ^= 0x10
            self.change("journal", bytes(damaged))
            run, said = self.warned()
            self.assertEqual(run.history, self.whole.history[: len(run.history)])
            self.assertEqual(len(said), 1)
            self.assertRegex(said[0], r"journal': (its first line is damaged|what follows byte)")

    def test_newer_versions_are_named(self) -> None:
        self.change("journal", b"hierevo journal 9\n" + bytes(40))
        with self.assertRaisesRegex(hierevo.NewerVersionError, "version 9.*Use a newer hierevo"):
            hierevo.open_run(self.run_dir)
        self.restore()
        self.change("search.h5", b"hierevo snapshot 7\n" + bytes(600))
        with self.assertRaisesRegex(hierevo.NewerVersionError, "header has version 7"):
            hierevo.open_run(self.run_dir)
        self.restore()
        self.edit(lambda file: set_attribute(file, "version", np.uint32(99)))
        with self.assertRaisesRegex(
            hierevo.NewerVersionError, r"Use hierevo \d+\.\d+\.\d+ or newer"
        ):
            hierevo.open_run(self.run_dir)

    def test_any_mixture_of_files_is_read_as_the_programs_read_it(self) -> None:
        """Snapshots and journals of several starts, in any combination, some of them damaged."""
        self.files |= self.of_starts_that_contradict()
        contents = {
            kind: [content for name, content in self.files.items() if name.startswith(kind)]
            for kind in ("search.h5", "journal")
        }
        rng = random.Random(3)
        kinds = {"error": 0, "warned": 0, "silent": 0}
        for _ in range(120):
            for path in self.run_dir.iterdir():
                path.unlink()
            for name, choices in contents.items():
                for ending in ("", ".1", ".2"):
                    content = bytearray(rng.choice(choices))
                    if rng.random() < 0.25:
                        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
                    if rng.random() < 0.7:
                        self.change(name + ending, bytes(content))
            if rng.random() < 0.7:
                self.change(f"owner-{rng.randrange(1, 5)}", b"")
            kinds[self.compare()] += 1
        self.assertTrue(all(count > 3 for count in kinds.values()), kinds)

    def of_starts_that_contradict(self) -> dict[str, bytes]:
        """What two starts write that resume the same state, each in a folder of its own."""
        kept = self.run_dir
        files = {}
        for name in ("one", "another"):
            self.run_dir = self.folder / name
            shutil.copytree(kept, self.run_dir)
            self.kill_after(len(self.whole.history) + 20)
            files |= {
                f"{path.name} of {name}": path.read_bytes() for path in self.run_dir.iterdir()
            }
        self.run_dir = kept
        return files

    def compare(self) -> str:
        """With what hierevo status and hierevo report find."""
        line = [HIEREVO, "status", "--run", str(self.run_dir), "--json"]
        status = subprocess.run(line, capture_output=True, text=True, check=False)
        if status.returncode != 0:
            with self.assertRaises(hierevo.FileError):
                hierevo.open_run(self.run_dir)
            return "error"
        run, said = self.warned()
        self.assertEqual(
            len(said),
            len(re.findall("(?m)^[0-9-]+ [0-9:]+ hierevo warning: ", status.stderr)),
            said,
        )
        self.assert_as_the_programs_say(run)
        return "warned" if said else "silent"

    def edit(self, change: "object") -> None:
        """Changes the content of the newest snapshot, and writes a header for it."""
        image = io.BytesIO(self.files["search.h5"])
        with h5py.File(image, "r+") as file:
            change(file)  # type: ignore[operator]
        self.change("search.h5", with_header(image.getvalue()[512:]))

    def test_what_leads_elsewhere_or_is_impossible_is_refused(self) -> None:
        secret = self.folder / "secret.h5"
        with h5py.File(secret, "w") as file:
            file["id"] = np.arange(1, 3, dtype=np.uint64)
        for number, change in enumerate(HARMFUL):
            self.edit(lambda file, change=change: change(file, str(secret)))
            with self.subTest(number):
                run, said = self.warned()
                self.assertEqual(run.history, self.whole.history)
                self.assertEqual(len(said), 1, said)
                self.assertNotIn("HDF5 cannot read", said[0])

    def test_odd_values_that_are_for_people_do_no_harm(self) -> None:
        def odd(file: h5py.File) -> None:
            file["progress"].attrs["state"] = "\x1b[31m"
            file["individuals/known"][0] = 2**64 - 2

        self.edit(odd)
        run, _ = self.warned()
        self.assertNotIn("\x1b", repr(run))
        self.assertEqual(run.columns["known"].dtype, np.int64)

    def test_pipes_and_devices_keep_nobody_waiting(self) -> None:
        for name in ("search.h5", "journal"):
            self.restore()
            (self.run_dir / name).unlink()
            os.mkfifo(self.run_dir / name)
            if name == "journal":
                with self.assertRaisesRegex(hierevo.FileError, "not a regular file"):
                    hierevo.open_run(self.run_dir)
            else:
                self.assertIn("not a regular file", self.warned()[1][0])
            (self.run_dir / name).unlink()


if __name__ == "__main__":
    unittest.main()
