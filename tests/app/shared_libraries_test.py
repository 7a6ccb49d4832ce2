"""Where programs find their shared libraries, LibTorch above all (HIEREVO_TORCH)."""
import pathlib
import shutil
import subprocess
import unittest

from programs import BIN, ProgramTest

WITH_TORCH = (BIN / "hierevo-train").exists()


def libraries_of(program):
    """Paths of the shared libraries that the loader finds, by their names."""
    lines = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout.splitlines()
    return {words[0]: pathlib.Path(words[2]) for words in map(str.split, lines) if len(words) > 2}


class SharedLibraries(ProgramTest):
    def train(self, torch, program=BIN / "hierevo", **more):
        return self.command(["env", f"HIEREVO_TORCH={torch}", *(f"{name}={value}" for name, value in more.items()),
                             program, "train", "--help"])

    def refused_torch(self, torch, says, **more):
        result = self.train(torch, **more)
        self.assertEqual(result.returncode, 2)
        self.assertIn(f"HIEREVO_TORCH is '{torch}' ({says}", result.stderr)
        self.assertIn("Set it to the folder of LibTorch ", result.stderr)

    def another_torch(self):
        """A package of Python that only looks like torch, and is not to be imported."""
        torch = self.folder / "packages" / "torch"
        (torch / "lib").mkdir(parents=True)
        (torch / "lib" / "libtorch_cpu.so").touch()
        (torch / "__init__.py").write_text("raise SystemExit('imported')\n")
        (torch / "version.py").write_text("__version__ = '9.9.1+cpu'\ndebug = False\n")
        return torch

    @unittest.skipUnless(WITH_TORCH, "built without Torch")
    def test_a_torch_of_another_version_is_refused(self):
        torch = self.another_torch()
        says = "that is LibTorch 9.9.1+cpu, but hierevo was built with "
        self.refused_torch(torch, says)
        self.refused_torch("/usr/bin/python3", says, PYTHONPATH=torch.parent)
        self.refused_torch("python3", says, PYTHONPATH=torch.parent, PATH="/usr/bin:/bin")
        (torch / "version.py").unlink()
        (torch / "build-version").write_text("9.9.2\n")
        self.refused_torch(torch, "that is LibTorch 9.9.2, but")

    @unittest.skipUnless(WITH_TORCH, "built without Torch")
    def test_what_has_no_torch_is_refused(self):
        self.refused_torch(self.folder, f"there is no libtorch_cpu.so in '{self.folder}'")
        self.refused_torch("/bin/true", "that is no folder, and no Python that can import torch")
        self.refused_torch(self.folder / "absent", "that is no folder, and no Python that can import torch")

    @unittest.skipUnless(WITH_TORCH, "built without Torch")
    def test_a_folder_that_the_loader_would_misread_is_refused(self):
        for name in ("co:lon", "se;mi", "$LIB"):
            folder = self.folder / name
            (folder / "lib").mkdir(parents=True)
            (folder / "lib" / "libtorch_cpu.so").touch()
            self.refused_torch(folder, f"LD_LIBRARY_PATH cannot name '{folder}/lib'")

    @unittest.skipUnless(WITH_TORCH, "built without Torch")
    def test_a_python_that_does_something_else_does_no_harm(self):
        python = self.folder / "python"
        python.write_text("#!/bin/sh\nexec yes\n")
        python.chmod(0o700)
        self.refused_torch(python, "that is no folder, and no Python that can import torch")
        python.write_text("#!/bin/sh\necho began >&2; exec sleep 1000\n")
        process = subprocess.Popen([BIN / "hierevo", "train", "--help"], env={"HIEREVO_TORCH": python})
        self.wait_until(lambda: self.children_of(process.pid), process)
        process.terminate()
        process.wait()

    def children_of(self, pid):
        return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()

    @unittest.skipUnless(WITH_TORCH, "built without Torch")
    def test_a_library_that_is_none_is_told_so(self):
        (self.folder / "lib").mkdir()
        name = next(name for name in libraries_of(BIN / "hierevo-train") if "libtorch_cpu" in name)
        (self.folder / "lib" / name).touch()
        self.assertIn("file too short", self.train(self.folder).stderr)
        self.assertEqual(self.train(self.folder).returncode, 2)

    @unittest.skipUnless(WITH_TORCH, "built without Torch")
    def test_the_torch_of_the_build_is_taken(self):
        library = next(path for name, path in libraries_of(BIN / "hierevo-train").items() if "libtorch_cpu" in name)
        self.assertEqual(self.train(library.parent).returncode, 0)
        # Only the programs that train have it, and no command that they do not start.
        self.hierevo("search", "--run", self.run_dir, "--evaluator", "synthetic", "--evaluations", 4,
                     "--population", 2, launcher=["env", f"HIEREVO_TORCH={self.folder}"])
        self.assertIn("there is no libtorch_cpu.so",
                      self.hierevo("search", "--run", self.folder / "other", "--evaluations", 4, code=2,
                                   launcher=["env", f"HIEREVO_TORCH={self.folder}"]).stderr)
        self.assertFalse((self.folder / "other").exists())

    def test_missing_libraries_are_named(self):
        """The copy of a program wants a library that nobody has."""
        own = self.folder / "bin"
        own.mkdir()
        shutil.copy(BIN / "hierevo", own)
        library = next(name for name in libraries_of(BIN / "hierevo-search") if name.startswith("libz.so"))
        absent = "lib0" + library[4:]
        (own / "hierevo-search").write_bytes(
            (BIN / "hierevo-search").read_bytes().replace(library.encode(), absent.encode()))
        (own / "hierevo-search").chmod(0o700)
        result = self.command([own / "hierevo", "search", "--run", self.run_dir])
        self.assertEqual(result.returncode, 2)
        self.assertIn(f"Cannot start '{own}/hierevo-search' (these shared libraries are not found: {absent}). "
                      "Load the modules that hierevo was built with.", result.stderr)

    def test_a_program_that_is_not_there(self):
        shutil.copy(BIN / "hierevo", self.folder / "hierevo")
        result = self.command([self.folder / "hierevo", "search", "--run", self.run_dir])
        self.assertEqual(result.returncode, 2)
        self.assertIn("hierevo-search' (No such file or directory)", result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
