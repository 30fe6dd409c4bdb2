# What `make test` tries of the other workloads: the work of git and of a compiler, and calls that block.
LIMIT=300 same blocking /programs/blocking 'open fifo to read' 'connect unix, with' sendto
export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
git config --global user.name Nobody
git config --global user.email nobody@example.org
git config --global init.defaultBranch main
git config --global protocol.file.allow always
same commit bash -c 'git init -q origin && cd origin && cp -a /usr/lib/python3.11/json /usr/lib/python3.11/email . && git add . && git commit -q -m first && git rev-parse HEAD'
same clone git clone -q "file://$PWD/origin" clone
same merge bash -c 'cd clone; git checkout -q -b side; sed -i s/the/THE/ json/*.py; git commit -q -a -m side; git checkout -q main; echo x >x; git add x; git commit -q -m x; git merge -q -m merged side; git rev-parse HEAD; git status'
same gc bash -c 'cd clone; git gc -q && git fsck --full && git log --oneline --stat | sha256sum'
git daemon --base-path="$PWD" --export-all --reuseaddr --listen=127.0.0.1 --pid-file="$PWD/daemon.pid" >daemon.log 2>&1 &
until_true git ls-remote git://127.0.0.1/origin
same daemon bash -c 'git clone -q git://127.0.0.1/origin by-daemon && diff -r origin/json by-daemon/json'
kill "$(cat daemon.pid)"
cat >Makefile <<'X'
all: a b c d
%: %.c
	gcc -O1 -Wall -pthread -o $@ $<
X
for name in a b c d; do printf '#include <stdio.h>\nint main(void) { return printf("%s\\n") != 2; }\n' $name >$name.c; done
same make bash -c 'make -j2 | sort; for name in a b c d; do ./$name; done; make; echo x >>d.c; make 2>&1 | grep -c error'
same sockets python3 -c '
import os, socket, socketserver
s = socketserver.UnixStreamServer("/tmp/here/deep", None); print(s.server_address)
os.mkdir("sub"); u = socket.socket(socket.AF_UNIX); u.bind("./sub/../sub/rel"); u.listen(); print(u.getsockname())
c = socket.socket(socket.AF_UNIX); c.connect("sub/rel"); print(c.getpeername())
for name in "/nowhere/s", "sub/rel", "/proc/s", "x" * 108:
    try: socket.socket(socket.AF_UNIX).bind(name)
    except OSError as e: print(e)'
