"""Each file includes what it names, directly or through the project's headers, so that it compiles also by
itself: most builds compile many files as one, where a missing #include does not show.

usage: includes.py SOURCE_TREE

Looks at names of the standard library, and at types of the project (of two words or more) that one header
alone defines.
"""

import re
import sys

import tracked_files

STANDARD = {
    "algorithm": "all_of any_of clamp copy_n count_if fill find_if max_element min_element none_of "
                 "nth_element remove_if reverse rotate shuffle sort stable_sort transform upper_bound "
                 "lower_bound unique",
    "array": "array",
    "atomic": "atomic atomic_flag",
    "bit": "bit_cast countr_zero popcount endian",
    "charconv": "from_chars to_chars",
    "chrono": "chrono",
    "cmath": "isfinite isnan isinf sqrt pow llround lround floor ceil",
    "condition_variable": "condition_variable",
    "deque": "deque",
    "exception": "exception_ptr current_exception rethrow_exception",
    "filesystem": "filesystem",
    "fstream": "ifstream ofstream fstream",
    "functional": "function",
    "future": "future promise async",
    "iterator": "back_inserter istreambuf_iterator",
    "limits": "numeric_limits",
    "map": "map multimap",
    "memory": "unique_ptr shared_ptr weak_ptr make_unique make_shared",
    "mutex": "mutex scoped_lock unique_lock lock_guard once_flag call_once",
    "numeric": "accumulate iota gcd reduce",
    "optional": "optional nullopt",
    "queue": "queue priority_queue",
    "random": "mt19937 uniform_int_distribution",
    "set": "set multiset",
    "span": "span",
    "sstream": "ostringstream istringstream stringstream",
    "stdexcept": "runtime_error logic_error out_of_range",
    "stop_token": "stop_token stop_source stop_callback",
    "string": "string to_string",
    "string_view": "string_view",
    "system_error": "system_error generic_category",
    "thread": "thread jthread this_thread",
    "tuple": "tuple tie",
    "unordered_map": "unordered_map",
    "unordered_set": "unordered_set",
    "variant": "variant visit get_if holds_alternative",
    "vector": "vector",
}
HEADERS = {name: header for header, names in STANDARD.items() for name in names.split()}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
IGNORED = re.compile(
    r'R"\(.*?\)"|//[^\n]*|/\*.*?\*/|\'(?:\\.|[^\'\\\n])\'|"(?:\\.|[^"\\\n])*"|^\s*#\s*include[^\n]*', re.S | re.M)
DEFINED = re.compile(r"^(?:template <[^>]*>\s*)?(?:class|struct|enum class|enum)\s+([A-Z]\w*[a-z][A-Z]\w*)"
                     r"(?:\s+final)?\s*(?::[^;{]*)?\{|^using\s+([A-Z]\w*[a-z][A-Z]\w*)\s*=", re.M)
DECLARED = re.compile(r"\b(?:class|struct|enum class|using)\s+([A-Z]\w*)|\btypename\s+([A-Z]\w*)")


class Tree:
    def __init__(self, root):
        self.root = root
        self.files = [root / path for path in tracked_files.tracked(root)
                      if path.suffix in {".cpp", ".hpp"} and "consumer" not in path.parts]
        self.texts = {path: path.read_text() for path in self.files}
        self.code = {path: IGNORED.sub(" ", text) for path, text in self.texts.items()}
        self.declared = {path: {"".join(names) for names in DECLARED.findall(code)}
                         for path, code in self.code.items()}
        self.defining = {}
        for path in self.files:
            if path.suffix == ".hpp":
                for names in DEFINED.findall(self.code[path]):
                    self.defining.setdefault("".join(names), []).append(path)
        self.closures = {}

    def found(self, path, target):
        """The project's file that `path` includes as `target`, or None."""
        module = self.root.joinpath(*path.relative_to(self.root).parts[:2])
        for base in (path.parent, self.root / "include", module, self.root / "io", self.root / "tests"):
            if (base / target) in self.texts:
                return base / target
        named = [file for file in self.files if file.as_posix().endswith(f"/{target}")]
        return named[0] if len(named) == 1 else None

    def closure(self, path):
        """All that `path` includes: the project's files and other headers' names."""
        if path not in self.closures:
            self.closures[path] = seen = {path}
            for quote, target in INCLUDE.findall(self.texts[path]):
                file = self.found(path, target) if quote == '"' else None
                seen |= self.closure(file) if file else {target}
        return self.closures[path]


def check(root):
    """All problems of a source tree, and the number of files that were looked at."""
    tree = Tree(root)
    problems = []
    for path in tree.files:
        code, closure = tree.code[path], tree.closure(path)
        declared = set().union(*(tree.declared.get(file, ()) for file in closure))
        for name in sorted(set(re.findall(r"\bstd::(?:ranges::)?(\w+)", code)) & HEADERS.keys()):
            if HEADERS[name] not in closure:
                problems.append(f"{path.relative_to(root)}: std::{name} needs <{HEADERS[name]}>")
        for name in sorted(set(re.findall(r"\b([A-Z]\w*)", code)) & tree.defining.keys() - declared):
            if len(tree.defining[name]) == 1:
                header = tree.defining[name][0].relative_to(root)
                problems.append(f"{path.relative_to(root)}: {name} needs {header}")
    return problems, len(tree.files)


if __name__ == "__main__":
    sys.exit(tracked_files.run(check))
