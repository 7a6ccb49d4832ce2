"""`hierevo status` on a terminal, of searches with problems, and of final trainings."""
import csv
import fcntl
import json
import os
import pty
import shutil
import signal
import struct
import subprocess
import termios
import unittest

from programs import CELL, DEADLINE, HIEREVO, ProgramTest

ESCAPE = "\x1b"


class StatusTest(ProgramTest):
    def search(self, *arguments, code=0):
        return self.hierevo("search", "--run", self.run_dir, "--evaluator", "synthetic", "--population", 8,
                            "--progress", "off", *arguments, code=code)

    def start_search(self, *arguments):
        process = subprocess.Popen([HIEREVO, "search", "--run", str(self.run_dir), "--evaluator", "synthetic",
                                    "--population", "8", "--progress", "off", *map(str, arguments)],
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def shown(self):
        return self.hierevo("status", "--run", self.run_dir).stdout

    def on_a_terminal(self, *arguments, lines=40, until=None, environment=()):
        """What is written to a terminal of that size, until it has `until`, or the program ends."""
        parent, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", lines, 100, 0, 0))
        process = subprocess.Popen([HIEREVO, "status", "--run", str(self.run_dir), *arguments],
                                   stdout=child, env={**os.environ, "TERM": "xterm", **dict(environment)})
        os.close(child)
        text = ""
        try:
            while until is None or until not in text:
                text += os.read(parent, 1 << 16).decode(errors="replace")
        except OSError:
            pass  # the program has ended
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=DEADLINE), 0)
        os.close(parent)
        return text


class Search(StatusTest):
    def test_one_screen_has_everything(self):
        self.search("--evaluations", 100)
        shown = self.shown()
        self.assertRegex(shown, r"^a run: finished\n|/a run: finished\n")
        self.assertIn("[====================] 100 of 100 evaluations (100.0 %)", shown)
        best = self.status()["best"]
        self.assertIn(f"best        {best['fitness']:.4f}, individual {best['id']}, ", shown)
        self.assertRegex(shown, r"so far +[▁▂▃▄▅▆▇█]{40}  0\.\d{4} to " + f"{best['fitness']:.4f}")
        self.assertIn("problems    none", shown)
        self.assertNotIn(ESCAPE, shown)

    def test_a_running_search_has_an_end_to_be_expected_and_ranks(self):
        process = self.start_search("--synthetic-ms", 20, "--evaluations", 100000, "--workers", 2)
        self.wait_until(lambda: (self.run_dir / "ranks.json").exists() and self.status()["evaluations"]["done"] > 9,
                        process)
        status = self.status()
        self.assertEqual(status["state"], "running")
        self.assertGreater(status["remaining_seconds"], 0)
        self.assertEqual([(rank["rank"], rank["evaluators"], rank["state"]) for rank in status["ranks"]],
                         [(0, 2, "working")])
        self.assertEqual(status["problems"], [])
        self.assertGreater(status["free_bytes"], 0)
        self.assertRegex(self.shown(), r"about [\d:]+ (min|h) left \(until ")
        process.send_signal(signal.SIGTERM)
        process.wait()
        # At the pace of the latest results.
        self.hierevo("report", "--run", self.run_dir, "--csv", self.folder / "csv")
        with open(self.folder / "csv" / "individuals.csv", newline="") as file:
            finished = [float(row["finished_at"]) for row in csv.DictReader(file)]
        status = self.status()
        self.assertEqual(status["state"], "saved")
        latest = min(200, len(finished) // 2)
        pace = (status["elapsed_seconds"] - finished[-latest - 1]) / latest
        self.assertAlmostEqual(status["remaining_seconds"], pace * (100000 - len(finished)), delta=1)

    def test_problems_are_named(self):
        program = self.folder / "program"
        program.write_text("#!/bin/sh\nif [ $(($HIEREVO_ID % 3)) = 0 ]; then echo no luck >&2; exit 3; fi\n"
                           "echo '{\"fitness\": 0.5}'\n")
        program.chmod(0o700)
        self.hierevo("search", "--run", self.run_dir, "--evaluator", "command", "--command", program,
                     "--population", 4, "--evaluations", 9)
        status = self.status()
        self.assertEqual(len(status["problems"]), 1)
        self.assertIn("3 evaluations failed; the last: the program ended with exit code 3", status["problems"][0])
        (self.run_dir / "ranks.json").unlink()
        process = self.start_search_again()
        self.wait_until(lambda: (self.run_dir / "ranks.json").exists(), process)
        process.send_signal(signal.SIGSTOP)  # or it writes its own ranks over these
        ranks = json.loads((self.run_dir / "ranks.json").read_text())
        ranks["ranks"] = [{**ranks["ranks"][0], "rank": rank, "host": f"node{rank}", "state": "working"}
                          for rank in range(50)]
        ranks["ranks"][41].update(state="dead", reason="died\x1b[2J")
        ranks["ranks"][42].update(state="silent", reason="is silent")
        (self.run_dir / "ranks.json").write_text(json.dumps(ranks))
        shown = self.shown()
        self.assertIn("1 rank dead\n", shown)
        self.assertIn("1 rank silent\n", shown)
        self.assertRegex(shown, r"rank 41 +node41, .*: dead \(died\\x1b\[2J\)\n")
        self.assertRegex(shown, r"and \d+ ranks more \(--json has all\)")
        self.assertLess(len(shown.splitlines()), 40)
        self.assertIn(f"\n  log         {self.folder}/messages\n", shown)
        self.assertEqual(len(self.status()["ranks"]), 50)

    def test_numbers_that_cannot_be_are_not_shown(self):
        process = self.start_search("--synthetic-ms", 20, "--evaluations", 100000)
        self.wait_until(lambda: (self.run_dir / "progress.json").exists()
                        and (self.run_dir / "ranks.json").exists()
                        and self.status()["evaluations"]["done"] > 2, process)
        process.send_signal(signal.SIGSTOP)  # or it writes its own over these
        progress = json.loads((self.run_dir / "progress.json").read_text())
        ranks = json.loads((self.run_dir / "ranks.json").read_text())
        for name, value in (("elapsed_seconds", 1e308), ("busy_seconds", 1e308), ("worker_seconds", 1e-308),
                            ("workers", 1e308)):
            (self.run_dir / "progress.json").write_text(json.dumps({**progress, name: value}))
            shown = self.shown()
            for wrong in ("-92233", "inf", "nan", "-2147483648"):
                self.assertNotIn(wrong, shown)
        ranks["ranks"][0]["rank"] = 1e308
        (self.run_dir / "ranks.json").write_text(json.dumps(ranks))
        self.assertEqual(self.status()["ranks"], [])

    def test_pipes_in_a_run_keep_nobody_waiting(self):
        self.search("--evaluations", 20)
        (self.folder / "unharmed").mkdir()
        names = sorted(path.name for path in self.run_dir.iterdir() if path.is_file() and path.name != "lock")
        self.assertGreater(len(names), 3)
        for name in names:
            file, kept = self.run_dir / name, self.folder / "unharmed" / name
            file.rename(kept)
            os.mkfifo(file)
            silent = os.open(file, os.O_RDWR)
            for command in ("status", "verify", "report"):
                ended = self.command([HIEREVO, command, "--run", str(self.run_dir)])  # or DEADLINE passes
                self.assertGreaterEqual(ended.returncode, 0, (name, command))
            os.close(silent)
            file.unlink()
            kept.rename(file)

    def test_a_search_without_any_result_is_told_so(self):
        self.search("--evaluations", 12, "--max-parameters", 10, code=4)
        status = self.status()
        self.assertIsNone(status["best"])
        self.assertEqual(status["evaluations"]["over_budget"], 12)
        self.assertEqual(len(status["problems"]), 1)
        self.assertRegex(status["problems"][0], r"^no candidate was evaluated; the last: \d+ parameters, more than 10$")
        self.assertIn("12 over budget", self.shown())
        self.assertIn("has no best individual (", self.hierevo("inspect", "--run", self.run_dir, code=2).stderr)
        page = self.folder / "page.html"
        self.hierevo("report", "--run", self.run_dir, "--out", page)
        self.assertIn("No candidate has a fitness yet", page.read_text())

    def test_many_candidates_of_a_rank_do_not_fill_the_screen(self):
        process = self.start_search("--synthetic-ms", 600000, "--evaluations", 90, "--population", 50, "--workers", 40)
        self.wait_until(lambda: (self.run_dir / "progress.json").exists() and
                        len(self.status()["candidates"]) == 40, process)
        process.send_signal(signal.SIGSTOP)
        self.assertLess(len(self.shown().splitlines()), 36)

    def start_search_again(self):
        with open(self.folder / "messages", "w") as messages:
            process = subprocess.Popen([HIEREVO, "search", "--run", str(self.run_dir), "--evaluator", "command",
                                        "--command", "sleep 1000 #", "--population", "4", "--evaluations", "99",
                                        "--progress", "off"], stderr=messages)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_watch_redraws_in_place_until_the_end(self):
        process = self.start_search("--synthetic-ms", 20, "--evaluations", 100000)
        self.wait_until(lambda: (self.run_dir / "ranks.json").exists(), process)
        text = self.on_a_terminal("--watch", until=ESCAPE + "[H" + ESCAPE + "[?7l" + ESCAPE + "[1m")
        self.assertIn(ESCAPE + "[2J", text)
        self.assertIn(ESCAPE + "[32mrunning", text)
        plain = self.on_a_terminal("--watch", until=ESCAPE + "[J", environment=[("NO_COLOR", "1")])
        self.assertNotIn(ESCAPE + "[32m", plain)
        process.send_signal(signal.SIGTERM)
        process.wait()
        self.assertIn("saved", self.on_a_terminal("--watch"))


class Training(StatusTest):
    def repeat(self, number, state, *lines, step=0):
        folder = self.run_dir / f"repeat-{number}"
        folder.mkdir(parents=True)
        (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        (folder / "progress.json").write_text(json.dumps({"state": state, "step": step, "steps": 1000}))

    def test_of_a_final_training(self):
        self.repeat(1, "finished", {"event": "start", "step": 0}, {"event": "step", "step": 1000, "loss": 0.5},
                    {"event": "end", "step": 1000, "top1": 0.9, "top5": 1.0})
        self.repeat(2, "finished", {"event": "start", "step": 0},
                    {"event": "end", "step": 1000, "top1": 0.94, "top5": 1.0})
        self.repeat(3, "running", {"event": "start", "step": 0},
                    {"event": "step", "step": 100, "loss": 2.0, "seconds": 10, "images_per_second": 640},
                    {"event": "step", "step": 300, "loss": 1.5, "seconds": 30, "images_per_second": 640},
                    {"event": "test", "step": 300, "top1": 0.7, "top5": 0.9}, step=200)
        (self.run_dir / "genotype.json").write_text(json.dumps(CELL))
        options = "model=cifar-large\nchannels=8\ncells=1\nsteps=2000\nrepeats=4\n"
        (self.run_dir / "config.ini").write_text(options)
        status = self.status()
        self.assertEqual(status["state"], "stopped")  # nobody holds its lock
        self.assertAlmostEqual(status["test_accuracy"], 0.92)
        self.assertAlmostEqual(status["test_accuracy_deviation"], 0.0282842712)
        third = status["repeats"][2]
        self.assertEqual((third["state"], third["step"], third["loss"], third["top1"]), ("stopped", 300, 1.5, 0.7))
        self.assertAlmostEqual(third["remaining_seconds"], 70)
        shown = self.shown()
        self.assertIn("model       cifar-large, c0=8, N=1", shown)
        self.assertIn("repeat 1    finished test accuracy 0.9000", shown)
        self.assertIn("step 300 of 1,000, loss 1.5000, test accuracy 0.7000, about 1:10 min left", shown)
        self.assertIn("accuracy    0.9200 ± 0.0283 on the test set, over 2 of 4 repeats", shown)
        # Before the first save the number of steps is that of the options.
        for damage in (None, "[]", '{"state": 5}'):
            progress = self.run_dir / "repeat-3" / "progress.json"
            progress.unlink()
            if damage:
                progress.write_text(damage)
            self.assertIn("step 300 of 2,000", self.shown())
            progress.touch()
        shutil.rmtree(self.run_dir / "repeat-3")
        self.assertEqual(self.status()["state"], "saved")  # of 4 repeats, two have not begun
        (self.run_dir / "config.ini").write_text(options.replace("repeats=4", "repeats=2"))
        self.assertEqual(self.status()["state"], "finished")
        self.assertIn("0.0283 on the test set\n", self.shown())

    def test_damage_is_told(self):
        self.run_dir.mkdir()
        (self.run_dir / "genotype.json").write_text("{}")
        (self.run_dir / "config.ini").write_text("model=cifar-large\n")
        self.assertIn("genotype.json", self.hierevo("status", "--run", self.run_dir, code=2).stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
