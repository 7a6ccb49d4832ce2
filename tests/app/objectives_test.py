"""`--objectives`: searches that select by several numbers, their fronts, and what is refused."""
import csv
import json
import os
import sys
import textwrap
import unittest

from jobs import JobTest
from programs import behaviour

SMALL = ["--population", "8", "--tournament", "0.3"]
# Fitness: the share of separable convolutions. Latency: the number of edges.
EVALUATE = textwrap.dedent("""\
    import json, os, sys
    with open(sys.argv[-1]) as file:
        edges = json.load(file)["levels"][0]["motifs"][0]
    metrics = {"latency": len(edges) - edges.count("none"), "task-2/top1": edges.count("identity")}
    if os.environ["HIEREVO_ID"] == os.environ.get("WITHOUT"):
        del metrics["latency"]
    print(json.dumps({"fitness": edges.count("separable3x3") / len(edges), "metrics": metrics}))
    """)


def front_of(rows, signs):
    """Ids of those that no other one dominates, of equals the first; `signs` by column."""
    scored = [(int(row["id"]), [sign * float(row[name]) for name, sign in signs.items()])
              for row in rows if row["status"] in ("evaluated", "reused")]
    return {number for step, (number, own) in enumerate(scored)
            if not any(all(a >= b for a, b in zip(other, own)) and (other != own or earlier < step)
                       for earlier, (_, other) in enumerate(scored) if earlier != step)}


class Objectives(JobTest):
    def search(self, *arguments, space="1x5", code=0):
        return self.hierevo("search", "--run", self.run_dir, *SMALL, "--space", space, *arguments,
                            code=code)

    def by_program(self, *arguments):
        script = self.folder / "evaluate.py"
        script.write_text(EVALUATE)
        return ["--evaluator", "command", "--command", f"{sys.executable} -S {script}", *arguments]

    def rows(self):
        folder = self.folder / "csv"
        self.hierevo("report", "--run", self.run_dir, "--out", self.folder / "page.html", "--csv",
                     folder)
        with open(folder / "individuals.csv", newline="") as file:
            return list(csv.DictReader(file))

    def inspected(self):
        shown = self.hierevo("inspect", "--run", self.run_dir, "--front", "--json").stdout
        return json.loads(shown)["front"]

    def assert_front(self, signs):
        """As it follows from the CSV."""
        expected = front_of(self.rows(), signs)
        self.assertTrue(expected)
        status = self.status()
        self.assertEqual(status["front_size"], len(expected))
        self.assertEqual({member["id"] for member in status["front"]}, expected)
        self.assertEqual({member["id"] for member in self.inspected()}, expected)

    def test_of_all_algorithms_over_several_starts(self):
        for algorithm in ("evolution", "aging", "random"):
            self.run_dir = self.folder / algorithm
            options = ["--evaluator", "synthetic", "--algorithm", algorithm, "--objectives",
                       "fitness,-parameters,-macs", "--reuse-fitness", "--workers", 2]
            for evaluations in (30, 90):
                self.search(*options, "--evaluations", evaluations, space="1x3")
                found = json.loads(self.hierevo("verify", "--run", self.run_dir, "--json").stdout)
                self.assertEqual(found["candidates"], evaluations)
                self.assertEqual(found["notes"], [])
            self.assert_front({"fitness": 1, "parameters": -1, "macs": -1})
            invalid = self.status()["evaluations"]["invalid"]
            self.assertGreater(invalid, 0, "none of them could have got onto the front")
            self.assertIn("objectives=fitness,-parameters,-macs\n",
                          (self.run_dir / "config.ini").read_text())

    def test_metrics_survive_kills(self):
        line = [*SMALL, "--space", "1x5", *self.by_program("--objectives", "fitness,-latency"), "--workers", 2,
                "--evaluations", 60]
        for target in (3, 12, 30):
            job = self.start(*line)
            self.wait_until(lambda: self.done() >= target, job.process)
            job.end()
            self.wait_for_end(job)
        self.hierevo("search", "--run", self.run_dir, *line)
        self.assert_finished(60)
        self.hierevo("verify", "--run", self.run_dir)
        self.assert_front({"fitness": 1, "metrics.latency": -1})
        for row in self.rows():
            self.assertEqual(row["metrics.latency"] != "", row["status"] == "evaluated")
        best = self.status()["best"]["id"]
        shown = json.loads(self.hierevo("inspect", "--run", self.run_dir, "--json").stdout)
        self.assertEqual(shown["id"], best)
        self.assertEqual(set(shown["metrics"]), {"latency", "task-2/top1"})

    def test_the_front_is_shown_and_exported(self):
        self.search(*self.by_program("--objectives", "-latency,fitness"), "--evaluations", 40)
        members = self.inspected()
        self.assertGreater(len(members), 1)
        for first, second in zip(members, members[1:]):
            self.assertLess(first["values"]["latency"], second["values"]["latency"])
            self.assertLess(first["values"]["fitness"], second["values"]["fitness"])
        table = self.hierevo("inspect", "--run", self.run_dir, "--front").stdout.splitlines()
        self.assertEqual(table[0].split(), ["individual", "latency", "fitness"])
        self.assertEqual([int(line.split()[0]) for line in table[1:]], [one["id"] for one in members])
        screen = self.hierevo("status", "--run", self.run_dir).stdout
        first = members[0]["values"]
        self.assertIn(f"{len(members)} individuals, the first: latency {first['latency']:g}, "
                      f"fitness {first['fitness']:.4f}, individual {members[0]['id']}\n", screen)
        out = self.folder / "front.jsonl"
        self.hierevo("export", "--run", self.run_dir, "--front", "--out", out)
        lines = [json.loads(line) for line in out.read_text().splitlines()]
        self.assertEqual([line["id"] for line in lines], [one["id"] for one in members])
        for line, member in zip(lines, members):
            self.assertEqual(line["levels"], member["genotype"]["levels"])
            self.assertEqual(line["values"], member["values"])
        one = self.folder / "one.json"  # a line is a genotype file, too
        one.write_text(json.dumps(lines[-1]))
        self.hierevo("inspect", "--genotype", one)
        own = self.hierevo("export", "--run", self.run_dir, "--id", members[-1]["id"]).stdout
        self.assertEqual(json.loads(own)["levels"], lines[-1]["levels"])
        page = (self.rows() and self.folder / "page.html").read_text()
        self.assertIn("The Pareto front", page)
        self.assertIn(f"No other individual dominates these {len(members)} in all objectives", page)
        self.assertIn("series,latency,Fitness,individual\n", (self.folder / "csv" / "objectives.csv").read_text())

    def test_an_evaluation_without_an_objective_fails(self):
        os.environ["WITHOUT"] = "5"
        self.addCleanup(os.environ.pop, "WITHOUT")
        self.search(*self.by_program("--objectives", "fitness,-latency"), "--evaluations", 20)
        rows = {int(row["id"]): row for row in self.rows()}
        self.assertEqual(rows[5]["status"], "failed")
        self.assertIn("the evaluator gave no metric 'latency', an objective (it gave", rows[5]["reason"])
        self.hierevo("verify", "--run", self.run_dir)
        self.run_dir = self.folder / "another run"
        said = self.search(*self.by_program("--objectives", "-memory"), "--evaluations", 20,
                           "--max-consecutive-failures", 3, code=4).stderr
        self.assertIn("the evaluator gave no metric 'memory', an objective", said)

    @behaviour
    def test_with_one_objective_the_front_is_the_best(self):
        self.search("--evaluator", "synthetic", "--evaluations", 20)
        status = self.status()
        self.assertEqual(status["objectives"], "fitness")
        self.assertEqual([member["id"] for member in status["front"]], [status["best"]["id"]])
        self.assertEqual(self.inspected()[0]["id"], status["best"]["id"])
        self.assertNotIn("front", self.hierevo("status", "--run", self.run_dir).stdout)
        self.rows()
        self.assertNotIn("The Pareto front", (self.folder / "page.html").read_text())

    @behaviour
    def test_what_cannot_be_is_refused(self):
        search = ["search", "--run", self.run_dir]
        synthetic = [*search, "--evaluator", "synthetic", "--objectives"]
        self.refused(*synthetic, "fitness,-latency",
                     says="--objectives is 'fitness,-latency' (--evaluator synthetic gives no metric "
                          "'latency'). Known: fitness, parameters, macs.")
        self.refused(*synthetic, "fitnes", says="Did you mean 'fitness'?")
        self.refused(*synthetic, "fitness,-fitness",
                     says="--objectives is 'fitness,-fitness' ('fitness' is there twice).")
        self.refused(*synthetic, "", says="'' is no name of an objective")
        self.refused(*search, *self.by_program("--objectives", "a,b,c,d,e,f,g,h,i"),
                     says="Give 8 at most.")
        self.refused(*search, *self.by_program("--objectives", "fitness;latency"),
                     says="'fitness;latency' is no name of an objective")

    @behaviour
    def test_a_run_keeps_its_objectives(self):
        options = ["--evaluator", "synthetic", "--evaluations", 20]
        self.search(*options)
        for run, before, after in ((self.run_dir, "fitness", "fitness,-parameters"),
                                   (self.folder / "two", "fitness,-macs", "fitness,-parameters")):
            self.run_dir = run
            self.search(*options, "--objectives", before)
            said = self.search(*options, "--objectives", after, code=2).stderr
            self.assertIn(after, said)
            self.assertIn(before, said)

    @behaviour
    def test_a_front_belongs_to_a_run(self):
        self.search("--evaluator", "synthetic", "--evaluations", 10)
        run = ["--run", self.run_dir, "--front"]
        for line in (["inspect", "--front"], ["inspect", *run, "--id", 3], ["inspect", *run, "--dot"],
                     ["export", "--front"], ["export", *run, "--id", 3],
                     ["export", *run, "--format", "dot"]):
            self.assertIn("--front belongs to --run", self.hierevo(*line, code=2).stderr)


if __name__ == "__main__":
    unittest.main()
