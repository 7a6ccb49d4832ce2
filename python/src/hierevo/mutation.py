"""Changes of genotypes (section 3.1), drawn from the same random streams as in a search."""

from __future__ import annotations

from typing import NamedTuple

from hierevo.random_stream import RandomStream
from hierevo.search_space import PRIMITIVES, SearchSpace, edge_index


class Mutation(NamedTuple):
    """One change of one edge. Motif and nodes count from 0."""

    level: int
    motif: int
    successor: int
    predecessor: int
    operation: int


def draw_mutation(space: SearchSpace, random: RandomStream) -> Mutation:
    """Draws level, motif, successor, predecessor and operation, each uniformly, in this order.

    The operation is one of the level below or none (0), and may equal the present one.
    """
    level = 2 + random.below(len(space.levels))
    motifs, nodes = space.levels[level - 2]
    motif = random.below(motifs)
    successor = 1 + random.below(nodes - 1)
    predecessor = random.below(successor)
    operations = len(PRIMITIVES) if level == 2 else space.levels[level - 3].motifs
    return Mutation(level, motif, successor, predecessor, random.below(operations + 1))


def apply_mutations(
    space: SearchSpace, genes: bytes, random: RandomStream, mutations: int
) -> bytes:
    """The genes after as many random mutations, one after another."""
    changed = bytearray(genes)
    first = [space.first_gene(level, 0) for level in range(2, space.top_level + 1)]
    edges = [shape.edges for shape in space.levels]
    for _ in range(mutations):
        level, motif, successor, predecessor, operation = draw_mutation(space, random)
        position = first[level - 2] + motif * edges[level - 2]
        changed[position + edge_index(successor, predecessor)] = operation
    return bytes(changed)


def trivial_genes(space: SearchSpace) -> bytes:
    """The genes with which every motif is a chain of identities (section 3.2).

    Above level 2 the identity is motif 1 of the level below.
    """
    genes = bytearray()
    for level, shape in enumerate(space.levels, 2):
        identity = PRIMITIVES.index("identity") + 1 if level == 2 else 1
        motif = bytearray(shape.edges)
        for node in range(1, shape.nodes):
            motif[edge_index(node, node - 1)] = identity
        genes += motif * shape.motifs
    return bytes(genes)
