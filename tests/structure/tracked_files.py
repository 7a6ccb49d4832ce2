"""Checks every file of the project for what must not stay: paths of somebody's machine, marks of
unfinished work, conflict marks.

usage: tracked_files.py SOURCE_TREE

In a git checkout the files are the tracked ones, elsewhere all outside build/.
"""

import pathlib
import re
import subprocess
import sys

# Pieces are joined here so that this file does not find itself.
RULES = {
    "a path of somebody's machine":
        re.compile(r"(?<![\w.${}/])/(?:wo" + r"rk|ro" + r"ot|ho" + r"me)/\w"),
    "a mark of unfinished work": re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b"),
    "a conflict mark": re.compile("^(?:<{7}|>{7}) "),
}


def tracked(root):
    """The files to check, relative to the tree."""
    listed = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], capture_output=True)
    names = [name for name in listed.stdout.decode().split("\0") if name]
    if listed.returncode == 0 and names:
        return [pathlib.Path(name) for name in names if (root / name).is_file()]
    return [path.relative_to(root) for path in sorted(root.rglob("*"))
            if path.is_file() and path.relative_to(root).parts[0] not in ("build", ".git")]


def problems_in(path, text):
    for number, line in enumerate(text.split("\n"), 1):
        for problem, pattern in RULES.items():
            if pattern.search(line):
                yield f"{path}:{number}: {problem}"


def check(root):
    """All problems of a tree, and the number of text files that were looked at."""
    problems = []
    looked_at = 0
    for path in tracked(root):
        data = (root / path).read_bytes()
        if b"\0" in data[:8192]:
            continue
        looked_at += 1
        problems += problems_in(path, data.decode("utf-8", errors="replace"))
    return problems, looked_at


def run(check):
    """Prints what the check finds in the tree of the command line, and gives the exit code."""
    problems, looked_at = check(pathlib.Path(sys.argv[1]))
    for problem in problems:
        print(problem)
    print(f"{looked_at} files, {len(problems)} problems")
    return 1 if problems or looked_at == 0 else 0


if __name__ == "__main__":
    sys.exit(run(check))
