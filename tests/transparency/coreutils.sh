# Every kind of file call with its error text, as programs print it.
same ls-missing ls /nowhere/at-all
same ls-dev ls /dev /dev/pts
same ls-long bash -c 'ls -lan --time-style=+ /etc | sort | head -100'
same cat-missing cat missing
same cat-folder cat /etc
same cd-file bash -c 'cd /etc/passwd'
same mkdir-twice bash -c 'mkdir a && mkdir a'
same mkdir-p mkdir -p b/c/d/e
same rmdir-full rmdir b
same rm-folder rm b
same rm-missing rm missing
same touch-ro touch /proc/self/x /sys/x /nowhere/x
same mv-onto-folder bash -c 'echo 1 >f; mkdir -p g/f; mv f g'
same mv-into-self mv b b/c
same mv bash -c 'echo 1 >m1; mv m1 m2; cat m2'
same cp-a bash -c 'cp -a /etc etc && diff -r /etc etc | sort'
same ln-s bash -c 'ln -s target link; readlink link; ls -l link | cut -c 1-10; cat link'
same ln-loop bash -c 'ln -s l1 l2; ln -s l2 l1; cat l1; stat l1 2>&1 | head -2; ls l1/'
same ln-hard bash -c 'echo x >h1; ln h1 h2; stat -c %h h1; ln h1 h2; ln b hb'
same readlink-f bash -c 'cd b; readlink -f ../b/./c/../c/d missing/x; realpath -e missing'
same chmod bash -c 'touch p; chmod 4755 p; stat -c "%a %A" p; chmod 000 p; stat -c %a p; chmod u+x missing'
same chown bash -c 'touch o; chown demo:demo o; stat -c "%U %G" o; chown -h demo link; stat -c %U link; chown nobody missing'
same touch-times bash -c 'touch -d 2001-02-03T04:05:06.789 t; stat -c "%y %x" t; touch -h -d 2000-01-01 link; stat -c %y link'
same truncate bash -c 'truncate -s 12345 s; stat -c "%s %b" s; truncate -s -45 s; stat -c %s s; truncate -s 1 /etc'
same mkfifo bash -c 'mkfifo q; (echo through >q &) ; cat q; stat -c %F q; timeout 1 cat q; echo $?'
same mknod bash -c 'mknod n c 1 3; stat -c "%F %t %T" n; echo x >n; cat n; mknod k c 1 11; cat k; mknod bd b 8 0; cat bd'
same long-name bash -c 'touch $(printf %0300d 1); cat $(printf %05000d 1) | head -1'
same deep bash -c 'for i in $(seq 200); do mkdir d; cd d || break; done; pwd | wc -c; cd /; ls /tmp >/dev/null'
same spaces bash -c 'touch " a" "b
c" "ü" $'"'"'\xff'"'"'; ls -b'
same trailing-slash bash -c 'echo >tf; cat tf/; mkdir nd/; rmdir nd/; touch nf/; mv tf tf2/; ln -s b lb; ls lb/; rm lb/; rmdir lb/'
same dot bash -c 'rmdir .; rm -r .; mkdir ..; mv . x; rmdir b/..'
same permissions su demo -c 'cd /tmp; cat /etc/shadow; ls /root; touch /etc/x; mkdir /x; rm /etc/passwd; chmod 777 /etc; cat /proc/1/environ; mv /etc/hostname /tmp; ln /etc/shadow /tmp/s; echo >/etc/passwd; cd /root'
same sticky bash -c 'mkdir /tmp/st; chmod 1777 /tmp/st; touch /tmp/st/r; su demo -c "rm -f /tmp/st/r; echo x >/tmp/st/r; mv /tmp/st/r /tmp/st/u; touch /tmp/st/d; rm /tmp/st/d"'
same umask bash -c 'for m in 0 002 022 027 077 777; do umask $m; rm -rf um uf; mkdir um; touch uf; stat -c %a um uf; done'
same setgid bash -c 'mkdir sg; chgrp demo sg; chmod 2775 sg; touch sg/f; mkdir sg/d; stat -c "%G %a" sg/f sg/d'
same acl bash -c 'mkdir ac; setfacl -d -m u:demo:rwx ac; touch ac/f; mkdir ac/d; getfacl -c ac/f ac/d; setfacl -m u:demo:r ac/f; getfacl -c ac/f; setfacl -b ac/f; getfacl ac/missing'
same xattr bash -c 'touch xa; setfattr -n user.k -v v xa; getfattr -d xa; setfattr -x user.k xa; getfattr -n user.k xa; setfattr -n trusted.k -v v xa; setfattr -n bad -v v xa'
same capabilities bash -c 'cp /bin/true ct; setcap cap_net_raw+ep ct; getcap ct; ./ct; echo $?'
same statfs bash -c 'stat -f -c "%T %s" / /proc /dev/shm /sys; df --output=target / /dev/shm /nowhere'
same proc bash -c 'readlink /proc/self/exe /proc/self/cwd /proc/self/root /proc/thread-self/cwd; cat /proc/self/comm; tr "\0" " " </proc/self/cmdline; ls /proc/self/fd | wc -l; cat /proc/self/fdinfo/0 | grep flags; head -c 20 /proc/self/maps | wc -c; cat /proc/1/comm; ls /proc/self/task | wc -l'
same dev-fd bash -c 'cat <(echo one) <(echo two); echo x | cat /dev/stdin; echo y >/dev/stdout; echo z >/dev/stderr; cat /dev/fd/0 </etc/hostname; readlink /dev/fd; test -e /dev/fd/9; echo $?; cat /dev/fd/9'
same dev-tty bash -c 'cat /dev/tty; echo >/dev/tty; tty; ls -l /dev/ptmx | cut -c 1-10'
same dev bash -c 'head -c 4 /dev/zero | od -c; head -c 9 /dev/urandom | wc -c; echo >/dev/full; cat /dev/null; echo >/dev/null; cat /dev/mem; cat /dev/kmsg'
same sys bash -c 'cat /proc/sys/kernel/ostype /proc/sys/kernel/hostname; echo 1 >/proc/sys/kernel/hostname; echo x >/proc/sys/vm/drop_caches; cat /sys/kernel/uevent_seqnum | wc -l; cat /proc/kcore; ls /proc/acpi /proc/scsi'
same test-operators bash -c 'for o in e f d r w x s L p S b c u g k O G; do for f in /etc/passwd /etc /dev/null link q missing; do test -$o $f; printf "$? "; done; done'
same find bash -c 'find /usr/lib/python3.11 -name "*.py" -size +50k | sort; find /etc -type l -printf "%p %l\n" | sort; find / -xdev -perm -4000 | sort; find /etc -newer /etc/passwd -maxdepth 0; find missing'
same du bash -c 'du -s --apparent-size /usr/lib/git-core | cut -f 1; du missing'
same wc-all bash -c 'cat /usr/lib/python3.11/*.py | sha256sum'
same install bash -c 'install -m 751 -o demo -g demo /bin/true it; stat -c "%a %U %G" it; ./it; echo $?; install -d ia/ib; ls ia'
same dd bash -c 'dd if=/dev/zero of=ddf bs=1k count=3 conv=fsync status=none; stat -c %s ddf; dd if=ddf of=ddf2 oflag=direct,append bs=512 count=1 status=none; dd if=missing; dd of=/etc'
same mktemp bash -c 'f=$(mktemp); stat -c %a $f; d=$(mktemp -d); stat -c %a $d; mktemp /nowhere/XXX'
same split bash -c 'seq 1000 | split -l 100; ls x* | wc -l; cat x* | sha256sum; shred -u xaa; ls xaa'
same sort bash -c 'seq 300000 | sort -R --random-source=/etc/passwd -S 1M -T . | sort -n -S 1M -T . | sha256sum'
same exec-errors bash -c 'touch ne; ./ne; chmod +x ne; ./ne; echo $?; ./missing; /etc; echo "#!/nowhere" >sc; chmod +x sc; ./sc; echo "#!/bin/sh -e
echo \$0 \$*; exit 3" >s2; chmod +x s2; ./s2 a "b c"; echo $?; printf "garbage\1" >gb; chmod +x gb; ./gb; echo $?; exec missing'
same exec-dirs bash -c 'mkdir pd; cp /bin/echo pd/e; PATH=pd e relative; cd pd; ./e here; PATH=/nowhere:/root/x:$PWD e found; /lib64/ld-linux-x86-64.so.2 ./e by-loader; env -i ./e env'
same exec-user su demo -c 'id -u; sudo -n true; /root/x; /usr/sbin/nologin; cp /bin/id /tmp/demo-id; /tmp/demo-id -u; chmod 700 /tmp/demo-id; /tmp/demo-id -un'
same setuid-program bash -c 'cp /usr/bin/id si; chown demo si; chmod 4755 si; chmod 755 .; ./si -u; ./si -ru; su nobody -s /bin/sh -c "$PWD/si -u"'
same exec-script-chain bash -c 'echo "#!$PWD/i2" >i1; echo "#!/bin/sh" >i2; echo "echo interpreted \$0" >>i2; chmod +x i1 i2; ./i1 arg; echo "#!$PWD/l" >l; chmod +x l; ./l; echo $?'
same exec-arg-size bash -c '/bin/true $(seq 1 20000); echo $?; /bin/true $(printf "%0200000d" 1); echo $?; a=$(printf "%0100000d" 1); /bin/true $a $a $a $a $a $a $a $a $a $a $a $a $a $a $a $a $a $a $a $a $a $a; echo $?'
same env-exec bash -c 'env -i A=1 B= /usr/bin/env; env A=2 sh -c "echo \$A"'
same chroot bash -c 'mkdir -p cr/bin cr/proc; for l in /bin/ls /bin/cat /bin/sh; do cp --parents $l $(ldd $l | grep -o "/[^ ]*") cr; done; mkdir -p cr/bin; cp /bin/ls /bin/cat /bin/sh cr/bin; echo inside >cr/file; chroot cr /bin/cat /file; chroot cr /bin/ls /; chroot cr /bin/sh -c "cd /; /bin/cat ../../file; /bin/cat /proc/self/comm"; chroot missing'
same nice bash -c 'nice -n 5 nice; nohup true; timeout 1 sleep 5; echo $?; setsid true; stdbuf -oL echo x'
same unshare-errors bash -c 'unshare -n true; unshare -U true; unshare -m true; mount -t tmpfs x /mnt; umount /proc; mount --bind /etc /mnt'
same inotify bash -c 'inotifywait -q -t 5 -e create,delete --format "%e %f" -m . >../ev & sleep 1; touch iw; rm iw; sleep 0.5; kill %1; wait; cat ../ev'
same flock bash -c 'flock fl sleep 1 & sleep 0.3; flock -n fl echo taken; echo $?; flock -w 5 fl echo after; flock -w 0.1 -E 7 /nowhere true; echo $?'
same getent bash -c 'getent passwd root demo; getent hosts localhost; getent services http; id demo; id missing; whoami; groups'
same heredoc bash -c 'cat <<< text; cat <<X
y
X
exec 3<>rw; echo one >&3; cat rw; exec 3<&-; set -C; echo >rw; echo a >>rw; cat <missing; echo $?'
