#!/bin/sh
# Say what is missing on this machine and how to get it, before anything half-works.
# Called by make with PYTHON, VENV and RUST_MIN set.
set -eu

fail() {
    printf 'forerun cannot be built here: %s\n  %s\n' "$1" "$2" >&2
    exit 1
}

command -v "$PYTHON" >/dev/null 2>&1 ||
    fail "there is no '$PYTHON'." "Install Python 3.11 or newer, or name yours: make PYTHON=python3.12 ..."
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "'$PYTHON' is $("$PYTHON" -V 2>&1), and 3.11 is the oldest that works." \
        "Install a newer Python, or name one you have: make PYTHON=python3.12 ..."
[ -x "$VENV/bin/python" ] || "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "'$PYTHON' cannot make virtual environments." \
        "On Debian and Ubuntu: apt-get install python3-venv"

command -v cargo >/dev/null 2>&1 ||
    fail "there is no Rust ('cargo' is not found)." \
        "Install Rust $RUST_MIN or newer with rustup, then open a new shell"
rust=$(rustc --version | cut -d ' ' -f 2)
oldest=$(printf '%s\n%s\n' "$RUST_MIN" "${rust%%-*}" | sort -t . -k 1,1n -k 2,2n -k 3,3n | head -n 1)
[ "$oldest" = "$RUST_MIN" ] ||
    fail "Rust is $rust, and $RUST_MIN is the oldest that works." "Update it: rustup update stable"
command -v cc >/dev/null 2>&1 ||
    fail "there is no C compiler ('cc'), which Rust needs to link." \
        "On Debian and Ubuntu: apt-get install gcc libc6-dev; on macOS: xcode-select --install"
