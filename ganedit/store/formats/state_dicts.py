"""Functions shared by the readers of state dictionaries."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from ganedit.store.pickles.stand_ins import StandIn, module_state

State = dict[str, Tensor]

WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network")
"""Keys under which training scripts store a single network."""


def state_dict(content: Any, *keys: str) -> State | None:
    """The tensors by name in `content`, under one of `keys` in it, or under one of WRAPPERS.

    The prefix "module." from parallel training is removed. A module that was pickled whole counts
    as its tensors. None if there are none.
    """
    for candidate in _candidates(content, keys):
        if candidate and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in candidate.items()):
            while all(name.startswith("module.") for name in candidate):
                candidate = {k.removeprefix("module."): v for k, v in candidate.items()}
            return dict(candidate)
    return None


def _candidates(content: Any, keys: tuple[str, ...]) -> Iterator[Mapping[Any, Any]]:
    inner = [content[k] for k in (*keys, *WRAPPERS) if k in content] if isinstance(content, Mapping) else []
    for candidate in (*inner, content):
        if isinstance(candidate, Mapping):
            yield candidate
        elif isinstance(candidate, StandIn) and "_modules" in candidate.state:
            yield module_state(candidate)


def numbered(state: Mapping[str, Any], pattern: str) -> list[int]:
    """The numbers that the one group of `pattern` matches at the start of the keys, sorted.

    numbered(state, r"convs\\.(\\d+)\\.") is [0, 1, 2] for the keys convs.0.weight, convs.1.weight, ...
    """
    numbers = {int(m[1]) for m in (re.match(pattern, k) for k in state) if m and len(m[1]) < 6}
    return sorted(numbers)
