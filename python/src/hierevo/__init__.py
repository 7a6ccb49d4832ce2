"""Read hierevo's runs, build its networks, evaluate its candidates with your own Python code."""

from hierevo._version import version as __version__
from hierevo.candidate import Candidate
from hierevo.cell import Cell, CellNode
from hierevo.cost import Cost
from hierevo.data import open_data
from hierevo.data_pack import DataPack
from hierevo.drawing import Drawing
from hierevo.errors import (
    DamageWarning,
    FileError,
    HierevoError,
    MissingFileError,
    NewerVersionError,
    UsageError,
)
from hierevo.evaluate_once import evaluate_once
from hierevo.genotype import Genotype, offspring
from hierevo.image_shards import ImageShards
from hierevo.images import Images
from hierevo.individuals import CandidateRecord, Evaluation, Individual
from hierevo.random_stream import RandomStream, derive_seed
from hierevo.report import Diverged, Report, Stopped
from hierevo.result import Result
from hierevo.run import Run, open_run
from hierevo.search import Search, SearchError
from hierevo.search_space import SearchSpace
from hierevo.serving import serve
from hierevo.snapshot import Settings
from hierevo.training import Repeat, Training, open_training
from hierevo.training_snapshot import TrainingSnapshot, read_training_snapshot

__all__ = [
    "Candidate",
    "CandidateRecord",
    "Cell",
    "CellNode",
    "Cost",
    "DamageWarning",
    "DataPack",
    "Diverged",
    "Drawing",
    "Evaluation",
    "FileError",
    "Genotype",
    "HierevoError",
    "ImageShards",
    "Images",
    "Individual",
    "MissingFileError",
    "NewerVersionError",
    "RandomStream",
    "Repeat",
    "Report",
    "Result",
    "Run",
    "Search",
    "SearchError",
    "SearchSpace",
    "Settings",
    "Stopped",
    "Training",
    "TrainingSnapshot",
    "UsageError",
    "__version__",
    "derive_seed",
    "evaluate_once",
    "offspring",
    "open_data",
    "open_run",
    "open_training",
    "read_training_snapshot",
    "serve",
]
