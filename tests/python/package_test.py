#!/usr/bin/env python3
"""The package as a package: its version, its style, its types, and what is installed of it."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

import hierevo

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "python"
TOOLS = pathlib.Path(os.environ["HIEREVO_PYTHON_ENV"])


def run(*command: str, cwd: pathlib.Path = PACKAGE) -> str:
    """What the command prints; the test fails when the command does."""
    done = subprocess.run(
        command, cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)} exited with {done.returncode}:\n{done.stdout}")
    return done.stdout


class PackageTest(unittest.TestCase):
    def test_its_version_is_the_project_s(self) -> None:
        project = re.search(
            r"project\(hierevo VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text()
        )
        assert project is not None
        self.assertEqual(hierevo.__version__, project[1])


@unittest.skipUnless(TOOLS.exists(), "scripts/setup --python has not been run")
class ToolsTest(unittest.TestCase):
    def test_ruff_finds_nothing(self) -> None:
        run(str(TOOLS), "-m", "ruff", "check", "--no-cache", ".")
        run(str(TOOLS), "-m", "ruff", "format", "--no-cache", "--check", ".")

    def test_mypy_finds_nothing(self) -> None:
        with tempfile.TemporaryDirectory() as cache:
            run(str(TOOLS), "-m", "mypy", "--cache-dir", cache, "src")

    def test_wheel_and_sdist_have_all_of_it(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder) / "python"
            shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("*.egg-info", "build"))
            run(str(TOOLS), "-m", "build", "--no-isolation", "--outdir", folder, cwd=copy)
            version = hierevo.__version__
            self.assertTrue((pathlib.Path(folder) / f"hierevo-{version}.tar.gz").exists())
            wheel = pathlib.Path(folder) / f"hierevo-{version}-py3-none-any.whl"
            with zipfile.ZipFile(wheel) as content:
                names = set(content.namelist())
            sources = PACKAGE / "src"
            for path in sources.rglob("*"):
                if path.suffix in (".py", ".typed"):
                    self.assertIn(str(path.relative_to(sources)), names)
            target = pathlib.Path(folder) / "installed"
            with zipfile.ZipFile(wheel) as content:
                content.extractall(target)
            told = subprocess.run(
                [sys.executable, "-c", "import hierevo; print(hierevo.__version__)"],
                env={**os.environ, "PYTHONPATH": str(target)},
                capture_output=True,
                text=True,
                check=True,
            )
            self.assertEqual(told.stdout.strip(), version)


if __name__ == "__main__":
    unittest.main()
