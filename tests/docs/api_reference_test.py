"""Doxygen makes the API reference of the public headers without a warning, and warnings are errors.

usage: api_reference_test.py CMAKE
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
HEADER = """#pragma once
namespace hierevo::core {
/// Adds one. The @p argument is a number.
int more(int argument);
}  // namespace hierevo::core
"""


class ApiReference(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def make(self, source):
        return subprocess.run(
            [CMAKE, f"-DDOXYGEN={DOXYGEN}", "-DVERSION=1.2.3", f"-DSOURCE={source}", f"-DOUT={self.folder / 'out'}",
             "-P", SOURCE / "cmake" / "HierevoApiReference.cmake"], capture_output=True, text=True, timeout=100)

    def plant(self, header):
        """A source tree with this header alone."""
        tree = self.folder / "tree"
        for name in ("docs/Doxyfile", "docs/api-reference.dox"):
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(SOURCE / name, tree / name)
        # Links of the guide lead to files that the reference does not have.
        guide = "# Embed it\n\nSee [the\nfiles](files.md#here), [this](#embed-it).\n"
        (tree / "docs" / "embedding.md").write_text(guide)
        path = tree / "include" / "hierevo" / "core" / "more.hpp"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(header)
        return tree

    def test_public_headers(self):
        done = self.make(SOURCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        pages = {path.name for path in (self.folder / "out" / "html").glob("*.html")}
        self.assertIn("index.html", pages)
        for name in ("core", "search"):
            self.assertIn(f"namespacehierevo_1_1{name}.html", pages)

    def test_what_is_complete_passes(self):
        done = self.make(self.plant(HEADER + "namespace hierevo::core {\n/// Two.\nstruct Two { int one = 1; };\n}\n"))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        page = (self.folder / "out" / "html" / "namespacehierevo_1_1core.html").read_text()
        self.assertIn("more", page)
        self.assertIn("Embed it", (self.folder / "out" / "html" / "index.html").read_text())

    def test_mistakes_are_errors(self):
        for header, problem in (
                (HEADER.replace("/// Adds", "// Adds"), r"Member more\(int argument\).* is not documented"),
                (HEADER.replace("Adds", "@param other Adds"), "argument 'other' of command @param is not found"),
                (HEADER.replace("Adds", "@ref nothing Adds"), "unable to resolve reference to 'nothing'"),
                (HEADER.replace("Adds", "@nothing Adds"), "unknown command")):
            with self.subTest(problem=problem):
                done = self.make(self.plant(header))
                self.assertEqual(done.returncode, 1)
                self.assertTrue(re.search(problem, done.stderr), done.stderr)


if __name__ == "__main__":
    CMAKE = sys.argv.pop(1)
    DOXYGEN = shutil.which("doxygen")
    if DOXYGEN is None:
        print("there is no doxygen")
        sys.exit(77)
    version = subprocess.run([DOXYGEN, "--version"], capture_output=True, text=True, check=True).stdout
    if not version.startswith("1.9."):
        print(f"this is for doxygen 1.9, not {version.strip()}: others may warn of other things")
        sys.exit(77)
    unittest.main(verbosity=2)
