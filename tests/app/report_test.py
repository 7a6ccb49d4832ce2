"""`hierevo report`: what it writes, what it refuses, and its page in a browser."""
import csv
import json
import shutil
import subprocess
import unittest

import browser
from programs import CELL, HIEREVO, SANITIZED, ProgramTest

SYNTHETIC = ["--evaluator", "synthetic", "--progress", "off"]
# What an attacker would have a host or a program say.
HOSTILE = "</script><script>window.attacked=1</script>\"'><img src=x onerror=window.attacked=2>"


class ReportTest(ProgramTest):
    def search(self, *arguments, run=None, code=0):
        return self.hierevo("search", "--run", run or self.run_dir, *SYNTHETIC, *arguments, code=code)

    def report(self, *arguments, code=0):
        return self.hierevo("report", "--run", self.run_dir, *arguments, code=code)

    def assert_on_page(self, *texts, page=None):
        content = (page or self.page).read_text()
        self.assertEqual([text for text in texts if text not in content], [])

    @property
    def page(self):
        return self.run_dir / "report" / "index.html"


class Report(ReportTest):
    def test_writes_a_page_into_the_run(self):
        self.search("--population", 8, "--evaluations", 30)
        self.assertEqual(self.report().stdout, f"{self.page}\n")
        self.assert_on_page("The search has finished, after 30 of 30 evaluations.",
                            "<code>--evaluator</code></td><td>synthetic")
        self.assertFalse("<code>--seed</code>" in self.page.read_text())
        self.report()  # an earlier report is replaced
        self.assertEqual(self.hierevo("verify", "--run", self.run_dir).returncode, 0)

    def test_the_numbers_behind_the_charts(self):
        self.search("--population", 8, "--evaluations", 60)
        folder = self.folder / "numbers"
        self.report("--csv", folder, "--out", "page.html")
        self.assertFalse(self.page.exists())
        with open(folder / "individuals.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([int(row["step"]) for row in rows], list(range(1, 61)))
        times = [float(row["finished_at"]) for row in rows]
        self.assertEqual(times, sorted(times))
        self.assertGreater(times[-1], 0)
        best = max(float(row["fitness"]) for row in rows)
        self.assertAlmostEqual(best, self.status()["best"]["fitness"])
        with open(folder / "fitness.csv", newline="") as file:
            points = list(csv.reader(file))[1:]
        self.assertEqual(max(float(y) for series, _, y, *_ in points if series == "best so far"), best)

    def test_several_runs_are_drawn_over_each_other(self):
        for name in ("a/run", "b/run"):
            (self.folder / name).parent.mkdir()
            self.search("--population", 8, "--evaluations", 30, "--seed", len(name), run=self.folder / name)
        self.hierevo("report", "--run", "a/run", "--run=b/run/", "--out", "both.html", "--csv", "numbers")
        self.assert_on_page("The runs together", '<a href="#run-1-run">a/run</a>', '<a href="#run-2-run">b/run/</a>',
                            page=self.folder / "both.html")
        self.assertTrue((self.folder / "numbers" / "kinds.csv").exists())

    def test_of_a_search_that_runs_and_of_one_that_failed(self):
        process = subprocess.Popen([HIEREVO, "search", "--run", self.run_dir, *SYNTHETIC,
                                    "--synthetic-ms", "20"], stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.wait_until(lambda: (self.run_dir / "ranks.json").exists(), process)
        self.report()
        self.assert_on_page("The search is running, after ")
        process.kill()
        process.wait()
        self.report()
        self.assert_on_page("The search has stopped, after ")
        self.run_dir = self.folder / "failed"
        self.hierevo("search", "--run", self.run_dir, "--evaluator", "command", "--command", "false",
                     "--max-consecutive-failures", 3, code=4)
        self.report()
        self.assert_on_page("the program ended with exit code 1")

    def test_refuses_what_it_cannot_do(self):
        self.assertIn("Give --run DIR", self.hierevo("report", code=2).stderr)
        self.assertIn("There is no run in", self.report(code=2).stderr)
        self.search("--population", 4, "--evaluations", 5)
        other = self.folder / "other.html"
        other.write_text("<html>somebody's work</html>")
        told = self.report("--out", other, code=2).stderr
        self.assertIn("is there already, and is no report (it would be lost).", told)
        self.assertEqual(other.read_text(), "<html>somebody's work</html>")
        (self.run_dir / "config.ini").write_text("nonsense\n")
        self.assertIn("'nonsense' in ", self.report().stderr)

    def test_final_trainings_are_in_it(self):
        self.search("--space", "1x2,1x2", "--population", 4, "--evaluations", 5)
        training = self.run_dir / "train-1"
        for repeat, top1 in ((1, 0.9), (2, 0.92)):
            folder = training / f"repeat-{repeat}"
            folder.mkdir(parents=True)
            (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in (
                {"event": "start", "step": 0}, {"event": "step", "step": 10, "loss": 2.0},
                {"event": "test", "step": 10, "top1": top1, "top5": 1.0},
                {"event": "end", "step": 10, "top1": top1, "top5": 1.0})))
        (training / "genotype.json").write_text(json.dumps(CELL))
        (training / "config.ini").write_text("model=cifar-large\nchannels=8\ncells=1\n")
        self.report()
        self.assert_on_page("cifar-large, c0=8, N=1", "9.00 ± 1.41", "Training loss")
        # Another that cannot be read is left out alone.
        shutil.copytree(training, self.run_dir / "train-2")
        (self.run_dir / "train-2" / "config.ini").write_text("nonsense\n")
        self.assertIn(f"The training in '{self.run_dir}/train-2' is left out", self.report().stderr)
        self.assert_on_page("cifar-large, c0=8, N=1", "9.00 ± 1.41")


@unittest.skipUnless(browser.is_there(), "there is no Chromium with chromedriver")
@unittest.skipIf(SANITIZED, "the page is the same")
class Page(ReportTest):
    @classmethod
    def setUpClass(cls):
        cls.browser = browser.Browser().__enter__()
        cls.addClassCleanup(cls.browser.__exit__)

    def look_at(self, page):
        """Opens the page in all widths and schemes: it must draw all, report nothing, ask for nothing."""
        for width in (390, 1440):
            for scheme in ("light", "dark"):
                with self.subTest(width=width, scheme=scheme):
                    self.browser.look(width, scheme=scheme)
                    self.browser.requests()  # those of the page before
                    self.browser.open(page)
                    self.wait_until(lambda: self.browser.run(
                        "return [...document.querySelectorAll('canvas')].every(c => c.dataset.drawn)"))
                    self.assertEqual(self.blank_charts(), [])
                    self.assertEqual(self.browser.console(), [])
                    self.assertEqual(set(self.browser.requests()), {page.resolve().as_uri()})
                    self.assertLessEqual(
                        self.browser.run("return document.documentElement.scrollWidth"), width)
                    self.assertFalse(self.browser.run("return 'attacked' in window"))
                    self.assertEqual(self.browser.run("return document.images.length"), 0)

    def blank_charts(self):
        """Charts whose area between the axes has one colour alone."""
        return self.browser.run("""
            return [...document.querySelectorAll('canvas')].filter(canvas => {
              const area = Chart.getChart(canvas).chartArea;
              const scale = canvas.width / canvas.clientWidth;
              const pixels = canvas.getContext('2d').getImageData(area.left * scale, area.top * scale,
                area.width * scale, area.height * scale).data;
              const colours = new Set();
              for (let i = 0; i < pixels.length; i += 4) {
                colours.add(pixels.slice(i, i + 4).join());
              }
              return colours.size < 3;  // the paper and the lines of the grid
            }).map(canvas => canvas.closest('figure').id)""")

    def test_searches_of_all_kinds(self):
        for name, options in (("hierarchical", []), ("flat", ["--space", "flat"]),
                              ("one", ["--evaluations", 1]), ("x" * 200, [])):
            self.run_dir = self.folder / name
            self.search("--population", 10, "--evaluations", 60, *options)
            self.report()
            self.look_at(self.page)
            self.assertEqual(self.browser.run("return document.querySelectorAll('svg').length"),
                             2 if name == "flat" else 8)

    def test_several_and_one_in_which_everything_failed(self):
        self.search("--population", 10, "--evaluations", 60)
        failed = self.folder / "failed"
        self.hierevo("search", "--run", failed, "--evaluator", "command", "--command", "false",
                     "--max-consecutive-failures", 3, code=4)
        both = self.folder / "both.html"
        self.report("--run", failed, "--out", both)
        self.look_at(both)

    def test_seven_thousand(self):
        self.search("--evaluations", 7000, "--workers", 2)
        self.report()
        self.assertLess(self.page.stat().st_size, 5_000_000)
        self.look_at(self.page)

    def test_what_hosts_and_programs_say_is_only_text(self):
        self.run_dir = self.folder / "<script>window.attacked=3<"
        program = self.folder / "program"
        program.write_text(f"#!/bin/sh\ncat >&2 <<'E'\n{HOSTILE}\nE\nexit 1\n")
        program.chmod(0o700)
        self.hierevo("search", "--run", self.run_dir, "--evaluator", "command", "--command", program,
                     "--max-consecutive-failures", 3, code=4)
        ranks = json.loads((self.run_dir / "ranks.json").read_text())
        for name in ("host", "place", "state", "reason"):
            ranks["ranks"][0][name] = HOSTILE
        (self.run_dir / "ranks.json").write_text(json.dumps(ranks))
        self.report()
        self.assertGreater(self.page.read_text().count("window.attacked=1"), 2)
        self.look_at(self.page)

    def test_points_say_what_they_are_and_genotypes_can_be_used(self):
        self.search("--population", 10, "--evaluations", 60)
        self.report()
        self.browser.look(1440)
        self.browser.open(self.page)
        self.wait_until(lambda: self.browser.run("return !!document.querySelector('#fitness canvas').dataset.drawn"))
        self.browser.run("""
            const canvas = document.querySelector('#fitness canvas');
            const chart = Chart.getChart(canvas);
            const set = chart.data.datasets.findIndex(one => one.label === 'random');
            const point = chart.getDatasetMeta(set).data[2].getProps(['x', 'y'], true);
            const place = canvas.getBoundingClientRect();
            canvas.dispatchEvent(new MouseEvent('mousemove', {bubbles: true,
              clientX: place.left + point.x, clientY: place.top + point.y}));""")
        shows = """const tooltip = Chart.getChart(document.querySelector('#fitness canvas')).tooltip;
                   return tooltip.opacity > 0 ? tooltip.body.map(one => one.lines.join()).join() : '';"""
        self.wait_until(lambda: self.browser.run(shows) != "")
        told = self.browser.run(shows)
        self.assertRegex(told, r"individual \d+, 0\.\d+ at \d+")
        genotype = self.folder / "genotype.json"
        genotype.write_text(self.browser.run("return document.querySelector('textarea').value"))
        shown = json.loads(self.hierevo("inspect", "--genotype", genotype, "--json").stdout)
        best = json.loads(self.hierevo("inspect", "--run", self.run_dir, "--json").stdout)
        self.assertEqual(shown["phenotype"], best["phenotype"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
