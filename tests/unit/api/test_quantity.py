import pytest

from pybernetes.api import quantity


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("0", "0"), ("0m", "0"), ("100m", "100m"), ("1000m", "1"), ("0.5", "500m"), ("1.5", "1500m"),
        ("1024Mi", "1Gi"), ("1Gi", "1Gi"), ("1536Mi", "1536Mi"), ("0.5Gi", "512Mi"), ("100Mi", "100Mi"),
        ("512", "512"), ("1e3", "1e3"), ("1k", "1k"), ("1000", "1k"), ("128974848", "128974848"),
        ("1Ki", "1Ki"), ("-1", "-1"), ("1n", "1n"), ("0.1n", "1n"), ("1500000000", "1500M"), ("64Mi", "64Mi"),
        ("2", "2"), ("100Gi", "100Gi"), ("0.1Ki", "102400m"), ("10E", "10E"), (1, "1"), (0.5, "500m"),
    ],
)  # fmt: skip
def test_is_stored_in_canonical_form(given: object, stored: str) -> None:
    assert quantity.canonical(given) == stored


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", quantity.FORMAT_WRONG),
        ("abc", quantity.FORMAT_WRONG),
        ("1Qi", quantity.FORMAT_WRONG),
        ("1Mk", quantity.SUFFIX_WRONG),
        ("1e", quantity.SUFFIX_WRONG),
        ("1 Gi", quantity.FORMAT_WRONG),
    ],
)
def test_broken_ones_are_refused_in_the_usual_words(text: str, words: str) -> None:
    with pytest.raises(ValueError) as caught:
        quantity.parse(text)
    assert str(caught.value) == words


def test_values_round_up() -> None:
    assert quantity.milli_value("100m") == 100
    assert quantity.milli_value("1") == 1000
    assert quantity.milli_value("1u") == 1
    assert quantity.value("1Gi") == 1 << 30
    assert quantity.value("1500m") == 2
    assert quantity.value("-1500m") == -2


def test_arithmetic_is_exact_and_keeps_the_notation() -> None:
    assert quantity.add("100m", "0.9") == "1"
    assert quantity.add("512Mi", "512Mi") == "1Gi"
    assert quantity.subtract("1", "100m") == "900m"
    assert quantity.compare("1024Mi", "1Gi") == 0
    assert quantity.compare("1", "999m") == 1
    assert quantity.compare("1k", "1Ki") == -1
    assert quantity.equal("1000m", "1")
    assert quantity.sum_resources([{"cpu": "1", "memory": "1Gi"}, {"cpu": "500m"}]) == {
        "cpu": "1500m",
        "memory": "1Gi",
    }


def test_numbers_format_canonically() -> None:
    assert quantity.format_milli(1500) == "1500m"
    assert quantity.format_milli(2000) == "2"
    assert quantity.format_value(1 << 30) == "1Gi"
    assert quantity.format_value(110, quantity.DECIMAL_SI) == "110"
