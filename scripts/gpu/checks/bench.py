"""The bundle and the machine, as the checks see them."""
from __future__ import annotations

import dataclasses
import json
import os
import pathlib

from outcome import Failed, NotPossible


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How large the work of the checks is. `executor` is that of benchmark_trainer."""

    executor: str
    batch: int
    crop: int
    channels: int
    steps: int  # of a measurement
    networks: int  # random ones of each space
    search: tuple  # options of a short search
    evaluators: tuple
    image: int  # of ImageNet
    image_batch: int
    image_channels: int


DATA_SIZES = ("--train-size", 10000, "--validation-size", 2000)
ON_GPU = Sizes("gpu", 256, 24, 16, 100, 5, (*DATA_SIZES, "--channels", 16, "--steps", 60, "--batch", 256), (1, 2, 4, 8),
               299, 128, 48)
# A rehearsal, and what is checked without a GPU.
ON_CPU = Sizes("torch", 4, 8, 2, 2, 1, ("--train-size", 200, "--validation-size", 50, "--channels", 2, "--steps", 2,
                                        "--batch", 8, "--crop", 8), (1, 2), 75, 2, 2)


class Bench:
    """Starts programs of the bundle; remembers what several checks want to know."""

    def __init__(self, bundle, folder, processes, rehearse):
        self.bundle, self.folder, self.processes, self.rehearse = bundle, folder, processes, rehearse
        self.published = bundle / "genotypes" / "published.json"
        self.data = ("--dataset", "idx", "--data-dir", bundle / "data")
        self.facts = {}  # for the JSON
        self.found = {}

    def once(self, name, find):
        """What find() gave when it was first called; also what it raised."""
        if name not in self.found:
            try:
                self.found[name] = find()
            except (NotPossible, Failed) as problem:
                self.found[name] = problem
        if isinstance(self.found[name], Exception):
            raise self.found[name]
        return self.found[name]

    @property
    def environment(self):
        """That in which ./run starts programs. Raises Failed with what it says is missing, once, and NotPossible
        later."""
        try:
            return self.once("environment", self._environment)
        except Failed:
            if self.found.setdefault("refused", False):
                raise NotPossible("the programs cannot be started") from None
            self.found["refused"] = True
            raise

    def _environment(self):
        code, output, errors = self.processes.run([self.bundle / "run", "env", "-0"])
        if code != 0:
            raise Failed(errors.strip().splitlines()[-1] if errors.strip() else f"./run exited with {code}")
        environment = dict(entry.split("=", 1) for entry in output.split("\0") if "=" in entry)
        return {**environment, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                "OMP_NUM_THREADS": "1"}

    def program(self, name):
        return self.bundle / ("bin" if name.startswith("hierevo") else "checks/programs") / name

    def run(self, command, environment=None, **more):
        """Exit code, output and errors of a program, in the environment of ./run."""
        return self.processes.run(command, env={**self.environment, **(environment or {})}, cwd=self.folder, **more)

    def hierevo(self, *arguments, environment=None, launcher=()):
        """(output, messages) of a command that has to succeed."""
        code, output, errors = self.run([*launcher, self.program("hierevo"), *arguments], environment)
        if code != 0:
            last = [line for line in errors.splitlines() if line.strip()] or [f"exit code {code}"]
            raise Failed(f"hierevo {arguments[0]}: {last[-1]}")
        return output, errors

    @property
    def devices(self):
        """The GPUs that programs see: their names and memory. Raises NotPossible where there is none."""
        devices = self.once("devices", self._devices)
        if not devices:
            raise NotPossible("there is no GPU that programs see")
        return devices

    def _devices(self):
        code, output, errors = self.run(["python3", self.bundle / "checks" / "cuda_driver.py"])
        if code != 0:
            raise Failed(f"the GPUs cannot be used: {errors.strip().splitlines()[-1]}")
        found = json.loads(output)
        self.facts.update(found)
        if found["why"]:
            raise NotPossible(found["why"])
        return found["devices"]

    @property
    def first_gpu(self):
        """The environment in which programs see the first GPU alone, of those that a scheduler has given."""
        return {"CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]}

    @property
    def sizes(self):
        """Of work that requires a GPU, except in a rehearsal. Raises NotPossible."""
        if self.rehearse:
            return ON_CPU
        return ON_GPU if self.devices else ON_CPU

    @property
    def any_sizes(self):
        """Of work that also a CPU can do."""
        try:
            return self.sizes
        except NotPossible:
            return ON_CPU

    def knows(self, option):
        """Whether hierevo train has an option."""
        return option in self.once("options", lambda: self.hierevo("train", "--help")[0])

    @property
    def torch_python(self):
        """A Python that can import the torch of ./run. Raises NotPossible."""
        return self.once("python", self._torch_python)

    def _torch_python(self):
        named = os.environ.get("HIEREVO_TORCH", "")
        python = named if named and not pathlib.Path(named).is_dir() else "python3"
        code, output, errors = self.run([python, "-c", "import os, torch; print(os.path.dirname(torch.__file__))"])
        if code != 0:
            reason = (errors.strip().splitlines() or ["no reason is given"])[-1]
            raise NotPossible(f"'{python}' cannot import torch ({reason})")
        if os.path.realpath(output.strip()) != os.path.realpath(self.environment["HIEREVO_TORCH"]):
            raise NotPossible(f"the torch of '{python}' is another than that of HIEREVO_TORCH")
        return python

    def random_genotypes(self):
        """Files with random genotypes of both spaces, by name, and the published one first."""
        return self.once("genotypes", self._random_genotypes)

    def _random_genotypes(self):
        files = {"published": self.published}
        for space in ("hierarchical", "flat"):
            output, _ = self.hierevo("sample", "--space", space, "--count", self.any_sizes.networks, "--seed", 5)
            for number, line in enumerate(output.splitlines(), 1):
                file = self.folder / f"{space}-{number}.json"
                file.write_text(line)
                files[f"{space} {number}"] = file
        return files
