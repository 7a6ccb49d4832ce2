"""Manual pages and bash's completion say what --help says, and work in man's formatter and in a real bash."""
import os
import pty
import re
import shutil
import subprocess
import unittest

from programs import BIN, DEADLINE, ProgramTest

MANUAL = BIN.parent / "manual"
GENERAL = {"--help", "--config", "--dump-config", "--print-given", "--man-page", "--option-names"}


class ManualTest(ProgramTest):
    def commands(self):
        found = re.findall(r"^  (\w+)  ", self.hierevo("--help").stdout, re.M)
        self.assertIn("search", found)
        return [one for one in found if (MANUAL / f"hierevo-{one}.1").exists()]


class Pages(ManualTest):
    def test_there_is_one_for_each_command(self):
        needs_training = {"train", "evaluate"}
        missing = set(re.findall(r"^  (\w+)  ", self.hierevo("--help").stdout, re.M)) - set(self.commands())
        self.assertLessEqual(missing, set() if (BIN / "hierevo-train").exists() else needs_training)
        overview = (MANUAL / "hierevo.1").read_text()
        for command in self.commands():
            self.assertIn(f"hierevo\\-{command} (1)", overview)

    def test_they_have_the_options_and_defaults_of_the_help(self):
        for command in self.commands():
            with self.subTest(command=command):
                told = self.hierevo(command, "--help").stdout
                page = (MANUAL / f"hierevo-{command}.1").read_text().replace("\\-", "-")
                options = re.findall(r"^  (?:-\w \[ )?(--[a-z][a-z0-9-]*)(?: \])?(?: arg)?(?: \(=(.*?)\))?", told, re.M)
                self.assertGreater(len(options), 5)
                of_page = dict(re.findall(r"^\\fB(--[a-z0-9-]+)\\fR(?:.*?\(default: (.*)\))?", page, re.M))
                self.assertEqual({name for name, _ in options}, set(of_page))
                for name, default in options:
                    if default and "..." not in default:
                        self.assertEqual(of_page[name].replace("\\e", "\\"), default, name)

    @unittest.skipUnless(shutil.which("groff"), "there is no groff")
    def test_they_are_formatted_without_a_warning(self):
        for page in MANUAL.glob("*.1"):
            with self.subTest(page=page.name):
                shown = subprocess.run(["groff", "-Kutf8", "-man", "-Tutf8", "-ww", page], capture_output=True, text=True,
                                       timeout=DEADLINE)
                self.assertEqual((shown.returncode, shown.stderr), (0, ""))
                self.assertIn("NAME", re.sub(".\b", "", shown.stdout))


class Completion(ManualTest):
    def completions(self, *words):
        script = ("source \"$1\"; shift; COMP_WORDS=(hierevo \"$@\"); COMP_CWORD=$(($#));"
                  "_hierevo hierevo \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]}\" 2>/dev/null;"
                  "printf '%s\\n' \"${COMPREPLY[@]}\"")
        return subprocess.run(["bash", "-c", script, "bash", MANUAL / "hierevo", *words], text=True,
                              capture_output=True, timeout=DEADLINE, check=True, cwd=self.folder).stdout.split()

    def test_commands_options_and_values(self):
        self.assertEqual(self.completions("sea"), ["search"])
        self.assertEqual(set(self.completions("")), set(self.commands()) | {"--help", "--version"})
        self.assertEqual(self.completions("search", "--alg"), ["--algorithm"])
        self.assertEqual(self.completions("search", "--algorithm", ""), ["evolution", "aging", "random"])
        self.assertEqual(self.completions("search", "--algorithm", "=", "ag"), ["aging"])
        self.assertEqual(self.completions("search", "--reuse-fitness", "t"), ["true"])
        self.assertEqual(self.completions("search", "--population", ""), [])
        (self.folder / "my run").mkdir()
        self.assertEqual(self.completions("status", "--run", "my"), ["my", "run"])

    def test_all_options_of_the_help_are_offered(self):
        for command in self.commands():
            with self.subTest(command=command):
                offered = set(self.completions(command, "--"))
                told = self.hierevo(command, "--help").stdout
                self.assertEqual(offered, set(re.findall(r"^  (?:-\w \[ )?(--[a-z][a-z0-9-]*)", told, re.M)))
                self.assertLessEqual(GENERAL, offered)

    def test_in_a_real_bash(self):
        parent, child = pty.openpty()
        shell = subprocess.Popen(["bash", "--norc", "--noprofile", "-i"], stdin=child, stdout=child, stderr=child,
                                 start_new_session=True, env={**os.environ, "PS1": "$ ", "TERM": "dumb"})
        os.close(child)
        self.addCleanup(shell.wait)
        self.addCleanup(shell.kill)
        self.addCleanup(os.close, parent)
        os.write(parent, f"source '{MANUAL}/hierevo'; hierevo() {{ echo \"got: $*\"; }}\n".encode())
        os.write(parent, b"hierevo sea\t--algo\t ag\t\n")
        text = ""
        while "got: search --algorithm aging" not in text:
            text += os.read(parent, 4096).decode(errors="replace")


if __name__ == "__main__":
    unittest.main(verbosity=2)
