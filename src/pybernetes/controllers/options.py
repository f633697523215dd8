"""The settings of the controllers, under upstream's flag names (dashes as underscores). Durations are seconds.

Source: https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """What `ControllerManager` takes; every default is upstream's unless said otherwise."""

    controllers: tuple[str, ...] = ("*",)
    """Names to run: `*` all that are on by default, `foo` this one, `-foo` not this one."""

    # nodes
    node_monitor_period: float = 5.0
    """Taken for compatibility; nodes are watched and a silent one is noticed to the moment, so nothing is polled."""
    node_monitor_grace_period: float = 50.0
    node_startup_grace_period: float = 60.0
    node_eviction_rate: float = 0.1
    secondary_node_eviction_rate: float = 0.01
    large_cluster_size_threshold: int = 50
    unhealthy_zone_threshold: float = 0.55
    allocate_node_cidrs: bool = True
    cluster_cidr: str = "10.244.0.0/16"
    service_cluster_ip_range: str = "10.96.0.0/16"
    node_cidr_mask_size: int = 24
    node_cidr_mask_size_ipv4: int = 0
    node_cidr_mask_size_ipv6: int = 64
    terminated_pod_gc_threshold: int = 12500

    # certificates and tokens
    cluster_signing_cert_file: str = ""
    cluster_signing_key_file: str = ""
    cluster_signing_duration: float = 365 * 24 * 3600.0
    root_ca_file: str = ""
    service_account_private_key_file: str = ""

    # how many keys at a time
    concurrent_replicaset_syncs: int = 5
    concurrent_rc_syncs: int = 5
    concurrent_deployment_syncs: int = 5
    concurrent_daemonset_syncs: int = 2
    concurrent_statefulset_syncs: int = 5
    concurrent_job_syncs: int = 5
    concurrent_cron_job_syncs: int = 5
    concurrent_endpoint_syncs: int = 5
    concurrent_service_endpoint_syncs: int = 5
    mirroring_concurrent_service_endpoint_syncs: int = 5
    concurrent_gc_syncs: int = 20
    concurrent_namespace_syncs: int = 10
    concurrent_serviceaccount_token_syncs: int = 5
    concurrent_resource_quota_syncs: int = 5
    concurrent_ttl_after_finished_syncs: int = 5

    # endpoints
    max_endpoints_per_slice: int = 100
    mirroring_max_endpoints_per_subset: int = 1000

    # load balancers
    load_balancer_pool: tuple[str, ...] = ()
    """CIDRs and first-last ranges; without any, a service has the address of a node. (Not a flag of upstream's.)"""

    enable_garbage_collector: bool = True
