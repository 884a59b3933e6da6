#!/usr/bin/env bash
# Verifies a deployment by its public summary: JSON whose `healthy` is true.
#
#     scripts/verify-deploy.sh https://api.example.com/health [tries=5] [pause=30] [version]
#
# With a version (the HEALTH_VERSION of the deployment), `version` has to be the same: an old instance that
# still answers does not pass for the new one, and is waited for as long as the tries last. A page of HTML, a proxy's error page and `"true"` as a text do not pass.
set -euo pipefail

if (($# < 1 || $# > 4)); then
    echo 'usage: verify-deploy.sh URL [tries] [pause in seconds] [version]' >&2
    exit 2
fi
url=$1 tries=${2:-5} pause=${3:-30} version=${4:-}
if [[ ! $tries =~ ^[1-9][0-9]*$ || ! $pause =~ ^[0-9]+(\.[0-9]+)?$ ]]; then
    echo "verify-deploy: tries ($tries) must be a count, and the pause ($pause) a number of seconds" >&2
    exit 2
fi
for tool in curl jq; do
    if ! type -P "$tool" >/dev/null; then
        echo "verify-deploy: $tool is missing" >&2
        exit 2
    fi
done

# What is wrong with an answer, or nothing.
# shellcheck disable=SC2016
judge='
  if length != 1 then "not one JSON document"
  else .[0] |
    if type != "object" then "not a JSON object"
    elif .healthy != true then "healthy is \(.healthy | tojson)"
    elif $version != "" and .version != $version then "version is \(.version | tojson), not \($version | tojson)"
    else "" end
  end'

for ((try = 1; try <= tries; try++)); do
    if ! answer=$(curl --silent --show-error --max-time 10 --max-filesize 65536 \
        --write-out '\n%{http_code}' -- "$url" 2>&1); then
        wrong=${answer##*$'\n'curl}
        wrong=$(tr -d '\n' <<<"${wrong:0:200}")
    else
        code=${answer##*$'\n'} body=${answer%$'\n'*}
        if ! wrong=$(jq --raw-output --slurp --arg version "$version" "$judge" <<<"$body" 2>/dev/null); then
            wrong='not JSON'
        fi
        if [[ -z $wrong && $code != 200 ]]; then wrong=healthy; fi
        if [[ -n $wrong && $code != 200 ]]; then wrong="status $code, $wrong"; fi
    fi
    if [[ -z $wrong ]]; then
        echo "verify-deploy: $url is healthy${version:+, version $version} (try $try of $tries)"
        exit 0
    fi
    echo "verify-deploy: try $try of $tries: $wrong"
    if ((try < tries)); then sleep "$pause"; fi
done
echo "verify-deploy: $url was not verified in $tries tries" >&2
exit 1
