"""NetworkPolicy enforcement on a node: policies, pods and namespaces in, one nftables table out."""
