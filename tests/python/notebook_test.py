#!/usr/bin/env python3
"""The notebook of the examples, executed without a browser."""

import importlib.util
import json
import re
import unittest
from typing import Any

import hierevo
from runs import ROOT, RunTest

NOTEBOOK = ROOT / "python" / "examples" / "open_a_run.ipynb"
HAS_JUPYTER = all(map(importlib.util.find_spec, ("nbclient", "ipykernel", "pandas")))


class Notebook(RunTest):
    def test_it_is_stored_without_outputs(self) -> None:
        for cell in json.loads(NOTEBOOK.read_text())["cells"]:
            self.assertFalse(cell.get("outputs"))
            self.assertIsNone(cell.get("execution_count"))

    @unittest.skipUnless(HAS_JUPYTER, "nbclient, ipykernel or pandas is not installed")
    def test_what_its_cells_show(self) -> None:
        self.run_dir = self.folder / "my-run"
        self.search()
        from nbformat import read  # noqa: PLC0415

        notebook = read(NOTEBOOK, as_version=4)
        run, table, drawing, parameters, losses = self.executed(notebook)
        best = hierevo.open_run(self.run_dir).best
        self.assertIn("finished, 60 of 60 evaluations", self.text_of(run))
        self.assertIn("<table", self.data_of(table)["text/html"])
        self.assertRegex(self.text_of(table), rf"\n\d+ +{best.id} ")
        printed = drawing["outputs"][0]["text"]
        self.assertIn(f"individual {best.id}, fitness {best.fitness:.4f}", printed)
        self.assertIn("<svg", self.data_of(drawing)["image/svg+xml"])
        self.assertGreater(int(self.text_of(parameters)), 100)
        before, after = map(float, re.findall(r"[0-9.]+", self.text_of(losses)))
        self.assertLess(after, before)

    @unittest.skipUnless(HAS_JUPYTER, "nbclient, ipykernel or pandas is not installed")
    def test_a_search_by_a_function_of_a_notebook(self) -> None:
        from nbformat import v4  # noqa: PLC0415

        code = (
            "import hierevo\n"
            "def evaluate(candidate, report):\n"
            "    print('seen', candidate.id)\n"
            "    return 1 / candidate.id\n"
            "search = hierevo.Search('mine', evaluate, population=4, evaluations=9)\n"
            "search.run()"
        )
        (cell,) = self.executed(v4.new_notebook(cells=[v4.new_code_cell(code)]))
        results = [one for one in cell["outputs"] if one["output_type"] == "execute_result"]
        self.assertIn("finished, 9 of 9 evaluations", results[0]["data"]["text/plain"])
        printed = "".join(one["text"] for one in cell["outputs"] if one.get("name") == "stdout")
        self.assertIn("seen 9", printed)

    def executed(self, notebook: Any) -> list[Any]:
        """The cells of code, with outputs."""
        from nbclient import NotebookClient  # noqa: PLC0415

        resources = {"metadata": {"path": str(self.folder)}}
        NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
        return [cell for cell in notebook.cells if cell.cell_type == "code"]

    def data_of(self, cell: Any) -> dict[str, str]:
        (data,) = [output["data"] for output in cell["outputs"] if "data" in output]
        return data

    def text_of(self, cell: Any) -> str:
        return self.data_of(cell)["text/plain"]


if __name__ == "__main__":
    unittest.main()
