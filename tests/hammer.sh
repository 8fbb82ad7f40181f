#!/usr/bin/env bash
# Sends requests generated from the OpenAPI document to a server: `tests/hammer.sh MCOE [EXAMPLES [OPTION...]]`.
#
# MCOE is the program; an OPTION is one of `st run`. Loads the shipped agency into a temporary file, plans a week, creates a
# token, starts a server, and lets schemathesis (PyPI) look for undocumented responses, server errors, and invalid requests
# that are accepted. A valid request may be refused: its idempotency key may be taken, or its filter belong to another view.
set -euo pipefail
mcoe="$(realpath "$1")"
examples="${2:-100}"
cd "$(dirname "$0")/.."

work="$(mktemp -d)"
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$work"' EXIT
export DATABASE_URL="$work/ledger.db"
"$mcoe" db load scenarios/agency >/dev/null
"$mcoe" weekly --workspace harbour >/dev/null
token="$("$mcoe" token create --workspace harbour --name hammer --role admin --quiet)"
"$mcoe" serve --port 0 --requests-per-second 100000 2>"$work/log" &
server=$!
until url="$(sed -n 's|^API        \(.*\)/api$|\1|p' "$work/log")" && [ -n "$url" ]; do sleep 0.1; done

st run "$url/api/openapi.json" --header "Authorization: Bearer $token" --checks all --exclude-checks positive_data_acceptance --max-examples "$examples" "${@:3}"
if grep -q ' ERROR ' "$work/log"; then
    grep ' ERROR ' "$work/log" | head -20
    exit 1
fi
