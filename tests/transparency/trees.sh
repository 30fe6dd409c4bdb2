# Large trees, copied, packed, listed and removed.
same cp-a bash -c 'cp -a /usr/lib/python3.11 copy && diff -r /usr/lib/python3.11 copy && find copy -printf "%P %y %m %U %G %s %l\n" | sort | sha256sum'
same tar bash -c 'tar -C copy --sort=name --mtime=@0 -cf all.tar . && sha256sum <all.tar && mkdir out && tar -C out -xf all.tar && diff -r copy out'
same tar-compressed bash -c 'tar -czf all.tgz copy && mkdir z && tar -C z -xzf all.tgz && diff -r copy z/copy && rm -r z; tar -cJf s.txz copy/json && tar -tJf s.txz | sort | sha256sum'
same tar-owners bash -c 'mkdir ow; touch ow/a ow/b; chown demo:demo ow/a; ln -s a ow/l; ln ow/b ow/h; mkfifo ow/q; mknod ow/n c 1 3; tar -cf ow.tar ow; mkdir ox; tar -C ox --same-owner -xpf ow.tar; find ox -printf "%P %y %u %g %m %n %l\n" | sort'
same tar-errors bash -c 'tar -xf missing; tar -cf /nowhere/x copy; echo text >bad.tar; tar -xf bad.tar'
same rsync bash -c 'rsync -a copy/ r1/ && diff -r copy r1 && touch -d 2001-01-01 r1/os.py && rsync -ai copy/ r1/ && rm r1/ast.py && rsync -ai --delete copy/ r1/ && rsync -a --checksum --dry-run -i copy/ r1/'
same rsync-hard-links bash -c 'rsync -aHAX ow/ r2/ && find r2 -printf "%P %y %n\n" | sort'
rsync --daemon --no-detach --port=8730 --config=<(printf 'use chroot = no\n[m]\npath = %s/copy\n' "$PWD") >rsyncd.log 2>&1 &
until_true rsync rsync://127.0.0.1:8730/
same rsync-daemon bash -c 'rsync -a rsync://127.0.0.1:8730/m r3 && diff -r copy r3; rsync rsync://127.0.0.1:8730/none x'
kill %1; wait
same zip bash -c 'zip -qr a.zip copy/json && unzip -q a.zip -d uz && diff -r copy/json uz/copy/json'
same find bash -c 'find copy -type f -name "*.py" | wc -l; find copy -type d | wc -l; find copy -name "*.pyc" -delete; find copy -empty | sort | head; find . -links +1 -type f | sort'
same du bash -c 'du -sb --apparent-size out | cut -f 1; du -a copy/json | wc -l'
same grep-r bash -c 'grep -r "def __init__" copy | sort | sha256sum; grep -rl import copy/json | sort; grep -r x missing'
same chmod-r bash -c 'chmod -R go-w,u+w r1 && chown -R demo:demo r1 && find r1 -printf "%m %u %g\n" | sort | uniq -c'
same mv bash -c 'mv r1 r4 && ls r1; mv r4/json /dev/shm/r4 && diff -r /dev/shm/r4 r3/json; mv /dev/shm/r4 r5; ls r5; mv r4 r1'
same patch bash -c 'cp -a copy/json j1; cp -a copy/json j2; sed -i s/json/JSON/ j2/*.py; diff -ru j1 j2 >p; (cd j1 && patch -p1 <../p); diff -r j1 j2'
same many-files bash -c 'mkdir m; cd m; seq 5000 | xargs touch; ls | wc -l; ls -U | sort -n | tail -1; find . -name "*7" | wc -l; rm *1; ls | wc -l'
same rm-rf bash -c 'rm -rf copy out z r1 r2 r3 r5 m j1 j2 uz ow ox; ls'
same sqlite bash -c 'sqlite3 a.db "create table t (a, b); with recursive c(x) as (values (1) union all select x + 1 from c where x < 20000) insert into t select x, x * x from c; select count(*), sum(b) from t; pragma journal_mode = wal; update t set a = a + 1; select sum(a) from t; pragma integrity_check; vacuum;"; (for i in 1 2 3 4; do sqlite3 -cmd ".timeout 9000" a.db "insert into t values ($i, $i)" & done; wait); sqlite3 a.db "select count(*) from t"; sqlite3 /nowhere/x "select 1"'
