"""The command line itself: every mistake ends in one line and a code that is not 0."""

import subprocess
import sys

import pytest

from pybernetes.cli import flags, main
from pybernetes.cluster.failure import Failure, of_os_error


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pybernetes.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    "arguments",
    [
        ["upp"],
        ["--bogus"],
        ["up", "--bogus"],
        ["up", "--nodes", "many"],
        ["up", "--name", "Not/a/name"],
        ["image", "load"],
        ["token"],
        ["logs", "--name", "there-is-none"],
        ["kubeconfig", "--data-dir", "/nonexistent"],
        ["status", "--data-dir", "/nonexistent"],
        ["server", "--data-dir", "/nonexistent", "--secure-port", "99999"],
        ["server", "--data-dir", "/nonexistent", "--components", "kubelet"],
        ["node", "--server", "nowhere"],
    ],
)
def test_a_mistake_ends_in_one_line_and_a_code(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.returncode != 0
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("pybernetes: ")


def test_the_version_is_printed_without_importing_anything_heavy() -> None:
    code = (
        "import sys\nfrom pybernetes.cli.main import execute\nexecute(['--version'])\n"
        "heavy = {'asyncio', 'cryptography', 'aiohttp', 'msgspec', 'ssl', 'yaml'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("pybernetes ")


def test_every_verb_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in main.VERBS:
        with pytest.raises(SystemExit) as ended:
            main.execute([verb, "--help"])
        assert ended.value.code == 0
        assert f"pybernetes {verb}" in capsys.readouterr().out


def test_an_overview_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.execute(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(verb in text for verb in main.VERBS)


@pytest.mark.parametrize(
    ("text", "seconds"), [("40s", 40), ("1m30s", 90), ("500ms", 0.5), ("2", 2), ("1h", 3600)]
)
def test_durations_are_of_upstreams_form(text: str, seconds: float) -> None:
    assert flags.duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "count"), [("512Mi", 512 << 20), ("2Gi", 2 << 30), ("1000", 1000), ("1.5k", 1500)]
)
def test_sizes_are_quantities(text: str, count: int) -> None:
    assert flags.size(text) == count


def test_controllers_flags_are_upstreams_and_only_given_ones_count() -> None:
    parser = main.Parser(prog="test")
    flags.add_controllers(parser)
    given = parser.parse_args(
        ["--node-monitor-grace-period", "6s", "--allocate-node-cidrs", "false", "--node-eviction-rate", "10"]
    )
    assert flags.controller_flags(given) == {
        "node_monitor_grace_period": 6.0,
        "allocate_node_cidrs": False,
        "node_eviction_rate": 10.0,
    }
    with pytest.raises(Failure, match="not a duration"):
        parser.parse_args(["--node-monitor-grace-period", "soon"])


def test_errors_of_the_operating_system_say_what_to_do() -> None:
    import errno

    assert "the disk is full" in str(of_os_error(OSError(errno.ENOSPC, "No space left on device", "/data")))
    assert "as root" in str(of_os_error(PermissionError(errno.EACCES, "Permission denied", "/data")))
    assert "doctor" in str(of_os_error(OSError(errno.EIO, "Input/output error")))


@pytest.mark.parametrize(
    "arguments", [["up"], ["down"], ["image", "load", "file"], ["node", "--server", "https://192.0.2.1:6443"]]
)
def test_what_needs_root_says_so(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(Failure, match="sudo"):
        main.execute(arguments)


def test_missing_programs_are_told_with_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    from pybernetes.cluster import commands, doctor

    there = commands.find
    monkeypatch.setattr(commands, "find", lambda p: None if p in ("containerd", "ctr", "nft") else there(p))
    with pytest.raises(Failure, match=r"apt-get install .* containerd nftables"):
        doctor.check_essentials()


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--node-cpus", "nan"),
        ("--insecure-registry", "%%"),
        ("--max-pods", "-1"),
        ("--image-gc-high-threshold", "200"),
        ("--default-not-ready-toleration-seconds", "soon"),
    ],
)
def test_values_that_cannot_be_meant_name_their_flag(flag: str, value: str) -> None:
    with pytest.raises(Failure, match=f"argument {flag}: '{value}' is not") as told:
        main.execute(["up", flag, value])
    assert told.value.status == 2


@pytest.mark.parametrize(
    ("seconds", "text"), [(5.0, "5s"), (300.0, "5m"), (31536000.0, "8760h"), (0.5, "0.5s")]
)
def test_defaults_are_shown_as_one_would_type_them(seconds: float, text: str) -> None:
    assert flags.shown_duration(seconds) == text
