# For Spack 1.0 and later. The sources are the branch main of the git checkout that this file lies in.
import pathlib

from spack_repo.builtin.build_systems.cmake import CMakePackage, generator

from spack.package import *


class Hierevo(CMakePackage):
    """Architecture search by asynchronous evolution over hierarchical genotypes, for HPC clusters."""

    git = pathlib.Path(__file__).resolve().parents[5].as_uri()

    license("BSD-3-Clause")

    version("main", branch="main")

    variant("mpi", default=True, description="Searches and trainings on several processes")
    variant("torch", default=True, description="Networks and their training")
    variant("cuda", default=False, description="Training on GPUs", when="+torch")
    variant("graphviz", default=True, description="Drawings of cells in reports")
    variant("slurm", default=False, description="The SPANK plugin")
    variant("shared", default=False, description="Shared libraries for programs that embed hierevo")

    generator("ninja")
    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("fmt@8:")
    depends_on("nlohmann-json")
    depends_on("boost@1.74:+program_options")
    depends_on("hdf5@1.10.7:~mpi")
    depends_on("zlib-api")
    depends_on("libjpeg-turbo@2:")
    depends_on("mpi", when="+mpi")
    depends_on("py-torch@1.13:~cuda", when="+torch~cuda")
    depends_on("py-torch@1.13:+cuda+nccl", when="+cuda")
    depends_on("cuda", when="+cuda")
    depends_on("nccl", when="+cuda")
    depends_on("cudnn", when="+cuda")
    depends_on("graphviz@2.42:", when="+graphviz")
    depends_on("slurm@20.11:", when="+slurm")

    conflicts("%gcc@:10", msg="hierevo requires GCC 11 or later")

    def cmake_args(self):
        return [
            self.define_from_variant("HIEREVO_WITH_MPI", "mpi"),
            self.define_from_variant("HIEREVO_WITH_TORCH", "torch"),
            self.define_from_variant("HIEREVO_WITH_CUDA", "cuda"),
            self.define_from_variant("HIEREVO_WITH_GRAPHVIZ", "graphviz"),
            self.define_from_variant("HIEREVO_WITH_SLURM", "slurm"),
            self.define("HIEREVO_WITH_ONNX", False),
            self.define_from_variant("BUILD_SHARED_LIBS", "shared"),
            self.define("HIEREVO_BUILD_TESTS", False),
            self.define("HIEREVO_BUILD_BENCHMARKS", False),
        ]
