"""docs/options.md is what scripts/options-reference makes of the programs today."""
import re
import subprocess
import sys
import unittest

from programs import BIN, DEADLINE, SOURCE, ProgramTest

SCRIPT = SOURCE / "scripts" / "options-reference"


class OptionsReference(ProgramTest):
    def script(self, *arguments, code=0):
        done = subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout, done.stderr

    @unittest.skipUnless((BIN / "hierevo-train").exists(), "this build cannot train")
    def test_the_document_is_current(self):
        printed, _ = self.script("--bin", BIN)
        self.maxDiff = None
        self.assertEqual((SOURCE / "docs" / "options.md").read_text().splitlines(), printed.splitlines(),
                         "write it again: scripts/options-reference >docs/options.md")

    @unittest.skipUnless((BIN / "hierevo-train").exists(), "this build cannot train")
    def test_it_has_every_option_of_the_help(self):
        printed, _ = self.script("--bin", BIN)
        common, *commands = printed.split("\n## ")[1:]
        names = [text.split("\n")[0].removeprefix("hierevo ") for text in commands]
        self.assertEqual(names, re.findall(r"^  (\w+)  ", self.hierevo("--help").stdout, re.M))
        for name, text in zip(names, commands):
            with self.subTest(command=name):
                told = re.findall(r"^  (?:-\w \[ )?(--[a-z][a-z0-9-]*)", self.hierevo(name, "--help").stdout, re.M)
                self.assertEqual(re.findall(r"^\| `(--[a-z0-9-]+)", text + "\n" + common, re.M), told)

    def test_without_programs_it_fails(self):
        printed, problem = self.script("--bin", self.folder, code=1)
        self.assertEqual(printed, "")
        self.assertIn("cannot run", problem)

    def test_usage(self):
        self.assertIn("usage: ", self.script("--help")[0])
        self.assertIn("--help", self.script("--nothing", code=2)[1])


if __name__ == "__main__":
    unittest.main(verbosity=2)
