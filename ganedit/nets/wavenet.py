"""WaveNet (van den Oord et al., arXiv:1609.03499), conditioned on a spectrogram (arXiv:1811.09620).

A stack of dilated causal convolutions with gates sees the samples so far and predicts the next one's
distribution over 256 classes, which are spaced by the mu law: finer where the sound is quiet. The spectrogram
conditions every gate; its features are computed once per column and interpolated to samples.

`Generation` runs the same network sample by sample: results for earlier samples are looked up instead of
computed again (arXiv:1611.09482).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MOST_LAYERS = 14  # in a cycle: the last then looks back half a second at 16 kHz


@dataclass(frozen=True)
class WaveNetConfig:
    bins: int  # rows of the spectrogram
    hop: int  # samples from one of its columns to the next
    channels: int = 48  # of the convolutions
    skip: int = 96  # channels of the layers' outputs that the distribution is computed from
    condition: int = 96  # of the spectrogram's features
    cycles: int = 2  # how often the dilations start again from 1
    layers: int = 10  # convolutions of a cycle, dilated by 1, 2, 4, ...
    classes: int = 256
    temperature: float = 0.8  # below 1: unlikely samples become less likely, which removes noise

    def __post_init__(self) -> None:
        if not (1 <= self.layers <= MOST_LAYERS and self.temperature > 0 and self.hop > 0):
            raise ValueError(f"layers must be 1 to {MOST_LAYERS}, temperature and hop above 0")

    @property
    def dilations(self) -> list[int]:
        """Dilation of every convolution, in order."""
        return [2**i for i in range(self.layers)] * self.cycles


def mu_law(waves: Tensor, classes: int = 256) -> Tensor:
    """Classes, int64 from 0 to classes - 1, of samples, by the curve of ITU-T G.711; clipped to [-1, 1]."""
    mu = classes - 1
    waves = waves.clamp(-1, 1)
    curved = waves.sign() * (waves.abs() * mu).log1p() / math.log1p(mu)
    return ((curved + 1) / 2 * mu).round().long()


def from_mu_law(numbers: Tensor, classes: int = 256) -> Tensor:
    """Samples in [-1, 1] at the centres of these classes."""
    mu = classes - 1
    curved = numbers.float() * (2 / mu) - 1
    return curved.sign() * torch.expm1(curved.abs() * math.log1p(mu)) / mu


class GatedLayer(nn.Module):
    """A dilated causal convolution of two taps, its gate, and what it adds to its input."""

    def __init__(self, cfg: WaveNetConfig, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        width = 2 * cfg.channels  # what is gated, and the gate
        self.taps = nn.Linear(cfg.channels, 2 * width, bias=False)  # of this sample, and of the earlier one
        self.condition = nn.Linear(cfg.condition, width)
        self.out = nn.Linear(cfg.channels, cfg.channels, bias=False)
        nn.init.normal_(self.out.weight, std=1 / math.sqrt(cfg.channels * len(cfg.dilations)))

    def forward(self, x: Tensor, features: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
        """The gated output [N, T, channels], and `x` plus what this layer adds.

        Args:
            x: [N, T, channels].
            features: [N, columns, condition].
            share: [hop, 1], how far each sample of a column has gone to the next.
        """
        now, later = self.taps(x).chunk(2, dim=2)
        z = now + F.pad(later, (0, 0, self.dilation, 0))[:, : x.shape[1]]
        conditions = self.condition(features)[:, :, None]  # [N, columns, 1, width]
        following = torch.cat([conditions[:, 1:], conditions[:, -1:]], dim=1)
        z = z.unflatten(1, (-1, len(share))) + torch.lerp(conditions, following, share.to(conditions.dtype))
        a, b = z.flatten(1, 2).chunk(2, dim=2)
        h = a.tanh() * b.sigmoid()
        return h, x + self.out(h)


class WaveNet(nn.Module):
    """Distributions of samples from those before them and a spectrogram [N, 1, bins, columns] in [-1, 1].

    Column f is centred on sample f · hop, as in `ganedit.audio.spectrogram`.
    """

    def __init__(self, cfg: WaveNetConfig) -> None:
        super().__init__()
        self.cfg = cfg
        dilations = cfg.dilations
        self.embed = nn.Embedding(cfg.classes, cfg.channels)
        self.condition = nn.Sequential(
            nn.Conv1d(cfg.bins, cfg.condition, 5, padding=2), nn.LeakyReLU(0.2),
            nn.Conv1d(cfg.condition, cfg.condition, 5, padding=2), nn.LeakyReLU(0.2),
        )  # fmt: skip
        self.layers = nn.ModuleList(GatedLayer(cfg, dilation) for dilation in dilations)
        self.skip = nn.Linear(cfg.channels * (len(dilations) + 1), cfg.skip)
        self.hidden = nn.Linear(cfg.skip, cfg.skip)
        self.to_logits = nn.Linear(cfg.skip, cfg.classes)
        with torch.no_grad():  # embeddings of neighbouring classes start close to each other
            values = torch.stack([torch.linspace(-1, 1, cfg.classes), from_mu_law(torch.arange(cfg.classes))])
            self.embed.weight.copy_(values.T @ torch.randn(2, cfg.channels) + 0.05 * self.embed.weight)

    @property
    def silence(self) -> int:
        """The class of 0."""
        return self.cfg.classes // 2

    def features(self, pictures: Tensor) -> Tensor:
        """Features [N, columns, condition] of spectrograms."""
        features: Tensor = self.condition(pictures[:, 0])
        return features.transpose(1, 2)

    def forward(self, sounds: Tensor, pictures: Tensor) -> Tensor:
        """Logits [N, T, classes] of every sample, given those before it.

        Args:
            sounds: int64 [N, T], classes as `mu_law` gives them, T = columns · hop.
            pictures: Spectrograms [N, 1, bins, columns].
        """
        before = F.pad(sounds[:, :-1], (1, 0), value=self.silence)
        features = self.features(pictures)
        share = torch.arange(self.cfg.hop, device=before.device)[:, None] / self.cfg.hop
        x = self.embed(before)  # [N, T, channels]
        gated = []
        for layer in self.layers:
            h, x = layer(x, features, share)
            gated.append(h)
        y = self.skip(torch.cat([*gated, x.to(gated[0].dtype)], dim=2))
        logits: Tensor = self.to_logits(F.relu(self.hidden(F.relu(y))))
        return logits

    def generate(self, pictures: Tensor, seed: int | None = None, temperature: float | None = None) -> Tensor:
        """Waves [N, columns · hop] in [-1, 1] of spectrograms [N, 1, bins, columns]; see `Generation`."""
        generation = Generation(self, pictures, seed=seed, temperature=temperature)
        return generation.advance(pictures.shape[3] * self.cfg.hop)


class Generation:
    """Sampling that can be halted and branched.

    Work that does not depend on the previous sample is one operation over all layers, and matrices are laid
    out beforehand: with so few numbers, the calls themselves take most of the time.
    """

    def __init__(
        self,
        network: WaveNet,
        pictures: Tensor,
        *,
        copies: int = 1,
        seed: int | None = None,
        temperature: float | None = None,
    ) -> None:
        """Start before the first sample.

        Args:
            network: The network whose weights are copied.
            pictures: Spectrograms [N, 1, bins, columns] in [-1, 1].
            copies: Sounds to generate for each spectrogram, neighbours in the batch.
            seed: For the random draws; None means a random seed.
            temperature: 1 samples the network's distribution, less prefers likely samples; None means the
                config's.
        """
        cfg = network.cfg
        temperature = cfg.temperature if temperature is None else temperature
        if not temperature > 0:
            raise ValueError(f"temperature must be above 0, not {temperature}")
        device = network.embed.weight.device
        self.cfg, self.copies, self.at = cfg, copies, 0
        self.random = torch.Generator(device)
        self.random.manual_seed(torch.seed() if seed is None else seed)
        with torch.inference_mode():
            self.features = network.features(pictures)
            self._lay_out(network, temperature)
            self._make_room(len(pictures) * copies, device)
            self.sound = torch.full((len(pictures) * copies,), network.silence, device=device)

    def _lay_out(self, network: WaveNet, temperature: float) -> None:
        """Arrange the matrices for sampling.

        The logistic function of b is (1 + tanh(b / 2)) / 2, so that one tanh serves both the filter and its
        gate: the inner half goes into the matrices before it, the outer half into those after it.
        """
        layers, c = cast(list[GatedLayer], list(network.layers)), self.cfg.channels
        halves = torch.ones(2 * c, device=network.embed.weight.device)
        halves[c:] = 0.5
        taps = torch.stack([layer.taps.weight for layer in layers]).unflatten(1, (2, -1))  # [L, 2, 2c, c]
        now, past = (taps * halves[:, None]).transpose(2, 3).unbind(1)
        self.now, self.past = now.contiguous(), past.contiguous()  # [L, c, 2c]
        self.out = torch.stack([layer.out.weight.T / 2 for layer in layers])
        self.cond = torch.stack([layer.condition.weight.T * halves for layer in layers])  # [L, condition, 2c]
        self.cond_bias = torch.stack([layer.condition.bias * halves for layer in layers])[:, None]
        skip = network.skip.weight.T.clone()
        skip[: c * len(layers)] /= 2
        self.skip, self.skip_bias = skip, network.skip.bias
        self.hidden, self.hidden_bias = network.hidden.weight.T.contiguous(), network.hidden.bias
        self.to_logits = network.to_logits.weight.T / temperature
        self.logits_bias = network.to_logits.bias / temperature
        self.embed, self.values = network.embed.weight, from_mu_law(torch.arange(self.cfg.classes))
        self.values = self.values.to(self.embed.device)

    def _make_room(self, n: int, device: torch.device) -> None:
        """Ring buffers for every layer's past inputs in one tensor, and buffers for the current step."""
        dilations, c = self.cfg.dilations, self.cfg.channels
        steps = torch.arange(max(dilations))[:, None] % torch.tensor(dilations)
        starts = torch.tensor([0, *dilations[:-1]]).cumsum(0)
        self.slots = (starts + steps).to(device)  # [longest dilation, L]
        count = len(dilations)
        self.rings = torch.zeros(sum(dilations), n, c, device=device)
        self.recalled = torch.zeros(count, n, c, device=device)
        self.gates = torch.zeros(count, n, 2 * c, device=device)
        self.inputs = torch.zeros(count, n, c, device=device)
        self.gated = torch.zeros(n, (count + 1) * c, device=device)  # and the last layer's output
        results = [*self.inputs.unbind()[1:], self.gated[:, count * c :]]
        self.steps = [
            (x, z, *z.split(c, dim=1), h, y, now, out)
            for x, z, h, y, now, out in zip(
                self.inputs, self.gates, self.gated.split(c, dim=1)[:count], results, self.now, self.out,
                strict=True,
            )
        ]  # fmt: skip

    @torch.inference_mode()
    def advance(self, samples: int) -> Tensor:
        """The next samples [N · copies, samples] in [-1, 1]."""
        return self.values[self.advance_classes(samples)]

    @torch.inference_mode()
    def advance_classes(self, samples: int) -> Tensor:
        """The next samples as classes, int64 [N · copies, samples]."""
        classes = torch.empty(samples, len(self.sound), dtype=torch.int64, device=self.sound.device)
        for i in range(samples):
            within = self.at % self.cfg.hop
            if within == 0 or i == 0:
                self._enter_column(self.at // self.cfg.hop, fresh=within == 0)
            self.sound = torch.argmin(self.noise[within] - self._logits(within), dim=1, out=classes[i])
            self.at += 1
        self.sound = self.sound.clone()
        return classes.T

    def _enter_column(self, column: int, *, fresh: bool) -> None:
        """Compute the conditions of all layers at this and the next column, and this column's random draws.

        Logits minus the logarithm of exponential random numbers are largest at a random draw (Gumbel).
        """
        following = min(column + 1, self.features.shape[1] - 1)
        self.here, self.there = (
            torch.baddbmm(self.cond_bias, self.features[:, at].expand(len(self.cond), -1, -1), self.cond)
            .repeat_interleave(self.copies, dim=1)
            for at in (column, following)
        )  # fmt: skip
        if fresh:
            room = torch.empty(self.cfg.hop, len(self.sound), self.cfg.classes, device=self.sound.device)
            self.noise = room.exponential_(generator=self.random).log_()

    def _logits(self, within: int) -> Tensor:
        """Logits [N · copies, classes] of the sample after `self.sound`, which is `within` the column."""
        slots = self.slots[self.at % len(self.slots)]
        torch.index_select(self.rings, 0, slots, out=self.recalled)
        torch.lerp(self.here, self.there, within / self.cfg.hop, out=self.gates)
        self.gates.baddbmm_(self.recalled, self.past)
        torch.index_select(self.embed, 0, self.sound, out=self.inputs[0])
        for x, z, a, b, h, y, now, out in self.steps:
            z.addmm_(x, now).tanh_()
            torch.addcmul(a, a, b, out=h)
            torch.addmm(x, h, out, out=y)
        self.rings.index_copy_(0, slots, self.inputs)
        y = torch.addmm(self.skip_bias, self.gated, self.skip).relu_()
        y = torch.addmm(self.hidden_bias, y, self.hidden).relu_()
        return torch.addmm(self.logits_bias, y, self.to_logits)

    @torch.inference_mode()
    def keep(self, index: int) -> None:
        """Continue all sounds of the batch from the state of this one."""
        self.rings.copy_(self.rings[:, index : index + 1].clone().expand_as(self.rings))
        self.sound.fill_(int(self.sound[index]))
