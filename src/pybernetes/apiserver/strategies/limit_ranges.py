"""LimitRanges, which need no name.

https://kubernetes.io/docs/concepts/policy/limit-range/
"""

from __future__ import annotations

from uuid import uuid4

from pybernetes.apiserver.strategies.base import Strategy
from pybernetes.apiserver.writes import Write


class LimitRangeStrategy(Strategy):
    def prepare_create(self, write: Write) -> None:
        super().prepare_create(write)
        if not write.name:
            write.name = write.object["metadata"]["name"] = str(uuid4())
