"""Secrets: stringData is a way to write data, never stored."""

from __future__ import annotations

import base64

from pybernetes.apiserver.strategies.base import Strategy
from pybernetes.apiserver.writes import Object, Write


class SecretStrategy(Strategy):
    def prepare_create(self, write: Write) -> None:
        _fold_string_data(write.object)

    def prepare_update(self, write: Write) -> None:
        _fold_string_data(write.object)


def _fold_string_data(secret: Object) -> None:
    texts = secret.pop("stringData", None)
    if texts:
        encoded = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
        secret["data"] = {**(secret.get("data") or {}), **encoded}
