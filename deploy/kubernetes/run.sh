#!/usr/bin/env bash
# One load test from several pods of the cluster that kubectl points to, and its merged result.
#
#   deploy/kubernetes/run.sh [ARGUMENTS OF plimsoll merge]
#   deploy/kubernetes/run.sh --assert 'p99<5ms' -o merged.json
#
# Edit kustomization.yaml first: image, number of shards, server, load. Needs kubectl 1.27 or later, and plimsoll on
# this machine for the merge. An earlier Job of the name is deleted. Variables:
#   PLIMSOLL             the command on this machine                        [plimsoll]
#   PLIMSOLL_KUSTOMIZE   folder with the kustomization                      [the folder of this script]
#   PLIMSOLL_NAMESPACE   namespace                                          [kubectl's]
#   PLIMSOLL_START_IN    seconds from the last pod's readiness to the window: more than the warm-up and the time that
#                        kubectl takes to annotate all pods                 [20]
#   PLIMSOLL_PATIENCE    seconds that the pods may take to become ready, and then to end   [900]
set -euo pipefail

case "${1:-}" in -h | --help) sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 0 ;; esac
folder=${PLIMSOLL_KUSTOMIZE:-$(dirname "$0")}
patience=${PLIMSOLL_PATIENCE:-900}
kubectl=(kubectl)
[ -z "${PLIMSOLL_NAMESPACE:-}" ] || kubectl+=(--namespace "$PLIMSOLL_NAMESPACE")
pods=batch.kubernetes.io/job-name=plimsoll

"${kubectl[@]}" delete job plimsoll --ignore-not-found --cascade=foreground --wait >&2
"${kubectl[@]}" apply -k "$folder" >&2
shards=$("${kubectl[@]}" get job plimsoll -o 'jsonpath={.spec.completions}')
until=$((SECONDS + patience))
status() { "${kubectl[@]}" get job plimsoll -o "jsonpath={.status.$1}"; }
# A pod that fails never becomes ready: a wait for readiness alone would last as long as the patience.
until [ "$(status ready)" = "$shards" ]; do
    case "$(status failed)" in
        "" | 0) ;;
        *)
            echo "pods failed before the start; what they printed:" >&2
            "${kubectl[@]}" logs -l "$pods" --tail=20 >&2
            # The other pods would wait for a start that never comes.
            "${kubectl[@]}" delete job plimsoll --wait=false >&2
            exit 2
            ;;
    esac
    if [ "$SECONDS" -ge "$until" ]; then
        echo "not all of $shards pods are ready after $patience s: kubectl describe job plimsoll" >&2
        exit 2
    fi
    sleep 1
done

# All pods get one instant. A pod that reads it too late sends nothing, and is missing.
seconds=$(($(date +%s) + ${PLIMSOLL_START_IN:-20}))
# GNU's date, or that of BSD and macOS.
at=$(date -u -d "@$seconds" +%FT%TZ 2>/dev/null || date -u -r "$seconds" +%FT%TZ)
"${kubectl[@]}" annotate pods -l "$pods" --overwrite "plimsoll/start-at=$at" >&2

# A Job ends as Complete or as Failed; `kubectl wait` can wait for one of them only.
until=$((SECONDS + patience))
while :; do
    ended=$("${kubectl[@]}" get job plimsoll -o 'jsonpath={.status.conditions[?(@.status=="True")].type}')
    case " $ended " in *" Complete "* | *" Failed "*) break ;; esac
    if [ "$SECONDS" -ge "$until" ]; then
        echo "the Job has not ended after $patience s; its pods run on: kubectl delete job plimsoll" >&2
        exit 2
    fi
    sleep 1
done

# The merge names missing shards; --partial merges the others.
"${kubectl[@]}" logs -l "$pods" --tail=-1 | "${PLIMSOLL:-plimsoll}" merge - "$@"
