"""Which user names stand for service accounts."""

import pytest

from pybernetes.semantics.service_accounts import split_user_name, user_name


def test_a_user_name_leads_back_to_its_account() -> None:
    assert split_user_name(user_name("dev", "build.bot")) == ("dev", "build.bot")


@pytest.mark.parametrize(
    "user", ["ann", "system:serviceaccount:", "system:serviceaccount:dev", "system:serviceaccount:a:b:c"]
)
def test_a_name_that_is_no_accounts_is_a_plain_user(user: str) -> None:
    assert split_user_name(user) is None
