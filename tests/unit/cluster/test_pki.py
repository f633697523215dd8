"""Certificates: what is made, what is kept and when something is made anew."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from pybernetes.cluster import pki
from pybernetes.cluster.failure import Failure

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = pki.server_names("10.96.0.1", ["10.209.0.1"])


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    pki.ensure(tmp_path / "pki", NAMES, NOW)
    for path in (tmp_path / "pki").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_the_server_certificate_has_every_name_that_clients_use(tmp_path: Path) -> None:
    pki.ensure(tmp_path, NAMES, NOW)
    certificate = load(tmp_path / "apiserver.crt")
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    found = {str(name.value) for name in names}
    assert found >= {"10.96.0.1", "127.0.0.1", "10.209.0.1", "localhost", "kubernetes.default.svc"}
    certificate.verify_directly_issued_by(load(tmp_path / "ca.crt"))


def test_the_administrator_is_in_system_masters(tmp_path: Path) -> None:
    pki.ensure(tmp_path, NAMES, NOW)
    assert load(tmp_path / "admin.crt").subject.rfc4514_string() == "CN=kubernetes-admin,O=system:masters"


def test_a_second_run_keeps_everything(tmp_path: Path) -> None:
    pki.ensure(tmp_path, NAMES, NOW)
    before = contents(tmp_path)
    pki.ensure(tmp_path, NAMES, NOW + timedelta(days=1))
    assert contents(tmp_path) == before


def test_a_new_name_makes_only_the_server_certificate_anew(tmp_path: Path) -> None:
    pki.ensure(tmp_path, NAMES, NOW)
    before = contents(tmp_path)
    pki.ensure(tmp_path, [*NAMES, "10.209.9.1"], NOW)
    after = contents(tmp_path)
    assert {name for name in after if after[name] != before[name]} == {"apiserver.crt", "apiserver.key"}


def test_leaves_are_renewed_before_they_expire_and_authorities_stay(tmp_path: Path) -> None:
    pki.ensure(tmp_path, NAMES, NOW)
    before = contents(tmp_path)
    later = NOW + timedelta(days=340)
    pki.ensure(tmp_path, NAMES, later)
    after = contents(tmp_path)
    assert after["admin.crt"] != before["admin.crt"]
    assert after["ca.crt"] == before["ca.crt"]
    assert after["sa.key"] == before["sa.key"]
    assert load(tmp_path / "admin.crt").not_valid_after_utc > later + timedelta(days=300)


def test_a_damaged_authority_is_told_and_not_replaced(tmp_path: Path) -> None:
    pki.ensure(tmp_path, NAMES, NOW)
    (tmp_path / "ca.key").write_text("garbage")
    with pytest.raises(Failure, match="damaged"):
        pki.ensure(tmp_path, NAMES, NOW)
    assert (tmp_path / "ca.key").read_text() == "garbage"
