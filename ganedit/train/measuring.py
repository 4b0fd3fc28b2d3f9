"""Measures a generator while it learns, and keeps its best snapshot beside the last."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from ganedit.metrics.image_features import FeatureNetwork, embed_images, feature_network
from ganedit.metrics.image_sets import DrawnImages
from ganedit.metrics.samples import Measured, compare
from ganedit.store.cards import Metric, ModelCard
from ganedit.store.load import load_generator
from ganedit.store.swapping import filled, remove
from ganedit.train.options.measuring import MeasuredOptions
from ganedit.train.recipe import Recipe
from ganedit.train.run import Best, Run

BEST, TRIAL = "best", ".trial"  # folders in that of the run


class Judge:
    """Measures the exported model by samples of the seeds 0, 1, ... against images of the data.

    The features of the data are computed once. What was best is part of `Run`, and so of the checkpoint: a
    resumed run replaces the best snapshot exactly when an uninterrupted one would.
    """

    def __init__(
        self, recipe: Recipe, run: Run, out: Path, options: MeasuredOptions, real: np.ndarray
    ) -> None:
        self.recipe, self.run, self.out, self.options = recipe, run, out, options
        template = getattr(options, "template", "")
        self.network: FeatureNetwork = feature_network(
            options.measure_features, template=template, device=str(run.device)
        )
        self.real = embed_images(real, self.network)
        self.by = f"{options.measure} by {self.network.name}, {options.measure_samples} samples"
        if run.step == 0:  # that of an earlier run in this folder
            remove(out / BEST)

    def measure(self) -> dict[str, float]:
        """Measure the generator as it is now, and keep it if none was better; the number by its name."""
        trial, run = self.out / TRIAL / "model", self.run
        remove(trial.parent)
        self.recipe.export(trial, run.images_seen)
        try:
            found = self._measured(trial)
            if run.best is None or run.best.by != self.by or found.value < run.best.value:
                run.best = Best(found.value, run.images_seen, self.by)
                self._keep(trial, found)
        finally:
            remove(trial.parent)
        return {f"{found.name}/{self.network.name}": found.value, "best": run.best.value}

    def _measured(self, model: Path) -> Measured:
        generator = load_generator(model, str(self.run.device), "float32")
        samples = DrawnImages(generator, self.options.measure_samples)
        (found,) = compare(self.options.measure, embed_images(samples, self.network), self.real, self.network)
        return found

    def _keep(self, trial: Path, found: Measured) -> None:
        """Put the model in the place of the best, with what was measured in its card."""
        with filled(self.out / BEST) as folder:
            shutil.copytree(trial, folder, dirs_exist_ok=True)
            card = ModelCard.load(trial)
            metric = Metric(found.title, round(found.value, 6))
            replace(card, metrics=(*card.metrics, metric)).save(folder)


def judge_of(recipe: Recipe, run: Run, out: Path) -> Judge | None:
    """The judge that the options ask for, or None.

    Raises:
        UsageError, MissingError: There is no such network, or its weights are not here.
    """
    options = run.options
    if not isinstance(options, MeasuredOptions) or not options.measure:
        return None
    real = recipe.real_images(options.measure_samples)
    return None if real is None else Judge(recipe, run, out, options, real)
