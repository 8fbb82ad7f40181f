#!/usr/bin/env bash
# Response times of a server with a ledger of a million schedules: `benches/serving.sh [SECONDS [hour]]`.
#
# Starts a private PostgreSQL, loads 2,800 generated clients, plans a week, copies its schedules into the ten weeks before, and starts a server. Requests
# lists, the overview, the channels and console pages, each at 200 requests a second, then a list, the overview and a console page together. Prints the
# 50th, 95th and 99th percentile of each response time and the server's memory; with `hour`, also the memory in the course of 720,000 requests. Needs PostgreSQL's programs, curl,
# and `hey` from Debian.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds="${1:-20}"

work="$(mktemp -d)"
chmod 755 "$work"
bin="$(ls -d /usr/lib/postgresql/*/bin | tail -1)"
as_postgres() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
finish() {
    kill "${server:-}" 2>/dev/null && wait "$server" 2>/dev/null || true
    as_postgres "$bin/pg_ctl" -D "$work/pg/data" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap finish EXIT

cargo build --release --locked --bin mcoe --quiet
mcoe="${CARGO_TARGET_DIR:-target}/release/mcoe"
mkdir "$work/pg"
[ "$(id -u)" != 0 ] || chown postgres "$work/pg"
(
    cd "$work"
    as_postgres "$bin/initdb" -D "$work/pg/data" -U postgres -A trust -E UTF8 --no-sync >/dev/null
    printf "%s\n" "unix_socket_directories = '$work/pg'" "listen_addresses = ''" "shared_buffers = 1GB" >>"$work/pg/data/postgresql.conf"
    as_postgres "$bin/pg_ctl" -D "$work/pg/data" -l "$work/pg/log" -w start >/dev/null
    as_postgres "$bin/createdb" -h "$work/pg" -U postgres mcoe
)
export DATABASE_URL="postgres://postgres@localhost/mcoe?host=$work/pg"
sql() { psql -q -At -h "$work/pg" -U postgres mcoe "$@"; }

"$mcoe" db migrate
"$mcoe" generate --clients 2800 --seed 1 --out "$work/world" --quiet
sed -i '2,$s/^\([^,]*\),[^,]*,/\1,one,/' "$work/world/clients.csv"
"$mcoe" db load "$work/world"
"$mcoe" weekly >/dev/null
sql -c "
    CREATE TEMP TABLE unused (x int);
    INSERT INTO campaign_orchestration_schedules (id, scheduled_for, status, executed_at, metadata, created_at, updated_at, client_id, workspace_id,
        campaign_id, channel, time_zone, creative_asset_id, variation_id, content_preview, priority, risk_level, blocked_reason, created_by, plan_id,
        rules_hash, confidence, expected_engagement, fatigue)
    SELECT gen_random_uuid(), scheduled_for - n * interval '1 week', CASE WHEN status = 'ready' THEN 'completed' ELSE 'cancelled' END,
        scheduled_for - n * interval '1 week',
        metadata || jsonb_build_object('local_time', to_char((scheduled_for - n * interval '1 week') AT TIME ZONE time_zone, 'YYYY-MM-DD\"T\"HH24:MI')),
        created_at, updated_at, client_id, workspace_id, campaign_id, channel, time_zone, creative_asset_id, variation_id, content_preview, priority,
        risk_level, blocked_reason, created_by, plan_id, rules_hash, confidence, expected_engagement, fatigue
    FROM campaign_orchestration_schedules, generate_series(1, 10) AS n;"
"$mcoe" daily >/dev/null
sql -c "VACUUM ANALYZE"
echo "$(sql -c 'SELECT count(*) FROM campaign_orchestration_schedules') schedules of $(sql -c 'SELECT count(*) FROM clients') clients in one workspace"

token="$("$mcoe" token create --workspace one --name bench --role admin --quiet)"
"$mcoe" serve --port 3999 --requests-per-second 100000 --quiet &
server=$!
until curl -sf localhost:3999/readyz >/dev/null; do sleep 0.1; done
cookie="$(curl -s -o /dev/null -D - --data-urlencode "token=$token" localhost:3999/founder/orchestration/login | sed -n 's/^set-cookie: \([^;]*\).*/\1/Ip')"

api=http://localhost:3999/api/orchestration/schedules
console=http://localhost:3999/founder/orchestration
monday="$(date -u -d 'next monday' +%F)"
memory() { awk '/VmRSS/ { printf "server memory %.0f MB\n", $2 / 1024 }' "/proc/$server/status"; }
hey_with() { hey -H "Authorization: Bearer $token" -H "Cookie: $cookie" "$@"; }
measure() { # NAME REQUESTS_A_SECOND URL
    hey_with -z "${seconds}s" -c 10 -q "$(($2 / 10))" "$3" |
        awk -v name="$1" '/Requests\/sec/ { rate = $2 } /50% in/ { p50 = $3 } /95% in/ { p95 = $3 } /99% in/ { p99 = $3 } /responses$/ { codes = codes " " $1 }
            END { printf "%-34s %6.1f/s  p50 %6.1f ms  p95 %6.1f ms  p99 %6.1f ms %s\n", name, rate, 1e3 * p50, 1e3 * p95, 1e3 * p99, codes }'
}
memory
measure "list, 50 rows" 200 "$api"
measure "list, pending, highest risk first" 200 "$api?status=pending&sort=risk"
measure "overview" 200 "$api?type=overview"
measure "channels" 200 "$api?type=channels"
measure "console: pending on Monday" 200 "$console?status=pending&from=$monday&to=$monday"
measure "console: all schedules" 200 "$console"
memory
echo "list, overview and console together, 200 requests a second in all"
measure "  list" 70 "$api" & list=$!
measure "  overview" 70 "$api?type=overview" & overview=$!
measure "  console" 60 "$console" & page=$!
wait "$list" "$overview" "$page"
memory
if [ "${2:-}" = hour ]; then
    echo "720,000 requests, as many as in an hour at 200 a second, as fast as they are answered"
    for part in 1 2 3 4 5 6; do
        hey_with -n 60000 -c 10 "$api?limit=5" >/dev/null & list=$!
        hey_with -n 50000 -c 10 "$api?type=overview" >/dev/null & overview=$!
        hey_with -n 10000 -c 10 "$console" >/dev/null & page=$!
        wait "$list" "$overview" "$page"
        printf '%d: ' "$((part * 120000))" && memory
    done
fi
