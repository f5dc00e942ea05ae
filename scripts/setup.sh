#!/bin/sh
# Make .venv ready: Python, the locked packages, the project itself, WeasyPrint's system libraries.
# Where Terraform is installed, also what the tests of the Terraform module run beside it: .setup/terraform-venv.
# Does nothing when all is ready. PYTHON=... chooses the interpreter.
set -eu
cd "$(dirname "$0")/.."
PATH=$(printf %s "$PATH" | sed "s|$PWD/.venv/bin:||g") # an activated .venv must not make itself anew

venv=.venv
log=.setup/setup.log
packages_stamp=$venv/.packages
project_stamp=$venv/.project
terraform_venv=.setup/terraform-venv
terraform_stamp=$terraform_venv/.packages

fail() {
    echo "setup: $1" >&2
    exit 1
}

# step WORDS COMMAND...: one line on the terminal, everything else in the log
step() {
    words=$1
    shift
    printf '%s ... ' "$words"
    echo "== $words: $*" >>"$log"
    if "$@" >>"$log" 2>&1; then
        echo ok
    else
        echo failed
        tail -n 3 "$log" >&2
        fail "failed at: $words. The full log is $log"
    fi
}

# The interpreter behind a command; nothing when it is missing, too old, or a stand-in that does not run.
interpreter() {
    "$1" -c 'import sys; sys.version_info >= (3, 11) and print(sys.executable)' 2>/dev/null || true
}

find_python() {
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        python=$(interpreter "$candidate")
        [ -z "$python" ] || return 0
    done
    fail "found no Python 3.11 or newer as: ${PYTHON:-python3, python3.11 to python3.14}. Install one, or name it: make PYTHON=/path/to/python3"
}

can_be_root() {
    [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

apt_install() {
    as_root apt-get -q update && as_root env DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends "$@"
}

# Debian and Ubuntu ship Python without the part that makes virtual environments.
need_ensurepip() {
    "$python" -c 'import ensurepip, venv' 2>/dev/null && return 0
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if command -v apt-get >/dev/null && can_be_root; then
        step "install $package (apt)" apt_install "$package"
    else
        fail "$python cannot make virtual environments; run: sudo apt-get install $package"
    fi
}

# Without HarfBuzz's subset library WeasyPrint works but warns that it will be required.
weasyprint_works() {
    "$venv/bin/python" -W error:HarfBuzz -c 'import weasyprint' >>"$log" 2>&1
}

need_pango() {
    weasyprint_works && return 0
    debian="libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
    if command -v apt-get >/dev/null; then
        # shellcheck disable=SC2086 # the list is meant to be split
        can_be_root || fail "WeasyPrint needs Pango; run: sudo apt-get install $debian"
        # shellcheck disable=SC2086
        step "install Pango (apt)" apt_install $debian
    elif command -v brew >/dev/null; then
        step "install Pango (brew)" brew install pango
    else
        fail "WeasyPrint needs Pango 1.44 or newer and HarfBuzz with its subset library; install them and run make again"
    fi
    weasyprint_works || fail "WeasyPrint still does not find Pango; $log says why (on macOS use Homebrew's Python: brew install python)"
}

# What a ready environment depends on, word for word: compared with the stamp that the last set-up left.
# The folder is part of it because the environment's scripts hold its path.
packages_inputs() {
    pwd
    "$python" -VV
    cat requirements-dev.lock scripts/setup.sh
}

project_inputs() {
    packages_inputs
    cat pyproject.toml
}

terraform_inputs() {
    pwd
    "$python" -VV
    cat requirements-terraform.lock scripts/setup.sh
}

is_current() {
    [ -f "$2" ] && "$1" | cmp -s - "$2"
}

install_packages() {
    rm -rf "$venv"
    need_ensurepip
    step "make $venv with $("$python" -V)" "$python" -m venv "$venv"
    # The lock is whole. Left to look for dependencies, pip would ask the index for coverage[toml] again, find a
    # release newer than the locked one, and refuse it for want of a hash (https://github.com/pypa/pip/issues/9644).
    step "install the locked packages" "$venv/bin/python" -m pip --disable-pip-version-check install --no-deps --require-hashes -r requirements-dev.lock
    need_pango
    packages_inputs >"$packages_stamp"
}

install_project() {
    step "install fluo-audit (editable)" "$venv/bin/python" -m pip --disable-pip-version-check install --no-deps --no-build-isolation --editable .
    project_inputs >"$project_stamp"
}

terraform_is_ready() {
    ! command -v terraform >/dev/null || is_current terraform_inputs "$terraform_stamp"
}

# A stand-in for the AWS provider, which sends to the simulated account: tests/terraform/standin. An environment of its
# own, because its library needs an older protobuf. Terraform itself and real providers are never downloaded.
install_terraform_stand_in() {
    rm -rf "$terraform_venv"
    need_ensurepip
    step "make $terraform_venv" "$python" -m venv "$terraform_venv"
    step "install what the Terraform tests need" "$terraform_venv/bin/python" -m pip --disable-pip-version-check install --no-deps --require-hashes -r requirements-terraform.lock
    terraform_inputs >"$terraform_stamp"
}

find_python
is_current project_inputs "$project_stamp" && terraform_is_ready && exit 0
mkdir -p "$(dirname "$log")"
: >"$log"
is_current packages_inputs "$packages_stamp" || install_packages
is_current project_inputs "$project_stamp" || install_project
terraform_is_ready || install_terraform_stand_in
