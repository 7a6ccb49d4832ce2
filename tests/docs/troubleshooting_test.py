"""The messages in docs/troubleshooting.md are those of the programs: the fixed parts of each heading occur, in order,
in one message of the sources."""

import pathlib
import re
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests" / "structure"))
import plain_english  # noqa: E402

SOURCES = ("src/**/*.cpp", "src/**/*.hpp", "include/**/*.hpp", "io/*.cpp", "slurm/spank/*.cpp")
SCRIPTS = ("slurm/*.sh", "scripts/gpu/run")
# Messages of others have no heading.
HEADING = re.compile(r"^### (.*)$", re.M)
GAP = "\0"
# What a program puts into a message where it prints it.
FORMATTED = re.compile(r"\{[^{}\s]*\}|%[a-z]")
EXPANDED = re.compile(r"\$\{[^}]*\}|\$\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)|\$\w+|\$[0-9@*#]")
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.S)
SHORTEST = 12  # letters of a heading's fixed parts, which would otherwise be in many messages


def messages_of_code(code):
    """The string literals of a C++ file, adjacent ones joined, with gaps in place of what is put in."""
    message = ""
    for found in plain_english.CPP_TOKEN.finditer(code):
        if found["literal"] is None:
            continue
        message += re.sub(r'\\(["\\])', r"\1", found["literal"])
        if found["joined"] is None:
            yield FORMATTED.sub(GAP, message)
            message = ""


def messages_of_script(script):
    """The quoted words of each command of a shell script, joined as `say` and `echo` join them."""
    for command in re.sub(r"\\\n\s*", " ", EXPANDED.sub(GAP, script)).split("\n"):
        words = QUOTED.findall(command)
        if words and not command.lstrip().startswith("#"):
            yield " ".join(re.sub(r'\\(["\\$`])', r"\1", word) for word in words)


def messages(root):
    found = set()
    for patterns, messages_of in ((SOURCES, messages_of_code), (SCRIPTS, messages_of_script)):
        for pattern in patterns:
            for path in root.glob(pattern):
                found.update(messages_of(path.read_text(encoding="utf-8")))
    return found


def parts_of(heading):
    return [part.strip() for part in heading.split("…") if part.strip()]


def is_in(parts, message):
    """Whether a message has the parts in this order."""
    at = 0
    for part in parts:
        at = message.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True


def problems(text, known):
    for heading in HEADING.findall(text):
        if not re.fullmatch(r"`[^`]+`", heading):
            yield f"{heading}: a heading is a message in backticks"
            continue
        parts = parts_of(heading.strip("`"))
        if sum(map(len, parts)) < SHORTEST:
            yield f"{heading}: too little of it is fixed"
        elif not any(is_in(parts, message) for message in known):
            yield f"{heading}: no message of the sources has this"


class Project(unittest.TestCase):
    def test_headings_are_messages(self):
        text = (SOURCE / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
        self.assertGreater(len(HEADING.findall(text)), 20)
        self.assertEqual(list(problems(text, messages(SOURCE))), [])

    def test_headings_have_an_answer(self):
        text = (SOURCE / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
        headings = HEADING.findall(text)
        self.assertEqual(len(set(headings)), len(headings))
        for answer in re.split(r"^### .*$", text, flags=re.M)[1:]:
            self.assertGreater(len(answer.split("\n## ")[0].split()), 15, answer)


class Planted(unittest.TestCase):
    CODE = '''// "Of a comment: not a message"
throw UsageError(fmt::format("'{}' was begun with \\"other\\" "
                             "options, {:.2f} of them", a), "an explanation");
'''
    SCRIPT = '''# say "Of a comment: not a message"
say "$1, but ${left//x/y} starts made $(a "b") no" \\
    "progress at all."
'''

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        root = pathlib.Path(folder.name)
        for name, text in (("src/app/a.cpp", self.CODE), ("slurm/a.sh", self.SCRIPT)):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        self.known = messages(root)

    def problem(self, heading):
        found = list(problems(f"# A\n### {heading}\n", self.known))
        return found[0].removeprefix(f"{heading}: ") if found else None

    def test_messages_that_are_there(self):
        for heading in ("`'…' was begun with \"other\" options`", "`'…' was … options, … of them`",
                        "`an explanation`", "`…, but … starts made … no progress at all.`"):
            with self.subTest(heading=heading):
                self.assertIsNone(self.problem(heading))

    def test_messages_that_are_not(self):
        absent = "no message of the sources has this"
        for heading, problem in (
                ("`'…' was begun with other options`", absent),
                ("`'…' was begun with … options, … of them.`", absent),
                ("`was begun … an explanation`", absent),  # in two messages
                ("`options, … was begun with`", absent),
                ("`Of a comment: not a message`", absent),
                ("`…, but 3 starts made`", absent),
                ("`'…' was …`", "too little of it is fixed"),
                ("It does not work", "a heading is a message in backticks")):
            with self.subTest(heading=heading):
                self.assertEqual(self.problem(heading), problem)


if __name__ == "__main__":
    unittest.main(verbosity=2)
