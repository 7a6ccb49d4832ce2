"""`hierevo verify`: content with what a search leaves, also while it runs and after a kill; damage is
told with its file and exit code 3."""
import json
import shutil
import signal
import subprocess
import unittest

from programs import HIEREVO, ProgramTest

SMALL = ["--evaluator", "synthetic", "--population", "8", "--tournament", "0.3"]


class Verify(ProgramTest):
    def search(self, *arguments, code=0):
        return self.hierevo("search", "--run", self.run_dir, *SMALL, *arguments, code=code)

    def verify(self, code=0):
        found = json.loads(self.hierevo("verify", "--run", self.run_dir, "--json",
                                        code=code).stdout)
        self.assertEqual(found["agrees"], code == 0)
        self.assertEqual(found["problems"] == [], code == 0)
        return found

    def flip(self, name):
        path = self.run_dir / name
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 0xFF
        path.write_bytes(content)

    def test_searches_of_all_kinds_over_several_starts_are_content(self):
        for number, options in enumerate((["--workers", 3], ["--algorithm", "aging"],
                                          ["--algorithm", "random"],
                                          ["--space", "1x3", "--reuse-fitness"],
                                          ["--max-parameters", 300000, "--channels", 12])):
            self.run_dir = self.folder / f"run {number}"
            for evaluations in (30, 60):
                self.search("--evaluations", evaluations, *options)
                found = self.verify()
                self.assertEqual(found["candidates"], evaluations)
                self.assertEqual(found["notes"], [])
        text = self.hierevo("verify", "--run", self.run_dir).stdout
        self.assertIn("60 candidates (", text)
        self.assertIn("all agree.", text)

    def test_failures_and_what_was_given_up_are_content(self):
        self.hierevo("search", "--run", self.run_dir, "--evaluator", "command", "--command",
                     "false", "--max-consecutive-failures", 5, code=4)
        self.assertEqual(self.verify()["failed"], 5)

    def test_while_a_search_runs_and_after_a_kill(self):
        line = [HIEREVO, "search", "--run", self.run_dir, *SMALL, "--evaluations", "100000",
                "--synthetic-ms", "50", "--workers", "3"]
        for _ in range(2):
            process = subprocess.Popen(line, stderr=subprocess.DEVNULL)
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
            journal = self.run_dir / "journal"
            self.assertTrue(self.wait_until(
                lambda: self.status_is("running") and journal.exists(), process))
            for _ in range(10):
                found = self.verify()
                self.assertEqual(found["notes"][0], "A search runs here")
            process.send_signal(signal.SIGKILL)
            process.wait()
            found = self.verify()
            self.assertEqual(found["notes"], [])
            self.assertGreater(found["evaluated"], 0)

    def status_is(self, state):
        return (self.run_dir / "search.h5").exists() and self.status()["state"] == state

    def test_damage_is_told_with_its_file(self):
        self.search("--evaluations", 40)
        self.search("--evaluations", 60)
        whole = self.folder / "whole"
        shutil.copytree(self.run_dir, whole)
        for name in ("search.h5", "search.h5.1", "journal.1", "config.ini"):
            if name == "config.ini":
                (self.run_dir / name).write_text("model=cifar-huge\n")
            else:
                self.flip(name)
            problems = self.verify(code=3)["problems"]
            self.assertEqual({problem["file"] for problem in problems},
                             {str(self.run_dir / name)})
            text = self.hierevo("verify", "--run", self.run_dir, code=3).stdout
            self.assertIn(str(self.run_dir / name), text)
            self.assertIn("problems.", text)
            shutil.rmtree(self.run_dir)
            shutil.copytree(whole, self.run_dir)
        self.verify()

    def test_options_of_another_search_are_told(self):
        self.search("--evaluations", 40)
        config = self.run_dir / "config.ini"
        config.write_text(config.read_text().replace("population=8\n", "population=9\n"))
        problem, = self.verify(code=3)["problems"]
        self.assertEqual(problem["file"], str(config))
        self.assertIn("population is 9 but the run in", problem["problem"])

    def test_a_candidate_that_does_not_follow_is_named(self):
        try:
            import h5py
        except ImportError:
            self.skipTest("h5py is not there")
        self.search("--evaluations", 40)
        path = self.run_dir / "search.h5"
        content = path.read_bytes()
        with h5py.File(path, "r+") as run:
            run["individuals/seed"][7] += 1
            identity = int(run["individuals/id"][7])
        text = f"hierevo snapshot 1\nbytes {len(content) - 512}\ncrc32c "
        content = path.read_bytes()[512:]
        block = (text + f"{crc32c(content):08x}\n").encode()
        path.write_bytes(block.ljust(512, b"\0") + content)
        problems = self.verify(code=3)["problems"]
        self.assertIn((str(path), identity),
                      {(problem["file"], problem["candidate"]) for problem in problems})
        self.assertIn(f"candidate {identity}: its seed is ",
                      self.hierevo("verify", "--run", self.run_dir, code=3).stdout)

    def test_without_a_run_and_help(self):
        told = self.hierevo("verify", "--run", self.run_dir, code=2).stderr
        self.assertIn("There is no run in", told)
        self.assertIn("Give --run DIR", self.hierevo("verify", code=2).stderr)
        self.assertIn("Exit code 3", self.hierevo("verify", "--help").stdout)


def crc32c(content):
    """CRC-32C, bit by bit."""
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    value = 0xFFFFFFFF
    for byte in content:
        value = (value >> 8) ^ table[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


if __name__ == "__main__":
    unittest.main(verbosity=2)
