"""Runs the example of io/FORMAT.md as it stands there and compares what h5py reads with what the
program wrote.   format_example.py WRITER FORMAT.md     (exit code 77: h5py is not there)"""
import json
import os
import re
import subprocess
import sys
import tempfile

try:
    import h5py
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)


def example_of(document):
    """That of the snapshots; the others are run by the tests of the programs."""
    section = document.split("## Snapshot of a search", 1)[1]
    blocks = re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert len(blocks[0].splitlines()) == 3, "the example has not three lines"
    return blocks[0]


def genotype_json(genes, levels, primitives):
    """A row of genes in the JSON form, from nothing but what the file says about it."""
    genes, result = list(genes), []
    for index, (motifs, nodes) in enumerate(levels):
        edges = nodes * (nodes - 1) // 2
        names = list(primitives) if index == 0 else list(range(1, levels[index - 1][0] + 1))
        rows = [[(["none"] + names)[genes.pop(0)] for _ in range(edges)] for _ in range(motifs)]
        result.append({"level": index + 2, "nodes": int(nodes), "motifs": rows})
    assert not genes
    return {"format": "hierevo.genotype", "version": 1, "levels": result}


def check(example, expected):
    individuals = expected["individuals"]
    names = {}
    exec(example, names)
    assert list(names["ids"]) == [i["id"] for i in individuals]
    assert list(names["fitness"]) == [i["fitness"] for i in individuals]
    assert names["genotypes"].tolist() == [i["genes"] for i in individuals]

    with h5py.File("RUN/search.h5", "r") as file:
        assert file.userblock_size == 512
        assert file.attrs["format"] == "hierevo.search" and file.attrs["version"] == 1
        assert file.attrs["space"] == expected["space"]
        assert int(file.attrs["seed"]) == expected["seed"]
        assert file["progress"].attrs["state"] == expected["state"]
        assert len(file["in_flight/id"]) == expected["in_flight"]
        group = file["individuals"]
        for name in ("parent", "seed", "phenotype"):
            assert group[name][:].tolist() == [i[name] for i in individuals], name
        assert group["repeat_fitness_count"][:].tolist() == [i["runs"] for i in individuals]
        assert list(group["reason"].asstr()[:]) == [i["reason"] for i in individuals]
        by_value = {v: k for k, v in h5py.check_enum_dtype(group["status"].dtype).items()}
        assert [by_value[s] for s in group["status"][:]] == [i["status"] for i in individuals]
        # Times would make two files of the same search differ.
        assert h5py.h5g.get_objinfo(group["fitness"].id).mtime == 0
        levels, primitives = (group["genotype"].attrs[a] for a in ("levels", "primitives"))
        for row, individual in zip(group["genotype"][:], individuals):
            assert genotype_json(row, levels, primitives) == individual["genotype"]


def main(writer, document):
    with open(document, encoding="utf-8") as file:
        example = example_of(file.read())
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([writer, folder], check=True)
        os.chdir(folder)
        with open("expected.json", encoding="utf-8") as file:
            expected = json.load(file)
        assert expected["individuals"]
        check(example, expected)
        os.chdir("/")
    print(f"the example reads {len(expected['individuals'])} individuals")


main(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]))
