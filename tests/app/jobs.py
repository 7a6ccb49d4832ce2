"""Searches and trainings of several processes that tests follow, signal and kill."""
import collections
import os
import pathlib
import signal
import subprocess
import uuid

from programs import DEADLINE, HIEREVO, ProgramTest


Process = collections.namedtuple("Process", "parent environment words")


class Job:
    """A program and all that it starts, told from others by a mark in the environment."""

    def __init__(self, command, folder):
        self.mark = f"HIEREVO_TEST_JOB={uuid.uuid4()}"
        name, value = self.mark.split("=")
        self.log = folder / f"{value}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder,
                                            env={**os.environ, name: value},
                                            start_new_session=True)

    def text(self):
        return self.log.read_text(errors="replace")

    def processes(self):
        """Those that live, by their ids."""
        found = {}
        for folder in pathlib.Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                environment = (folder / "environ").read_bytes().decode(errors="replace").split("\0")
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
                state, parent = (folder / "stat").read_text().rsplit(")", 1)[1].split()[:2]
            except OSError:
                continue
            if self.mark in environment and state not in "ZX":
                found[int(folder.name)] = Process(int(parent), environment, words)
        return found

    def ranks(self):
        """Ids of the ranks, by their numbers."""
        processes = self.processes()
        working = {pid for pid, process in processes.items()
                   if process.words[1:2] in (["search"], ["train"])}
        found = {}
        for pid in working:
            # What starts a search's evaluators is a child of the same name.
            if processes[pid].parent in working:
                continue
            for variable in processes[pid].environment:
                if variable.startswith(("OMPI_COMM_WORLD_RANK=", "PMI_RANK=")):  # Open MPI, MPICH
                    found[int(variable.split("=")[1])] = pid
        return found

    def rank(self, number):
        return self.ranks()[number]

    def evaluators(self):
        processes = self.processes()
        found = {pid for pid, process in processes.items() if process.words[1:2] == ["evaluator"]}
        # What starts an evaluator's program is a child of the same name.
        return [pid for pid in found if processes[pid].parent not in found]

    def end(self):
        """Kills all that is left."""
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()


class JobTest(ProgramTest):
    def start_job(self, *command):
        job = Job([*map(str, command)], self.folder)
        self.addCleanup(job.end)
        return job

    def start(self, *arguments, launcher=(), program=HIEREVO):
        return self.start_job(*launcher, program, "search", "--run", self.run_dir, *arguments)

    def evaluated_by(self, does):
        """Options of a search by a program that does this, in the shell, before it has its fitness."""
        program = self.folder / "program"
        program.write_text(f"""#!/bin/sh\n{does}\necho '{{"fitness": 0.5}}'\n""")
        program.chmod(0o700)
        return "--evaluator", "command", "--command", program

    def done(self):
        if not (self.run_dir / "search.h5").exists():
            return 0
        return self.status()["evaluations"]["done"]

    def runs(self):
        """Whether all its ranks are through MPI_Init. If one is killed within it, mpirun may wait for
        ever: 4.1's stops at a lock of its own, and -enable-recovery lets the others wait there."""
        return (self.run_dir / "search.h5").exists() and self.status()["state"] == "running"

    def wait_until_done(self, evaluations, job):
        self.assertTrue(self.wait_until(lambda: self.done() >= evaluations, job.process),
                        job.text())

    def wait_for_text(self, text, job):
        self.assertTrue(self.wait_until(lambda: text in job.text(), job.process), job.text())

    def wait_for_end(self, job):
        """The exit code; nothing of the job is left behind then."""
        code = job.process.wait(timeout=DEADLINE)
        self.wait_until(lambda: not job.processes())
        return code
