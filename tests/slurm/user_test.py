"""A new user without root, with hierevo installed, follows docs/schedulers.md."""
import json
import os
import pwd
import re
import shutil
import subprocess
import unittest

from programs import BIN, DEADLINE, SOURCE
from slurm_jobs import NETWORK, SlurmTest
from small_data import DATA

USER = "games"  # exists on every Debian; has no rights at all


def user_is_there():
    try:
        return pwd.getpwnam(USER).pw_uid > 0
    except KeyError:
        return False


def example(script):
    """The words of the document's first command that submits a script."""
    document = (SOURCE / "docs" / "schedulers.md").read_text()
    return re.search(rf"^sbatch [^\n]*{script}.*?$", document.replace("\\\n", ""), re.M)[0].split()


@unittest.skipUnless(user_is_there(), f"no user {USER}")
class User(SlurmTest):
    def setUp(self):
        super().setUp()
        user = pwd.getpwnam(USER)
        self.prefix = self.folder / "prefix"
        subprocess.run(["cmake", "--install", BIN.parent, "--prefix", self.prefix], check=True,
                       stdout=subprocess.DEVNULL, timeout=DEADLINE)
        self.home = self.folder / "home"
        settings = self.home / ".config" / "hierevo"
        settings.mkdir(parents=True)
        shutil.copy(self.prefix / "share" / "hierevo" / "slurm" / "site.sh.example",
                    settings / "site.sh")
        with open(settings / "site.sh", "a") as site:
            site.write(NETWORK)
        for path in [self.home, *self.home.rglob("*")]:
            os.chown(path, user.pw_uid, user.pw_gid)
        self.as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}",
                        "--clear-groups", "--no-new-privs", "env", f"HOME={self.home}",
                        f"USER={USER}", f"LOGNAME={USER}"]

    def submit_example(self, script, *replaced):
        """The document's command with other words, on the existing nodes."""
        line = example(script)
        line[line.index(f"slurm/{script}")] = self.prefix / "share/hierevo/slurm" / script
        for word, other in replaced:
            line[line.index(word)] = other
        result = self.cluster.run(*self.as_user, *line, cwd=self.home, env={"PATH": "/usr/bin:/bin"})
        self.assertEqual(result.returncode, 0, result.stderr)
        job = result.stdout.split()[-1]
        self.jobs.append(job)
        return job

    def assert_succeeds(self, job):
        self.assertEqual(self.wait_for_end(job), ("COMPLETED", "0:0"), "".join(
            path.read_text() for path in self.home.glob("slurm-*.out")))

    def test_the_lines_of_the_document(self):
        (self.home / "my.ini").write_text("evaluator=synthetic\npopulation=4\nevaluations=20\n")
        search = self.submit_example("search.sh", ("4", "2"), ("--ntasks-per-node=8",
                                                               "--ntasks-per-node=2"))
        self.assert_succeeds(search)
        self.run_dir = self.home / "my"
        self.assert_finished(20)
        self.assertEqual((self.run_dir / "search.h5").owner(), USER)
        if not DATA.exists():
            return
        (self.home / "final.ini").write_text(
            "dataset=fashion-mnist\nmodel=cifar-small\nchannels=4\ncells=1\nbatch=8\ncrop=12\n"
            "train-size=100\nsteps=5\n")
        training = self.submit_example(
            "train.sh", ("--array=1-5", "--array=1-2"), ("protocols/cifar10-final.ini", "final.ini"),
            ("cifar-10-batches-bin", self.cluster.data))
        for task in (1, 2):
            self.assert_succeeds(f"{training}_{task}")
        result = json.loads((self.home / "my-final" / "result.json").read_text())
        self.assertEqual(len(result["repeats"]), 2)
