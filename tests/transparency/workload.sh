# Sourced by the workloads. Each test is one line `= NAME<tab>OUTCOME` of what they write; the rest is for whoever looks for a cause.
mkdir /tmp/here && cd /tmp/here
export LC_ALL=C.UTF-8 HOME=/root

# ends NAME COMMAND…: the outcome is the exit status.
ends() {
    local name=$1 status
    shift
    echo "- $name: $*"
    timeout --kill-after=5 ${LIMIT:-60} "$@" 2>&1 </dev/null
    status=$?
    printf '= %s\tstatus %d\n' "$name" $status
}

# same NAME COMMAND…: the outcome is the exit status and all that the command writes, or the sum of it if that is more than some words.
same() {
    local name=$1 status output
    shift
    echo "- $name: $*"
    output=$(timeout --kill-after=5 ${LIMIT:-60} "$@" 2>&1 </dev/null)
    status=$?
    printf '%s\n' "$output"
    [[ $output =~ ^[A-Za-z0-9_./\ -]{1,60}$ ]] || output="output $(printf '%s' "$output" | without_numbers | sha256sum | cut -c 1-8)"
    printf '= %s\tstatus %d, %s\n' "$name" $status "$output"
}

# Numbers of processes and threads, times of the day and durations, where bash, socat, nginx, OpenSSL and curl tell them.
without_numbers() {
    sed -E 's/^(bash: line [0-9]+: +)[0-9]+ /\1/; s/^[0-9/]+ [0-9:]+ socat\[[0-9]+\]/socat/; s/^[0-9/]+ [0-9:]+ (\[[a-z]+\]) [0-9]+#[0-9]+:/\1/; s/^[0-9A-F]{16}:error:/error:/; s/after [0-9]+ (ms|milliseconds)/after a while/'
}

# sh_same NAME SCRIPT and sh_ends NAME SCRIPT: likewise, for a script of bash.
sh_same() { same "$1" bash -c "$2"; }
sh_ends() { ends "$1" bash -c "$2"; }

# until_true COMMAND…: waits up to ten seconds for a server.
until_true() {
    for _ in $(seq 100); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.1
    done
    echo "not ready: $*"
    return 1
}
