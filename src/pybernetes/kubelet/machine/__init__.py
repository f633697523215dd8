"""The pod machine: what happened goes in, what to do comes out; no I/O, no clock, no client."""
