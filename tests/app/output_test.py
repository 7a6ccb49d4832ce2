"""What the programs print: that all of it arrives or an error does, and that no text steers a terminal."""
import json
import re
import unittest

from programs import HIEREVO, ProgramTest
from terminal import on_terminal

SMALL = ["--evaluator", "synthetic", "--space", "2x3,1x3", "--population", 3]
FULL = "Cannot write to 'standard output' (No space left on device)."


class OutputTest(ProgramTest):
    def search(self, *arguments, **how):
        return self.hierevo("search", "--run", self.run_dir, *SMALL, *arguments, **how)

    def script(self, text):
        path = self.folder / "evaluate.sh"
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        return ["--run", self.run_dir, "--evaluator", "command", "--command", path, "--space",
                "2x3,1x3", "--population", 2]


class LostOutput(OutputTest):
    def printed(self, redirection, *arguments):
        """Runs hierevo in a shell, with what is redirected there."""
        return self.command(["sh", "-c", f'"$0" "$@" {redirection}', HIEREVO, *map(str, arguments)])

    def test_what_cannot_be_printed_is_an_error(self):
        self.search("--evaluations", 6)
        genotype = self.folder / "g.json"
        genotype.write_text(self.hierevo("sample", "--space", "2x3,1x3").stdout)
        for arguments in (["--help"], ["--version"], ["search", "--help"], ["search", "--dump-config"],
                          ["sample"], ["sample", "--count", 2000],
                          ["inspect", "--genotype", genotype],
                          ["inspect", "--genotype", genotype, "--json"],
                          ["inspect", "--genotype", genotype, "--dot"],
                          ["status", "--run", self.run_dir],
                          ["status", "--run", self.run_dir, "--json", "--watch"],
                          ["verify", "--run", self.run_dir], ["verify", "--run", self.run_dir, "--json"]):
            with self.subTest(arguments=arguments):
                told = self.printed(">/dev/full", *arguments)
                self.assertEqual(told.returncode, 3)
                self.assertEqual(told.stderr.count("Cannot write to 'standard output'"), 1, told.stderr)
                told = self.printed(">&-", *arguments)
                self.assertEqual(told.returncode, 3)
                self.assertEqual(told.stderr.count("Cannot write to 'standard output'"), 1, told.stderr)
        self.assertIn(FULL, self.printed(">/dev/full", "--version").stderr)

    def test_an_exit_code_that_says_more_goes_first(self):
        told = self.printed(">/dev/full")  # the help, for want of a command
        self.assertEqual(told.returncode, 2)
        self.assertIn(FULL, told.stderr)

    def test_a_search_needs_nobody_to_watch_it(self):
        for number, redirection in enumerate(("2>/dev/full", ">&- 2>&-", "<&- >&- 2>&-"), 1):
            with self.subTest(redirection=redirection):
                told = self.printed(redirection, "search", "--run", self.run_dir, *SMALL,
                                    "--evaluations", 6 * number, "--progress", "live", "--verbose")
                self.assertEqual(told.returncode, 0)
                self.assert_finished(6 * number)
        # No file of the run has taken the place of what was closed.
        self.hierevo("verify", "--run", self.run_dir)

    def test_a_configuration_that_has_lost_its_options_is_told_of(self):
        ini = self.folder / "my.ini"
        for text in ("", "# only a comment\n"):
            ini.write_text(text)
            told = self.hierevo("search", "--config", ini, "--dump-config")
            self.assertIn(f"'{ini}' has no options in it (", told.stderr)
        ini.write_text("population=3\n")
        self.assertEqual(self.hierevo("search", "--config", ini, "--dump-config").stderr, "")


class OnATerminal(OutputTest):
    def shown(self, columns, *arguments, code=0):
        terminal, returned = on_terminal([HIEREVO, *map(str, arguments)], columns, cwd=self.folder)
        self.assertEqual(returned, code, terminal.lines)
        self.assertEqual(terminal.odd, [])
        return terminal.lines

    def test_progress_stays_on_one_line(self):
        for columns in (1, 40, 80):
            with self.subTest(columns=columns):
                lines = self.shown(columns, "search", "--run", f"r{columns}", *SMALL, "--evaluations",
                                   150, "--synthetic-ms", 10, "--seed", columns)
                # It is written over several times in this time.
                progress = [line for line in lines if re.match("[0-9]+ of 150", line)]
                if columns > 1:
                    self.assertEqual(len(progress), 2, lines)  # the last one, and the end
                    self.assertLess(len(progress[0]), columns)

    def test_messages_stand_on_lines_of_their_own(self):
        options = self.script("echo said >&2; echo '{\"fitness\": 0.5}'\n")
        lines = self.shown(200, "search", *options, "--evaluations", 4)
        said = [line for line in lines if "said" in line]
        self.assertEqual(len(said), 4)
        for line in said:
            self.assertRegex(line, r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+ \d* ?info: Candidate \d: said$")
        self.assertEqual(len([line for line in lines if " of 4 " in line]), 2, lines)


class ForeignText(OutputTest):
    """Nothing but lines and printable characters, whatever programs, files and folders say."""

    def assert_plain(self, text):
        self.assertEqual(re.findall("[^\n\x20-\x7e\xa0-\u2027\u202f-\uffff]", text), [])

    def test_an_evaluators_text_is_only_shown(self):
        evil = r"\033[2K\033[1A\r\033]0;title\007\302\233\342\200\256hidden"
        options = self.script(f"printf 'err{evil}\\n' >&2; printf 'out{evil}\\n'\n")
        told = self.hierevo("search", *options, "--evaluations", 4, "--max-consecutive-failures", 2, code=4)
        self.assert_plain(told.stderr)
        shown = r"\x1b[2K\x1b[1A\r\x1b]0;title\x07\xc2\x9b\xe2\x80\xaehidden"
        self.assertIn("err" + shown, told.stderr)
        rest = r"\x1b]0;title\x07\xc2\x9b\xe2\x80\xaehidden"  # what a terminal has behind \r
        self.assertIn(f"'{rest}'", told.stderr)
        status = self.hierevo("status", "--run", self.run_dir).stdout
        self.assert_plain(status)
        self.assertIn(f"'{rest}'", status)
        inspected = self.hierevo("inspect", "--run", self.run_dir, "--id", 1).stdout
        self.assert_plain(inspected)
        self.assertIn(f"'{rest}'", inspected)
        reason = json.loads(self.hierevo("status", "--run", self.run_dir, "--json").stdout)["reason"]
        self.assertIn("'\x1b]0;title\x07", reason)  # programs get it as it is

    def test_names_are_only_shown(self):
        self.run_dir = self.folder / "e\x1b[2K\rvil\n\udcff"
        told = self.search("--evaluations", 4).stderr
        self.assert_plain(told)
        self.assertIn(r"e\x1b[2K\rvil\n\xff", told)
        self.assertIn(r"e\x1b[2K\rvil\n\xff: finished",
                      self.hierevo("status", "--run", self.run_dir).stdout)
        content = bytearray((self.run_dir / "search.h5").read_bytes())
        content[600] ^= 1
        (self.run_dir / "search.h5").write_bytes(content)
        for command in ("verify", "status"):
            told = self.command([HIEREVO, command, "--run", self.run_dir])
            self.assertIn(r"e\x1b[2K\rvil\n\xff/search.h5", told.stdout + told.stderr)
            self.assert_plain(told.stdout + told.stderr)

    def test_a_wrong_option_is_only_shown(self):
        self.assert_plain(self.hierevo("search", "--popul\x1b[2K\r", code=2).stderr)
        ini = self.folder / "x.ini"
        ini.write_text("popul\x1b[2K\ration=3\n")
        self.assert_plain(self.hierevo("search", "--config", ini, code=2).stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
