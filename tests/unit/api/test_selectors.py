import pytest

from pybernetes.api.selectors import EVERYTHING, NOTHING, FieldSelector, LabelSelector, SelectorError


@pytest.mark.parametrize(
    ("text", "labels", "matches"),
    [
        ("", {}, True),
        ("app=web", {"app": "web"}, True),
        ("app==web", {"app": "api"}, False),
        ("app!=web", {}, True),
        ("app!=web", {"app": "web"}, False),
        ("app in (web, api)", {"app": "api"}, True),
        ("app in (web,api)", {}, False),
        ("app notin (web)", {}, True),
        ("app notin (web)", {"app": "web"}, False),
        ("app", {"app": ""}, True),
        ("!app", {"app": ""}, False),
        ("!app", {}, True),
        ("n>3", {"n": "4"}, True),
        ("n<3", {"n": "4"}, False),
        ("a=1,b=2", {"a": "1", "b": "2"}, True),
        ("a=1,b=2", {"a": "1"}, False),
        ("a=", {"a": ""}, True),
        ("in in (in)", {"in": "in"}, True),
        ("example.com/app in (a,)", {"example.com/app": ""}, True),
    ],
)
def test_label_selectors_match(text: str, labels: dict[str, str], matches: bool) -> None:
    assert LabelSelector.parse(text).matches(labels) is matches


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a=1,", "found '', expected: identifier after ','"),
        ("=a", "found '=', expected: !, identifier, or 'end of string'"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("a in (b c)", "unable to parse requirement: found 'c', expected: ',' or ')'"),
        (
            "a>b",
            'unable to parse requirement: values[0]: Invalid value: "b": '
            "for 'Gt', 'Lt' operators, the value must be an integer",
        ),
    ],
)
def test_broken_label_selectors_say_where(text: str, words: str) -> None:
    with pytest.raises(SelectorError) as caught:
        LabelSelector.parse(text)
    assert str(caught.value) == words


def test_a_bad_key_and_a_bad_value_are_named() -> None:
    with pytest.raises(
        SelectorError, match=r"^unable to parse requirement: <nil>: Invalid value: \"-a\": name part"
    ):
        LabelSelector.parse("-a=b")
    with pytest.raises(
        SelectorError, match=r"values\[0\]\[a\]: Invalid value: \"-b\": a valid label must be"
    ):
        LabelSelector.parse("a=-b")


def test_selector_objects() -> None:
    selector = LabelSelector.from_object(
        {"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "old", "operator": "DoesNotExist"}]}
    )
    assert selector.matches({"app": "web"})
    assert not selector.matches({"app": "web", "old": "1"})
    assert str(selector) == "app=web,!old"
    assert LabelSelector.from_object({}) == EVERYTHING
    assert LabelSelector.from_object(None) is NOTHING
    assert not NOTHING.matches({})
    with pytest.raises(SelectorError, match='"Near" is not a valid label selector operator'):
        LabelSelector.from_object({"matchExpressions": [{"key": "a", "operator": "Near"}]})


def test_field_selectors() -> None:
    selector = FieldSelector.parse("spec.nodeName=n1,status.phase!=Failed")
    assert selector.matches({"spec.nodeName": "n1", "status.phase": "Running"})
    assert not selector.matches({"spec.nodeName": "n1", "status.phase": "Failed"})
    assert selector.exact("spec.nodeName") == "n1"
    assert selector.exact("status.phase") is None
    assert FieldSelector.parse("a==b\\,c").requirements[0].value == "b,c"
    assert FieldSelector.parse("").empty


def test_broken_field_selectors() -> None:
    with pytest.raises(SelectorError, match=r"^invalid selector: 'a'; can't understand 'a'$"):
        FieldSelector.parse("a")
    with pytest.raises(SelectorError, match="invalid escape sequence"):
        FieldSelector.parse("a=b\\c")
