"""Which strategy a kind has: one of the files here, or the generic one with what the table says."""

from __future__ import annotations

from pybernetes.api import kinds
from pybernetes.api.kinds import Kind
from pybernetes.apiserver.strategies.base import USERS_METADATA, Strategy
from pybernetes.apiserver.strategies.certificates import CertificateStrategy
from pybernetes.apiserver.strategies.endpointslices import EndpointSliceStrategy
from pybernetes.apiserver.strategies.extensions import DefinitionStrategy
from pybernetes.apiserver.strategies.generations import FixedGenerationStrategy, LateGenerationStrategy
from pybernetes.apiserver.strategies.limit_ranges import LimitRangeStrategy
from pybernetes.apiserver.strategies.namespaces import NamespaceStrategy
from pybernetes.apiserver.strategies.nodes import NodeStrategy
from pybernetes.apiserver.strategies.pods import PodStrategy
from pybernetes.apiserver.strategies.secrets import SecretStrategy
from pybernetes.apiserver.strategies.service_accounts import ServiceAccountStrategy
from pybernetes.apiserver.strategies.services import ServiceStrategy
from pybernetes.apiserver.strategies.volumes import ClaimStrategy, VolumeStrategy
from pybernetes.apiserver.strategies.workloads import (
    DaemonSetStrategy,
    DeploymentStrategy,
    JobStrategy,
    ReplicationControllerStrategy,
    WorkloadStrategy,
)

_OWN: dict[Kind, type[Strategy]] = {
    kinds.ENDPOINT_SLICES: EndpointSliceStrategy,
    kinds.CERTIFICATE_SIGNING_REQUESTS: CertificateStrategy,
    kinds.CUSTOM_RESOURCE_DEFINITIONS: DefinitionStrategy,
    kinds.CRON_JOBS: WorkloadStrategy,
    kinds.CSI_DRIVERS: LateGenerationStrategy,
    kinds.DAEMON_SETS: DaemonSetStrategy,
    kinds.DEPLOYMENTS: DeploymentStrategy,
    kinds.JOBS: JobStrategy,
    kinds.LIMIT_RANGES: LimitRangeStrategy,
    kinds.NAMESPACES: NamespaceStrategy,
    kinds.NODES: NodeStrategy,
    kinds.PERSISTENT_VOLUMES: VolumeStrategy,
    kinds.PERSISTENT_VOLUME_CLAIMS: ClaimStrategy,
    kinds.PODS: PodStrategy,
    kinds.PRIORITY_CLASSES: FixedGenerationStrategy,
    kinds.REPLICATION_CONTROLLERS: ReplicationControllerStrategy,
    kinds.REPLICA_SETS: WorkloadStrategy,
    kinds.SECRETS: SecretStrategy,
    kinds.SERVICES: ServiceStrategy,
    kinds.SERVICE_ACCOUNTS: ServiceAccountStrategy,
    kinds.STATEFUL_SETS: WorkloadStrategy,
}

_GENERATION = frozenset(
    (
        kinds.CUSTOM_RESOURCE_DEFINITIONS,
        kinds.ENDPOINT_SLICES,
        kinds.FLOW_SCHEMAS,
        kinds.INGRESSES,
        kinds.INGRESS_CLASSES,
        kinds.MUTATING_ADMISSION_POLICIES,
        kinds.MUTATING_ADMISSION_POLICY_BINDINGS,
        kinds.MUTATING_WEBHOOK_CONFIGURATIONS,
        kinds.NETWORK_POLICIES,
        kinds.POD_DISRUPTION_BUDGETS,
        kinds.POD_TEMPLATES,
        kinds.PRIORITY_LEVEL_CONFIGURATIONS,
        kinds.RESOURCE_SLICES,
        kinds.DEVICE_CLASSES,
        kinds.VALIDATING_ADMISSION_POLICIES,
        kinds.VALIDATING_ADMISSION_POLICY_BINDINGS,
        kinds.VALIDATING_WEBHOOK_CONFIGURATIONS,
    )
)

_STATUS_ONLY = frozenset(
    (
        kinds.FLOW_SCHEMAS,
        kinds.PRIORITY_LEVEL_CONFIGURATIONS,
        kinds.RESOURCE_CLAIMS,
        kinds.SERVICE_CIDRS,
        kinds.VALIDATING_ADMISSION_POLICIES,
        kinds.VOLUME_ATTACHMENTS,
    )
)
"""Kinds whose /status leaves the metadata alone."""

_CREATE_ON_UPDATE = frozenset(
    (
        kinds.CLUSTER_ROLES,
        kinds.CLUSTER_ROLE_BINDINGS,
        kinds.CORE_EVENTS,
        kinds.ENDPOINTS,
        kinds.EVENTS,
        kinds.LEASES,
        kinds.LIMIT_RANGES,
        kinds.ROLES,
        kinds.ROLE_BINDINGS,
        kinds.RUNTIME_CLASSES,
        kinds.SERVICES,
    )
)

_CONDITIONAL_UPDATE = frozenset(
    (
        kinds.API_SERVICES,
        kinds.CSI_DRIVERS,
        kinds.CSI_NODES,
        kinds.CSI_STORAGE_CAPACITIES,
        kinds.CUSTOM_RESOURCE_DEFINITIONS,
        kinds.LEASES,
        kinds.MUTATING_ADMISSION_POLICIES,
        kinds.MUTATING_ADMISSION_POLICY_BINDINGS,
        kinds.MUTATING_WEBHOOK_CONFIGURATIONS,
        kinds.POD_DISRUPTION_BUDGETS,
        kinds.RUNTIME_CLASSES,
        kinds.VALIDATING_ADMISSION_POLICIES,
        kinds.VALIDATING_ADMISSION_POLICY_BINDINGS,
        kinds.VALIDATING_WEBHOOK_CONFIGURATIONS,
        kinds.VOLUME_ATTACHMENTS,
    )
)

_RETURNS_DELETED = frozenset(
    (
        kinds.CSI_DRIVERS,
        kinds.CSI_NODES,
        kinds.DEVICE_CLASSES,
        kinds.NAMESPACES,
        kinds.PERSISTENT_VOLUMES,
        kinds.PERSISTENT_VOLUME_CLAIMS,
        kinds.PODS,
        kinds.POD_TEMPLATES,
        kinds.RESOURCE_CLAIMS,
        kinds.RESOURCE_CLAIM_TEMPLATES,
        kinds.RESOURCE_QUOTAS,
        kinds.RESOURCE_SLICES,
        kinds.SERVICES,
        kinds.SERVICE_ACCOUNTS,
        kinds.STORAGE_CLASSES,
        kinds.VOLUME_ATTACHMENTS,
        kinds.VOLUME_ATTRIBUTES_CLASSES,
    )
)


def strategy_for(kind: Kind) -> Strategy:
    """A new strategy for a built-in kind."""
    strategy = _OWN.get(kind, Strategy)(kind)
    strategy.counts_generation = strategy.counts_generation or kind in _GENERATION
    strategy.create_on_update = kind in _CREATE_ON_UPDATE
    strategy.unconditional_update = kind not in _CONDITIONAL_UPDATE
    if kind in _STATUS_ONLY:
        strategy.status_keeps = USERS_METADATA
    strategy.returns_deleted = kind in _RETURNS_DELETED
    strategy.collected = kind not in (kinds.CORE_EVENTS, kinds.EVENTS)
    return strategy
