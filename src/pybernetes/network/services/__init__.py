"""Services on a node: Services and EndpointSlices in, one nftables table a family out."""
