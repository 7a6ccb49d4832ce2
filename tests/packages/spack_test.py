"""The Spack recipe, as far as it can be checked without Spack: what it passes to CMake exists there, and all of
CMake's own options are decided."""
import ast
import pathlib
import re
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
RECIPE = SOURCE / "spack" / "spack_repo" / "hierevo" / "packages" / "hierevo" / "package.py"


def calls(name):
    """The constant arguments of the recipe's calls of a function or method."""
    for node in ast.walk(ast.parse(RECIPE.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == name:
            yield [argument.value for argument in node.args if isinstance(argument, ast.Constant)]


class Recipe(unittest.TestCase):
    def test_options_are_those_of_cmake(self):
        cmake = (SOURCE / "CMakeLists.txt").read_text()
        known = set(re.findall(r"(?:^option|^set)\((HIEREVO_(?:WITH|BUILD)_\w+)", cmake, re.M))
        passed = {words[0] for name in ("define", "define_from_variant") for words in calls(name)}
        self.assertEqual(passed - {"BUILD_SHARED_LIBS"}, known - {"HIEREVO_BUILD_FUZZERS"})

    def test_variants_exist(self):
        variants = {words[0] for words in calls("variant")}
        self.assertEqual({words[1] for words in calls("define_from_variant")}, variants)

    def test_required_versions_are_those_of_the_build(self):
        required = {name: version for words in calls("depends_on")
                    for name, version in re.findall(r"^([\w-]+)@([\d.]+):", words[0])}
        build = (SOURCE / "CMakeLists.txt").read_text() + (SOURCE / "cmake" / "HierevoDependencies.cmake").read_text()
        for package, pattern in (("cmake", r"cmake_minimum_required\(VERSION ([\d.]+)"),
                                 ("boost", r"find_package\(Boost ([\d.]+)"),
                                 ("hdf5", r"find_package\(HDF5 ([\d.]+)"), ("py-torch", r"find_package\(Torch ([\d.]+)")):
            self.assertEqual(required[package], re.search(pattern, build)[1], package)

    def test_the_sources_are_this_checkout(self):
        parents = int(re.search(r"parents\[(\d+)\]", RECIPE.read_text())[1])
        self.assertEqual(RECIPE.parents[parents], SOURCE)


if __name__ == "__main__":
    unittest.main(verbosity=2)
