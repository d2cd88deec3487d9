#!/usr/bin/env bash
# Puts on this machine what the project needs and it lacks.
#
#   tools/provision.sh environment demo|test|prove  the virtual environment $VENV with that extra
#   tools/provision.sh programs                the programs that tests run: as root on Debian they
#                                              are installed, elsewhere the missing ones are named
#
# pip and apt are used with the machine's own configuration; no address is named here.
set -euo pipefail
cd "$(dirname "$0")/.."

VENV=${VENV:-.venv}
PYTHON=${PYTHON:-python3.11}

say() { printf '%s\n' "$*" >&2; }

can_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

apt_install() {
    local log
    log=$(mktemp)
    say "installing Debian packages: $*"
    # RUNLEVEL=1: a service that a package brings (mosquitto, postgresql) is not started; we start our own.
    if ! {
        apt-get update -qq &&
            RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
                apt-get install -y -qq --no-install-recommends "$@"
    } </dev/null >"$log" 2>&1; then
        tail -n 15 "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}

# Shows pip's many lines as one that moves (a terminal) or as a few (a log).
progress() {
    local line count=0 name names commas
    while IFS= read -r line; do
        case $line in
        Collecting\ *)
            count=$((count + 1))
            name=${line#Collecting }
            if [ -t 2 ]; then
                printf '\r\033[K  %3d  %s' "$count" "${name%% *}" >&2
            elif [ $((count % 25)) = 0 ]; then
                say "  $count packages"
            fi
            ;;
        Installing\ collected*)
            if [ -t 2 ]; then printf '\r\033[K' >&2; fi
            names=${line#*: }
            commas=${names//[^,]/}
            say "  unpacking $((${#commas} + 1)) packages"
            ;;
        esac
    done
}

environment() {
    local extra=$1 log
    if ! command -v "$PYTHON" >/dev/null; then
        say "$PYTHON is not on this machine. Install Python 3.11, or name it: make PYTHON=/path/to/python3.11 ..."
        return 2
    fi
    if [ ! -x "$VENV/bin/pip" ]; then
        if ! "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then
            if can_install; then
                apt_install python3.11-venv
            else
                say "$PYTHON cannot make virtual environments here. On Debian: apt-get install python3.11-venv"
                return 2
            fi
        fi
        say "making the virtual environment $VENV"
        "$PYTHON" -m venv "$VENV"
    fi
    say "installing ami-headend[$extra] into $VENV (a minute or two, once)"
    log=$VENV/install.log
    if ! "$VENV/bin/python" -m pip install --disable-pip-version-check --no-input \
        --constraint constraints.txt --editable ".[$extra]" </dev/null 2>&1 |
        tee "$log" | progress; then
        tail -n 15 "$log" >&2
        return 1
    fi
}

has_program() { PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null; }

# Debian keeps a server's programs off the path, by version.
has_postgresql() { has_program initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

# What tests ask for, and the Debian packages that bring it.  tests/conftest.py knows the same names.
programs() {
    local missing=()
    has_program chromium || missing+=(chromium)
    has_program mosquitto || missing+=(mosquitto)
    has_program openssl || missing+=(openssl)
    has_postgresql || missing+=(postgresql)
    has_program rsyslogd || missing+=(rsyslog rsyslog-openssl)
    has_program socat || missing+=(socat)
    has_program tshark || missing+=(tshark)
    { has_program php && php -r 'exit(class_exists("SoapClient") ? 0 : 1);'; } 2>/dev/null ||
        missing+=(php-cli php-soap)
    { has_program wsdl2h && has_program soapcpp2 && has_program g++ && [ -e /usr/include/stdsoap2.h ]; } ||
        missing+=(gsoap libgsoap-dev g++)
    [ ${#missing[@]} -gt 0 ] || return 0
    if can_install && apt_install "${missing[@]}"; then
        return 0
    fi
    say "not on this machine: ${missing[*]}. Tests that need them are left out, and listed at the end."
}

case ${1:-} in
environment) environment "${2:?demo or test}" ;;
programs) programs ;;
*)
    say "usage: $0 environment demo|test | programs"
    exit 2
    ;;
esac
