"""The examples in the documents, run as they stand there."""
import json
import os
import re
import unittest

try:
    import h5py
except ImportError:
    h5py = None

from programs import BIN, HIEREVO, SOURCE, ProgramTest, mpirun

README = (SOURCE / "README.md").read_text()
INSTALL = (SOURCE / "INSTALL.md").read_text()


def document(name):
    return (SOURCE / "docs" / f"{name}.md").read_text()


def section(text, title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.M | re.S)[1]


def examples(text, title, language=""):
    return re.findall(rf"^```{language}\n(.*?)^```", section(text, title), re.M | re.S)


class Documents(ProgramTest):
    def test_the_search_of_the_readme_and_its_python_lines(self):
        lines = examples(README, "A search", "sh")[0].replace("\\\n", " ").splitlines()
        search, = (line for line in lines if line.startswith("hierevo search "))
        lines.remove(search)
        # The same command, but with fewer evaluations, which take no time; and the other way to start it.
        quick = ["--evaluator", "synthetic", "--evaluations"]
        self.hierevo(*search.split()[1:], *quick, 24)
        with_ranks = search.replace(" --workers 2", "").replace("my-run", "with-ranks")
        self.hierevo(*with_ranks.split()[1:], *quick, 24, launcher=mpirun(3))
        self.run_dir = self.folder / "my-run"
        self.assert_finished(24)
        for line in lines:  # those that look at it
            if line.startswith("hierevo "):
                self.hierevo(*line.split("#")[0].split()[1:])
        found = {path.name for path in self.run_dir.iterdir()}
        files = document("files")
        listed = re.findall(r"^my-run/([^\s/]+)", examples(files, "What a run leaves")[0], re.M)
        self.assertLessEqual(set(listed), found)
        if not h5py:
            self.skipTest("no h5py for the Python lines")
        names = {}
        before = os.getcwd()
        os.chdir(self.folder)
        self.addCleanup(os.chdir, before)
        exec(examples(files, "Read results in Python", "python")[0], names)
        self.assertEqual(len(names["genotypes"]), 24)
        self.assertEqual(len(names["fitness"]), 24)

    def test_an_evaluation_of_ones_own(self):
        """The programs and the searches of docs/evaluators.md, as they stand there."""
        text = document("evaluators")
        program, = examples(text, "A program that stays", "python")
        (self.folder / "minimal.py").write_text(program)
        scripts = [examples(text, "A program that stays", "sh")[1],
                   *examples(text, "A program for each candidate", "sh")]
        for script, run in zip(scripts, ("R", "mine")):
            path = f"PATH={BIN}:{os.environ['PATH']}"
            result = self.command(["env", path, "bash", "-euc", script])
            self.assertEqual(result.returncode, 0, result.stderr)
            self.run_dir = self.folder / run
            self.assert_finished(50)

    def test_the_conversation_with_an_evaluator(self):
        """What both sides write in docs/evaluators.md, by a program that writes just that."""
        conversation, = examples(document("evaluators"), "A program that stays", "text")
        writes = [line[2:] for line in conversation.splitlines() if line.startswith("←")]
        answers = {name: [one for one in writes if json.loads(one).get("id") in (None, id)]
                   for name, id in (("first", 7), ("second", 9))}
        self.assertEqual(len(writes), sum(map(len, answers.values())) - 1)  # both have the hello
        program = self.folder / "writes.py"
        program.write_text("import json, sys\nhello, *first = " + repr(answers["first"]) +
                           "\n_, stopped = " + repr(answers["second"]) + """
print(hello, flush=True)
given, heard = {}, []
for line in sys.stdin:
    message = json.loads(line)
    heard.append(message["type"])
    if message["type"] == "candidate":
        given[message["id"]] = list(message)
        if message["id"] != 9:
            print(*(one.replace('"id": 7', f'"id": {message["id"]}') for one in first),
                  sep="\\n", flush=True)
        else:
            open("nine", "w").close()
    elif message["type"] == "stop":
        print(stopped, flush=True)
json.dump([given, heard], open("heard.json", "w"))
""")
        self.stop_when_there_is([HIEREVO, "search", "--run", self.run_dir, "--evaluator", "server",
                                 "--command", f"python3 {program}", "--population", 5, "--evaluations", 12],
                                self.folder / "nine")
        given, heard = json.loads((self.folder / "heard.json").read_text())
        hierevo_writes = [line[2:] for line in conversation.splitlines() if line.startswith("→")]
        types = re.findall(r'"type":"(\w+)"', " ".join(hierevo_writes))
        self.assertEqual(set(types), set(heard))
        self.assertEqual(types[-2:], heard[-2:])
        self.assertEqual(set(re.findall(r'"(\w+)":', hierevo_writes[1].split('{"format')[0])), set(given["7"]))

    def test_every_command_of_the_table_is_there(self):
        commands = re.findall(r"^\| `hierevo (\w+)", section(README, "Commands"), re.M)
        self.assertIn("search", commands)
        listed = re.findall(r"^  (\w+)  ", self.hierevo("--help").stdout, re.M)
        self.assertEqual(sorted(commands), sorted(listed))

    def test_options_in_the_documents_exist(self):
        known = set("--with-ft --oversubscribe --allow-run-as-root --bind-to --ntasks-per-node --cpus-per-task "
                    "--time --array --signal --dependency --batch --full --mpi --gpus-per-task "
                    "--gres --hierevo-stage --hierevo-evaluators-per-gpu --hierevo-devices "
                    "--reuid --regid --clear-groups --build --preset --version".split())  # of other programs
        for command in re.findall(r"^  (\w+)  ", self.hierevo("--help").stdout, re.M):
            if (BIN / "hierevo-train").exists() or command not in ("train", "evaluate"):
                known |= set(re.findall(r"--[a-z][a-z0-9-]+", self.hierevo(command, "--help").stdout))
        for program in ("setup", "test", "gpu/check-gpu", "gpu/run"):
            known |= set(re.findall(r"--[a-z][a-z-]+", (SOURCE / "scripts" / program).read_text()))
        for name in ("method", "searching", "evaluators", "training", "data", "schedulers", "gpus", "files", "performance"):
            options = set(re.findall(r"(?<![\w-])(--[a-z][a-z0-9-]+)", document(name)))
            if (BIN / "hierevo-train").exists():
                self.assertEqual(options - known, set(), name)
        self.assertIn("--ema-decay", document("training"))

    def test_the_cmake_lines_are_those_of_the_consumer(self):
        consumer = [line.strip() for line in
                    (SOURCE / "tests" / "consumer" / "CMakeLists.txt").read_text().splitlines()]
        for text in (*examples(document("embedding"), "Find the package", "cmake"),
                     *examples(INSTALL, "Installing and using the library", "cmake")):
            for line in text.strip().splitlines():
                self.assertIn(line.split("#")[0].strip().replace("my_program", "consumer"), consumer)

    def test_the_c_lines_are_those_of_the_consumer(self):
        consumer = (SOURCE / "tests" / "consumer" / "main.cpp").read_text()
        blocks = examples(document("embedding"), "Search with your own evaluator", "cpp")
        self.assertGreater(len(blocks), 2)
        for block in blocks:
            self.assertIn(block, consumer)

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
