"""Help, version, options, INI files, sample, inspect, and the refusal of whatever cannot work."""
import json
import os
import shlex
import subprocess
import unittest
import unittest.mock

from programs import BIN, DEADLINE, HIEREVO, SOURCE, ProgramTest, behaviour, values

PUBLISHED = json.loads((SOURCE / "genotypes" / "published.json").read_text())


class CommandLine(ProgramTest):
    def test_help_teaches_every_command(self):
        overview = self.hierevo("--help").stdout
        for command in ("search", "sample", "inspect", "status", "report"):
            self.assertIn(command, overview)
            text = self.hierevo(command, "--help").stdout
            self.assertIn("usage: hierevo " + command, text)
        self.assertIn("--population arg (=200)", self.hierevo("search", "--help").stdout)

    def test_the_programs_behind_answer_by_their_own_names(self):
        for program, command in (("hierevo-search", "search"), ("hierevo-train", "train")):
            if not (BIN / program).exists():
                continue
            told = [subprocess.run([BIN / program, *words, "--help"], capture_output=True, text=True,
                                   timeout=DEADLINE).stdout for words in ([], [command])]
            self.assertIn("usage: hierevo " + command, told[0])
            self.assertEqual(told[0], told[1])

    def test_programs_load_no_heavy_library_that_they_do_not_use(self):
        for program, heavy in (("hierevo", ("mpi", "torch", "cuda")), ("hierevo-search", ("torch", "cuda", "gvc", "protobuf"))):
            loaded = subprocess.run(["ldd", BIN / program], capture_output=True, text=True, check=True,
                                    timeout=DEADLINE).stdout
            names = [line.split()[0] for line in loaded.splitlines()]
            self.assertEqual([name for name in names if any(word in name for word in heavy)], [], program)

    def test_help_promises_what_holds(self):
        if not (BIN / "hierevo-train").exists():
            self.skipTest("this build does not train")
        said = " ".join(self.hierevo("train", "--help").stdout.split())
        self.assertIn("without --micro-batches, whose parts are normalised one by one, the number of "
                      "ranks then changes results only by rounding", said)

    def test_version_tells_the_build(self):
        text = self.hierevo("--version").stdout
        for fact in ("hierevo 0", "commit:", "compiler:", "MPI:", "Torch:", "HDF5:"):
            self.assertIn(fact, text)

    def test_unknown_words_name_the_nearest(self):
        self.refused("serch", says="There is no command 'serch'. Did you mean 'search'?")
        self.refused("search", "--populaton", "3",
                     says="There is no option '--populaton'. Did you mean '--population'?")
        self.refused("search", "--run", self.run_dir, "--algorithm", "evoluton",
                     says="Did you mean 'evolution'?")
        self.refused("search", "--run", self.run_dir, "--space", "flatt", says="'flatt'")
        self.refused("search", "--run", self.run_dir, "--evaluator", "trian",
                     says="Did you mean 'train'?")
        self.refused("inspect", "--model", "cifar-smal", "--genotype", "x",
                     says="Did you mean 'cifar-small'?")

    def test_impossible_numbers_are_refused(self):
        for option, value in [("population", 1), ("population", -3), ("evaluations", 0),
                              ("tournament", 0), ("tournament", 1.5), ("workers", 0),
                              ("repeats", 0), ("threads", 0), ("synthetic-ms", -1),
                              ("timeout", -1), ("max-consecutive-failures", 0), ("start-mutations", -1),
                              ("channels", -1), ("channels", 65537), ("cells", 101),
                              ("max-parameters", -5), ("steps", 0), ("batch", 0), ("lr", 0), ("lr", "nan"), ("lr-drops", "0.5,x"), ("crop", -1),
                              ("population", "many"), ("seed", 1.5), ("seed", -1)]:
            with self.subTest(option=option, value=value):
                self.refused("search", "--run", self.run_dir, "--evaluator", "synthetic",
                             f"--{option}={value}", says=f"--{option} ")

    def test_values_that_look_like_placeholders_are_only_values(self):
        for value in ("%value%", "%option%", "50%"):
            self.refused("sample", "--count", value, says=f"--count is '{value}' (this option does not take")
        ini = self.folder / "placeholder.ini"
        ini.write_text("%invalid_line%\n")
        self.refused("search", "--config", ini, says="%invalid_line%")

    def test_a_value_that_cannot_be_is_told_with_its_option(self):
        for option, value, says in [
                ("steps", "abc", "--steps is 'abc' (this option does not take that value). "
                                 "Give a whole number of up to 18 digits."),
                ("workers", "3000000000", "--workers is '3000000000' (this option does not take that "
                                          "value). Give a whole number of up to 9 digits."),
                ("lr", "fast", "--lr is 'fast' (this option does not take that value). Give a number."),
                ("flip", "maybe", "--flip is 'maybe' (this option does not take that value). "
                                  "Give true or false."),
                ("seed", "-1", "--seed is -1 (it cannot be negative)."),
                ("batch", "0", "--batch is 0 (batch normalisation needs at least 2 images). "
                               "Give a number from 2 up."),
                ("lr", "-1", "--lr is -1 (each step must make progress, in float32). "
                             "Give a number above 0 and up to 1e+30."),
                ("steps", "0", "--steps is 0 (nothing would be learnt). Give a number from 1 up."),
                ("warmup", "6000", "--warmup is 6000 (steps is 5000). Give 0 to 5000."),
                ("threads", "1000000", "--threads is 1000000 (it is a number of CPU threads). "
                                       "Give a number from 1 to 1024."),
                ("lr", "inf", "--lr is inf ("), ("weight-decay", "1e39", "--weight-decay is 1e+39 ("),
                ("evaluation-batch", "9223372036854775807", "--evaluation-batch is 9223372036854775807 ("),
                ("mixup", "nan", "--mixup is nan ("), ("drop-path", "1", "--drop-path is 1 ("),
                ("lr-drops", "0.5,2", "--lr-drops has 2 (each is a share of the steps). "
                                      "Give numbers from 0 to 1, such as 0.8,0.9.")]:
            with self.subTest(option=option, value=value):
                self.refused("search", "--run", self.run_dir, f"--{option}", value,
                             says=f"hierevo: {says}")
        self.refused("search", "--run", says="--run has no value (this option takes one).")
        self.refused("search", "--run=", says="--run has no value (this option takes one).")

    def test_what_is_wrong_in_a_file_is_told_with_its_line(self):
        ini = self.folder / "x.ini"
        for text, says in [
                ("# steps=x\n\n  steps = abc\n", f"--steps is 'abc' in '{ini}', line 3 (this option "),
                ("lr=1\nflip=maybe\n", f"--flip is 'maybe' in '{ini}', line 2 ("),
                ("seed=-1\n", f"--seed is -1 in '{ini}', line 1 (it cannot be negative)."),
                ("lr=1\nbatch\n", f"'batch' in '{ini}', line 2 cannot be read (a line is NA"),
                ("lr=1\npopulaton=3\n", f"There is no option 'populaton' in '{ini}', line 2. "
                                        "Did you mean 'population'?"),
                ("\ufeffpopulaton=3\n", f"There is no option 'populaton' in '{ini}', line 1. Did"),
                ("lr=1\nlr=2\n", f"--lr is given more than once in '{ini}', line 2 (only one"),
                ("lr=1\nhelp=true\n", f"'help' cannot be set in '{ini}', line 2 (it counts on"),
                ("config=y.ini\n", f"'config' cannot be set in '{ini}', line 1 ("),
                ("lr=1\nseed=1\0\n", f"'{ini}', line 2 has a zero byte (this is not a text f")]:
            with self.subTest(text=text):
                ini.write_text(text)
                self.refused("search", "--run", self.run_dir, "--config", ini, says=says)

    def test_what_is_missing_is_named(self):
        self.refused("search", says="Give --run DIR")
        self.refused("search", "--run", self.run_dir, "--config", "none.ini", says="none.ini")
        self.refused("search", "--run", self.run_dir, "word", says="belongs to no option")
        self.refused("status", "--run", self.run_dir, says="There is no run in")
        self.refused("inspect", "--run", self.run_dir, "--id", -1, says="--id is -1")
        self.refused("inspect", says="Give --genotype FILE.json or --run DIR")
        self.refused("inspect", "--genotype", "none.json", says="none.json")
        self.refused("search", "--run", self.run_dir, "--evaluator", "command",
                     says="Give --command 'PROGRAM ARGS'")
        self.refused("search", "--run", self.run_dir, "--command", "true", "--evaluator", "synthetic",
                     says="Give --evaluator server or command")
        self.refused("search", "--run", self.run_dir, "--evaluator", "command", "--command",
                     "no-such-program", says="there is no such program")

    def test_a_file_that_is_given_as_the_run_is_told_of(self):
        file = self.folder / "search.h5"
        file.touch()
        for command in ("verify", "status", "inspect", "train"):
            if command == "train" and not (BIN / "hierevo-train").exists():
                continue
            self.refused(command, "--run", file,
                         says=f"--run is '{file}', a file (a run is a folder with search.h5 in it). "
                              "Give the --run folder of the search.")

    @behaviour
    def test_a_run_may_have_any_name(self):
        evaluate = self.folder / "evaluate.sh"
        evaluate.write_text("#!/bin/sh\necho '{\"fitness\": 0.5}'\n")
        evaluate.chmod(0o755)
        for name in ("exp#3", "two\nlines", "carriage\rreturn", " spaces at both ends ", "#", '"quoted"',
                     "it's", "a = b", "\\n", "[section]", "%value%", "-", "\t", "\udcff"):
            with self.subTest(name=name):
                run = self.folder / name
                # The command is recorded; this one passes its argument over.
                line = ["--evaluator", "command", "--command", shlex.join([str(evaluate), name]),
                        "--population", 2, "--space", "2x3,1x3", "--evaluations"]
                self.hierevo("search", f"--run={run}", *line, 3)
                told = self.hierevo("search", f"--run={run}", *line, 4).stderr
                self.assertNotIn("--command was", told)
                self.hierevo("status", f"--run={run}")
                self.hierevo("verify", f"--run={run}")
                self.hierevo("inspect", f"--run={run}")
                ini = self.folder / "its.ini"
                ini.write_bytes((run / "config.ini").read_bytes())
                self.hierevo("search", f"--run={run}", "--config", ini)
                os.rename(run, self.run_dir)
                self.assert_finished(4)
                os.rename(self.run_dir, run)

    def test_config_file_and_dump(self):
        ini = self.folder / "x.ini"
        ini.write_text("# a comment\npopulation=33\nlr=0.25\n")
        dump = self.hierevo("search", "--config", ini, "--population", 44, "--dump-config").stdout
        lines = dump.splitlines()
        self.assertIn("population=44", lines)  # the command line goes first
        self.assertIn("lr=0.25", lines)
        self.assertIn("evaluations=7000", lines)
        last = self.hierevo("search", "--seed", 1, "--seed", 2, "--dump-config").stdout
        self.assertIn("seed=2\n", last)  # of the same option the last one counts
        ini.write_text("\ufeff" + dump)  # what is dumped can be read again, also as editors save it
        self.assertEqual(self.hierevo("search", "--config", ini, "--dump-config").stdout, dump)
        ini.write_text("populaton=3\n")
        self.refused("search", "--run", self.run_dir, "--config", ini,
                     says="There is no option 'populaton' in")

    def test_what_a_user_names_may_be_a_pipe(self):
        for command, says in (("hierevo search --config <(echo population=33) --dump-config", "population=33\n"),
                              ("echo population=34 | hierevo search --config /dev/stdin --dump-config",
                               "population=34\n"),
                              (f"hierevo inspect --genotype <(cat {shlex.quote(str(SOURCE))}/genotypes/published.json)",
                               "parameters")):
            said = self.command(["env", f"PATH={BIN}:{os.environ['PATH']}", "bash", "-o", "pipefail", "-c", command])
            self.assertEqual(said.returncode, 0, said.stderr)
            self.assertIn(says, said.stdout)

    def test_a_cell_is_exported_where_it_may_be(self):
        export = ["export", "--format", "pytorch", "--genotype", SOURCE / "genotypes" / "published.json", "--out"]
        self.refused(*export, "torch.py", says="--out is 'torch.py' (a module of this name would hide another")
        self.refused(*export, "none/class.py", says="Give --out none/class_.py.")
        self.refused(*export, "none/net.py", says="There is no folder 'none' (--out is 'none/net.py'). Make it")
        (self.folder / "link.py").symlink_to("nothing")
        self.refused(*export, "link.py", says="'link.py' is there already (it would be lost)")
        self.assertFalse((self.folder / "nothing").exists())
        self.hierevo(*export, "net.py")

    def test_scripts_are_told_what_is_given(self):
        ini = self.folder / "x.ini"
        ini.write_bytes(b"run = my run   # where\r\nseed=3\r\nmaster-evaluates=on\r\n")
        names = "run,seed,population,master-evaluates,config"
        told = self.hierevo("search", "--print-given", names, "--config", ini, "--seed", 4).stdout
        self.assertEqual(told, f"my run\0" "4\0" "\0" "true\0" f"{ini}\0")
        self.assertEqual(self.hierevo("search", "--run", "a\nb\n", "--print-given", "run").stdout,
                         "a\nb\n\0")
        self.refused("search", "--print-given", "run,sed", says="there is no option 'sed'")

    def dumped(self, *arguments, environment):
        with unittest.mock.patch.dict(os.environ, environment):
            return values(self.hierevo("search", *arguments, "--dump-config").stdout)

    def test_the_environment_gives_defaults(self):
        environment = {"HIEREVO_EVALUATORS_PER_DEVICE": "3", "HIEREVO_DATA_DIR": str(self.folder)}
        options = self.dumped(environment=environment)
        self.assertEqual(options["evaluators-per-device"], "3")
        self.assertEqual(options["data-dir"], str(self.folder))
        ini = self.folder / "s.ini"
        ini.write_text("evaluators-per-device=4\n")
        options = self.dumped("--config", ini, "--data-dir", "/x", environment=environment)
        self.assertEqual((options["evaluators-per-device"], options["data-dir"]), ("4", "/x"))
        options = self.dumped(environment={"HIEREVO_EVALUATORS_PER_DEVICE": ""})
        self.assertEqual(options["evaluators-per-device"], "1")
        with unittest.mock.patch.dict(os.environ, {"HIEREVO_EVALUATORS_PER_DEVICE": "many"}):
            self.refused("search", "--run", self.run_dir, says="in 'HIEREVO_EVALUATORS_PER_DEVICE'")

    def test_what_the_environment_gave_is_not_recorded(self):
        line = ["search", "--run", self.run_dir, "--evaluator", "synthetic", "--population", 2]
        for number, evaluations in (("1", 3), ("2", 6)):  # a job, and another that goes on
            staged = {"HIEREVO_DATA_DIR": f"/staged/{number}",
                      "HIEREVO_EVALUATORS_PER_DEVICE": number}
            with unittest.mock.patch.dict(os.environ, staged):
                self.hierevo(*line, "--evaluations", evaluations)
            recorded = (self.run_dir / "config.ini").read_text()
            self.assertIn(f"evaluations={evaluations}\n", recorded)
            self.assertNotIn("data-dir", recorded)
            self.assertNotIn("evaluators-per-device", recorded)
        self.assert_finished(6)
        self.hierevo(*line, "--evaluations", 6, "--data-dir", "/given")
        self.assertIn("data-dir=/given\n", (self.run_dir / "config.ini").read_text())

    def test_a_pack_may_lie_in_the_folder_of_the_data(self):
        data = self.folder / "data"
        data.mkdir()
        (data / "p.h5").touch()
        staged = {"HIEREVO_DATA_DIR": str(data)}
        options = self.dumped("--dataset", "p.h5", environment=staged)
        self.assertEqual((options["dataset"], options["data-dir"]), ("p.h5", str(data)))
        # Another pack than that of the environment's folder.
        for dataset, path in (("q.h5", self.folder / "q.h5"), (data / "p.h5", data / "p.h5")):
            options = self.dumped("--dataset", dataset, environment=staged)
            self.assertEqual((options["dataset"], options["data-dir"]), (str(path), ""))
        self.refused("search", "--run", self.run_dir, "--dataset", "data/p.h5", "--data-dir", "data",
                     says="--data-dir cannot be used with 'data/p.h5'")

    def test_the_papers_numbers_are_the_defaults(self):
        lines = self.hierevo("search", "--dump-config").stdout.splitlines()
        for line in ("space=hierarchical", "population=200", "evaluations=7000", "tournament=0.05",
                     "start-mutations=1000", "repeats=4", "steps=5000", "batch=256", "crop=24",
                     "lr=0.1", "lr-drops=0.8,0.9", "lr-factor=0.1", "momentum=0.9",
                     "weight-decay=0.0003", "flip=true", "validation-size=10000"):
            self.assertIn(line, lines)


class SampleAndInspect(ProgramTest):
    def inspect(self, genotype, *arguments):
        path = self.folder / "genotype.json"
        path.write_text(json.dumps(genotype))
        return json.loads(self.hierevo("inspect", "--genotype", path, "--json", *arguments).stdout)

    def test_samples_are_sound_and_depend_on_the_seed(self):
        for space in ("hierarchical", "flat", "3x3,1x4"):
            lines = self.hierevo("sample", "--space", space, "--count", 5, "--seed", 7).stdout
            again = self.hierevo("sample", "--space", space, "--count", 5, "--seed", 7).stdout
            other = self.hierevo("sample", "--space", space, "--count", 5, "--seed", 8).stdout
            self.assertEqual(lines, again)
            self.assertNotEqual(lines, other)
            genotypes = [json.loads(line) for line in lines.splitlines()]
            self.assertEqual(len(genotypes), 5)
            for genotype in genotypes:
                self.assertEqual(self.inspect(genotype)["space"], space)

    def test_the_published_cell_costs_what_the_paper_says(self):
        small = self.inspect(PUBLISHED)
        self.assertEqual(small["parameters"], 542138)
        self.assertTrue(small["valid"])
        self.assertRegex(small["phenotype"], "^[0-9a-f]{16}$")
        large = self.inspect(PUBLISHED, "--model", "cifar-large")
        self.assertEqual(large["parameters"], 15727306)
        self.assertEqual(large["phenotype"], small["phenotype"])
        same = self.inspect(PUBLISHED, "--channels", 64, "--cells", 2)
        self.assertEqual(same["parameters"], 15727306)
        self.assertEqual(same["macs"], large["macs"])

    def test_an_invalid_cell_is_shown_as_such(self):
        nothing = {"format": "hierevo.genotype", "version": 1,
                   "levels": [{"level": 2, "nodes": 2, "motifs": [["none"]]}]}
        shown = self.inspect(nothing)
        self.assertFalse(shown["valid"])
        self.assertEqual(shown["parameters"], 0)

    def test_dot_draws_the_cell(self):
        path = self.folder / "genotype.json"
        path.write_text(json.dumps(PUBLISHED))
        dot = self.hierevo("inspect", "--genotype", path, "--dot").stdout
        self.assertTrue(dot.startswith("digraph"))
        self.assertIn("separable 3×3", dot)


if __name__ == "__main__":
    unittest.main(verbosity=2)
