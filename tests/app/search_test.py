"""Searches by one process: alone and with worker threads; status; stopping by signals."""
import json
import os
import resource
import shutil
import signal
import subprocess
import unittest

from jobs import JobTest
from programs import BIN, HIEREVO, MPIRUN, ProgramTest, mpirun_is_of_mpich

SMALL = ["--evaluator", "synthetic", "--population", "8", "--evaluations", "40",
         "--tournament", "0.3"]


class Commands(JobTest):
    def test_what_a_program_leaves_behind_is_gone_before_the_next(self):
        left = self.folder / "left"
        options = self.evaluated_by(f"""left='{left}'
                                    if [ -e $left ] && kill -0 "$(cat $left)"; then exit 3; fi
                                    setsid sleep 1000 & echo $! > $left""")
        for isolation in ("process", "none"):
            with self.subTest(isolation=isolation):
                self.run_dir = self.folder / isolation
                job = self.start(*options, "--isolation", isolation, "--population", 2,
                                 "--evaluations", 4, "--progress", "off")
                self.assertEqual(self.wait_for_end(job), 0, job.text())
                self.assertEqual(self.status()["evaluations"]["failed"], 0)
                left.unlink()

    def test_what_it_leaves_behind_ends_with_the_search_whatever_ends_that(self):
        left = self.folder / "left"
        options = self.evaluated_by(f"setsid sleep 1000 & echo $! > '{left}'; sleep 1000")
        for isolation in ("process", "none"):
            with self.subTest(isolation=isolation):
                self.run_dir = self.folder / isolation
                job = self.start(*options, "--isolation", isolation, "--progress", "off")
                self.wait_until(left.exists, job.process)
                os.kill(job.process.pid, signal.SIGKILL)
                self.assertEqual(self.wait_for_end(job), -signal.SIGKILL)  # and of all of it
                left.unlink()


class Search(ProgramTest):
    def search(self, *arguments, code=0):
        return self.hierevo("search", "--run", self.run_dir, *SMALL, *arguments, code=code)

    def test_alone_and_with_threads(self):
        self.search()
        self.assert_finished(40)
        self.run_dir = self.folder / "threads"
        self.search("--workers", 3, "--synthetic-ms", 1)
        self.assert_finished(40)

    @unittest.skipUnless(shutil.which("mpiexec.mpich") and MPIRUN and not mpirun_is_of_mpich(), "one MPI only")
    def test_the_launcher_of_another_mpi_is_refused(self):
        result = self.command(["mpiexec.mpich", "-n", "2", BIN / "hierevo", "search", "--run", self.run_dir,
                               "--evaluator", "synthetic"])
        self.assertEqual(result.returncode, 2)
        self.assertIn("Each process of this launcher considers itself the only rank", result.stderr)
        self.assertFalse((self.run_dir / "search.h5").exists())

    def test_status_before_and_after(self):
        self.search()
        status = self.status()
        self.assertEqual(status["evaluations"], {"done": 40, "failed": 0, "in_flight": 0,
                                                 "reused": 0, "invalid": 0, "over_budget": 0,
                                                 "target": 40})
        self.assertEqual(status["workers"], 0)
        best = json.loads(self.hierevo("inspect", "--run", self.run_dir, "--json").stdout)
        self.assertEqual(best["id"], status["best"]["id"])
        self.assertEqual(best["fitness"], status["best"]["fitness"])
        self.assertEqual(best["parameters"], status["best"]["parameters"])
        self.assertIn("] 40 of 40 evaluations (100.0 %)\n",
                      self.hierevo("status", "--run", self.run_dir).stdout)

    def test_the_same_line_again_does_nothing_and_a_longer_one_goes_on(self):
        self.search()
        before = (self.run_dir / "config.ini").read_text()
        self.assertIn("40 of 40", self.search().stderr)
        self.assertEqual((self.run_dir / "config.ini").read_text(), before)
        self.search("--evaluations=60")
        self.assert_finished(60)

    def test_a_start_that_asks_for_fewer_evaluations_counts_what_there_is(self):
        self.search("--evaluations=60")
        told = self.search("--evaluations=40", "--progress", "lines").stderr
        self.assertIn("Resuming after 60 evaluations, 40 were asked for; 0 candidates were in flight", told)
        self.assertIn("60 evaluations, 40 were asked for (0 failed), best", told)
        self.assertNotIn("60 of 40", told)
        self.assertIn("] 60 evaluations, 40 were asked for (100.0 %)\n",
                      self.hierevo("status", "--run", self.run_dir).stdout)
        counts = self.status()["evaluations"]
        self.assertEqual((counts["done"], counts["target"]), (60, 40))
        self.assertEqual(self.status()["state"], "finished")

    def test_what_the_memory_does_not_hold_is_over_budget_with_a_reason(self):
        told = self.search("--max-training-memory", 0.001, "--seed", 3, code=4).stderr
        self.assertIn("0 failed, 40 were invalid or over a bound such as --max-training-memory", told)
        self.assert_finished(40)
        shown = self.hierevo("inspect", "--run", self.run_dir, "--id", 1, "--json").stdout
        self.assertEqual(json.loads(shown)["status"], "over_budget")
        self.assertIn("GB of memory, more than 0.00107 GB", json.loads(shown)["reason"])
        self.assertIn("(over_budget: a training needs",
                      self.hierevo("inspect", "--run", self.run_dir, "--id", 1).stdout)

    def test_other_options_are_refused(self):
        self.search()
        text = self.search("--seed", 9, code=2).stderr
        self.assertIn("was begun with other options (--seed was 1 and is 9 now)", text)
        text = self.search("--seed", 9, "--population", 9, code=2).stderr
        self.assertIn("(--population was 8 and is 9 now, --seed was 1 and is 9 now)", text)
        self.assert_finished(40)

    def test_a_search_whose_options_are_lost_is_not_resumed_with_others(self):
        self.search()
        config = self.run_dir / "config.ini"
        lines = config.read_text().splitlines(keepends=True)
        lost = f"'{config}' is missing or empty (what was begun there"
        config.write_text("# nothing\n")
        self.assertIn(lost, self.search("--synthetic-ms", 1, code=2).stderr)
        config.unlink()
        self.assertIn(lost, self.search("--synthetic-ms", 1, code=2).stderr)
        self.assertFalse(config.exists())
        config.write_text("".join(line for line in lines if not line.startswith("steps=")))
        told = self.search("--steps", 9, code=2).stderr
        self.assertIn("(--steps was not recorded and is 9 now)", told)
        self.search()
        self.assertEqual(config.read_text(), "".join(lines))

    def test_a_run_that_began_with_former_names_of_options_is_resumed(self):
        command = ["--evaluator", "command", "--command", "false", "--max-consecutive-failures", 5]
        self.search(*command, "--max-training-memory", 8, code=4)
        config = self.run_dir / "config.ini"
        text = config.read_text()
        for old, new in (("average", "ema-decay"), ("evaluation-checkpoint", "checkpoint-every"),
                         ("failures-in-series", "max-consecutive-failures"),
                         ("lr-batch", "lr-reference-batch"), ("max-memory", "max-training-memory"),
                         ("memory-limit", "address-space-limit")):
            self.assertIn(f"\n{new}=", text)
            text = text.replace(f"\n{new}=", f"\n{old}=")
        config.write_text(text)
        self.assertIn("5 consecutive evaluations failed", self.status()["reason"])
        self.hierevo("verify", "--run", self.run_dir)
        told = self.search(*command, "--max-training-memory", 4, code=2).stderr
        self.assertIn("(--max-training-memory was 8 and is 4 now)", told)
        self.search(*command, "--max-training-memory", 8, code=4)
        self.assertEqual(self.status()["failures"], {"failed": 10})
        self.assertIn("\nmax-training-memory=8\n", config.read_text())
        self.assertNotIn("max-memory", config.read_text())

    def test_a_second_search_in_the_same_folder_is_refused(self):
        process = self.start("--synthetic-ms", "50")
        self.wait_until(lambda: (self.run_dir / "search.h5").exists(), process)
        text = self.search("--synthetic-ms", "50", code=5).stderr
        self.assertIn("another process already works", text)
        self.assertEqual(self.status()["state"], "running")
        process.kill()
        process.communicate()

    def test_status_knows_what_is_in_flight(self):
        process = self.start("--synthetic-ms", 1e8, "--workers", "2")
        self.wait_until(lambda: (self.run_dir / "progress.json").exists(), process)
        ids = [one["id"] for one in self.status()["candidates"]]
        self.assertEqual(len(ids), 2)
        shown = self.hierevo("status", "--run", self.run_dir).stdout
        self.assertRegex(shown, rf"rank 0 +\S+, .*: candidate {ids[0]}, for \d+ s\n")
        self.assertIn(f" candidate {ids[1]}, for ", shown)
        self.assertEqual(self.status()["reason"], None)
        process.kill()
        process.communicate()
        self.assertEqual(self.status()["candidates"], [])
        self.assertEqual(self.status()["state"], "stopped")
        self.assertEqual(self.status()["reason"], "it was killed, or could not save before it exited")
        self.assertIn("a run: stopped (it was killed, or could not save before it exited)\n",
                      self.hierevo("status", "--run", self.run_dir).stdout)

    def start(self, *arguments):
        process = subprocess.Popen([HIEREVO, "search", "--run", self.run_dir, *SMALL,
                                    *map(str, arguments)],
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def done(self):
        if not (self.run_dir / "search.h5").exists():
            return 0
        return self.status()["evaluations"]["done"]

    def test_every_stop_signal_saves_and_the_same_line_goes_on(self):
        seen = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGXCPU,
                       signal.SIGUSR1, signal.SIGUSR2):
            process = self.start("--synthetic-ms", "100", "--evaluations", "3000",
                                 *(("--workers", "3") if number == signal.SIGUSR1 else ()))
            self.assertTrue(self.wait_until(lambda: self.done() > seen, process))
            process.send_signal(number)
            self.assertEqual(process.wait(timeout=60), 75)
            self.assertIn("Run the same command again", process.stderr.read())
            status = self.status()
            self.assertEqual(status["state"], "saved")
            self.assertGreater(status["evaluations"]["done"], seen)
            seen = status["evaluations"]["done"]
        self.search("--evaluations", "3000")
        status = self.status()
        self.assertEqual((status["state"], status["evaluations"]["done"]), ("finished", 3000))

    def test_a_search_that_cannot_save_says_so_and_does_not_call_itself_saved(self):
        process = self.start("--synthetic-ms", "200", "--evaluations", "3000")
        self.assertTrue(self.wait_until(lambda: self.done() > 1, process))
        # Hardly anything can be written, as on a full disk.
        room = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (512, room[1]))
        before = self.status()["evaluations"]["done"]
        process.send_signal(signal.SIGTERM)
        self.wait_until(lambda: "Trying again" in process.stderr.readline(), process)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, room)
        self.assertEqual(process.wait(timeout=60), 75)
        status = self.status()
        self.assertEqual(status["state"], "saved")
        self.assertEqual(status["evaluations"]["failed"], 0)
        self.assertGreaterEqual(status["evaluations"]["done"], before)

    def test_a_record_that_cannot_be_read_is_refused(self):
        self.search()
        with open(self.run_dir / "config.ini", "a") as file:
            file.write("nonsense without an equals sign\n")
        told = self.search(code=2).stderr
        self.assertIn("'nonsense without an equals sign' in 'config.ini of the run', line ", told)

    def test_seconds_and_gib_that_nothing_can_count_are_refused(self):
        for option in ("--heartbeat", "--grace", "--checkpoint-every"):
            for value in ("0", "inf", "nan", "1e10"):
                told = self.search(option, value, code=2).stderr
                self.assertIn("Give seconds above 0 and up to 1e9.", told)
        for value in ("-1", "inf", "nan", "1e9"):
            told = self.search("--address-space-limit", value, code=2).stderr
            self.assertIn("Give GiB above 0 and below 1e9, or 0 for no limit.", told)

    def test_a_dry_run_makes_nothing(self):
        told = self.search("--dry-run", "--progress", "lines").stderr
        self.assertRegex(told, "^Everything is ready to search .*\n$")  # and nothing of progress
        self.assertFalse(self.run_dir.exists())
        (self.folder / "a file").write_text("")
        told = self.hierevo("search", "--run", "a file/run", *SMALL, "--dry-run", code=3).stderr
        self.assertIn("Cannot make the run directory 'a file/run' (Not a directory)", told)

    def test_a_search_that_never_evolves_is_told_of(self):
        says = ("warning: --population is 40 and --evaluations is 40 (all candidates "
                "will be random: evolution never begins). Give a smaller --population or more "
                "--evaluations.\n")
        self.assertIn(says, self.search("--population", 40, "--dry-run").stderr)
        for sensible in (("--population", 39), ("--population", 40, "--algorithm", "random")):
            self.assertNotIn("warning", self.search(*sensible, "--dry-run").stderr)
        self.assertIn(says, self.search("--population", 40).stderr)
        self.assert_finished(40)

    def test_an_external_program_evaluates(self):
        program = self.folder / "judge it.py"
        program.write_text("#!/usr/bin/env python3\nimport json, sys\n"
                           "text = open(sys.argv[-1]).read()\nassert sys.argv[1] == 'an option'\n"
                           "print(json.dumps({'fitness': text.count('separable') / 100}))\n")
        program.chmod(0o755)
        command = f"'{program}' 'an option'"
        self.hierevo("search", "--run", self.run_dir, "--evaluator", "command", "--command",
                     command, "--population", 3, "--evaluations", 6)
        self.assert_finished(6)
        best = json.loads(self.hierevo("inspect", "--run", self.run_dir, "--json").stdout)
        self.assertEqual(best["fitness"], str(best["genotype"]).count("separable") / 100)

    def test_what_a_program_says_on_standard_error_has_the_number_of_its_candidate(self):
        program = self.folder / "complains.sh"
        program.write_text("#!/bin/sh\necho one >&2; echo >&2\n"
                           "head -c 5000 /dev/zero | tr '\\0' x >&2\necho >&2\n"
                           "printf 'two of %s' $HIEREVO_ID >&2; exit 1\n")
        program.chmod(0o755)
        for isolation, name in (("process", "evaluator 0"), ("none", "hierevo")):
            self.run_dir = self.folder / isolation
            text = self.hierevo("search", "--run", self.run_dir, "--evaluator", "command",
                                "--command", program, "--isolation", isolation,
                                "--max-consecutive-failures", 2, code=4).stderr
            for number, said in ((1, "one"), (2, "one"), (1, "two of 1"), (2, "two of 2"),
                                 (1, "x{4096}"), (1, "x{904}")):  # long ones in parts
                self.assertRegex(text, f"(?m) {name} info: Candidate {number}: {said}$")
            self.assertNotRegex(text, "(?m)^(one|two)|\n\n")

    def test_max_consecutive_failures_end_the_search_with_their_reason(self):
        text = self.hierevo("search", "--run", self.run_dir, "--evaluator", "command", "--command",
                            "false", "--max-consecutive-failures", 5, code=4).stderr
        self.assertIn("5 consecutive evaluations failed", text)
        self.assertIn("exit code 1", text)
        status = self.status()
        self.assertEqual(status["state"], "stopped")
        self.assertEqual(status["failures"], {"failed": 5})
        self.assertEqual(status["reason"], "5 consecutive evaluations failed; the last: the "
                                           "program ended with exit code 1")
        self.assertRegex(self.hierevo("status", "--run", self.run_dir).stdout,
                         r"5 of 7000 evaluations \(0.1 %\), 5 failed(, 1 to resume)?\n")

    def test_a_search_without_any_success_is_none(self):
        line = ["search", "--run", self.run_dir, "--evaluator", "command", "--population", 2,
                "--evaluations", 4, "--command"]
        text = self.hierevo(*line, "false", code=4).stderr
        self.assertIn("4 of 4 evaluations (4 failed), no successful evaluation.", text)
        self.assertIn("Finished without a result: 4 failed, 0 were invalid", text)
        # Another program may take over; more evaluations may then succeed.
        program = self.folder / "judge.sh"
        program.write_text("#!/bin/sh\necho '{\"fitness\": 0.5}'\n")
        program.chmod(0o755)
        self.hierevo(*line, program, "--evaluations", 6)
        self.assertEqual(self.status()["best"]["fitness"], 0.5)

    def test_a_folder_of_somebody_else_is_not_touched(self):
        self.run_dir.mkdir()
        (self.run_dir / "thesis.tex").write_text("precious")
        self.assertIn("it holds other files", self.search(code=3).stderr)
        self.assertIn("it holds other files", self.search("--dry-run", code=3).stderr)
        self.assertEqual(os.listdir(self.run_dir), ["thesis.tex"])

    def test_a_damaged_snapshot_is_passed_over_with_a_warning(self):
        self.search()
        path = self.run_dir / "search.h5"
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 0xFF
        path.write_bytes(content)
        result = self.hierevo("status", "--run", self.run_dir, "--json")
        self.assertIn("search.h5", result.stderr)
        # The journals know what the earlier snapshot does not.
        self.assertEqual(json.loads(result.stdout)["evaluations"]["done"], 40)
        self.search()
        self.assert_finished(40)
        for damaged in self.run_dir.glob("search.h5*"):
            damaged.write_bytes(b"nonsense")
        self.assertIn("search.h5", self.search(code=3).stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
