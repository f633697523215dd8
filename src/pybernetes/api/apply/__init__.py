"""Server-side apply: who manages which field, and what happens when two want the same one.

`fieldset.py` is sets of fields, `fields.py` which fields an object sets, `merging.py` how an applied
configuration is merged, `managers.py` the ledger in metadata.managedFields that holds it together.
Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""
