# What the scripts share; sourced by them. Functions only.

say() { printf '\n== %s\n' "$*"; }

fail() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# need_packages PACKAGE...: install the Debian packages that are missing.
need_packages() {
    local missing=()
    for package in "$@"; do
        if [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
            missing+=("$package")
        fi
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    command -v apt-get >/dev/null || fail "install these by hand, this is no Debian: ${missing[*]}"
    [ "$(id -u)" = 0 ] || fail "run it as root, or first: apt-get install --no-install-recommends ${missing[*]}"
    say "Installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get install --yes --quiet --no-install-recommends "${missing[@]}" </dev/null >/tmp/pybernetes-apt.log 2>&1 ||
        { apt-get update --quiet </dev/null >>/tmp/pybernetes-apt.log 2>&1 &&
            apt-get install --yes --quiet --no-install-recommends "${missing[@]}" </dev/null >>/tmp/pybernetes-apt.log 2>&1; } ||
        fail "apt-get could not install ${missing[*]}: see /tmp/pybernetes-apt.log"
}

# need_python EXTRA PACKAGE...: have .venv with this checkout (and an extra such as dev) and further packages.
need_python() {
    local extra=$1 wanted stamp
    shift
    stamp=.venv/installed-${extra:-run}
    wanted=$(cat pyproject.toml hatch_build.py 2>/dev/null | sha256sum)" $*"
    if [ -x .venv/bin/python ] && [ -x .venv/bin/pybernetes ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
        return 0
    fi
    say "Installing pybernetes into .venv"
    [ -x .venv/bin/python ] || python3 -m venv .venv
    .venv/bin/pip install --quiet --disable-pip-version-check --editable ".${extra:+[$extra]}" "$@" </dev/null
    printf '%s' "$wanted" >"$stamp"
}

NODE_PACKAGES=(
    containerd runc containernetworking-plugins nftables iptables iproute2 catatonit util-linux mount
    conntrack busybox-static ca-certificates
)
