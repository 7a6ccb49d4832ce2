"""The corpus has the current formats: others would be refused at the first byte, and test nothing.

usage: corpus_test.py WRITER CORPUS TARGET...

WRITER is test_fuzz_write_corpus. What it writes for each TARGET must be in CORPUS, which may hold more.
"""

import pathlib
import subprocess
import sys
import tempfile


def main(writer, corpus, *targets):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([writer, folder], check=True)
        written = {path.relative_to(folder): path.read_bytes()
                   for target in targets for path in pathlib.Path(folder, target).iterdir()}
    old = [str(name) for name, content in sorted(written.items())
           if not (corpus / name).is_file() or (corpus / name).read_bytes() != content]
    if not written:
        sys.exit(f"'{writer}' wrote nothing for {targets}")
    if old:
        sys.exit(f"Not as '{writer}' writes them today (run it on '{corpus}'): {', '.join(old)}")


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]), *sys.argv[3:])
