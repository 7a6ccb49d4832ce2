"""Files of options: `config.ini` of a run or a training (io/FORMAT.md, "Options")."""

from __future__ import annotations

from hierevo.errors import FileError
from hierevo.files import PathLike, read_text

_SPACES = " \t\r"
_ESCAPED = {"n": "\n", "r": "\r", '"': '"', "\\": "\\"}
_RENAMED = {
    "average": "ema-decay",
    "evaluation-checkpoint": "checkpoint-every",
    "failures-in-series": "max-consecutive-failures",
    "lr-batch": "lr-reference-batch",
    "max-memory": "max-training-memory",
    "memory-limit": "address-space-limit",
    "repeat": "only-repeat",
    "sync-norms": "sync-batchnorm",
}


def read_options(path: PathLike) -> dict[str, str]:
    """The options that the file records, by their present names. Raises FileError."""
    options: dict[str, str] = {}
    text = read_text(path, 1 << 20)
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        content = _without_comment(line)
        if not content:
            continue
        name, equals, _ = content.partition("=")
        if not equals or not name.strip(_SPACES) or "\0" in line:
            raise FileError(path, f"line {number} cannot be read (a line is NAME=VALUE)")
        name = name.strip(_SPACES)
        options[_RENAMED.get(name, name)] = _value_in(line.partition("=")[2].strip(_SPACES))
    return options


def _without_comment(text: str) -> str:
    return text.partition("#")[0].strip(_SPACES)


def _value_in(text: str) -> str:
    """Quotes are taken off only where they were needed: some values have quotes of their own."""
    value = _unquoted(text)
    return value if value is not None and _needs_quotes(value) else _without_comment(text)


def _needs_quotes(value: str) -> bool:
    if any(one in value for one in "#\n\r") or value.strip(_SPACES) != value:
        return True
    inner = _unquoted(value)
    return inner is not None and _needs_quotes(inner)


def _unquoted(text: str) -> str | None:
    """What `text` quotes, when it is one value in quotes and a comment at most behind it."""
    if not text.startswith('"'):
        return None
    value = ""
    characters = iter(range(1, len(text)))
    for at in characters:
        if text[at] == '"':
            return value if not _without_comment(text[at + 1 :]) else None
        if text[at] != "\\":
            value += text[at]
            continue
        at = next(characters, len(text))  # noqa: PLW2901
        if at == len(text) or text[at] not in _ESCAPED:
            return None
        value += _ESCAPED[text[at]]
    return None
