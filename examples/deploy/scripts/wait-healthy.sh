#!/usr/bin/env bash
# Waits until a URL answers 200, and fails if it has not done so in time.
#
#     scripts/wait-healthy.sh https://staging.example.com/readyz [seconds=300] [interval=2]
#
# A 503, a redirect, a refused connection, a name that is not known yet, and an answer that takes
# longer than 5 s all mean "not yet".
set -euo pipefail

if (($# < 1 || $# > 3)); then
    echo 'usage: wait-healthy.sh URL [seconds] [interval]' >&2
    exit 2
fi
url=$1 seconds=${2:-300} interval=${3:-2}
for number in "$seconds" "$interval"; do
    if [[ ! $number =~ ^[0-9]+(\.[0-9]+)?$ ]]; then
        echo "wait-healthy: $number is not a number of seconds" >&2
        exit 2
    fi
done
# The time is for everything, answers that hang included.
deadline=$(awk -v now="$EPOCHREALTIME" -v more="$seconds" 'BEGIN { printf "%.3f", now + more }')
left() {
    awk -v now="$EPOCHREALTIME" -v end="$deadline" 'BEGIN { printf "%.3f", end - now }'
}

last=none tries=0
while true; do
    remaining=$(left)
    if [[ $remaining == -* || $remaining == 0.000 ]]; then break; fi
    tries=$((tries + 1))
    limit=$(awk -v left="$remaining" 'BEGIN { print (left < 5 ? left : 5) }')
    code=$(curl --silent --output /dev/null --max-filesize 65536 --max-time "$limit" \
        --write-out '%{http_code}' -- "$url") && result=0 || result=$?
    if [[ $code == 200 && $result == 0 ]]; then
        echo "wait-healthy: $url answers 200 (try $tries)"
        exit 0
    fi
    case $result in
        0) now="status $code" ;;
        6) now='its name is not known' ;;
        7) now='the connection is refused' ;;
        28) now="no answer within $limit s" ;;
        *) now="curl ends with $result" ;;
    esac
    # One line for each change, not for each try.
    if [[ $now != "$last" ]]; then
        echo "wait-healthy: not yet: $now"
        last=$now
    fi
    sleep "$(awk -v left="$(left)" -v wait="$interval" 'BEGIN { w = left < wait ? left : wait; print (w < 0 ? 0 : w) }')"
done
echo "wait-healthy: $url did not answer 200 within $seconds s ($tries tries; the last: $last)" >&2
exit 1
