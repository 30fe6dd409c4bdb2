# Go's own tests of the packages that make system calls, as Debian ships them.
export GOCACHE=/tmp/go-cache GO111MODULE=auto
for package in os os/exec os/signal os/user path/filepath io/fs io/ioutil syscall internal/poll archive/tar; do
    timeout --kill-after=5 200 go test -short -v "$package" >said 2>&1 </dev/null
    printf '= %s\tstatus %d\n' "$package" $?
    cat said
    sed -nE "s|^ *--- ([A-Z]+): ([^ ]+) .*|= $package \2\t\1|p" said
done
