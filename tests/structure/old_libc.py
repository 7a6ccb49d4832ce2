"""Checks that nothing is called that the oldest glibc does not have which INSTALL.md promises to build with.

usage: old_libc.py SOURCE_TREE

Prints each such call in C++ sources, as FILE:LINE: what is wrong. What must be used is called by its number,
with a way for kernels that do not know it: src/process/close_descriptors.cpp.
"""

import re
import sys

import tracked_files

OLDEST = "2.28"

# What came later, by the glibc that brought it.
LATER = {
    "2.29": "getcpu posix_spawn_file_actions_addchdir_np posix_spawn_file_actions_addfchdir_np",
    "2.30": "getdents64 gettid tgkill sem_clockwait pthread_cond_clockwait pthread_mutex_clocklock",
    "2.31": "pthread_clockjoin_np",
    "2.32": "sigabbrev_np sigdescr_np strerrordesc_np strerrorname_np pthread_getattr_default_np",
    "2.33": "mallinfo2",
    "2.34": "close_range closefrom execveat posix_spawn_file_actions_addclosefrom_np timespec_getres",
    "2.35": "epoll_pwait2",
    "2.36": "arc4random arc4random_buf arc4random_uniform fsmount fsopen move_mount pidfd_getfd"
            " pidfd_open pidfd_send_signal process_madvise process_mrelease",
    "2.38": "strlcat strlcpy wcslcat wcslcpy",
    "2.39": "pidfd_getpid pidfd_spawn pidfd_spawnp",
}
SINCE = {name: version for version, names in LATER.items() for name in names.split()}
CALL = re.compile(r"(?<![\w.>])(" + "|".join(SINCE) + r")\(")


def problems_in(path, text):
    for number, line in enumerate(text.split("\n"), 1):
        for found in CALL.finditer(line.split("//")[0]):
            yield (f"{path}:{number}: {found[1]}() is new in glibc {SINCE[found[1]]}, and INSTALL.md promises "
                   f"{OLDEST}")


def check(root):
    """All problems of a tree, and the number of files that were looked at."""
    files = [path for path in tracked_files.tracked(root) if path.suffix in {".cpp", ".hpp"}]
    return [problem for path in files for problem in
            problems_in(path, (root / path).read_text(errors="replace"))], len(files)


if __name__ == "__main__":
    sys.exit(tracked_files.run(check))
