# A repository's life.
export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z' GIT_CONFIG_NOSYSTEM=1
git config --global user.name Nobody
git config --global user.email nobody@example.org
git config --global init.defaultBranch main
git config --global protocol.file.allow always
same init git init -q origin
cp -a /usr/lib/python3.11/json /usr/lib/python3.11/email /usr/lib/python3.11/asyncio origin
cp -a /srv/source/lua5.4-* origin
cd origin
same add git add .
same commit git commit -q -m first
same rev git rev-parse HEAD
same status-clean git status
for i in $(seq 20); do echo "$i" >"n$i"; git add "n$i"; git commit -q -m "n $i"; done
same rev-20 git rev-parse HEAD
same log git log --oneline --stat
same branch git checkout -q -b side
same edit bash -c 'sed -i s/the/THE/ json/*.py && git diff | sha256sum && git commit -q -a -m side && git rev-parse HEAD'
same merge bash -c 'git checkout -q main && echo x >>n1 && git commit -q -a -m x && git merge -q side -m merged && git rev-parse HEAD'
same conflict bash -c 'git checkout -q -b c1 && echo c1 >n2 && git commit -q -a -m c1 && git checkout -q main && echo c2 >n2 && git commit -q -a -m c2; git merge c1; git status; git merge --abort'
same rebase bash -c 'git checkout -q c1 && git rebase -q --onto main~1 c1~1 c1 && git rev-parse HEAD; git checkout -q main'
same stash bash -c 'echo s >>n3; git stash -q; git status --short; git stash pop -q; git status --short; git checkout -q n3'
same mv-rm bash -c 'git mv n4 moved; git rm -q n5; git commit -q -m mv; git rev-parse HEAD; ls n4 n5 moved'
same tag git tag -a -m v1 v1
same archive bash -c 'git archive HEAD | sha256sum'
same bundle bash -c 'git bundle create -q ../all.bundle --all && git bundle verify -q ../all.bundle && git clone -q ../all.bundle ../from-bundle; git -C ../from-bundle rev-parse HEAD'
cd ..
same clone-local git clone -q origin local
same clone-file git clone -q "file://$PWD/origin" file
same clone-bare git clone -q --bare origin bare.git
same clone-shallow git clone -q --depth 1 "file://$PWD/origin" shallow
same worktree bash -c 'cd local; git worktree add -q ../tree side; git worktree list | wc -l; git worktree remove ../tree'
same push bash -c 'cd file; git remote add bare ../bare.git; echo p >p; git add p; git commit -q -m p; git push -q bare main; git -C ../bare.git rev-parse main'
git daemon --base-path="$PWD" --export-all --reuseaddr --enable=receive-pack --listen=127.0.0.1 --pid-file="$PWD/daemon.pid" >daemon.log 2>&1 &
until_true git ls-remote git://127.0.0.1/bare.git
same daemon-clone git clone -q git://127.0.0.1/bare.git by-daemon
same daemon-fetch bash -c 'cd by-daemon; git fetch -q origin; git log --oneline | wc -l'
same daemon-push bash -c 'cd by-daemon; echo d >d; git add d; git commit -q -m d; git push -q origin main; git -C ../bare.git rev-parse main'
same daemon-missing git clone -q git://127.0.0.1/missing.git
kill "$(cat daemon.pid)"
sh_same daemon-ended 'for i in $(seq 50); do git ls-remote git://127.0.0.1/bare.git >/dev/null 2>&1 || break; sleep 0.1; done; git ls-remote git://127.0.0.1/bare.git 2>&1 | head -1'
same submodule bash -c 'cd local; git submodule -q add ../bare.git sub; git commit -q -m sub; git submodule status | cut -c 42-'
same gc git -C origin gc -q
same fsck git -C origin fsck --full
same repack git -C bare.git repack -q -a -d -f
same verify-pack bash -c 'git verify-pack bare.git/objects/pack/*.idx; echo $?'
same blame bash -c 'cd origin; git blame n1 | sha256sum; git grep -c import | sort | head; git bisect start -q HEAD v1~10; git bisect run true | tail -1; git bisect reset -q'
same hooks bash -c 'cd origin; printf "#!/bin/sh\necho hook \$1; exit 1\n" >.git/hooks/commit-msg; chmod +x .git/hooks/commit-msg; echo h >h; git add h; git commit -q -m h; echo $?'
same credential bash -c 'cd origin; printf "protocol=http\nhost=h\nusername=u\npassword=p\n" | git credential approve; git config --list --local | sort'
