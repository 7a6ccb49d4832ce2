"""What networks cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hierevo.errors import UsageError
from hierevo.plan import PlanOp

_LARGEST = (1 << 63) - 1
_FLOAT_BYTES = 4


class Cost(NamedTuple):
    """What a network costs, for one image; numbers too large for 64 bits stop at the largest.

    `parameters` are trainable numbers, `macs` multiply-accumulates of a forward pass, and
    `activation_bytes` what training keeps for the backward pass, in float32: within some 5 % of
    what PyTorch does.
    """

    parameters: int
    macs: int
    activation_bytes: int


def cost_of(plan: Sequence[PlanOp], image_size: int) -> Cost:
    """`image_size` is the height and width of the input, in pixels."""
    if image_size < 1:
        raise UsageError(f"Images of {image_size} pixels", "they have at least 1")
    sizes: list[int] = []  # height and width of each output
    parameters = macs = activations = 0
    for op in plan:
        width = sum(plan[operand].channels for operand in op.operands)
        size = sizes[op.operands[0]] if op.operands else image_size
        if op.kind in ("global_average", "linear"):
            size = 1
        size = -(-size // op.stride)
        sizes.append(size)
        pixels = size * size
        weights = _weights_of(op, width)
        parameters += weights + _offsets_of(op)
        macs += weights * pixels
        activations += pixels * _kept_channels(op, width) * _FLOAT_BYTES
    return Cost(*(min(number, _LARGEST) for number in (parameters, macs, activations)))


def _weights_of(op: PlanOp, width: int) -> int:
    """Weights that every output pixel multiplies by: all but batch normalisation and biases."""
    taps = op.kernel * op.kernel
    if op.kind in ("conv", "linear"):
        return taps * width * op.channels
    if op.kind == "depthwise":
        return taps * width
    return taps * width + width * op.channels if op.kind == "separable" else 0


def _offsets_of(op: PlanOp) -> int:
    if op.kind in ("conv", "depthwise", "separable"):
        return 2 * op.channels  # scale and offset
    return op.channels if op.kind == "linear" else 0


def _kept_channels(op: PlanOp, width: int) -> int:
    """Channels that training keeps for the backward pass.

    What comes in is somebody else's output, but what batch normalisation reads is kept beside what
    ReLU gives out, and so is the inside of a separable convolution. A maximum is remembered by an
    index of 64 bits.
    """
    kept = {"conv": 2, "depthwise": 2, "separable": 2, "maxpool": 3}.get(op.kind, 1)
    return kept * op.channels + (width if op.kind == "separable" else 0)
