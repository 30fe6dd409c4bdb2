# Sourced by the set-up: numbered steps with elapsed time on the screen, everything else in one log per step.

readonly root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly logs=$root/target/setup
mkdir -p "$logs"

# announce TITLE…: what `step` will count.
announce() {
    step_total=$#
    step_number=0
}

# step TITLE COMMAND…: runs the command quietly; on failure shows the end of its log and stops the set-up.
step() {
    local title=$1 log started=$SECONDS
    shift
    step_number=$((step_number + 1))
    log=$logs/$step_number-${title%% *}.log
    printf '[%d/%d] %-44s' "$step_number" "$step_total" "$title"
    if "$@" >"$log" 2>&1 </dev/null; then
        printf '%4d s\n' $((SECONDS - started))
        return
    fi
    printf 'FAILED\n\n'
    tail -n 30 "$log" >&2
    printf '\nset-up failed at "%s"; the whole log is %s\n' "$title" "$log" >&2
    exit 1
}
