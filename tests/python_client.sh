#!/usr/bin/env bash
# Approves a post with a generated Python client: `tests/python_client.sh MCOE`.
#
# MCOE is the program. Loads the shipped agency into a temporary file, plans a week, creates a token, starts a server, lets
# openapi-python-client (PyPI) generate a client from the OpenAPI document, and runs tests/python_client.py with it, all in a
# temporary folder. Needs Python 3.9 or later with venv, and PyPI or a configured mirror; without them it prints that it is skipped.
set -euo pipefail
mcoe="$(realpath "$1")"
cd "$(dirname "$0")/.."
generator="openapi-python-client==0.26.2"

skip() {
    printf 'skipped: no Python client was generated: %s\n' "$1"
    exit 0
}

work="$(mktemp -d)"
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$work"' EXIT

command -v python3 >/dev/null || skip "python3 is missing"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' || skip "$(python3 --version) is older than 3.9"
python3 -m venv "$work/venv" >"$work/setup" 2>&1 || skip "python3 cannot create a virtual environment; on Debian, install python3-venv"
export PATH="$work/venv/bin:$PATH"
pip install --quiet --disable-pip-version-check --retries 1 --timeout 30 "$generator" >"$work/setup" 2>&1 ||
    skip "pip cannot install $generator: $(tail -n 1 "$work/setup")"

export DATABASE_URL="$work/ledger.db"
"$mcoe" db load scenarios/agency >/dev/null
"$mcoe" weekly --workspace harbour >/dev/null
token="$("$mcoe" token create --workspace harbour --name client --role admin --quiet)"
"$mcoe" serve --port 0 2>"$work/log" &
server=$!
until url="$(sed -n 's|^API        \(.*\)/api$|\1|p' "$work/log")" && [ -n "$url" ]; do
    kill -0 "$server" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
    sleep 0.1
done

openapi-python-client generate --url "$url/api/openapi.json" --meta none --output-path "$work/client" >"$work/generated" 2>&1 || {
    cat "$work/generated" >&2
    exit 1
}
PYTHONPATH="$work" python3 tests/python_client.py "$url" "$token"
