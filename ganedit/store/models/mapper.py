"""Models that change codes."""

from __future__ import annotations

from torch import Tensor

from ganedit.errors import CheckpointError, InputError
from ganedit.store.models.base import Model
from ganedit.store.models.generator import Generator


class Mapper(Model):
    """Changes the codes of one generator for one text: `card.details["model"]` and `["text"]`."""

    @property
    def text(self) -> str:
        return str(self.card.details.get("text", ""))

    def check_model(self, generator: Generator) -> None:
        """Refuse a generator other than the one it was trained for.

        Raises:
            CheckpointError: names both.
        """
        details = self.card.details
        if not generator.known_as(details.get("model_sha256", ""), details.get("weights_sha256", "")):
            raise CheckpointError(
                f"the mapper {self.name} was trained for the model {details.get('model')}, "
                f"not for {generator.name} ({generator.sha256[:12]})",
                "train one for it: ganedit train clip-mapper",
            )

    def __call__(self, ws: Tensor) -> Tensor:
        """Changed codes [N, L, W] of codes [N, L, W]; gradients pass through."""
        cfg = self.network.cfg
        if ws.ndim != 3 or tuple(ws.shape[1:]) != (cfg.num_ws, cfg.w_dim):
            raise InputError(f"codes must be [N, {cfg.num_ws}, {cfg.w_dim}], not {list(ws.shape)}")
        return self._output(ws.to(self.device))
