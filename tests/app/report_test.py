"""`hierevo report`: what it writes, what it refuses, and its page in a browser."""
import csv
import json
import os
import shutil
import stat
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

    def give_fitness(self, fitness):
        """A search of two candidates."""
        program = self.folder / "program"
        program.write_text("#!/bin/sh\necho '{\"fitness\": %s}'\n" % fitness)
        program.chmod(0o700)
        self.hierevo("search", "--run", self.run_dir, "--population", 2, "--evaluations", 2, "--progress", "off",
                     "--evaluator", "command", "--command", program)

    def report(self, *arguments, code=0):
        return self.hierevo("report", "--run", self.run_dir, *arguments, code=code)

    def make_training(self, training, genotype=None):
        """As if the cell had been trained twice."""
        for repeat, top1 in ((1, 0.9), (2, 0.92)):
            folder = training / f"repeat-{repeat}"
            folder.mkdir(parents=True)
            (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in (
                {"event": "start", "step": 0}, {"event": "step", "step": 10, "loss": 2.0},
                {"event": "test", "step": 10, "top1": top1, "top5": 1.0},
                {"event": "end", "step": 10, "top1": top1, "top5": 1.0})))
        (training / "genotype.json").write_text(json.dumps(genotype or CELL))
        (training / "config.ini").write_text("model=cifar-large\nchannels=8\ncells=1\n")

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
        (self.run_dir / "config.ini").write_text("#" * (1 << 22) + "\n")
        self.assertIn("config.ini' (File too large)", self.report().stderr)

    def test_replaces_only_files_of_earlier_reports(self):
        self.search("--population", 4, "--evaluations", 5)
        folder = self.folder / "numbers"
        self.report("--csv", folder)
        written = (folder / "fitness.csv").read_text()
        (folder / "fitness.csv").write_text("step,value\n1,2\n")
        self.page.write_text(self.page.read_text() + "old")
        self.assertIn("fitness.csv' is there already, and is no report (it would be lost). Choose another --csv.",
                      self.report("--csv", folder, code=2).stderr)
        self.assertEqual((folder / "fitness.csv").read_text(), "step,value\n1,2\n")
        self.assertTrue(self.page.read_text().endswith("old"))  # nothing is written before all can be
        (folder / "fitness.csv").write_text("series,another title,y\n")
        self.report("--csv", folder)
        self.assertEqual((folder / "fitness.csv").read_text(), written)

    def test_waits_for_nobody_at_a_pipe_and_follows_no_dead_link(self):
        self.search("--population", 4, "--evaluations", 5)
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        link = self.folder / "link"
        link.symlink_to(self.folder / "nothing")
        for out in (pipe, link, "/dev/stdout", "/dev/null", self.folder):
            self.assertIn("is no file (only an earlier report is replaced)", self.report("--out", out, code=2).stderr)
        self.assertFalse((self.folder / "nothing").exists())
        self.assertTrue(link.is_symlink())
        self.page.parent.mkdir()
        os.mkfifo(self.page)
        self.report(code=2)
        self.page.unlink()
        # A link to an earlier report stays one.
        self.report()
        link.unlink()
        link.symlink_to(self.page)
        self.page.write_text(self.page.read_text() + "old")
        self.report("--out", link)
        self.assertTrue(link.is_symlink())
        self.assertFalse(self.page.read_text().endswith("old"))

    def test_a_page_that_others_may_not_read_stays_so(self):
        self.search("--population", 4, "--evaluations", 5)
        self.report("--csv", self.folder)
        files = (self.page, self.folder / "fitness.csv")
        for file in files:
            file.chmod(0o600)
        self.report("--csv", self.folder)
        for file in files:
            self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)

    def test_the_smallest_fitness(self):
        self.give_fitness("5e-324")
        self.report("--csv", "numbers")
        self.assert_on_page("The search has finished, after 2 of 2 evaluations.")
        self.assertIn(",5e-324,", (self.folder / "numbers" / "fitness.csv").read_text())

    def test_runs_are_averaged_only_where_they_can_be_compared(self):
        runs = {"a": [], "b": ["--seed", 2, "--synthetic-ms", 0.1], "c": ["--seed", 3, "--tournament", 0.5],
                "d": ["--seed", 4, "--tournament", 0.5]}
        arguments = []
        for name, options in runs.items():
            self.search("--population", 8, "--evaluations", 20, *options, run=self.folder / name)
            arguments += ["--run", name]
        self.hierevo("report", *arguments, "--out", "all.html", "--csv", "numbers")
        with open(self.folder / "numbers" / "kinds.csv", newline="") as file:
            series = {row[0] for row in list(csv.reader(file))[1:]}
        self.assertEqual({name for name in series if "mean of" in name},
                         {"evolution, hierarchical: mean of 2 runs",
                          "evolution, hierarchical, tournament 0.5: mean of 2 runs"})
        (self.folder / "b" / "config.ini").write_text("nonsense\n")
        self.hierevo("report", *arguments[:4], "--out", "two.html", "--csv", "two")
        self.assertFalse((self.folder / "two" / "kinds.csv").exists())

    def test_final_trainings_elsewhere(self):
        self.search("--population", 4, "--evaluations", 5)
        genotype = json.loads(self.hierevo("export", "--run", self.run_dir, "--format", "json").stdout)
        elsewhere = self.folder / "elsewhere"
        self.make_training(elsewhere, genotype)
        self.report()
        self.assertFalse("Final trainings" in self.page.read_text())
        self.report("--training", "elsewhere/", "--training", elsewhere)
        best = self.status()["best"]["id"]
        row = (f'<td>elsewhere/</td><td class="number">{best}</td><td>cifar-large, c0=8, N=1</td>')
        self.assert_on_page(row, "9.00 ± 1.41", "elsewhere/, repeat 2")
        self.assertEqual(self.page.read_text().count("9.00 ± 1.41"), 1)
        foreign = self.folder / "foreign"
        self.make_training(foreign)
        self.assertIn("is of no individual here (its genotype is in no history of the given runs)",
                      self.report("--training", foreign, code=2).stderr)
        self.report("--training", "nowhere", code=2)

    def test_final_trainings_are_in_it(self):
        self.search("--space", "1x2,1x2", "--population", 4, "--evaluations", 5)
        training = self.run_dir / "train-1"
        self.make_training(training)
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
                    self.open_drawn(page)
                    self.assertEqual(self.blank_charts(), [])
                    self.assertEqual(self.browser.console(), [])
                    self.assertEqual(set(self.browser.requests()), {page.resolve().as_uri()})
                    self.assertLessEqual(
                        self.browser.run("return document.documentElement.scrollWidth"), width)
                    self.assertFalse(self.browser.run("return 'attacked' in window"))
                    self.assertEqual(self.browser.run("return document.images.length"), 0)

    def open_drawn(self, page):
        self.browser.open(page)
        self.wait_until(lambda: self.browser.run(
            "return [...document.querySelectorAll('canvas')].every(c => c.dataset.drawn)"))

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

    def test_what_is_printed_is_as_wide_as_its_place(self):
        self.search("--population", 10, "--evaluations", 60)
        self.report()
        wider = """
            return [...document.querySelectorAll('canvas')].filter(canvas => {
              const [inner, outer] = [canvas, canvas.closest('figure')].map(e => e.getBoundingClientRect());
              return inner.right > outer.right + 1 || outer.right > innerWidth || inner.width < outer.width / 2
                || inner.bottom > outer.bottom + 1;
            }).map(canvas => canvas.closest('figure').id)"""
        for screen in (390, 1440):
            with self.subTest(screen=screen):
                self.browser.look(screen, scheme="dark")
                self.open_drawn(self.page)
                # A4 without its margins, as the browser prints it and as some program might.
                self.browser.run("dispatchEvent(new Event('beforeprint'))")
                self.browser.look(718, media="print")
                self.assertEqual(self.browser.run(wider), [])
                self.browser.look(screen, scheme="dark")
                self.browser.run("dispatchEvent(new Event('afterprint'))")
                self.browser.look(718, media="print", scheme="dark")
                self.assertEqual(self.browser.run(wider), [])
                self.browser.look(screen, scheme="dark")
                # The browser's own printing draws all charts for the sheet before, and for the screen afterwards.
                self.open_drawn(self.page)
                self.browser.run("""
                    addEventListener('beforeprint', () => {
                      window.printed = [...document.querySelectorAll('canvas')].map(canvas => canvas.clientWidth);
                    });""")
                self.browser.command("Page.printToPDF")
                self.assertEqual(set(self.browser.run("return window.printed")), {340})
                self.wait_until(lambda: self.browser.run(
                    "return document.querySelector('canvas').clientWidth !== 340"))
                self.assertEqual(self.browser.run(wider), [])

    def test_series_of_one_point_can_be_seen(self):
        self.run_dir = self.folder / "one"
        self.search("--population", 10, "--evaluations", 1)
        genotype = json.loads(self.hierevo("export", "--run", self.run_dir, "--format", "json").stdout)
        self.make_training(self.run_dir / "train-1", genotype)
        self.report()
        self.look_at(self.page)
        hidden = self.browser.run("""
            return [...document.querySelectorAll('canvas')].flatMap(canvas => Chart.getChart(canvas).data.datasets)
              .filter(set => set.data.length === 1 && !(set.pointRadius > 1)).map(set => set.label)""")
        self.assertEqual(hidden, [])
        self.assertEqual(self.browser.run("return !!document.querySelector('#loss canvas')"), True)
        least = "return Chart.getChart(document.querySelector('#fitness canvas')).scales.y.min"
        self.assertEqual(self.browser.run(least), 0)

    def test_axes_and_legends(self):
        self.search("--population", 10, "--evaluations", 300)
        self.report()
        legends = "return Chart.getChart(document.querySelector('#fitness canvas')).legend.legendItems.map(i => i.text)"
        # Labels of ticks that are closer than their texts are wide, or high.
        crowded = """
            const context = document.createElement('canvas').getContext('2d');
            return [...document.querySelectorAll('canvas')].flatMap(canvas =>
              Object.values(Chart.getChart(canvas).scales).filter(scale => {
                const places = scale.ticks.map((tick, i) => scale.getPixelForTick(i)).sort((a, b) => a - b);
                context.font = '12px sans-serif';
                const room = scale.isHorizontal()
                  ? Math.max(...scale.ticks.map(tick => context.measureText(tick.label).width)) + 4 : 14;
                return scale.ticks.length < 2 || places.some((place, i) => i > 0 && place - places[i - 1] < room);
              }).map(scale => `${canvas.closest('figure').id} ${scale.id}`))"""
        for width in (390, 1440):
            self.browser.look(width)
            self.open_drawn(self.page)
            self.assertEqual(self.browser.run(crowded), [])
        scale = "return Chart.getChart(document.querySelector('#{} canvas')).scales.{}"
        self.assertEqual(self.browser.run(scale.format("busy", "y.min")), 0)
        self.assertEqual(self.browser.run(scale.format("parameters", "y.options.title.text")), "Parameters (logarithmic)")
        macs = [point["x"] for point in self.browser.run(
            "return Chart.getChart(document.querySelector('#accuracy-macs canvas')).data.datasets[0].data")]
        self.assertGreater(self.browser.run(scale.format("accuracy-macs", "x.min")), min(macs) / 1.5)
        self.assertLess(self.browser.run(scale.format("accuracy-macs", "x.max")), max(macs) * 1.5)
        self.assertIn("mutated from a parent", self.browser.run(legends))
        self.run_dir = self.folder / "random"
        self.search("--population", 10, "--evaluations", 10)
        self.report()
        self.open_drawn(self.page)
        self.assertEqual(sorted(self.browser.run(legends)), ["best so far", "random"])

    def test_what_is_seen_first_is_drawn_at_once(self):
        self.search("--evaluations", 60, "--population", 10)
        self.report()
        # Without the timers by which the rest is drawn.
        script = self.browser.command("Page.addScriptToEvaluateOnNewDocument", source="window.setTimeout = () => 0")
        self.addCleanup(self.browser.command, "Page.removeScriptToEvaluateOnNewDocument",
                        identifier=script["identifier"])
        drawn = """const all = [...document.querySelectorAll('canvas')];
            const seen = all.filter(canvas => canvas.closest('figure').getBoundingClientRect().top < innerHeight);
            return [all, seen, all.filter(canvas => canvas.dataset.drawn)].map(list => list.length)"""
        self.browser.look(1440)
        self.browser.open(self.page)
        every, _, some = self.browser.run(drawn)
        self.assertEqual(some, every)
        self.run_dir = self.folder / "long"
        self.search("--evaluations", 7000, "--workers", 2)
        self.report()
        self.browser.open(self.page)
        every, seen, some = self.browser.run(drawn)
        self.assertLess(0, seen)
        self.assertLess(some, every)
        self.assertLessEqual(seen, some)

    def test_any_fitness_that_a_program_may_give(self):
        for fitness in ("5e-324", "1e-20", "1e300", "1.7e308"):
            self.run_dir = self.folder / fitness
            self.give_fitness(fitness)
            self.report()
            self.open_drawn(self.page)
            self.assertEqual(self.browser.console(), [])

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
