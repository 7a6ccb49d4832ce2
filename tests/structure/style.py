"""Runs a style checker over the project's files of a kind.

usage: style.py SOURCE_TREE c++|shell CHECKER [ARGUMENT...]
"""

import pathlib
import subprocess
import sys

import tracked_files


def is_shell(path, root):
    if path.suffix:
        return path.suffix in {".sh", ".pbs", ".lsf", ".flux"}
    with open(root / path, "rb") as file:
        return file.readline().startswith((b"#!/usr/bin/env bash", b"#!/bin/bash", b"#!/bin/sh"))


def main():
    root, kind, checker = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    files = [path for path in tracked_files.tracked(root)
             if (path.suffix in {".cpp", ".hpp"} if kind == "c++" else is_shell(path, root))]
    if not files:
        print(f"no {kind} files found")
        return 1
    print(f"{len(files)} {kind} files")
    return subprocess.run([*checker, *files], cwd=root).returncode


if __name__ == "__main__":
    sys.exit(main())
