"""The packages are made, and installed, used and removed in a root folder with a fresh Debian.

The tar file is tried before the packages of MPI and LibTorch are there, and afterwards.
"""
import os
import pathlib
import shutil
import sys
import tempfile
import unittest

from fresh_debian import Root, run, why_not

BUILD = pathlib.Path(os.environ["HIEREVO_BUILD"])
CPACK = os.environ["HIEREVO_CPACK"]
CONSUMER = pathlib.Path(os.environ["HIEREVO_CONSUMER"])
FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")


class Packages(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hierevo-packages-", dir="/var/tmp"))
        self.addCleanup(shutil.rmtree, self.folder)

    def pack(self, generator):
        """The files that cpack makes."""
        made = self.folder / generator
        run(CPACK, "-G", generator, "-B", made, cwd=BUILD)
        return [file for file in made.iterdir() if file.is_file()]

    def test_in_a_fresh_debian(self):
        tar = self.pack("TGZ")
        self.assertEqual(len(tar), 1)
        packages = {file.name.split("_")[0]: file for file in self.pack("DEB")}
        self.assertLessEqual({"hierevo", "libhierevo-dev"}, set(packages))
        root = Root(self.folder)
        for file in packages.values():
            shutil.copy(file, root.path / "tmp")
        shutil.copytree(FASHION, root.path / "tmp" / "data")
        shutil.copytree(CONSUMER, root.path / "tmp" / "consumer")
        place = root.path / "srv" / "a folder"
        place.mkdir()
        run("tar", "-xf", tar[0], "-C", place)
        self.without_anything_else(root)
        root.command("apt-get update")
        before_all = root.files()
        root.install(*(f"/tmp/{file.name}" for file in packages.values()), "g++", "ninja-build", "openmpi-bin")
        self.the_programs(root, "hierevo")
        torch, *_ = root.path.glob("usr/lib/*/libtorch_cpu.so*")
        self.the_programs(root, "'/srv/a folder/'*/bin/hierevo",
                          HIEREVO_TORCH=f"/{torch.parent.relative_to(root.path)}")
        self.the_development_files(root)
        self.assertIn(".TH HIEREVO-SEARCH 1",
                      (root.path / "usr/share/man/man1/hierevo-search.1").read_text())
        if "hierevo-slurm-plugin" in packages:
            line = (root.path / "usr/share/hierevo/plugstack.conf").read_text().splitlines()[-1]
            plugin = line.split()[1]
            self.assertTrue((root.path / plugin.lstrip("/")).exists(), line)
        root.command("dpkg --purge " + " ".join(packages))
        left = [name for name in root.files() - before_all if "hierevo" in name]
        self.assertEqual(left, [])

    def without_anything_else(self, root):
        """The tar file brings all libraries but those of a cluster, and says which are missing."""
        hierevo = "'/srv/a folder/'*/bin/hierevo"
        root.command(f"{hierevo} sample --count 1 >/tmp/cell.json")
        self.assertIn("<svg", root.command(f"{hierevo} export --genotype /tmp/cell.json --format svg --out /tmp/c.svg"
                                           " && cat /tmp/c.svg"))
        told = root.command(f"{hierevo} search --run /tmp/run --evaluator synthetic", code=2)
        self.assertIn("not found: libmpi", told)
        self.assertIn("Load the MPI that hierevo was built with", told)
        told = root.command(f"{hierevo} train --run /tmp/run", code=2)
        self.assertIn("libtorch_cpu", told)
        self.assertIn("Set HIEREVO_TORCH to the folder of LibTorch", told)

    def the_programs(self, root, hierevo, **environment):
        root.command("rm -rf /tmp/run")
        root.command(f"{hierevo} search --run /tmp/run --data-dir /tmp/data --population 2 --evaluations 2 "
                     "--repeats 1 --channels 2 --steps 2 --batch 8 --workers 1", **environment)
        self.assertIn("finished", root.command(f"{hierevo} status --run /tmp/run", **environment))
        root.command(f"{hierevo} report --run /tmp/run", **environment)
        self.assertIn("<svg", (root.path / "tmp/run/report/index.html").read_text())

    def the_development_files(self, root):
        other = root.path / "tmp" / "other"
        other.mkdir()
        (other / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.25)\nproject(other LANGUAGES CXX)\n"
            "find_package(hierevo REQUIRED COMPONENTS exchange report nn)\nadd_executable(other main.cpp)\n"
            "target_link_libraries(other PRIVATE hierevo::exchange hierevo::report hierevo::nn)\n")
        (other / "main.cpp").write_text(
            "#include <hierevo/exchange/onnx.hpp>\n#include <hierevo/report/graphviz.hpp>\n"
            "int main() { return hierevo::exchange::can_write_onnx() && hierevo::report::can_draw_graphs() ? 0 : 1; }\n")
        root.command("cmake -S /tmp/other -B /tmp/other-build -G Ninja && cmake --build /tmp/other-build && "
                     "/tmp/other-build/other")
        root.command("cmake -S /tmp/consumer -B /tmp/build -G Ninja && cmake --build /tmp/build && "
                     "mpirun --allow-run-as-root --oversubscribe -n 3 /tmp/build/consumer /tmp/embedded")


if __name__ == "__main__":
    reason = why_not("mmdebstrap", "patchelf", "dpkg-shlibdeps")
    if reason:
        print(f"Skipped: {reason}.")
        sys.exit(77)
    result = unittest.main(verbosity=2, exit=False).result
    sys.exit(77 if result.skipped else 0 if result.wasSuccessful() else 1)
