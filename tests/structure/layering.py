"""Checks that modules include each other in one direction, heavy libraries stay at home, and libraries know
no command line.

usage: layering.py SOURCE_TREE

The rules are the table of ARCHITECTURE.md. Looks at every #include of include/, src/, io/ and
slurm/, and at the texts of the libraries, and prints each that breaks a rule, as FILE:LINE: what is wrong.
"""

import pathlib
import re
import sys

# What a module may include besides itself and the modules under it.
USES = {
    "core": [],
    "data": ["core"],
    "genome": ["core"],
    "evolution": ["genome"],
    "process": ["core"],
    "comm": ["core"],
    "io": ["evolution", "data"],
    "nn": ["genome", "comm", "data"],
    "search": ["io", "comm", "process"],
    "exchange": ["io"],
    "report": ["search"],
    "app": ["report", "exchange", "nn"],
    "slurm": ["core"],
}

# The same of the folders within nn.
NN_FOLDERS = {
    "device": [],
    "native": [],
    "batches": ["device"],
    "executor": ["device", "native"],
    "training": ["batches", "device", "executor"],
}

# Libraries by how their headers begin, with the modules that may include them.
HOMES = {
    r"mpi(-ext)?\.h|nccl\.h|cuda": {"comm"},
    r"(torch|ATen|c10)/": {"nn", "app"},
    r"zlib\.h": {"io", "data"},
    r"(jpeglib|jerror|jmorecfg|turbojpeg)\.h": {"data"},
    r"(hdf5|H5\w*)\.h": {"io"},
    r"boost/program_options": {"app"},
    r"boost/crc": {"core"},
    r"boost/math": {"nn"},
    r"boost/": set(),
    r"graphviz/": {"report"},
    r"onnx/": {"exchange"},
    r"nlohmann/": {"genome", "exchange", "search", "report", "app"},
    r"slurm/": {"slurm"},
    r"(gtest|gmock|benchmark)/": set(),
}

# What users of the installed package get to see: a public header includes no more than this.
PUBLIC = re.compile(r"hierevo/|fmt/|nlohmann/json_fwd\.hpp|(torch|ATen|c10)/|[a-z_]+$")

SOURCES = {".hpp", ".cpp", ".h", ".in"}
# An option in a text, but for those of other programs. Programs that embed a library have no such options.
OPTION = re.compile(r'"[^"]*(?<![\w-])--(?!gpus-per-task)[a-z]')
PROGRAMS = {"app", "slurm"}
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')


def reachable(module):
    """The modules that `module` may include."""
    found = {module}
    for used in USES[module]:
        found |= reachable(used)
    return found


def module_of(path):
    """The module of a file, by its path in the tree; None outside all modules."""
    parts = path.parts
    if parts[0] in ("io", "slurm"):
        return parts[0]
    name = parts[2] if parts[:2] == ("include", "hierevo") else parts[1]
    return name if name in USES else None


def nn_folder_of(parts):
    """The folder of nn that a path or an #include leads to; None for others."""
    return next((part for part in parts if part in NN_FOLDERS), None)


def problem_with(path, module, quote, target, root):
    """What is wrong with a file's #include of `target`, or None."""
    if target.startswith("hierevo/"):
        other = target.split("/")[1]
        if other not in reachable(module):
            return f"module {module} must not use module {other}"
    if module == "nn":
        own, other = nn_folder_of(path.parts), nn_folder_of(target.split("/"))
        if own and other and other not in [own, *NN_FOLDERS[own]]:
            return f"nn/{own} must not use nn/{other}"
    if not target.startswith("hierevo/") and quote == '"' and not (root / path.parent / target).resolve().is_relative_to(
            (root / path.parent).resolve()):
        return "private headers of another module"
    for pattern, homes in HOMES.items():
        if re.match(pattern, target):
            if module not in homes:
                return f"<{target}> belongs to {' and '.join(sorted(homes)) or 'no module'}"
            break
    if path.parts[0] == "include" and not PUBLIC.match(target):
        return f"a public header must not need <{target}>"
    return None


def sources(root):
    for top in ("include", "src", "io", "slurm"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix in SOURCES and path.is_file():
                yield path.relative_to(root)


def check(root):
    """All problems of a source tree, and the number of includes that were looked at."""
    problems = []
    looked_at = 0
    for path in sources(root):
        module = module_of(path)
        if module is None:
            problems.append(f"{path}: belongs to no module")
            continue
        for number, line in enumerate((root / path).read_text().splitlines(), 1):
            found = INCLUDE.match(line)
            if found:
                looked_at += 1
                problem = problem_with(path, module, *found.groups(), root)
                if problem:
                    problems.append(f"{path}:{number}: {problem}")
            elif module not in PROGRAMS and OPTION.search(line.split("//")[0]):
                problems.append(f"{path}:{number}: a library's text names an option of a program")
    return problems, looked_at


def main():
    problems, looked_at = check(pathlib.Path(sys.argv[1]))
    for problem in problems:
        print(problem)
    if looked_at == 0:
        print("no #include found: is this the source tree?")
    else:
        print(f"{looked_at} includes, {len(problems)} problems")
    return 1 if problems or looked_at == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
