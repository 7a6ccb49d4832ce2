"""The bundle for GPUs (scripts/bundle): started from its tar file here, and in a Debian that has nothing else."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from fresh_debian import Root, run, why_not

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = SOURCE / "build" / "cuda"
TORCH = (SOURCE / "build" / "cuda-torch-env" / "torch").resolve()
# libcublas and others, but not libcurl.
OF_CUDA = re.compile(r"lib(cu(?!rl)|nccl|nv[A-Zrs])")
PATIENCE = 120
# A shell that runs tests in its background has them ignore this, and what they start with them.
signal.signal(signal.SIGINT, signal.default_int_handler)


def what_is_missing():
    if not (BUILD / "bin" / "benchmark_trainer").exists():
        return "the preset cuda is not built"
    return "" if shutil.which("patchelf") else "without patchelf (scripts/setup --packages)"


def unpack(folder):
    """The bundle, from its tar file, in `folder`."""
    run(SOURCE / "scripts" / "bundle", folder / "made" / "gpu-bundle")
    packed = folder / "made" / "gpu-bundle.tar.gz"
    assert packed.stat().st_size < 50 << 20
    place = folder / "a place"
    place.mkdir()
    run("tar", "-xf", packed, "-C", place)
    shutil.rmtree(folder / "made")
    return place / "gpu-bundle"


def fake_torch(folder, version="2.11.0", cuda="13.0", abi=1):
    """A package of Python that only looks like torch, and is not to be imported."""
    torch = folder / "torch"
    (torch / "lib").mkdir(parents=True)
    for name in ("libtorch_cpu.so", *(["libtorch_cuda.so"] if cuda else [])):
        (torch / "lib" / name).touch()
    (torch / "__init__.py").write_text("raise SystemExit('imported')\n")
    (torch / "version.py").write_text(
        f"__version__ = '{version}'\ncuda: Optional[str] = {cuda!r}\nhip: Optional[str] = None\n")
    (torch / "share" / "cmake" / "Torch").mkdir(parents=True)
    (torch / "share" / "cmake" / "Torch" / "TorchConfig.cmake").write_text(
        f'set(TORCH_CXX_FLAGS "-D_GLIBCXX_USE_CXX11_ABI={abi}")\n')
    return torch


class BundleTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="hierevo-bundle-", dir="/var/tmp"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.bundle = unpack(cls.folder)
        cls.built = dict(line.split("=", 1) for line in (cls.bundle / "built-for").read_text().splitlines())

    def command(self, *words, **environment):
        scratch = tempfile.mkdtemp(dir=self.folder)
        return subprocess.run([str(word) for word in words], cwd=scratch, stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=PATIENCE,
                              env={**os.environ, "HIEREVO_TORCH": str(TORCH), **environment})

    def refused(self, says, *words, **environment):
        done = self.command(self.bundle / "run", *(words or ["--check"]), **environment)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertIn(says, done.stderr)

    def test_programs_start_alone_and_under_its_mpirun(self):
        done = self.command(self.bundle / "run", "--check")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(str(self.bundle / "mpi"), done.stdout)
        for launcher in ((), ("mpirun", "--oversubscribe", "--bind-to", "none", "-n", 3)):
            done = self.command(self.bundle / "run", *launcher, "hierevo", "search", "--run", "run", "--evaluator",
                                "synthetic", "--population", 5, "--evaluations", 20)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("20 of 20 evaluations", done.stderr)

    def test_a_torch_that_does_not_fit_is_refused(self):
        version = self.built["torch"]
        fits = {"version": version + "+cu130", "cuda": "13.0", "abi": 1}
        for wrong, says in (({"version": "9.9.1"}, f"is 9.9.1, and hierevo was built with {version}). Set"),
                            ({"cuda": None}, "was built without CUDA, and hierevo was built with CUDA"),
                            ({"cuda": "12.8"}, "was built for CUDA 12.8, and hierevo was built with CUDA"),
                            ({"abi": 0}, "has _GLIBCXX_USE_CXX11_ABI=0, and hierevo was built with 1")):
            with self.subTest(**wrong):
                torch = fake_torch(pathlib.Path(tempfile.mkdtemp(dir=self.folder)), **{**fits, **wrong})
                for named in (str(torch), "/usr/bin/python3"):
                    self.refused(f"LibTorch does not fit ('{torch}' {says}", HIEREVO_TORCH=named,
                                 PYTHONPATH=str(torch.parent))

    def test_no_torch(self):
        for named, says in (("/bin/true", "'/bin/true' is not a Python that can import torch"),
                            (str(self.folder / "absent"), "absent' is not a Python that can import torch"),
                            (str(self.folder), f"there is no lib/libtorch_cpu.so in '{self.folder}'")):
            self.refused(says, HIEREVO_TORCH=named)
            self.refused("HIEREVO_TORCH to a Python", "hierevo", "--version", HIEREVO_TORCH=named)

    def test_another_machine_is_refused(self):
        record = self.bundle / "built-for"
        text = record.read_text()
        self.addCleanup(record.write_text, text)
        record.write_text(text.replace(f"glibc={self.built['glibc']}", "glibc=9.9"))
        self.refused("they require glibc 9.9, and this system has")
        record.write_text(text.replace(f"machine={self.built['machine']}", "machine=pdp11"))
        self.refused("they are for pdp11, and this is")

    def test_ctrl_c_leaves_nothing(self):
        scratch = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        process = subprocess.Popen([self.bundle / "check-gpu", "--rehearse", "--only", "machine,resume"], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env={**os.environ, "HIEREVO_TORCH": str(TORCH), "TMPDIR": str(scratch)})
        self.addCleanup(process.kill)
        for line in process.stdout:
            if line.startswith("machine: GPU"):
                break
        while not list(scratch.glob("*/killed/lock")):  # the search has begun
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130, errors)
        self.assertIn("check-gpu: interrupted", errors)
        self.assertEqual(list(scratch.iterdir()), [])
        self.assertEqual([pid for pid in pathlib.Path("/proc").glob("[0-9]*")
                          if str(self.bundle) in self.program_of(pid)], [])

    @staticmethod
    def program_of(pid):
        try:
            return os.readlink(pid / "exe")
        except OSError:
            return ""

    def test_in_a_fresh_debian(self):
        reason = why_not("mmdebstrap")
        if reason:
            self.skipTest(reason)
        root = Root(self.folder, "python3")
        shutil.copytree(self.bundle, root.path / "srv" / "gpu-bundle", symlinks=True)
        root.bind(TORCH, "/opt/packages/torch")
        told = root.command("/srv/gpu-bundle/run hierevo --version", code=2)
        self.assertIn("'python3' is not a Python that can import torch", told)
        torch = {"PYTHONPATH": "/opt/packages"}
        told = root.command("/srv/gpu-bundle/run hierevo --version", code=2, **torch)
        self.assertIn("not found: libcu", told)
        self.assertIn("Load the module of CUDA", told)
        self.with_cuda(root, {**torch, "LD_LIBRARY_PATH": "/opt/cuda"})

    def with_cuda(self, root, environment):
        """Everything runs; here from a folder that cannot be written, as from another user's."""
        for line in run("ldd", BUILD / "bin" / "hierevo-train").splitlines():
            name, _, path = line.strip().partition(" => ")
            if OF_CUDA.match(name):
                root.bind(pathlib.Path(path.split(" (")[0]), f"/opt/cuda/{name}")
        modules = list(SOURCE.glob("build/python-env/lib/python3*/site-packages/typing_extensions.py"))
        if modules:  # which torch imports
            root.bind(modules[0], "/opt/packages/typing_extensions.py")
        root.command("chmod -R a-w /srv/gpu-bundle")
        root.command("/srv/gpu-bundle/check-gpu --json /tmp/plain.json", **environment)
        lines = self.lines_in(root.path / "tmp" / "plain.json")
        for name in ("machine: programs", "resume", "ranks: mpirun, 2 ranks on the CPU"):
            self.assertEqual(lines.pop(name), "passed", name)
        self.assertIn(lines.pop("export"), {"passed", "not possible here"})
        self.assertEqual(set(lines.values()), {"not possible here"})
        root.command("/srv/gpu-bundle/check-gpu --rehearse --only speed,evaluators,imagenet --json /tmp/all.json",
                     **environment)
        self.assertEqual(set(self.lines_in(root.path / "tmp" / "all.json").values()), {"passed"})
        self.without_a_library(root, environment)

    def without_a_library(self, root, environment):
        """It is named, by the first check too; the others do not repeat it."""
        root.command("rm /srv/gpu-bundle/lib/libhdf5*")
        says = "these shared libraries are not found: libhdf5"
        self.assertIn(says, root.command("/srv/gpu-bundle/run hierevo --version", code=2, **environment))
        told = root.command("/srv/gpu-bundle/check-gpu", code=1, **environment)
        self.assertEqual(told.count("FAILED"), 1)
        self.assertRegex(told, rf"machine +FAILED +run: The programs cannot be started \({says}")

    def lines_in(self, file):
        results = json.loads(file.read_text())
        self.assertEqual(results["failed"], 0)
        return {line["name"]: line["state"] for line in results["checks"]}


if __name__ == "__main__":
    if what_is_missing():
        print(f"Skipped: {what_is_missing()}.")
        sys.exit(77)
    unittest.main(verbosity=2)
