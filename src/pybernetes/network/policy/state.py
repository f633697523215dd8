"""The policies of a node as the kernel has them, and the smallest transaction that leads to the next state. Pure.

`Policies.update` takes what has changed and answers the text of one atomic `nft -f` transaction; `full` the whole
table. After any sequence of updates the kernel holds exactly what `full` says. Only policies that select a pod of this
node cost anything in the kernel, and only the pods that those name are in its sets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from pybernetes.network.policy import ruleset
from pybernetes.network.policy.model import EGRESS, INGRESS, NO_LABELS, Group, Labels, Pod, Policy
from pybernetes.network.tables import Element, Item

Selected = dict[str, tuple[str, ...]]
"""Direction -> the keys of the policies that isolate a pod in it; none for a direction in which it is not isolated."""

_NOTHING: Mapping[str, None] = {}


class Policies:
    """Of one family. Keys are `namespace/name`; a value of None means that it is gone."""

    def __init__(self, family: int) -> None:
        self.family = family
        self._policies: dict[str, dict[str, Policy]] = {}
        self._namespaces: dict[str, Labels] = {}
        self._pods: dict[str, Pod] = {}
        self._in_namespace: dict[str, dict[str, None]] = {}
        self._claims: dict[str, list[str]] = {}
        self._selected: dict[str, Selected] = {}
        self._shapes: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self._groups: dict[str, Group] = {}
        self._groups_in: dict[str, tuple[Group, ...]] = {}
        self._ports: frozenset[str] = frozenset()
        self._items: dict[str, Item] = {}
        self._held: dict[str, dict[Element, str]] = {}

    @property
    def isolates(self) -> bool:
        """Whether a pod of this node is isolated at all."""
        return bool(self._shapes)

    @property
    def names_others(self) -> bool:
        """Whether the policies in force name pods by their labels or ports: then those have to be known."""
        return bool(self._groups or self._ports)

    def update(
        self,
        policies: Mapping[str, Policy | None],
        namespaces: Mapping[str, Labels | None],
        pods: Mapping[str, Pod | None],
    ) -> str:
        """The transaction; "" when nothing changes."""
        dirty: set[str] = set()
        for key, pod in pods.items():
            self._note_pod(key, pod, dirty)
        for name, labels in namespaces.items():
            self._note_namespace(name, labels, dirty)
        for key, policy in policies.items():
            self._note_policy(key, policy, dirty)
        for key in dirty:
            self._select(key)
        items = self._note_sets(dirty)
        gone: list[Element] = []
        come: dict[Element, str] = {}
        for key in sorted(dirty):
            self._compare(key, gone, come)
        before, self._items = self._items, items
        return ruleset.TABLES[self.family].transaction(before, items, gone, come)

    # what has changed

    def _note_pod(self, key: str, new: Pod | None, dirty: set[str]) -> None:
        old = self._pods.get(key)
        if new == old:
            return
        dirty.add(key)
        if old is not None and (new is None or new.namespace != old.namespace):
            members = self._in_namespace[old.namespace]
            del members[key]
            if not members:
                del self._in_namespace[old.namespace]
        for address in old.addresses if old is not None else ():
            claims = self._claims[address]
            claims.remove(key)
            dirty.update(claims)
            if not claims:
                del self._claims[address]
        if new is None:
            del self._pods[key]
            return
        self._pods[key] = new
        self._in_namespace.setdefault(new.namespace, {})[key] = None
        for address in new.addresses:
            claims = self._claims.setdefault(address, [])
            dirty.update(claims)
            claims.append(key)

    def _note_namespace(self, name: str, labels: Labels | None, dirty: set[str]) -> None:
        if self._namespaces.get(name) == labels:
            return
        if labels is None:
            self._namespaces.pop(name, None)
        else:
            self._namespaces[name] = labels
        self._groups_in.pop(name, None)
        dirty.update(self._in_namespace.get(name, _NOTHING))

    def _note_policy(self, key: str, policy: Policy | None, dirty: set[str]) -> None:
        namespace = key.partition("/")[0]
        known = self._policies.setdefault(namespace, {})
        if policy is None:
            known.pop(key, None)
        else:
            known[key] = policy
        if not known:
            del self._policies[namespace]
        members = self._in_namespace.get(namespace, _NOTHING)
        dirty.update(one for one in members if self._pods[one].local)

    # what follows

    def _select(self, key: str) -> None:
        """Note by which policies a pod of this node is isolated."""
        pod = self._pods.get(key)
        selected: Selected = {}
        if pod is not None and pod.local:
            policies = self._policies.get(pod.namespace, {})
            chosen = [name for name in sorted(policies) if policies[name].selects(pod)]
            for direction in (INGRESS, EGRESS):
                keys = tuple(name for name in chosen if direction in policies[name].rules)
                if keys:
                    selected[direction] = keys
        old = self._selected.pop(key, {})
        if selected:
            self._selected[key] = selected
        if old != selected:
            self._shapes.update(selected.items())
            self._shapes.subtract(old.items())
            for shape in old.items():
                if not self._shapes[shape]:
                    del self._shapes[shape]

    def _note_sets(self, dirty: set[str]) -> dict[str, Item]:
        """The chains and sets that the node's pods need; pods that enter or leave a set become dirty."""
        chains: dict[str, Item] = {}
        groups: dict[str, Group] = {}
        ports: set[str] = set()
        for direction, keys in sorted(self._shapes):
            for key in keys:
                name = ruleset.policy_chain(direction, key)
                if name in chains:
                    continue
                policy = self._policies[key.partition("/")[0]][key]
                chains[name] = ruleset.policy_item(policy, direction, self.family)
                for rule in policy.rules[direction]:
                    groups.update((group.name, group) for group in rule.groups or ())
                    ports.update(ruleset.port_set(port) for port in rule.ports or () if port.name)
            chains[ruleset.pod_chain(direction, keys)] = ruleset.pod_item(direction, keys)
        if groups.keys() != self._groups.keys():
            changed = [groups.get(name) or self._groups[name] for name in groups.keys() ^ self._groups.keys()]
            for namespace, members in self._in_namespace.items():
                labels = self._namespaces.get(namespace, NO_LABELS)
                if any(group.is_in(namespace, labels) for group in changed):
                    dirty.update(members)
            self._groups = groups
            self._groups_in.clear()
        if ports != self._ports:
            self._ports = frozenset(ports)
            dirty.update(key for key, pod in self._pods.items() if pod.ports)
        sets = {name: ruleset.group_item(group, self.family) for name, group in sorted(groups.items())}
        sets.update((name, ruleset.port_item(self.family)) for name in sorted(ports))
        return {**sets, **chains}

    def _compare(self, key: str, gone: list[Element], come: dict[Element, str]) -> None:
        new = self._elements(key)
        old = self._held.get(key, {})
        if new == old:
            return
        gone += [one for one, to in old.items() if new.get(one) != to]
        come.update((one, to) for one, to in new.items() if old.get(one) != to)
        if new:
            self._held[key] = new
        else:
            del self._held[key]

    def _elements(self, key: str) -> dict[Element, str]:
        """Where the pod's addresses are to be. An address that several claim is that of the youngest."""
        pod = self._pods.get(key)
        found: dict[Element, str] = {}
        for address in pod.addresses if pod is not None else ():
            if (6 if ":" in address else 4) != self.family or self._owner(address) != key:
                continue
            assert pod is not None
            groups = self._possible(pod.namespace)
            found.update(ruleset.elements(pod, address, groups, self._ports, self._selected.get(key, {})))
        return found

    def _owner(self, address: str) -> str:
        claims = self._claims[address]
        return claims[0] if len(claims) == 1 else max(claims, key=lambda key: (self._pods[key].created, key))

    def _possible(self, namespace: str) -> Iterable[Group]:
        found = self._groups_in.get(namespace)
        if found is None:
            labels = self._namespaces.get(namespace, NO_LABELS)
            found = tuple(group for group in self._groups.values() if group.is_in(namespace, labels))
            self._groups_in[namespace] = found
        return found

    def full(self) -> str:
        """The whole table, replacing whatever table of its name there is."""
        wanted: dict[Element, str] = {}
        for _, held in sorted(self._held.items()):
            wanted.update(held)
        return ruleset.TABLES[self.family].anew(ruleset.skeleton(self.family), self._items, wanted)
