#!/usr/bin/env bash
# Migrates the database that DATABASE_URL names, and looks whether it is migrated. Exits with 0 only
# if both went well; a migration that failed, hung, or left nothing is not a success.
#
#     DATABASE_URL=postgres://… scripts/migrate.sh
#
# SERVICE                    the program (/app/service)
# MODE                       its mode (production)
# MIGRATE_SECONDS            until it is ended (300); it gives up by itself after its MIGRATION_TIMEOUT
# DATABASE_REQUIRE_SSL       as for the service: true unless it is `false`, or the mode is development
# DATABASE_ROOT_CERTIFICATE  as for the service: a file in PEM; the server has to be the one of the URL
set -euo pipefail

fail() {
    printf 'migrate: %s\n' "$*" >&2
    exit 1
}

service=${SERVICE:-/app/service}
seconds=${MIGRATE_SECONDS:-300} mode=${MODE:-production}
[[ -n ${DATABASE_URL:-} ]] || fail 'DATABASE_URL is not set'
[[ $seconds =~ ^[0-9]+$ && $seconds -gt 0 ]] || fail "MIGRATE_SECONDS must be a number of seconds: $seconds"
type -P "$service" >/dev/null || fail "$service is not a program; set SERVICE"

# What psql gets as an argument: the URL without its password, which goes by the environment, since every
# user of the machine can read the arguments of a program. A URL whose password cannot be told from the
# rest is refused before anything is migrated.
url=$DATABASE_URL password='' ssl_mode=''
case $url in
    postgres://* | postgresql://*)
        rest=${url#*://} query=''
        if [[ $rest == *\?* ]]; then query=${rest#*\?}; fi
        # A name of a parameter that is written in codes may be one of them too.
        secret='(^|&)((ssl)?password=|[^=&]*%)'
        if [[ $query =~ $secret ]]; then
            fail 'a password among the parameters of DATABASE_URL is in every list of processes: write user:password@'
        fi
        credentials='^([^:@/?#]*)(:([^@/?#]*))?@([^@]*)$'
        if [[ $rest =~ $credentials ]]; then
            password=${BASH_REMATCH[3]}
            url=${url%%://*}://${BASH_REMATCH[1]}@${BASH_REMATCH[4]}
        elif [[ $rest == *@* ]]; then
            fail 'write %40, %2F, %3F and %23 for @, /, ? and # in the user and password of DATABASE_URL'
        fi
        if [[ $password =~ %($|.$|[^0-9A-Fa-f]|.[^0-9A-Fa-f]) ]]; then
            fail 'the password of DATABASE_URL has a % that begins no code: write %25'
        fi
        # As the service's own connections. What the URL says wins for psql, so it must not say less.
        if [[ -n ${DATABASE_ROOT_CERTIFICATE:-} ]]; then
            ssl_mode=verify-full enough='verify-full'
        elif [[ ${DATABASE_REQUIRE_SSL:-$mode} != @(false|development) ]]; then
            ssl_mode=require enough='require|verify-ca|verify-full'
        fi
        asked='(^|&)sslmode=([^&]*)'
        if [[ -n $ssl_mode && $query =~ $asked ]]; then
            asked=${BASH_REMATCH[2]}
            [[ $asked =~ ^($enough)$ ]] || fail "sslmode=$asked of DATABASE_URL is less than the settings ask for: $ssl_mode"
        fi
        ;;
esac

echo 'migrate: applying migrations'
status=0
timeout --kill-after=10 "$seconds" \
    "$service" --mode "$mode" --role maintenance --apply-migrations || status=$?
case $status in
    0) ;;
    124 | 137) fail "not done after $seconds s; it was ended, and the database is as the last complete migration left it" ;;
    *) fail "failed with exit code $status" ;;
esac

case $DATABASE_URL in
    postgres://* | postgresql://*) ;;
    *)
        echo 'migrate: done; only Postgres is looked at afterwards'
        exit 0
        ;;
esac
type -P psql >/dev/null || fail 'psql is missing: the migrations were applied, and nobody has looked'
if [[ -n $password ]]; then
    # Percent signs are how a URL writes what would end its password; a backslash is a backslash.
    password=${password//\\/\\\\}
    printf -v PGPASSWORD '%b' "${password//%/\\x}"
    export PGPASSWORD
fi
if [[ -n $ssl_mode ]]; then export PGSSLMODE=$ssl_mode; fi
if [[ -n ${DATABASE_ROOT_CERTIFICATE:-} ]]; then export PGSSLROOTCERT=$DATABASE_ROOT_CERTIFICATE; fi
export PGCONNECT_TIMEOUT=${PGCONNECT_TIMEOUT:-10}

query() {
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 "$@" --dbname="$url"
}

# The table of sqlx: a row for each migration, and `success` is false for one that was cut off.
counts=$(query --tuples-only --no-align --field-separator=' ' --command \
    'SELECT count(*) FILTER (WHERE success), count(*) FILTER (WHERE NOT success) FROM _sqlx_migrations') ||
    fail 'the table of migrations cannot be read'
read -r applied broken <<<"$counts"
((broken == 0)) || fail "$broken migrations are marked as failed"
((applied > 0)) || fail 'no migration is applied'

echo "migrate: done, $applied migrations are applied; the latest:"
query --command 'SELECT version, description, installed_on FROM _sqlx_migrations ORDER BY version DESC LIMIT 5'
