"""The examples in the documents, run as they stand there."""
import os
import re
import unittest

try:
    import h5py
except ImportError:
    h5py = None

from programs import BIN, SOURCE, ProgramTest, mpirun

README = (SOURCE / "README.md").read_text()
INSTALL = (SOURCE / "INSTALL.md").read_text()


def section(text, title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.M | re.S)[1]


def example(text, title, language=""):
    return re.search(rf"^```{language}\n(.*?)^```", section(text, title), re.M | re.S)[1]


class Documents(ProgramTest):
    def words(self, title):
        """A README command line for hierevo, without its launcher, as a list of words."""
        line = example(README, title, "sh").replace("\\\n", " ")
        launcher, arguments = line.split("build/release/bin/hierevo ", 1)
        return launcher.split(), arguments.split()

    def test_the_search_of_the_readme_and_its_python_lines(self):
        launcher, arguments = self.words("A search")
        self.assertEqual(launcher, ["mpirun", "-n", "3"])
        # The same line, but with fewer evaluations, which take no time.
        self.hierevo(*arguments, "--evaluator", "synthetic", "--evaluations", 24,
                     launcher=mpirun(3))
        self.run_dir = self.folder / "my-run"
        self.assert_finished(24)
        self.hierevo("report", "--run", self.run_dir)
        found = {path.name for path in self.run_dir.iterdir()}
        listed = re.findall(r"^my-run/([^\s/]+)", example(README, "What a run leaves"), re.M)
        self.assertLessEqual(set(listed), found)
        if not h5py:
            self.skipTest("no h5py for the Python lines")
        names = {}
        before = os.getcwd()
        os.chdir(self.folder)
        self.addCleanup(os.chdir, before)
        exec(example(README, "What a run leaves", "python"), names)
        self.assertEqual(len(names["genotypes"]), 24)
        self.assertEqual(len(names["fitness"]), 24)

    def test_every_command_of_the_table_is_there(self):
        commands = re.findall(r"^\| `hierevo (\w+)", section(README, "A search"), re.M)
        self.assertIn("search", commands)
        listed = re.findall(r"^  (\w+)  ", self.hierevo("--help").stdout, re.M)
        self.assertEqual(sorted(commands), sorted(listed))

    def test_options_in_the_documents_exist(self):
        known = "--with-ft --oversubscribe --allow-run-as-root --ntasks-per-node"  # of mpirun, sbatch
        for command in re.findall(r"^  (\w+)  ", self.hierevo("--help").stdout, re.M):
            if (BIN / "hierevo-train").exists() or command not in ("train", "evaluate"):
                known += self.hierevo(command, "--help").stdout
        mine = section(README, "A search") + section(README, "Faithful to the paper")
        options = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", mine))
        self.assertIn("--ema-decay", options)
        for option in options:
            self.assertIn(option, known)

    def test_the_cmake_lines_are_those_of_the_consumer(self):
        consumer = (SOURCE / "tests" / "consumer" / "CMakeLists.txt").read_text()
        for text in (example(README, "In your own program", "cmake"),
                     section(INSTALL, "Installing and using the library").split("```")[3]):
            for line in text.strip().splitlines():
                code = line.split("#")[0].strip().replace("my_program", "consumer")
                self.assertIn(code, consumer)

    def test_cmake_options_and_variables_in_the_documents_exist(self):
        cmake = "".join(path.read_text() for path in
                        [SOURCE / "CMakeLists.txt", *(SOURCE / "cmake").glob("*.cmake")])
        programs = "".join(path.read_text() for path in [*(SOURCE / "src" / "app").glob("*.cpp"),
                                                         *(SOURCE / "slurm").glob("*.sh")])
        variables = set(re.findall(r'getenv\("(HIEREVO_[A-Z_]+)"\)|\$\{(HIEREVO_[A-Z_]+):-', programs))
        read = {name for names in variables for name in names if name}
        mentioned = set(re.findall(r"HIEREVO_[A-Z_]+", INSTALL))
        self.assertTrue(mentioned - read)
        for name in mentioned - read:
            self.assertIn(name, cmake)


if __name__ == "__main__":
    unittest.main(verbosity=2)
