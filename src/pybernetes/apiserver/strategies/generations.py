"""Kinds whose metadata.generation does not start at 1 and then count."""

from __future__ import annotations

from pybernetes.apiserver.strategies.base import Strategy


class LateGenerationStrategy(Strategy):
    """CSIDrivers: there is a generation from the first change on."""

    counts_generation = True

    def starts_generation(self) -> bool:
        return False


class FixedGenerationStrategy(Strategy):
    """PriorityClasses: the generation is 1 for good."""

    def starts_generation(self) -> bool:
        return True
