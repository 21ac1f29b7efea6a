#!/usr/bin/env bash
# The 16 replicas of a perplexity baseline: every supported TensorFlow, oneDNN off, one thread, each from weights jittered by a stream
# of its own. No speed is measured, so two of these may run at once.
#
# usage: baselines/replicas.sh OUTPUT CORPUS CONFIG…     then: tfgate record OUTPUT/*
# needs the environments that `tox run -m versions --notest` makes, and `tfgate` on the PATH
set -euo pipefail
output=$1 corpus=$2
shift 2
configs=()
for config in "$@"; do configs+=(--config "$config"); done

replicas() { # NAME ENVIRONMENT JITTER LAUNCHES OPTIONS…
    local name=$1 python=.tox/$2/bin/python jitter=$3 launches=$4
    shift 4
    [ -e "$output/$name/run.json" ] || tfgate run --no-speed --corpus "$corpus" "${configs[@]}" --python "$python" --jitter "$jitter" \
        --launches "$launches" --output "$output/$name" "$@"
}

replicas tf221 tf221 1 2
replicas tf221-onednn-off tf221 3 2 --env TF_ENABLE_ONEDNN_OPTS=0
replicas tf221-one-thread tf221 5 2 --threads 1
replicas tf212 tf212 7 2
replicas tf215 tf215 9 2
replicas tf216 tf216 11 2
replicas tf218 tf218 13 2
replicas tf220 tf220 15 2
