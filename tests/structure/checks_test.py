"""Plants what the checks of this folder are to find: a check that finds nothing is none."""

import pathlib
import re
import tempfile
import unittest

import includes
import layering
import old_libc
import plain_english
import tracked_files


class PlantedTree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def plant(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


class Includes(PlantedTree):
    def expect(self, text, *problems):
        self.plant("include/hierevo/nn/sum_of_all.hpp", "struct SumOfAll {};")
        self.plant("include/hierevo/nn/named.hpp", "#include <map>\nclass SumOfAll;\nusing Named = std::map<int, int>;")
        self.plant("src/nn/a.cpp", text)
        found, looked_at = includes.check(self.root)
        self.assertEqual(found, [f"src/nn/a.cpp: {problem}" for problem in problems])
        self.assertEqual(looked_at, 3)

    def test_names_of_the_standard_library(self):
        self.expect("#include <map>\nstd::map<int, int> numbers;")
        self.expect('#include "hierevo/nn/named.hpp"\nstd::map<int, int> numbers;')
        self.expect('// std::vector\nauto text = "std::vector";')
        self.expect("#include <map>\nstd::vector<int> numbers;", "std::vector needs <vector>")

    def test_types_of_the_project(self):
        self.expect('#include "hierevo/nn/sum_of_all.hpp"\nSumOfAll sum;')
        self.expect("struct SumOfAll {};\nSumOfAll sum;")
        self.expect('#include "hierevo/nn/named.hpp"\nSumOfAll* sum;')  # declared there
        self.expect("SumOfAll sum;", "SumOfAll needs include/hierevo/nn/sum_of_all.hpp")


class Layering(PlantedTree):
    def expect(self, name, include, problem):
        """A file with only this include has `problem`; None: it has none."""
        self.plant(name, f"// A file.\n#include {include}\n")
        problems, looked_at = layering.check(self.root)
        (self.root / name).unlink()
        self.assertEqual(looked_at, 1)
        self.assertEqual(problems, [f"{pathlib.Path(name)}:2: {problem}"] if problem else [])

    def test_allowed(self):
        for name, include in [
            ("src/genome/a.cpp", '"hierevo/genome/a.hpp"'),
            ("src/evolution/a.cpp", '"hierevo/core/error.hpp"'),
            ("src/app/a.cpp", '"hierevo/nn/training/trainer.hpp"'),
            ("src/search/a.cpp", '"coordinator.hpp"'),
            ("io/a.cpp", "<hdf5.h>"),
            ("src/comm/a.cpp", "<mpi.h>"),
            ("slurm/spank/a.cpp", "<slurm/spank.h>"),
            ("slurm/spank/a.cpp", '"hierevo/core/error.hpp"'),
            ("include/hierevo/genome/a.hpp", "<nlohmann/json_fwd.hpp>"),
            ("include/hierevo/nn/a.hpp", "<ATen/core/Tensor.h>"),
            ("include/hierevo/core/a.hpp", "<string_view>"),
        ]:
            with self.subTest(name=name, include=include):
                self.expect(name, include, None)

    def test_wrong_direction(self):
        for user, used in [("core", "genome"), ("genome", "evolution"), ("evolution", "comm"),
                           ("comm", "genome"), ("data", "genome"), ("nn", "evolution"), ("search", "nn"),
                           ("search", "app"), ("nn", "search")]:
            with self.subTest(user=user, used=used):
                problem = f"module {user} must not use module {used}"
                self.expect(f"src/{user}/a.cpp", f'"hierevo/{used}/b.hpp"', problem)
                self.expect(f"include/hierevo/{user}/a.hpp", f'"hierevo/{used}/b.hpp"', problem)
        self.expect("src/nn/native/a.cpp", '"executor/b.hpp"', "nn/native must not use nn/executor")
        self.expect("include/hierevo/nn/batches/a.hpp", '"hierevo/nn/training/b.hpp"',
                    "nn/batches must not use nn/training")
        self.expect("io/a.cpp", '"hierevo/comm/b.hpp"', "module io must not use module comm")
        self.expect("slurm/spank/a.cpp", '"hierevo/io/b.hpp"',
                    "module slurm must not use module io")

    def test_private_header_of_another_module(self):
        self.expect("src/search/a.cpp", '"../nn/b.hpp"', "private headers of another module")

    def test_library_away_from_home(self):
        for name, header, homes in [
            ("src/search/a.cpp", "mpi.h", "comm"),
            ("src/search/a.cpp", "torch/types.h", "app and nn"),
            ("src/nn/a.cpp", "hdf5.h", "io"),
            ("src/core/a.cpp", "boost/program_options.hpp", "app"),
            ("src/app/a.cpp", "zlib.h", "data and io"),
            ("src/app/a.cpp", "jpeglib.h", "data"),
            ("src/genome/a.cpp", "boost/graph/graph.hpp", "no module"),
            ("src/evolution/a.cpp", "nlohmann/json.hpp", "app and exchange and genome and report and search"),
        ]:
            with self.subTest(name=name, header=header):
                self.expect(name, f"<{header}>", f"<{header}> belongs to {homes}")

    def test_public_headers_need_little(self):
        self.expect("include/hierevo/comm/a.hpp", "<mpi.h>",
                    "a public header must not need <mpi.h>")
        self.expect("include/hierevo/genome/a.hpp", "<nlohmann/json.hpp>",
                    "a public header must not need <nlohmann/json.hpp>")

    def test_options_in_texts_of_libraries(self):
        option = "a library's text names an option of a program"
        for name, line, problem in [
            ("src/nn/a.cpp", 'refuse("--batch is 1");', option),
            ("include/hierevo/core/a.hpp", 'f("Give another --run.");', option),
            ("src/app/a.cpp", 'refuse("--batch is 1");', None),
            ("src/nn/a.cpp", "--left;  // of --grace", None),
            ("src/comm/a.cpp", 'f("srun --gpus-per-task=1");', None),
        ]:
            with self.subTest(line=line):
                self.plant(name, line + "\n")
                problems, _ = layering.check(self.root)
                (self.root / name).unlink()
                self.assertEqual(problems, [f"{pathlib.Path(name)}:1: {problem}"] if problem else [])

    def test_unknown_module_and_empty_tree(self):
        self.plant("src/misc/a.cpp", "")
        self.assertEqual(layering.check(self.root),
                         ([f"{pathlib.Path('src/misc/a.cpp')}: belongs to no module"], 0))


class OldLibc(PlantedTree):
    def test_planted(self):
        self.plant("src/a.cpp", "::closefrom(3);\nint id = gettid();\n// gettid()\n"
                                "kernel.pidfd_open(1);\n::syscall(SYS_gettid);\nmy_gettid();\n")
        problems, looked_at = old_libc.check(self.root)
        new = "is new in glibc"
        promise = f"and INSTALL.md promises {old_libc.OLDEST}"
        self.assertEqual(problems, [f"src/a.cpp:1: closefrom() {new} 2.34, {promise}",
                                    f"src/a.cpp:2: gettid() {new} 2.30, {promise}"])
        self.assertEqual(looked_at, 1)

    def test_the_promise(self):
        install = pathlib.Path(__file__).resolve().parents[2] / "INSTALL.md"
        promised = re.search(r"^\| glibc, kernel \| ([\d.]+), ", install.read_text(), re.M)
        self.assertEqual(promised and promised[1], old_libc.OLDEST)


class PlainEnglish(PlantedTree):
    def test_planted(self):
        self.plant("a.md", "It goes on\nwith the search. The failures\nin series end it.\n")
        self.plant("slurm/a.sh", "# A rank is taken\n# for lost.\nsay 'Run the same line again.'\n")
        problems, looked_at = plain_english.check(self.root)
        self.assertEqual(sorted(problems), ["a.md:1: 'goes on with': write 'resume'",
                                            "a.md:3: 'in series': write 'consecutive'",
                                            "slurm/a.sh:1: 'taken # for lost': write 'considered lost'",
                                            "slurm/a.sh:3: 'Run the same line': write 'the same command'"])
        self.assertEqual(looked_at, 2)

    def test_literals(self):
        self.plant("src/app/a.cpp", """// It goes on with '"'.
char mark = '"';  // "in series"
/* "in
   series" */ say("It goes on"
                  " with it.", "in", "series");
""")
        self.assertEqual(plain_english.check(self.root),
                         (["src/app/a.cpp:4: 'goes on with': write 'resume'"], 1))

    def test_proper_uses(self):
        self.plant("a.md", "Write *resume*, not *go on with*. Both are on the same line, in series-connected "
                           "parts; whoever wants to stop tells others.\n")
        self.plant("src/core/a.cpp", "// Goes on with it.\n")
        self.assertEqual(plain_english.check(self.root), ([], 2))


class TrackedFiles(PlantedTree):
    def problems(self, name, text):
        return [problem.split(": ", 1)[1] for problem in
                tracked_files.problems_in(pathlib.Path(name), text)]

    def test_planted(self):
        machine = "a path of somebody's machine"
        for name, line, problem in [
            ("a.cpp", 'open("/wo' + 'rk/x");', machine),
            ("a.md", "cd /ro" + "ot/hierevo", machine),
            ("a.cpp", "// TO" + "DO: later", "a mark of unfinished work"),
            ("a.md", "<<<<<<" + "< HEAD", "a conflict mark"),
        ]:
            with self.subTest(line=line):
                self.assertEqual(self.problems(name, line + "\n"), [problem])

    def test_clean(self):
        self.assertEqual(self.problems("a.cpp", '#include "x.hpp"\n// see build/wo' + 'rk/x\n'), [])
        self.assertEqual(self.problems("a.md", ""), [])

    def test_whole_tree(self):
        mark = "// FIX" + "ME\n"
        self.plant("a.cpp", mark)
        self.plant("build/b.cpp", mark)
        self.plant("picture.bin", "\0" + mark)
        problems, looked_at = tracked_files.check(self.root)
        self.assertEqual(problems, ["a.cpp:1: a mark of unfinished work"])
        self.assertEqual(looked_at, 1)


if __name__ == "__main__":
    unittest.main()
