"""Service accounts, their tokens, the CA certificate that pods need, and bootstrap tokens that run out."""
