"""The built programs, and the plugin that root's Slurm loads, are hardened as cmake/HierevoHardening.cmake
has it.

usage: hardening_test.py READELF FILE...
"""
import pathlib
import re
import subprocess
import sys
import unittest

READELF, FILES = sys.argv[1], sys.argv[2:]


class Hardening(unittest.TestCase):
    def each(self, option, check):
        """Gives what readelf says of each file to a check."""
        self.assertTrue(FILES)
        for file in FILES:
            with self.subTest(file=pathlib.Path(file).name):
                check(subprocess.run([READELF, "--wide", option, file], text=True, check=True,
                                     capture_output=True).stdout)

    def test_lies_at_another_address_at_each_start(self):
        self.each("--file-header", lambda header: self.assertRegex(header, r"Type:\s+DYN"))

    def test_nothing_writes_to_its_tables_of_functions(self):
        self.each("--segments", lambda segments: self.assertRegex(segments, r"(?m)^\s*GNU_RELRO"))
        self.each("--dynamic", lambda entries: self.assertRegex(entries, r"\(FLAGS\).*BIND_NOW"))

    def test_no_data_are_executed(self):
        def check(segments):
            self.assertRegex(segments, r"(?m)^\s*GNU_STACK.* RW ")
            self.assertNotRegex(segments, r"(?m)^\s*LOAD.* RWE ")
        self.each("--segments", check)

    def test_checks_stack_frames_and_calls(self):
        def check(symbols):
            wanted = set(re.findall(r"UND (\w+)", symbols))
            self.assertIn("__stack_chk_fail", wanted)
            self.assertTrue({name for name in wanted if re.fullmatch(r"__\w+_chk", name)}, wanted)
        self.each("--dyn-syms", check)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
