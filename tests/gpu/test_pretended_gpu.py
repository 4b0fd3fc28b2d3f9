"""The pretended GPU refuses what a real one refuses, and computes what the CPU computes."""

from __future__ import annotations

import pytest
import torch
from gpu_cases import Near, functions_reached, noise
from pretended_gpu import GPU, pretended_gpu
from torch import nn


class Forgetful(nn.Module):
    """A network that creates a tensor without saying where."""

    def forward(self, x):
        return x + torch.ones(x.shape[1])


def test_tensors_of_both_devices_do_not_mix():
    with pretended_gpu():
        on_gpu = torch.ones(2, 3, device=GPU)
        for mix in (
            lambda: on_gpu + torch.ones(2, 3),
            lambda: on_gpu @ torch.ones(3, 2),
            lambda: torch.cat([on_gpu, torch.ones(1, 3)]),
            lambda: torch.zeros(2, 3).add_(on_gpu),
            lambda: Forgetful()(on_gpu),
        ):
            with pytest.raises(RuntimeError, match="same device"):
                mix()


def test_single_numbers_and_copies_cross_over():
    with pretended_gpu():
        on_gpu = torch.ones(2, 3, device=GPU)
        assert (on_gpu * torch.tensor(2.0)).device == GPU
        assert on_gpu.cpu().device.type == "cpu"
        assert on_gpu[torch.tensor([1])].shape == (1, 3)


def test_numpy_and_foreign_generators_are_refused():
    with pretended_gpu():
        with pytest.raises((RuntimeError, TypeError)):
            torch.ones(2, device=GPU).numpy()
        with pytest.raises(RuntimeError, match="generator"):
            torch.randn(2, device=GPU, generator=torch.Generator())


def test_a_case_that_leaves_its_result_on_the_cpu_fails():
    with pytest.raises(AssertionError, match="on the CPU"):
        functions_reached(lambda device: noise("cpu", 2))


def test_a_case_whose_results_differ_fails():
    with pytest.raises(AssertionError):
        functions_reached(lambda device: noise(device, 2) + (device.type == "cuda"))
    with pytest.raises(AssertionError):
        functions_reached(lambda device: Near(noise(device, 2) * (1.1 if device.type == "cuda" else 1), 0.05))


def test_second_gradients_agree_with_the_cpu():
    def case(device):
        x = noise(device, 3, 4).requires_grad_()
        (slope,) = torch.autograd.grad((x**4).sum(), x, create_graph=True)
        return torch.autograd.grad(slope.square().sum(), x)

    functions_reached(case)
