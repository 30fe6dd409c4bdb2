# Processes that leave their parents: sessions, orphans, pid files, locks, sockets.
same setsid bash -c 'setsid -w sh -c "ps -o sid= -p \$\$ | tr -d \" \" >sid; echo \$\$ >pid"; cmp sid pid; echo $?'
same double-fork perl -e 'use POSIX; if (!fork) { setsid; exit if fork; chdir "/"; open STDIN, "</dev/null"; open my $f, ">", "/tmp/here/daemon" or die; print $f getppid() == 1 ? "orphan\n" : "child " . getppid() . "\n"; exit } wait; sleep 1; system "cat daemon"'
same orphans bash -c 'bash -c "(sleep 0.5; echo late >orphan) &"; sleep 1; cat orphan'
same zombies bash -c 'for i in $(seq 50); do (exit 3) & done; wait; ps -A -o stat= | grep -c Z'
same lock-file bash -c 'exec 9>lock; flock -n 9 && echo mine; (flock -n 9 && echo shared); flock -n lock true; echo $?'
same start-stop bash -c 'start-stop-daemon -S -b -m -p "$PWD/sd.pid" -x /bin/sleep -- 100; sleep 0.5; start-stop-daemon -T -p sd.pid; echo $?; start-stop-daemon -K -p sd.pid --retry 5; echo $?; start-stop-daemon -T -p sd.pid; echo $?'
same as-user bash -c 'start-stop-daemon -S -c demo -x /usr/bin/id -- -un; setpriv --reuid demo --regid demo --init-groups id; setpriv --no-new-privs --bounding-set=-all sh -c "id -u; cat /etc/shadow | wc -l"; setpriv --reuid=1234 --clear-groups sh -c "id; cat /etc/shadow"'
same unix-socket bash -c 'nc -lU us >us.out & sleep 0.5; echo over | nc -NU us; wait; cat us.out; nc -U missing; echo $?'
same abstract-socket python3 -c 'import socket, os
s = socket.socket(socket.AF_UNIX); s.bind("\0name"); s.listen(); c = socket.socket(socket.AF_UNIX); c.connect("\0name"); a = s.accept()[0]; c.send(b"x"); print(a.recv(9), s.getsockname())
u = socket.socket(socket.AF_UNIX); u.bind("rel"); print(u.getsockname(), os.stat("rel").st_mode); u.listen(); d = socket.socket(socket.AF_UNIX); d.connect("./rel"); print(d.getpeername())
p, q = socket.socketpair(); print(p.getsockopt(1, 17, 12)[4:])
import struct; print(struct.unpack("iII", d.getsockopt(1, 17, 12))[0] == os.getpid()); e = u.accept()[0]; print(struct.unpack("iII", e.getsockopt(1, 17, 12))[1:])'
same peer-pid python3 -c 'import socket, os, struct
u = socket.socket(socket.AF_UNIX); u.bind("who"); u.listen(); d = socket.socket(socket.AF_UNIX); d.connect("who"); e = u.accept()[0]
print(struct.unpack("iII", e.getsockopt(1, 17, 12))[0] == os.getpid())'
same tcp bash -c 'nc -l 127.0.0.1 7000 >tcp.out & sleep 0.5; echo over | nc -N 127.0.0.1 7000; wait; cat tcp.out; nc -z 127.0.0.1 7001; echo $?; su demo -c "timeout 2 nc -l 127.0.0.1 81"; timeout 2 nc -l 192.0.2.1 7004; timeout 2 nc -zw 1 127.0.0.1 7005; echo $?'
same udp bash -c 'nc -u -l 127.0.0.1 7002 >udp.out & sleep 0.5; echo datagram | nc -u -w 1 127.0.0.1 7002; kill %1; wait; cat udp.out'
same socat bash -c 'socat TCP6-LISTEN:7003,fork,reuseaddr EXEC:cat & sleep 0.5; for i in 1 2 3; do echo $i | socat - TCP6:[::1]:7003; done; kill %1; socat UNIX-RECVFROM:dg,fork OPEN:dg.out,creat,append & sleep 0.5; echo one | socat - UNIX-SENDTO:dg; echo two | socat - UNIX-SENDTO:dg; sleep 0.5; kill %2; wait; sort dg.out'
same pidof bash -c 'sleep 77 & pidof sleep | wc -w; pgrep -fc "sleep 77"; pkill -f "sleep 77"; wait; fuser /nowhere; ls -l /proc/$$/fd | wc -l; cat /proc/$$/status | grep -c .; kill -0 1; kill -0 99999'
same at-exit bash -c 'trap "echo bye; rm -f tmpf" EXIT; touch tmpf; (trap "echo inner" EXIT; exit 2); echo $?; ls tmpf'
same rlimits bash -c '(ulimit -n 20; exec 3</etc/passwd; python3 -c "
import os
n = 0
try:
    while True: os.open(\"/etc/passwd\", 0); n += 1
except OSError as e: print(n, e)
"); (ulimit -f 1; head -c 9000 /dev/zero >big; echo $?; ls -l big | cut -d " " -f 5); (ulimit -u 1; true; ls /nowhere); ulimit -c'
same parallel bash -c 'seq 400 | xargs -P 8 -n 1 sh -c "cat /etc/hostname >/dev/null; echo \$0" | sort -n | sha256sum'
