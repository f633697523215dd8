"""`$(NAME)` in commands, arguments and variables. `$$(NAME)` is a literal `$(NAME)`; the unknown stays as it is.

Source: https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\$(?:(\$)|\(([^)]*)\))")


def expand(text: str, variables: Mapping[str, str]) -> str:
    if "$" not in text:
        return text

    def value(found: re.Match[str]) -> str:
        if found.group(1):
            return "$"
        return variables.get(found.group(2), found.group(0))

    return _REFERENCE.sub(value, text)
