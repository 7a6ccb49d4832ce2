"""The plugin exports what Slurm looks for, and nothing else; it needs only the C libraries."""
import subprocess
import sys
import unittest

NM, READELF, PLUGIN = sys.argv[1:4]
EXPORTED = {"plugin_name", "plugin_type", "plugin_version", "spank_plugin_version",
            "slurm_spank_init", "slurm_spank_task_init_privileged", "slurm_spank_task_init",
            "slurm_spank_job_epilog"}


def output_of(*command):
    return subprocess.run(command, text=True, check=True, capture_output=True).stdout


class Symbols(unittest.TestCase):
    def test_exported(self):
        lines = output_of(NM, "--dynamic", "--defined-only", "--format=posix", PLUGIN).splitlines()
        self.assertEqual({line.split()[0].split("@")[0] for line in lines}, EXPORTED)

    def test_what_is_not_the_c_librarys_is_slurms(self):
        lines = output_of(NM, "--dynamic", "--undefined-only", "--format=posix", PLUGIN).splitlines()
        unversioned = {line.split()[0] for line in lines if "@" not in line.split()[0]}
        weak = {line.split()[0] for line in lines if line.split()[1] in "wv"}
        foreign = {name for name in unversioned - weak
                   if not name.startswith(("spank_", "slurm_"))}
        self.assertEqual(foreign, set())

    def test_libraries(self):
        needed = [line.split("[")[1].rstrip("]")
                  for line in output_of(READELF, "--dynamic", PLUGIN).splitlines()
                  if "(NEEDED)" in line]
        self.assertEqual([name for name in needed
                          if not name.startswith(("libc.", "libm.", "ld-linux"))], [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
