#!/usr/bin/env bash
# Migrates, and then rolls an image out, with the context and the namespace that kubectl has. Exits with 0
# only if both went well. If the migration fails, the Deployment stays as it is.
#
#     scripts/deploy-kubernetes.sh ghcr.io/example/service@sha256:… VERSION
#
# The version is what /health says afterwards, for verify-deploy.sh: the commit.
#
# DEPLOYMENT       the file of the Deployment (../kubernetes/deployment.yaml)
# MIGRATE_SECONDS  seconds until the migration is given up (330)
# POLL             seconds between two looks at it (2)
set -euo pipefail

fail() {
    printf 'deploy-kubernetes: %s\n' "$*" >&2
    exit 1
}

image=${1:-} version=${2:-}
if (($# != 2)) || [[ ! $image =~ ^[a-z0-9][a-z0-9./:_-]*@sha256:[0-9a-f]{64}$ || ! $version =~ ^[A-Za-z0-9._+-]+$ ]]; then
    echo 'usage: deploy-kubernetes.sh IMAGE@sha256:… VERSION (a tag could move between migration and pods)' >&2
    exit 2
fi
type -P kubectl >/dev/null || fail 'kubectl is missing'
files=$(cd "$(dirname "${BASH_SOURCE[0]}")/../kubernetes" && pwd)
deployment=${DEPLOYMENT:-$files/deployment.yaml} job=service-migration

# The file with this image, and with this version where it names one.
filled() {
    sed "s,^\( *image:\) [^ ]*,\1 $image,; s,^\( *value:\) unreleased\$,\1 \"$version\"," "$1"
}

kubectl apply -f "$files/configuration.yaml" -f "$files/network.yaml"
# A Job cannot be changed.
kubectl delete job "$job" --ignore-not-found
filled "$files/migration.yaml" | kubectl apply -f -

# `kubectl wait` for completion does not notice a failure.
conditions='{range .status.conditions[?(@.status=="True")]}{.type}{"\n"}{end}'
end=$((SECONDS + ${MIGRATE_SECONDS:-330}))
while true; do
    state=$(kubectl get job "$job" --output "jsonpath=$conditions")
    case $'\n'$state$'\n' in
        *$'\nComplete\n'*) break ;;
        *$'\nFailed\n'*)
            kubectl logs "job/$job" --tail=50 >&2 || true
            fail 'the migration failed; the Deployment was not touched'
            ;;
    esac
    ((SECONDS < end)) || fail 'the migration is not done; the Deployment was not touched'
    sleep "${POLL:-2}"
done
echo 'deploy-kubernetes: migrated'

filled "$deployment" | kubectl apply -f -
kubectl apply -f "$files/service.yaml" -f "$files/disruption.yaml"
kubectl rollout status deployment/service --timeout=600s ||
    fail 'the rollout did not finish, and the pods before it still serve. To end it: kubectl rollout undo deployment/service'
echo "deploy-kubernetes: $version is rolled out"
