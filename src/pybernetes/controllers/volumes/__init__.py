"""PersistentVolumes and the claims on them: binding, reclaiming, and protection while in use."""
