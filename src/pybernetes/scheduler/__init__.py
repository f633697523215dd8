"""Which node runs a pod: queue, snapshot, framework, plugins, binder."""
