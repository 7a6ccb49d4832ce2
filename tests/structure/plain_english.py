"""Checks that documents, scripts and programs say things as CONTRIBUTING.md's glossary does.

usage: plain_english.py SOURCE_TREE
"""

import fnmatch
import re
import sys

import tracked_files

# Files whose whole text is checked; * matches slashes too.
TEXTS = ("*.md", "scripts/*", "slurm/*", "protocols/*", "cmake/*", "CMakePresets.json")
# Files whose string literals are checked.
LITERALS = ("src/*.cpp", "include/*.hpp", "io/*.cpp")

# Phrases as regular expressions, with what to write instead. A space matches any break between words.
PHRASES = {
    r"g(?:o|oes|oing|one) on with": "resume",
    r"(?:take|takes|taken) for lost": "considered lost",
    r"(?:by|give|run|with) the same line|the same line (?:again|goes|resumes)": "the same command",
    r"those of one start": "per-run options",
    r"MPI's end": "MPI_Finalize",
    r"in series": "consecutive",
    r"(?:try|tried) (?:it )?once more": "retried",
    r"under way": "in flight",
    r"heard of again": "reports again",
    r"bears? (?:a |the )?failures?": "tolerates",
    r"wants(?! to )": "requires",
    r"tells? of": "reports",
    r"for want of": "for lack of",
}
# Between two words there may be a line break, with the mark of a comment. After a * it is an example.
BREAK = r"\s+(?:(?:#|//+)\s+)?"
BANNED = [(re.compile(rf"(?<![\w*-])(?:{phrase.replace(' ', BREAK)})(?![\w-])", re.IGNORECASE), instead)
          for phrase, instead in PHRASES.items()]

CPP_TOKEN = re.compile(r"""
    //[^\n]* | /\*.*?\*/ | '(?:[^'\\\n]|\\.[^'\n]*)'
    | "(?P<literal>(?:[^"\\\n]|\\.)*)"(?P<joined>\s*(?="))?""", re.DOTALL | re.VERBOSE)


def literals_of(code):
    """The text of a C++ file's string literals, each in its line; adjacent ones are joined."""
    text, end = "", 0
    for found in CPP_TOKEN.finditer(code):
        text += "\n" * code.count("\n", end, found.start())
        if found["literal"] is None:
            text += "\n" * found[0].count("\n")
        else:
            text += found["literal"] + (found["joined"] or "\0")
        end = found.end()
    return text


def matches(path, patterns):
    return any(fnmatch.fnmatch(path.as_posix(), pattern) for pattern in patterns)


def problems_in(path, text):
    for pattern, instead in BANNED:
        for found in pattern.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            yield f"{path}:{line}: '{' '.join(found[0].split())}': write '{instead}'"


def check(root):
    """All problems of a tree, and the number of files that were looked at."""
    files = [path for path in tracked_files.tracked(root) if matches(path, TEXTS + LITERALS)]
    problems = []
    for path in files:
        text = (root / path).read_text(encoding="utf-8")
        problems += problems_in(path, text if matches(path, TEXTS) else literals_of(text))
    return problems, len(files)


if __name__ == "__main__":
    sys.exit(tracked_files.run(check))
