#!/usr/bin/env python3
"""Drawings of cells and motifs: complete, well-formed, and without boxes over one another."""

import collections
import re
import sys
import unittest
import xml.etree.ElementTree as ET

import hierevo
from hierevo.drawing import LABELS, Box, drawing_of, graph_panel
from hierevo.live_edges import LiveEdges

SVG = "{http://www.w3.org/2000/svg}"
SPACES = ("hierarchical", "flat", "3x3,2x4,1x6", "2x2,1x3")


class Drawn:
    """What is in a drawing."""

    def __init__(self, drawing: hierevo.Drawing) -> None:
        self.root = ET.fromstring(drawing.svg)
        self.boxes = []  # left, top, right, bottom
        for panel in self.root.iter(f"{SVG}g"):
            x, y = (float(n) for n in re.findall(r"[-0-9.]+", panel.get("transform")))
            for rect in panel.iter(f"{SVG}rect"):
                left, top = x + float(rect.get("x")), y + float(rect.get("y"))
                size = float(rect.get("width")), float(rect.get("height"))
                self.boxes.append((left, top, left + size[0], top + size[1]))
        self.texts = [text.text for text in self.root.iter(f"{SVG}text")]
        paths = list(self.root.iter(f"{SVG}path"))
        self.lines = [path for path in paths if path.get("fill") == "none"]
        self.arrows = len(paths) - len(self.lines)
        dashed = [part for part in self.root.iter() if part.get("stroke-dasharray")]
        self.dashed_boxes = sum(part.tag == f"{SVG}rect" for part in dashed)

    def overlapping(self) -> list[tuple]:
        return [
            (a, b)
            for i, a in enumerate(self.boxes)
            for b in self.boxes[:i]
            if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
        ]

    def outside(self) -> list[tuple]:
        _, _, width, height = (float(n) for n in self.root.get("viewBox").split())
        return [b for b in self.boxes if b[0] < 0 or b[1] < 0 or b[2] > width or b[3] > height]


def genotypes(valid: bool = True) -> list[hierevo.Genotype]:
    some = [hierevo.Genotype.random(space, 3, n, 10 * n) for space in SPACES for n in range(40)]
    return [genotype for genotype in some if genotype.assemble().valid == valid]


class DrawingTest(unittest.TestCase):
    def check_layout(self, drawn: Drawn) -> None:
        self.assertEqual(drawn.overlapping(), [])
        self.assertEqual(drawn.outside(), [])
        self.assertEqual(drawn.arrows, len(drawn.lines))

    def test_a_cell_has_a_box_for_each_node_and_a_line_for_each_operand(self) -> None:
        for genotype in genotypes():
            cell = genotype.assemble()
            drawn = Drawn(genotype.draw())
            self.check_layout(drawn)
            expected = [LABELS[node.kind] for node in cell.nodes] + ["output"]
            self.assertEqual(collections.Counter(drawn.texts), collections.Counter(expected))
            self.assertEqual(len(drawn.lines), 1 + sum(len(n.operands) for n in cell.nodes))
            self.assertEqual(drawn.dashed_boxes, 0)

    def test_lines_go_down_around_the_boxes(self) -> None:
        for genotype in genotypes():
            drawn = Drawn(genotype.draw())
            for line in drawn.lines:
                ends = re.findall(r"([0-9.]+) ([0-9.]+)(?=[CV]|$)", line.get("d"))
                heights = [float(y) for _, y in ends]
                self.assertEqual(heights, sorted(heights))
                for x, y in ends[1:-1]:  # between two layers, or beside the boxes of one
                    inside = [
                        b for b in drawn.boxes if b[0] < float(x) < b[2] and b[1] < float(y) < b[3]
                    ]
                    self.assertEqual(inside, [])

    def test_motifs_have_a_box_for_each_edge_dashed_where_it_is_dead(self) -> None:
        dead_seen = 0
        for genotype in genotypes():
            drawn = Drawn(genotype.draw_motifs())
            self.check_layout(drawn)
            live = LiveEdges(genotype)
            used = live.used()
            dead = 0
            titles = []
            for level, motifs in used.items():
                for motif in motifs:
                    edges = sum(gene != 0 for gene in genotype.motif(level, motif))
                    dead += edges - len(live.of(level, motif))
                    top = level == genotype.space.top_level
                    titles.append("cell" if top else f"level {level}, motif {motif + 1}")
            self.assertEqual(drawn.dashed_boxes, dead)
            named = [text for text in drawn.texts if text in titles]
            self.assertEqual(sorted(named), sorted(titles))
            dead_seen += dead
        self.assertGreater(dead_seen, 100)

    def test_texts_are_escaped(self) -> None:
        drawing = drawing_of([graph_panel([Box('<a> & "b"', "input", ())])], "<title> & more")
        drawn = Drawn(drawing)
        self.assertEqual(drawn.texts, ['<a> & "b"'])
        self.assertEqual(drawn.root.find(f"{SVG}title").text, "<title> & more")

    def test_notebooks_show_drawings_or_the_text_where_there_is_none(self) -> None:
        genotype = hierevo.Genotype.random("hierarchical", 1)
        for shown in (genotype, genotype.assemble(), genotype.draw()):
            self.assertEqual(shown._repr_svg_(), genotype.draw().svg)
        invalid = genotypes(valid=False)
        self.assertGreater(len(invalid), 10)
        for genotype in invalid:
            self.assertIsNone(genotype._repr_svg_())
            self.assertIsNone(genotype.assemble()._repr_svg_())
            for draw in (genotype.draw, genotype.draw_motifs):
                with self.assertRaisesRegex(hierevo.UsageError, "its sink is not reached"):
                    draw()

    def test_what_is_too_large_is_refused(self) -> None:
        space = hierevo.SearchSpace.parse("1x32,1x9")
        genotype = hierevo.Genotype(space, b"\3" * 496 + b"\1" * 36)
        with self.assertRaisesRegex(hierevo.UsageError, "nothing could be seen"):
            genotype.draw()
        self.assertIsNone(genotype._repr_svg_())
        self.check_layout(Drawn(genotype.draw_motifs()))


if __name__ == "__main__":
    sys.exit(unittest.main())
