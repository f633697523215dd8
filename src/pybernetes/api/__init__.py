"""The language of the cluster: kinds and schemas, metadata, selectors, quantities, patches, errors."""
