"""scripts/setup with stand-ins for what it calls: what comes from PyPI is pinned, and MPICH beside Open MPI changes
nothing for others."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
REQUIREMENTS = SOURCE / "scripts" / "requirements"
# What is there on a machine where nothing is missing but the packages of the file `lacking`.
STANDINS = {
    "python3": """[ "$1 $2" = "-m venv" ] || exit 0
mkdir -p "$3/bin" "$3/lib/python3/site-packages/torch/lib"
touch "$3/lib/python3/site-packages/torch/lib/libtorch_cuda.so"
printf '#!/bin/sh\\necho "$@" >>"%s/pip"\\n' "$HERE" >"$3/bin/python"
printf '#!/bin/sh\\necho "FT MPI support: yes"\\n' >"$3/bin/ompi_info"
chmod +x "$3"/bin/*""",
    "nvcc": 'echo "Cuda compilation tools, release 13.0, V13.0.88"',
    "cmake": 'echo "cmake version 3.30.0"',
    "dpkg-query": """shift 2
for package; do
  grep -qx "$package" "$HERE/lacking" || echo "installed $package"
done""",
    "apt-cache": 'echo "$2"',
    "apt-get": """echo "$@" >>"$HERE/apt"
case "$*" in *install*) cp "$HERE/chosen-by-apt" "$HERE/chosen"; : >"$HERE/lacking";; esac""",
    "update-alternatives": """case $1 in
  --get-selections) cat "$HERE/chosen";;
  --set) sed -i "s|^\\\\($2 .* \\\\)[^ ]*$|\\\\1$3|" "$HERE/chosen";;
esac""",
    "sudo": """[ "$1 $2" = "-n true" ] || exec "$@" """,
}
OPEN_MPI = """mpi                            auto     /usr/bin/mpicc.openmpi
mpi-x86_64-linux-gnu           auto     /usr/lib/x86_64-linux-gnu/openmpi/include
mpirun                         auto     /usr/bin/mpirun.openmpi
"""


class Setup(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        shutil.copytree(SOURCE / "scripts", self.root / "scripts")
        (self.root / "bin").mkdir()
        for name, text in STANDINS.items():
            self.write(f"bin/{name}", f"#!/bin/sh\n{text}\n").chmod(0o700)
        self.write("lacking", "")
        for name in ("libnccl.so.2", "libcudnn.so.9"):
            self.write(f"lib64/{name}", "")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def setup(self, *arguments):
        environment = {**os.environ, "HERE": str(self.root),
                       "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}"}
        for name in ("CUDACXX", "NCCL_HOME"):
            environment.pop(name, None)
        done = subprocess.run([self.root / "scripts" / "setup", *arguments], env=environment, text=True,
                              capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_pip_gets_only_what_has_the_known_hash(self):
        for option, name in (("--private-torch", "private-torch"), ("--ulfm", "ulfm"),
                             ("--cuda-torch", "cuda-torch")):
            with self.subTest(option=option):
                (self.root / "pip").unlink(missing_ok=True)
                self.setup(option)
                calls = [line for line in (self.root / "pip").read_text().splitlines()
                         if line.startswith("-m pip install")]
                self.assertEqual(len(calls), 1)
                self.assertIn("--require-hashes", calls[0].split())
                self.assertIn("--only-binary :all:", calls[0])
                file = self.root / "scripts" / "requirements" / f"{name}.txt"
                self.assertIn(f"--requirement {file}", calls[0])
                self.assertNotRegex(calls[0], "[=<>]=")

    def test_mpich_leaves_mpicc_and_mpirun_as_they_were(self):
        self.write("chosen", OPEN_MPI)
        self.write("lacking", "mpich\nlibmpich-dev\n")
        self.write("chosen-by-apt", OPEN_MPI.replace("openmpi", "mpich"))
        self.setup("--mpich")
        self.assertRegex((self.root / "apt").read_text(), "(?m)install .* mpich libmpich-dev$")
        self.assertEqual((self.root / "chosen").read_text(), OPEN_MPI)


    def test_slurm_is_installed_by_root_unless_it_is_not_wanted(self):
        self.write("scripts/setup", '#!/bin/sh\necho "with:$*" >>"$HERE/setups"\nexit 1\n')
        for arguments in ((), ("--no-slurm",), ("--no-slurm", "--long")):
            subprocess.run([self.root / "scripts" / "test", *arguments], timeout=60,
                           env={**os.environ, "HERE": str(self.root)}, stdin=subprocess.DEVNULL)
        first = "with:--slurm" if os.geteuid() == 0 else "with:"
        self.assertEqual((self.root / "setups").read_text().splitlines(), [first, "with:", "with:"])


class Requirements(unittest.TestCase):
    def test_every_version_is_exact_and_has_hashes(self):
        names = [path.stem for path in REQUIREMENTS.glob("*.in")]
        self.assertEqual(sorted(names), ["cuda-torch", "onnx", "private-torch", "python", "ulfm"])
        for name in names:
            text = (REQUIREMENTS / f"{name}.txt").read_text()
            text = re.sub(r"(?m)^#.*\n", "", text).replace("\\\n", "")
            pinned = set()
            for line in text.splitlines():
                found = re.fullmatch(r"([\w.-]+)==[\w.]+( ;.*?)?((?:\s+--hash=sha256:[0-9a-f]{64})+)", line)
                self.assertTrue(found, line[:100])
                pinned.add(found[1])
            wanted = re.findall(r"(?m)^[\w-]+", (REQUIREMENTS / f"{name}.in").read_text())
            self.assertLessEqual(set(wanted), pinned)


if __name__ == "__main__":
    unittest.main(verbosity=2)
