"""Paths inside of volumes: relative, and never upwards."""

from __future__ import annotations

from pybernetes.api.fields import FieldError, FieldPath, invalid


def no_back_steps(target: str, path: FieldPath) -> list[FieldError]:
    return [invalid(path, target, "must not contain '..'")] if ".." in target.split("/") else []


def descending(target: str, path: FieldPath) -> list[FieldError]:
    errors = [invalid(path, target, "must be a relative path")] if target.startswith("/") else []
    return errors + no_back_steps(target, path)


def unreserved(target: str, path: FieldPath) -> list[FieldError]:
    """As `descending`; names that begin with two dots are the kubelet's."""
    errors = descending(target, path)
    if target.startswith("..") and not target.startswith("../"):
        errors.append(invalid(path, target, "must not start with '..'"))
    return errors
