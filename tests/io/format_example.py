"""Runs the examples of io/FORMAT.md unchanged and compares what h5py reads with what the
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


def examples_of(document):
    """All examples except that of a training, which is run elsewhere."""
    blocks = [re.search(r"^```python\n(.*?)^```", document.split(f"\n## {section}\n", 1)[1],
                        re.MULTILINE | re.DOTALL)[1]
              for section in ("Snapshot of a search", "Data pack", "Image shards")]
    for block in blocks:
        assert len(block.splitlines()) == 3, "an example does not have three lines"
    return blocks


def genotype_json(genes, levels, primitives):
    """A row of genes as JSON, using only what the file says about it."""
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
        assert file.attrs["format"] == "hierevo.search" and file.attrs["version"] == 2
        assert file.attrs["objectives"] == expected["objectives"]
        assert file.attrs["space"] == expected["space"]
        assert int(file.attrs["seed"]) == expected["seed"]
        assert file["progress"].attrs["state"] == expected["state"]
        assert len(file["in_flight/id"]) == expected["in_flight"]
        group = file["individuals"]
        for name in ("parent", "seed", "phenotype"):
            assert group[name][:].tolist() == [i[name] for i in individuals], name
        assert group["repeat_fitness_count"][:].tolist() == [i["runs"] for i in individuals]
        assert list(group["reason"].asstr()[:]) == [i["reason"] for i in individuals]
        metrics = [{} for _ in individuals]
        table = group["metrics"]
        for row, name, value in zip(table["individual"], table["name"], table["value"]):
            metrics[row][table["names"].asstr()[name]] = value
        assert metrics == [i["metrics"] for i in individuals] and any(metrics)
        by_value = {v: k for k, v in h5py.check_enum_dtype(group["status"].dtype).items()}
        assert [by_value[s] for s in group["status"][:]] == [i["status"] for i in individuals]
        # Times would make two files of the same search different.
        assert h5py.h5g.get_objinfo(group["fitness"].id).mtime == 0
        levels, primitives = (group["genotype"].attrs[a] for a in ("levels", "primitives"))
        for row, individual in zip(group["genotype"][:], individuals):
            assert genotype_json(row, levels, primitives) == individual["genotype"]


def check_pack(example, expected):
    names = {}
    exec(example, names)
    assert names["images"].tolist() == expected["images"]
    assert names["labels"].tolist() == expected["labels"]
    assert [name.decode() for name in names["classes"]] == expected["classes"]
    with h5py.File("DATA.h5", "r") as file:
        texts = {name: file.attrs[name].decode() for name in ("format", "source")}
        assert texts == {"format": "hierevo.data", "source": expected["source"]}
        assert file.attrs["version"] == 1
        for dataset in (file[f"{part}/{name}"] for part in ("train", "test")
                        for name in ("pixels", "labels")):
            assert dataset.fletcher32 and h5py.h5g.get_objinfo(dataset.id).mtime == 0


def check_shards(example, expected):
    names = {}
    exec(example, names)
    assert [jpeg.hex() for jpeg in names["jpegs"]] == expected["files"]
    first, index = "SHARDS/train-00000.h5", "SHARDS/index.h5"
    with h5py.File(first, "r") as shard, h5py.File(index, "r") as index:
        assert shard.attrs["plan"] == index.attrs["plan"]
        assert [name.decode() for name in shard["name"]] == expected["names"]
        assert [name.decode() for name in index["classes"]] == expected["classes"]
        assert shard["label"][:].tolist() == expected["labels"]
        assert h5py.h5g.get_objinfo(shard["bytes"].id).mtime == 0
        rows = zip(*(shard[name][:].astype(type_).view("u1").reshape(len(shard["label"]), -1)
                     for name, type_ in (("offset", "<u8"), ("length", "<u4"), ("crc32c", "<u4"),
                                         ("label", "<i8"), ("height", "<u4"), ("width", "<u4"))))
        table = b"".join(cell.tobytes() for row in rows for cell in row)
        assert index["shard_crc32c"][0] == crc32c(table)
        assert shard["crc32c"][0] == crc32c(names["jpegs"][0])


def crc32c(data):
    """Bit by bit, as its definition says."""
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def main(writer, document):
    with open(document, encoding="utf-8") as file:
        example, pack_example, shards_example = examples_of(file.read())
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([writer, folder], check=True)
        os.chdir(folder)
        with open("expected.json", encoding="utf-8") as file:
            expected = json.load(file)
        assert expected["individuals"]
        check(example, expected)
        check_pack(pack_example, expected["pack"])
        check_shards(shards_example, expected["shards"])
        os.chdir("/")
    print(f"the examples read {len(expected['individuals'])} individuals, a pack and shards")


main(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]))
