#!/bin/bash
# What scripts do with curl and jq, as Prisma Compute's documents show it. The environment says where the Console is:
# CONSOLE, CONSOLE_USER, CONSOLE_PASSWORD.
set -euo pipefail
api=$CONSOLE/api/v1
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
fail() { echo "curl.sh: $*" >&2; exit 1; }
same() { [ "$2" = "$3" ] || fail "$1: want $2, have $3"; }

# A token, with JSON that curl calls a form, and with the version of a release in the path.
token=$(curl -sS -f -X POST -d "{\"username\":\"$CONSOLE_USER\",\"password\":\"$CONSOLE_PASSWORD\"}" "$api/authenticate" | jq -r .token)
[ "$(echo "$token" | tr -cd . | wc -c)" = 2 ] || fail "no JWT"
curl -sS -f -H 'Content-Type: application/json' -d "{\"username\":\"$CONSOLE_USER\",\"password\":\"$CONSOLE_PASSWORD\"}" "$CONSOLE/api/v32.06/authenticate" | jq -e '.token | length > 0' >/dev/null
bearer=(-sS -f -H "Authorization: Bearer $token")
basic=(-sS -f -u "$CONSOLE_USER:$CONSOLE_PASSWORD")
same version string "$(curl "${bearer[@]}" "$api/version" | jq -r type)"
curl -sS -f "$api/_ping" >/dev/null

# write METHOD PATH [ARGUMENTS]: it answers with 200 and nothing else.
write() {
	local method=$1 path=$2
	shift 2
	same "$method $path" "200 0" "$(curl -sS -H "Authorization: Bearer $token" -o "$here/answer" -w '%{http_code} %{size_download}' -X "$method" "$@" "$api/$path")"
}

# Collections, with a blank in the name.
write POST collections -H 'Content-Type: application/json' -d '{"name":"prod apis","functions":["prod-*"],"labels":["region:eu-west-1"],"color":"#3FA2F7","codeRepos":null}'
curl "${basic[@]}" "$api/collections?excludePrisma=true" | jq -e '.[] | select(.name == "prod apis") | .functions == ["prod-*"] and .hosts == ["*"] and .owner != ""' >/dev/null
write PUT collections/prod%20apis -d '{"name":"prod apis","functions":["prod-*","live-*"],"description":"changed"}'
same collection changed "$(curl "${bearer[@]}" "$api/collections" | jq -r '.[] | select(.name == "prod apis").description')"

# Read a policy, change it, write the whole of it.
for kind in runtime firewall/app; do
	curl "${bearer[@]}" "$api/policies/$kind/serverless" >"$here/policy"
	rule='{"name":"from curl","collections":[{"name":"prod apis"}],"notes":"$(kind)"}'
	jq --argjson rule "$rule" '.rules = [$rule] + .rules' "$here/policy" >"$here/edited"
	write PUT "policies/$kind/serverless" -H 'Content-Type: application/octet-stream' --data-binary "@$here/edited"
	curl "${bearer[@]}" "$api/policies/$kind/serverless" | jq -S . >"$here/first"
	same "$kind rule" 'from curl prod apis changed' "$(jq -r '.rules[0] | "\(.name) \(.collections[0].name) \(.collections[0].description)"' "$here/first")"
	# What was read is written back, and read again: nothing differs.
	write PUT "policies/$kind/serverless" -d "@$here/first"
	curl "${basic[@]}" "$CONSOLE/api/v34.04/policies/$kind/serverless?project=Central+Console" | jq -S . | diff "$here/first" - || fail "$kind: writing what was read changed it"
done
same usages "from curl/policy from curl/policy" "$(curl "${bearer[@]}" "$api/collections/prod%20apis/usages" | jq -r '[.[] | "\(.name)/\(.type)"] | join(" ")')"

# TW_POLICY and the bundles, with lists in the place of texts.
curl "${bearer[@]}" -X POST -d '{"consoleAddr":"console.example.com","function":"prod-orders","provider":["aws"],"region":"eu-west-1","proxy":{"httpProxy":"","ca":"","user":"","noProxy":"","password":{"encrypted":"","plain":""}}}' \
	"$api/policies/runtime/serverless/encode" | jq -e '.data | length > 100' >/dev/null
curl "${bearer[@]}" -X POST -d '{"runtime":["python"],"provider":["aws"]}' -o "$here/bundle.zip" "$api/defenders/serverless/bundle"
curl "${bearer[@]}" -X POST -d '{"runtime":"nodejs14.x","provider":"aws"}' -o "$here/layer.zip" "$api/images/twistlock_defender_layer.zip"
for file in bundle layer; do same "$file" PK "$(head -c 2 "$here/$file.zip")"; done

# Audits: lists repeated and by commas, pages with Total-Count, CSV.
audits=$api/audits/runtime/serverless
repeated=$(curl "${bearer[@]}" "$audits?function=orders&function=billing&limit=50" | jq 'length')
commas=$(curl "${bearer[@]}" "$audits?function=orders,billing&limit=50" | jq 'length')
same "lists of values" 40 "$repeated"
same "values by commas" "$repeated" "$commas"
total=$(curl "${bearer[@]}" -D - -o /dev/null "$audits?limit=7" | tr -d '\r' | awk 'tolower($1) == "total-count:" {print $2}')
same total 70 "$total"
offset=0
while [ "$offset" -lt "$total" ]; do
	curl "${bearer[@]}" "$audits?limit=50&offset=$offset&sort=time&reverse=true" | jq -r '.[]._id' >>"$here/ids"
	offset=$((offset + 50))
done
same "audits of all pages" "$total" "$(sort -u "$here/ids" | wc -l)"
same "media type" text/csv "$(curl "${bearer[@]}" -o "$here/audits.csv" -w '%{content_type}' "$audits/download?effect=prevent")"
same "lines of CSV" $((total + 1)) "$(wc -l <"$here/audits.csv")"
now=$(date -u +%Y-%m-%dT%H:%M:%S.000Z)
same slices 4 "$(curl "${bearer[@]}" -G --data-urlencode from=2020-01-01T00:00:00Z --data-urlencode "to=$now" -d buckets=4 "$audits/timeslice" | jq length)"

# An error is JSON with a reason.
same "an error" '401 string' "$(curl -sS -w '%{http_code}' -o "$here/answer" "$api/collections") $(jq -r '.err | type' "$here/answer")"
same "a refused collection" '409 string' "$(curl -sS -u "$CONSOLE_USER:$CONSOLE_PASSWORD" -w '%{http_code}' -o "$here/answer" -X DELETE "$api/collections/prod%20apis") $(jq -r '.err | type' "$here/answer")"

# All of it is taken back.
for kind in runtime firewall/app; do
	curl "${bearer[@]}" "$api/policies/$kind/serverless" | jq 'del(.rules[] | select(.name == "from curl"))' | write PUT "policies/$kind/serverless" -d @-
done
write DELETE collections/prod%20apis
write POST logout
echo passed
