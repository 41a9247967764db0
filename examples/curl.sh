#!/bin/sh
# Switchyard with nothing but curl and node: start a run with a file, follow it, lose the connection, go on where it broke,
# fetch what it made, and cancel another run. Needs a gateway (`npm start`); its address and key come from .data/dev.json
# or from SWITCHYARD_URL and SWITCHYARD_TOKEN.
set -eu

# The member of a JSON text that a path names: json run.id < answer.json
json() { node -e 'let v = JSON.parse(require("fs").readFileSync(0, "utf8"));
  for (const name of process.argv[1].split(".")) v = v?.[name];
  process.stdout.write(typeof v === "string" ? v : JSON.stringify(v) ?? "")' "$1"; }

dev=$(dirname "$0")/../.data/dev.json
url=${SWITCHYARD_URL:-$(json gatewayUrl < "$dev")}
token=${SWITCHYARD_TOKEN:-$(json apiKey < "$dev")}

# The token goes in by a file, so that no list of processes shows it.
config=$(mktemp)
trap 'rm -f "$config" "$config".*' EXIT
printf 'header = "Authorization: Bearer %s"\n' "$token" > "$config"
api() { curl --silent --show-error --fail-with-body --config "$config" "$@"; }

echo "== Start a run with a file"
printf 'city,rain\nSeattle,1\nNew York,2\n' > "$config.csv"
api "$url/v1/runs" -H "Idempotency-Key: $$-$(date +%s)" \
  --form-string "input=${1:-Write a short report on the attached table.}" \
  -F "files=@$config.csv;filename=rain.csv;type=text/csv" > "$config.run"
run=$(json run.id < "$config.run")
project=$(json project.id < "$config.run")
echo "run $run"

echo "== Follow it, and lose the connection after ten lines"
api --no-buffer "$url/v1/runs/$run/stream" 2> /dev/null | head -n 10 | tee "$config.events"
# An event counts once the empty line behind it has come.
last=$(awk '/^id:/{ id = $2 } /^$/{ seen = id } END { print seen }' "$config.events")

echo "== Go on behind event $last, to the end"
api --no-buffer "$url/v1/runs/$run/stream" ${last:+-H "Last-Event-ID: $last"}

echo "== How it ended"
api "$url/v1/runs/$run?waitMs=60000" > "$config.run"
echo "$(json run.status < "$config.run") ($(json run.reason < "$config.run"))"

echo "== Its workspace; what was attached lies in uploads"
api "$url/v1/projects/$project/files?path=" | json entries
echo
api "$url/v1/projects/$project/files?path=uploads" > "$config.files"
# A run that used no tool has no workspace yet.
file=$(json entries.0.path < "$config.files")
test -z "$file" || api --get "$url/v1/projects/$project/files/content" --data-urlencode "path=$file"

echo "== Start another run and cancel it"
api "$url/v1/runs" -H 'Content-Type: application/json' \
  -d "{\"input\": \"${2:-Count to a thousand, slowly.}\"}" > "$config.run"
other=$(json run.id < "$config.run")
api -X POST "$url/v1/runs/$other/cancel" > /dev/null
api "$url/v1/runs/$other?waitMs=60000" > "$config.run"
json run.status < "$config.run"
echo
