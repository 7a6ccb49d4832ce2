"""Relative links of the documents lead to files and headings that are there, and every document of docs/ can be
reached from the README."""

import pathlib
import re
import sys
import tempfile
import unittest
import urllib.parse

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests" / "structure"))
import tracked_files  # noqa: E402

FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.S)
LINK = re.compile(r"(?<!\\)\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(\s*(?:<([^<>\n]*)>|([^()\s]*(?:\([^()\s]*\)[^()\s]*)*))"
                  r"(?:\s+(?:\"[^\"]*\"|'[^']*'))?\s*\)")
DEFINITION = re.compile(r"^ {0,3}\[[^\]]+\]:\s*<?([^\s>]+)>?", re.M)
HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$", re.M)
PLACE = re.compile(r"<a\s+(?:id|name)=[\"']([^\"']+)[\"']")


def documents(root):
    """All documents: those of the project, and those of docs/ that are not tracked yet."""
    found = {path for path in tracked_files.tracked(root) if path.suffix == ".md"}
    return sorted(found | {path.relative_to(root) for path in (root / "docs").glob("*.md")})


def outside_fences(text):
    """The text with empty lines in place of fenced code."""
    lines, fence = [], None
    for line in text.split("\n"):
        found = FENCE.match(line)
        if fence is None and found:
            fence = found[1]
            line = ""
        elif fence is not None:
            if found and found[1].startswith(fence) and line.strip() == found[1]:
                fence = None
            line = ""
        lines.append(line)
    return "\n".join(lines)


def anchors(text):
    """What GitHub calls the headings: their words in lower case, with hyphens between them; a name that was there
    before gets a number."""
    text = outside_fences(text)
    found = set(PLACE.findall(text))
    seen = {}
    for heading in HEADING.findall(text):
        shown = CODE.sub(lambda code: code[2], LINK.sub(lambda link: link[0][1:link[0].rindex("](")], heading))
        name = re.sub(r"[^\w\- ]", "", shown.strip().lower()).replace(" ", "-")
        number = seen.get(name, 0)
        seen[name] = number + 1
        found.add(f"{name}-{number}" if number else name)
    return found


def links(text):
    """(line, target) of each link."""
    text = outside_fences(text)
    text = CODE.sub(lambda code: re.sub(r"[^\n]", "x", code[0]), text)
    for found in LINK.finditer(text):
        target = found[1] if found[1] is not None else found[2]
        yield text.count("\n", 0, found.start()) + 1, target
    for found in DEFINITION.finditer(text):
        yield text.count("\n", 0, found.start()) + 1, found[1]


class Documents:
    def __init__(self, root):
        self.root = root.resolve()
        self.texts = {path: (self.root / path).read_text(encoding="utf-8") for path in documents(self.root)}

    def target(self, document, link):
        """(path, anchor) that a relative link of a document leads to; None of one to elsewhere."""
        if re.match(r"[a-z][a-z0-9+.-]*:", link, re.I):
            return None
        path, _, anchor = link.partition("#")
        path = urllib.parse.unquote(path)
        whole = (self.root / document.parent / path).resolve() if path else self.root / document
        return whole, urllib.parse.unquote(anchor)

    def problem_with(self, document, link):
        target = self.target(document, link)
        if target is None:
            return None
        path, anchor = target
        if self.root != path and self.root not in path.parents:
            return "leads out of the project"
        if not path.exists():
            return "there is no such file"
        if not anchor:
            return None
        if path.suffix != ".md":
            return "only documents have headings"
        text = self.texts.get(path.relative_to(self.root)) or path.read_text(encoding="utf-8")
        return None if anchor in anchors(text) else f"'{path.relative_to(self.root)}' has no such heading"

    def problems(self):
        for document, text in self.texts.items():
            for line, link in links(text):
                problem = self.problem_with(document, link)
                if problem:
                    yield f"{document}:{line}: {link}: {problem}"

    def unreachable(self):
        """Documents of docs/ to which no chain of links from the README leads."""
        ahead = [path for path in (pathlib.Path("README.md"), pathlib.Path("docs/README.md")) if path in self.texts]
        reached = set(ahead)
        while ahead:
            document = ahead.pop()
            for _, link in links(self.texts[document]):
                target = self.target(document, link)
                path = target[0] if target else None
                if path and self.root in path.parents:
                    path = path.relative_to(self.root)
                    if path in self.texts and path not in reached:
                        reached.add(path)
                        ahead.append(path)
        return [str(path) for path in self.texts if path.parent == pathlib.Path("docs") and path not in reached]


class Project(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.documents = Documents(SOURCE)

    def test_links_lead_somewhere(self):
        self.assertGreater(sum(len(list(links(text))) for text in self.documents.texts.values()), 10)
        self.assertEqual(list(self.documents.problems()), [])

    def test_every_document_can_be_reached(self):
        self.assertEqual(self.documents.unreachable(), [])


class Planted(unittest.TestCase):
    def check(self, **texts):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        root = pathlib.Path(folder.name)
        (root / "docs").mkdir()
        for name, text in texts.items():
            (root / (name.replace("_", "/") + ".md")).write_text(text)
        return Documents(root)

    def test_good_links(self):
        found = self.check(
            README="# The `--run` option: how, why?\n## Twice\n## Twice\n[a](#the---run-option-how-why) [b](#twice-1)\n"
                   "[c](docs/a.md#über-uns) [the\nfolder](docs) [e](https://nowhere.invalid/x#y) `[f](g.md)`\n"
                   "```\n[h](i.md)\n# None\n```\n[j]: docs/a.md\n![k](docs/a.md \"title\")\n",
            docs_a="# Über uns\n[back](../README.md#twice)\n")
        self.assertEqual(list(found.problems()), [])
        self.assertEqual(found.unreachable(), [])

    def test_bad_links(self):
        for link, problem in (("b.md", "there is no such file"), ("docs/a.md#b", "'docs/a.md' has no such heading"),
                              ("#None", "'README.md' has no such heading"), ("../b.md", "leads out of the project"),
                              ("docs#b", "only documents have headings")):
            with self.subTest(link=link):
                found = self.check(README=f"text\n[a\nb]({link})\n```\n# None\n```\n", docs_a="")
                self.assertEqual(list(found.problems()), [f"README.md:2: {link}: {problem}"])

    def test_unreachable(self):
        found = self.check(README="[a](docs/a.md)", docs_a="[b](b.md)", docs_b="", docs_c="[a](a.md)")
        self.assertEqual(found.unreachable(), ["docs/c.md"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
