"""A table of the Qwen models that can be downloaded and run on this machine, and the choice among them.

Names, sizes and checksums are those of the Qwen team's own GGUF repositories, `Qwen/…-GGUF` on Hugging Face and of
the same name on ModelScope (the hubs' LFS metadata, as of November 2026). Layers and KV heads are from each model's
`config.json`; the width of a head is 128 in all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..core.errors import ConfigurationError
from ..core.sizes import readable_size
from ..core.translatable import _

__all__ = ["CATALOGUE", "VISION", "File", "LocalModel", "choose", "named", "needed"]

# The best model that sees, instead of the best one for text.
VISION = "vision"
# What the engine takes beside weights and KV cache (compute buffers, the logits of a batch over 152k tokens): bytes.
OVERHEAD = 512 << 20
# The shortest context that an engine starts with, in tokens. Ours.
SHORTEST_CONTEXT = 4096
# A model that is chosen by default leaves this share of the free memory to the notebook.
SHARE = 0.5


@dataclass(frozen=True, slots=True)
class File:
    """A file of a repository; `bytes` and `sha256` are what it has to be."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model: `files` are its weights and, where it sees, the projector for images."""

    name: str
    repository: str
    files: tuple[File, ...]
    layers: int
    heads: int
    sees: bool = False

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    @property
    def memory(self) -> int:
        """The least memory that the model needs, in bytes."""
        return needed(self.bytes, self.layers * self.heads * (128 + 128) * 2, SHORTEST_CONTEXT)


def needed(weights: int, bytes_per_token: int, context: int) -> int:
    """The memory for a model with a context of so many tokens, in bytes."""
    return weights + bytes_per_token * context + OVERHEAD


CATALOGUE: tuple[LocalModel, ...] = (
    LocalModel(
        "qwen3-0.6b",
        "Qwen/Qwen3-0.6B-GGUF",
        (
            File(
                "Qwen3-0.6B-Q8_0.gguf",
                639_446_688,
                "9465e63a22add5354d9bb4b99e90117043c7124007664907259bd16d043bb031",
            ),
        ),
        layers=28,
        heads=8,
    ),
    LocalModel(
        "qwen3-1.7b",
        "Qwen/Qwen3-1.7B-GGUF",
        (
            File(
                "Qwen3-1.7B-Q8_0.gguf",
                1_834_426_016,
                "061b54daade076b5d3362dac252678d17da8c68f07560be70818cace6590cb1a",
            ),
        ),
        layers=28,
        heads=8,
    ),
    LocalModel(
        "qwen3-4b",
        "Qwen/Qwen3-4B-GGUF",
        (
            File(
                "Qwen3-4B-Q4_K_M.gguf",
                2_497_280_256,
                "7485fe6f11af29433bc51cab58009521f205840f5b4ae3a32fa7f92e8534fdf5",
            ),
        ),
        layers=36,
        heads=8,
    ),
    LocalModel(
        "qwen3-8b",
        "Qwen/Qwen3-8B-GGUF",
        (
            File(
                "Qwen3-8B-Q4_K_M.gguf",
                5_027_783_488,
                "d98cdcbd03e17ce47681435b5150e34c1417f50b5c0019dd560e4882c5745785",
            ),
        ),
        layers=36,
        heads=8,
    ),
    LocalModel(
        "qwen3-30b-a3b",
        "Qwen/Qwen3-30B-A3B-GGUF",
        (
            File(
                "Qwen3-30B-A3B-Q4_K_M.gguf",
                18_556_685_824,
                "0d003f6662faee786ed5da3e31b29c978de5ae5d275c8794c606a7f3c01aa8f5",
            ),
        ),
        layers=48,
        heads=4,
    ),
    LocalModel(
        "qwen3-vl-2b",
        "Qwen/Qwen3-VL-2B-Instruct-GGUF",
        (
            File(
                "Qwen3VL-2B-Instruct-Q4_K_M.gguf",
                1_107_409_952,
                "089d75c52f4b7ffc56ba998ffc50aae89fcafc755f9e7208aacca281dca6c2ae",
            ),
            File(
                "mmproj-Qwen3VL-2B-Instruct-Q8_0.gguf",
                445_053_216,
                "f9a68fabba69c3b81e153367b2c7521030b0fa8bb0de400c9599c8e6725f9c82",
            ),
        ),
        layers=28,
        heads=8,
        sees=True,
    ),
    LocalModel(
        "qwen3-vl-4b",
        "Qwen/Qwen3-VL-4B-Instruct-GGUF",
        (
            File(
                "Qwen3VL-4B-Instruct-Q4_K_M.gguf",
                2_497_281_664,
                "66358cb18bb6b3b1b6675aa412c7a88ef01d228f481184d13668e5201c730a0a",
            ),
            File(
                "mmproj-Qwen3VL-4B-Instruct-Q8_0.gguf",
                453_974_304,
                "30ba2c7dd3127a4561b6cba9d13d0f711c91bdb38742e2f56d73c8cb596bd06d",
            ),
        ),
        layers=36,
        heads=8,
        sees=True,
    ),
    LocalModel(
        "qwen3-vl-8b",
        "Qwen/Qwen3-VL-8B-Instruct-GGUF",
        (
            File(
                "Qwen3VL-8B-Instruct-Q4_K_M.gguf",
                5_027_784_800,
                "67d1659bfe71b89d50b45a4ad1a9e5b997e5bb16ce5da66a6a6167abd569e9e2",
            ),
            File(
                "mmproj-Qwen3VL-8B-Instruct-Q8_0.gguf",
                752_289_728,
                "c6ba85508d82f42590e6eb77d5340369ab6fecf107a7561d809523d8aa5f3bfd",
            ),
        ),
        layers=36,
        heads=8,
        sees=True,
    ),
)


def named(name: str, models: Iterable[LocalModel] = CATALOGUE) -> LocalModel:
    """The model called `name`. Raises `ConfigurationError`."""
    known = {model.name: model for model in models}
    if name.lower() not in known:
        raise ConfigurationError(
            _("{name!r} is neither a file nor a model of the table.", name=name),
            _("The table has {known}; or give the path of a .gguf file.", known=", ".join(known)),
        )
    return known[name.lower()]


def choose(free: int, models: Iterable[LocalModel], here: Callable[[LocalModel], bool]) -> LocalModel:
    """The best of `models` that fits into `free` bytes of memory; one that is downloaded (`here`), if such a one fits.

    Raises `ConfigurationError` if even the smallest is too large.
    """
    by_memory = sorted(models, key=lambda model: model.memory)
    fitting = [model for model in by_memory if model.memory <= free]
    if not fitting:
        smallest = by_memory[0]
        raise ConfigurationError(
            _(
                "{name} needs {memory} of memory, and {free} are free.",
                name=smallest.name,
                memory=readable_size(smallest.memory),
                free=readable_size(free),
            ),
            _("Close something, take a smaller one (%qwen use local:qwen3-0.6b), or ask elsewhere (%qwen use URL)."),
        )
    at_hand = [model for model in fitting if here(model)]
    roomy = [model for model in fitting if model.memory <= free * SHARE]
    return (at_hand or roomy or fitting[:1])[-1]
