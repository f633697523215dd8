"""Ways to the pods of other machines: a VXLAN for peers in other subnets, plain routes for those in this one."""
