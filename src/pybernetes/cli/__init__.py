"""The pybernetes command, one file for each verb."""
