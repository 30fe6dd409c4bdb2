# sshd and its clients on loopback.
mkdir -p /run/sshd ~/.ssh; chmod 700 ~/.ssh
ssh-keygen -q -t ed25519 -N '' -f k
install -d -m 700 -o demo -g demo ~demo/.ssh; install -m 600 -o demo -g demo k.pub ~demo/.ssh/authorized_keys; cp k.pub ~/.ssh/authorized_keys
printf 'Host *\n Port 2222\n IdentityFile %s/k\n StrictHostKeyChecking no\n UserKnownHostsFile /dev/null\n LogLevel ERROR\n BatchMode yes\n' "$PWD" >config
same sshd /usr/sbin/sshd -p 2222 -o PidFile="$PWD/sshd.pid" -o UsePAM=no -E sshd.log
until_true ssh -F config 127.0.0.1 true
same root ssh -F config 127.0.0.1 'id -un; pwd; exit 5'
same demo ssh -F config demo@127.0.0.1 'id; cat /etc/shadow; echo $HOME'
same pipe bash -c 'head -c 300000 /dev/zero | ssh -F config 127.0.0.1 sha256sum'
same terminal bash -c 'ssh -F config -tt demo@127.0.0.1 "tty | cut -c 1-9; echo >/dev/tty" | tr -d "\r"'
same scp bash -c 'scp -q -F config -r /usr/lib/python3.11/json demo@127.0.0.1:/tmp/j && diff -r /usr/lib/python3.11/json /tmp/j; scp -q -F config demo@127.0.0.1:/etc/shadow x'
same sftp bash -c 'printf "ls /srv\nget /etc/hostname h\nput h /etc/x\n" | sftp -q -F config -b - demo@127.0.0.1; cmp h /etc/hostname'
same rsync bash -c 'rsync -a -e "ssh -F config" /usr/lib/python3.11/email 127.0.0.1:/tmp/e && diff -r /usr/lib/python3.11/email /tmp/e/email'
same forward bash -c 'ssh -F config -f -N -L 127.0.0.1:2300:127.0.0.1:2222 -o ExitOnForwardFailure=yes 127.0.0.1; sleep 0.5; ssh -F config -p 2300 127.0.0.1 echo forwarded; pkill -f 2300:'
same agent bash -c 'eval "$(ssh-agent)" >/dev/null; ssh-add -q k; ssh-add -l | wc -l; ssh -F config -o IdentityFile=none -A demo@127.0.0.1 "ssh-add -l" | wc -l; ssh-agent -k >/dev/null'
same master bash -c 'ssh -F config -M -S "$PWD/ctl" -f -N 127.0.0.1; ssh -F config -S "$PWD/ctl" 127.0.0.1 echo shared; ssh -S "$PWD/ctl" -O exit x'
same git bash -c 'git init -q --bare g.git; git init -q w; cd w; git config user.name n; git config user.email n@x; git commit -q --allow-empty -m c; GIT_SSH_COMMAND="ssh -F ../config" git push -q 127.0.0.1:/tmp/here/g.git HEAD:main; git -C ../g.git branch'
same denied ssh -F config -o IdentityFile=none -o IdentitiesOnly=yes nobody@127.0.0.1 true
same keygen bash -c 'ssh-keygen -q -t rsa -b 2048 -N "" -f r; ssh-keygen -l -f r.pub | cut -d " " -f 1; ls -l r | cut -c 1-10; echo text | ssh-keygen -Y sign -n n -f k 2>/dev/null | head -1'
same stop bash -c 'kill $(cat sshd.pid); sleep 0.5; ssh -F config 127.0.0.1 true'
