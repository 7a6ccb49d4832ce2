"""docs/tutorial.md, whose commands are executed in order, as they stand there, in one scratch folder.

Tests derive from Tutorial and say how a command is run and what happens where Slurm is needed.
"""
import os
import re
import shlex
import shutil
import signal
import stat
import subprocess

from data_sets import WRITE_JPEG
from programs import BIN, DEADLINE, MPIRUN, SOURCE

TUTORIAL = (SOURCE / "docs" / "tutorial.md").read_text()
# What makes it small. Of its INI files:
OPTIONS = {"population": 4, "evaluations": 40, "validation-size": 6, "channels": 4, "cells": 1, "steps": 60,
           "batch": 8, "warmup": 2, "crop": 32}
# Of its commands; the test clusters have two nodes.
WORDS = {"-N 4 --ntasks-per-node=8": "-N 2 --ntasks-per-node=2",
         "--array=1-3 -N 2 --ntasks-per-node=4 --cpus-per-task=8": "--array=1-2 -N 2 --ntasks-per-node=1",
         "--threads 8": "--threads 1"}
PYTHONS = {"torch": os.environ.get("HIEREVO_TORCH_PYTHON", ""),
           "onnxruntime": os.environ.get("HIEREVO_ONNX_PYTHON", "")}
SLURM = ("sbatch", "squeue", "scancel")


class Block:
    """Commands or lines of Python, and the output that is shown after them."""

    def __init__(self, language, text):
        self.language = language
        self.text = text
        self.shown = []
        self.printed = None  # if it is run
        words = {line.split()[0] for line in text.replace("\\\n", "").splitlines() if line}
        self.is_slurms = bool(words & set(SLURM))
        assert not self.is_slurms or words <= set(SLURM), f"Slurm's commands have a block of their own:\n{text}"
        self.watches = "--watch" in text
        self.searches = "hierevo search" in text and " --run " in text and "--dry-run" not in text


def small(text):
    """The tutorial with the values above, each of which occurs in it."""
    for name, value in OPTIONS.items():
        text, count = re.subn(rf"^{name}=\S+$", f"{name}={value}", text, flags=re.M)
        assert count, f"the tutorial has no option {name}"
    for words, others in WORDS.items():
        assert words in text, f"the tutorial has no '{words}'"
        text = text.replace(words, others)
    return text


def blocks_of(text):
    blocks = []
    for language, content in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S):
        if language:
            blocks.append(Block(language, content))
        elif blocks:
            blocks[-1].shown += content.splitlines()
    return blocks


def commands_with_files(text):
    """Those that take options from the tutorial's INI files, as words for hierevo."""
    for line in text.replace("\\\n", "").splitlines():
        found = re.search(r"(?:^|\s)hierevo (\w+ .*--config .*)", line)
        if found:
            yield shlex.split(found[1])
        found = re.search(r"^sbatch .*/slurm/(\w+)\.sh (\S+\.ini.*)", line)
        if found:
            yield [found[1], "--config", *shlex.split(found[2])]


class Tutorial:
    """For a ProgramTest: runs all blocks, those of Slurm with `on_slurm`."""

    def set_up(self):
        """The home and the folder of a reader."""
        self.home = self.folder / "home"
        self.here = self.folder / "images"
        self.run_dir = self.here / "search"
        programs = self.home / "hierevo"
        (programs / "build" / "release").mkdir(parents=True)
        (programs / "build" / "release" / "bin").symlink_to(BIN)
        for name in ("slurm", "protocols"):
            shutil.copytree(SOURCE / name, programs / name)
        # The tests' mpirun, which allows more ranks than cores.
        mpirun = self.folder / "mpirun"
        mpirun.write_text(f'#!/bin/sh\nexec {shlex.join(MPIRUN[:-1])} "$@"\n')
        mpirun.chmod(mpirun.stat().st_mode | stat.S_IXUSR)
        for label in ("cat", "dog", "eel"):
            for number in range(13):
                self.image(f"train/{label}/{number}.jpg" if number < 10 else f"test/{label}/{number}.jpg")
        self.environment = {**os.environ, "HOME": str(self.home), "PATH": f"{self.folder}:{os.environ['PATH']}"}
        self.exports = ""
        self.left_out = []

    def image(self, name):
        path = self.here / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([WRITE_JPEG, path, "72", "96", str(sum(name.encode()))], check=True)

    def go_through(self, text):
        """Every block of the tutorial; then the shown output is compared with what was printed."""
        blocks = blocks_of(small(text))
        for block, following in zip(blocks, [*blocks[1:], None]):
            if block.language == "python":
                self.run_python(block)
            elif block.language != "sh":
                self.fail(f"nothing runs a block of {block.language}")
            elif block.is_slurms:
                self.on_slurm(block)
            elif block.watches:
                self.watch(block)
            elif block.searches and following.watches:
                self.search_and_stop(block, following)
            elif block.printed is None:
                self.run_block(block)
        for before, block in zip(blocks, blocks[1:]):
            # What a job does is seen only where there is one.
            if block.printed is not None and not (before.is_slurms and before.printed is None):
                self.compare(block, (before.printed or "") + block.printed)

    def in_shell(self, block):
        return ["bash", "-euo", "pipefail", "-c", self.exports + block.text]

    def check_real_size(self, text):
        """The options that are made small are accepted as they stand in the tutorial, too."""
        files = re.findall(r"^cat >(\S+\.ini) <<'END'\n(.*?)^END$", text, re.M | re.S)
        for name, content in files:
            (self.folder / name).write_text(content)
        commands = list(commands_with_files(text))
        self.assertEqual({name for name, _ in files}, {words[words.index("--config") + 1] for words in commands})
        for words in commands:
            self.hierevo(*words, "--dump-config")

    def run_block(self, block, launcher=()):
        result = subprocess.run([*launcher, *self.in_shell(block)], capture_output=True, text=True,
                                timeout=DEADLINE, cwd=self.here, env=self.environment)
        printed = result.stdout + result.stderr
        if "it was built without " in printed:  # ONNX or Graphviz
            self.left_out.append(printed.strip().splitlines()[-1])
        else:
            self.assertEqual(result.returncode, 0, f"{block.text}{printed}")
        # Later blocks are of the same shell.
        self.exports += "".join(f"{line}\n" for line in block.text.splitlines() if line.startswith("export "))
        block.printed = printed

    def run_python(self, block):
        module = "onnxruntime" if "import onnxruntime" in block.text else "torch"
        python = shutil.which(PYTHONS[module]) or "false"
        if subprocess.run([python, "-c", f"import {module}"], stderr=subprocess.DEVNULL).returncode:
            self.left_out.append(f"no Python with {module}")
            return
        result = subprocess.run([python, "-c", block.text], capture_output=True, text=True, timeout=DEADLINE,
                                cwd=self.here, env=self.environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        block.printed = result.stdout

    def start(self, block):
        process = subprocess.Popen(self.in_shell(block), stdout=subprocess.PIPE, text=True,
                                   stderr=subprocess.STDOUT, cwd=self.here, env=self.environment,
                                   start_new_session=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        return process

    def press_control_c(self, process):
        """The exit code, and what it printed since."""
        os.killpg(process.pid, signal.SIGINT)
        os.killpg(process.pid, signal.SIGCONT)
        printed = process.stdout.read()
        return process.wait(timeout=DEADLINE), printed

    def watch(self, block):
        """Until there is a whole screen."""
        process = self.start(block)
        block.printed = ""
        while "problems" not in block.printed and "repeat 1" not in block.printed:
            line = process.stdout.readline()
            self.assertTrue(line, f"{block.text}{block.printed}")
            block.printed += line
        code, printed = self.press_control_c(process)
        self.assertEqual(code, 0, printed)
        block.printed += printed

    def search_and_stop(self, block, watching):
        """With a look at it in another terminal, while it waits; then the same command resumes it."""
        process = self.start(block)
        self.assertTrue(self.wait_until(lambda: self.done() >= 1, process))
        os.killpg(process.pid, signal.SIGSTOP)
        self.watch(watching)
        code, printed = self.press_control_c(process)
        self.assertEqual(code, 75, printed)
        self.assertEqual(self.status()["state"], "saved")
        done = self.done()
        self.run_block(block)
        self.assertIn(f"Resuming after {done} of ", block.printed)
        block.printed += printed

    def done(self):
        return self.status()["evaluations"]["done"] if (self.run_dir / "search.h5").exists() else 0

    def compare(self, block, printed):
        """The fixed words that shown lines begin with."""
        for line in block.shown:
            words = re.findall(r"[a-z_]{4,}", line, re.I)
            if words:
                self.assertIn(words[0], printed, f"shown after\n{block.text}")
