"""The garbage collector: what is owned goes when its owners are gone, in the order that was asked for."""
