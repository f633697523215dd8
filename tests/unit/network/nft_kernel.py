"""What `nft -f` would make of our transactions: the commands that we use, on dicts, as strict as the kernel."""

from __future__ import annotations

import re


class Kernel:
    """One table. Adding what is there with another value, and deleting what is not there, are errors."""

    def __init__(self) -> None:
        self.elements: dict[str, dict[str, str]] = {}
        self.chains: dict[str, list[str]] = {}

    @property
    def state(self) -> tuple[dict[str, dict[str, str]], dict[str, list[str]]]:
        return self.elements, self.chains

    def run(self, text: str) -> None:
        lines = iter(text.splitlines())
        for line in lines:
            if re.fullmatch(r"table \S+ \S+ \{", line):
                self._declared(lines)
            elif line.startswith("delete table"):
                self.__init__()
            elif not line.startswith("table"):
                verb, kind, rest = line.split(" ", 2)
                _, _, rest = rest.split(" ", 2)
                name, _, body = rest.partition(" ")
                getattr(self, f"_{verb}_{'set' if kind == 'map' else kind}")(name, body)
        self._check()

    def _declared(self, lines: object) -> None:
        chain = ""
        for line in lines:
            words = line.split()
            if line == "}":
                return
            if words[0] in ("set", "map"):
                self._add_set(words[1], "")
            elif words[0] == "chain":
                chain = words[1]
                self.chains[chain] = []
            elif words[0] != "}":
                self.chains[chain].append(line.strip())

    def _add_set(self, name: str, body: str) -> None:
        assert name not in self.elements, name
        self.elements[name] = {}

    def _delete_set(self, name: str, body: str) -> None:
        del self.elements[name]

    def _add_chain(self, name: str, body: str) -> None:
        assert name not in self.chains, name
        self.chains[name] = []

    def _flush_chain(self, name: str, body: str) -> None:
        self.chains[name].clear()

    def _delete_chain(self, name: str, body: str) -> None:
        assert not self.chains.pop(name), f"{name} has rules"

    def _add_rule(self, name: str, body: str) -> None:
        self.chains[name].append(body)

    def _add_element(self, name: str, body: str) -> None:
        for part in body.strip("{} ").split(", "):
            key, _, value = part.partition(" : ")
            assert self.elements[name].setdefault(key, value) == value, (name, key)

    def _delete_element(self, name: str, body: str) -> None:
        for key in body.strip("{} ").split(", "):
            del self.elements[name][key]

    def _check(self) -> None:
        """Nothing refers to what is not there."""
        texts = [rule for rules in self.chains.values() for rule in rules]
        texts += [value for found in self.elements.values() for value in found.values()]
        for text in texts:
            for name in re.findall(r"(?:goto|jump) ([\w.-]+)", text):
                assert name in self.chains, f"{text}: no chain {name}"
            for name in re.findall(r"@([\w.-]+)", text):
                assert name in self.elements, f"{text}: no set {name}"
