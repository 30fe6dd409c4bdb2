# apt and dpkg at work on a repository in a folder.
export DEBIAN_FRONTEND=noninteractive
same update apt-get -q update
same install bash -c 'apt-get -q -y install hello tree jq; hello; tree --version | head -c 8; echo "{}" | jq -c .'
same policy apt-cache policy hello jq
same missing apt-get -q -y install no-such-package
same reinstall apt-get -q -y install --reinstall hello
same listing bash -c 'dpkg -L hello | sort; dpkg -S /usr/bin/hello; dpkg -s hello | grep Status; dpkg -V hello jq; dpkg --audit'
same remove bash -c 'apt-get -q -y remove hello; hello; echo $?; dpkg -l hello | tail -1'
same purge apt-get -q -y purge hello jq tree
same autoremove apt-get -q -y autoremove
same dpkg-i bash -c 'dpkg -i /srv/repository/hello_*.deb && hello -t; dpkg -r hello; dpkg -i /nowhere.deb'
same download bash -c 'apt-get -q download hello; ls'
same build-package bash -c 'mkdir -p p/DEBIAN p/usr/bin; printf "Package: mine\nVersion: 1\nArchitecture: all\nMaintainer: n <n@example.org>\nDescription: d\n" >p/DEBIAN/control; printf "#!/bin/sh\necho installed \$1\n" >p/DEBIAN/postinst; chmod 755 p/DEBIAN/postinst; echo x >p/usr/bin/mine; SOURCE_DATE_EPOCH=0 dpkg-deb --root-owner-group -b p mine.deb; dpkg -i mine.deb; dpkg -P mine; dpkg-deb -c mine.deb | cut -c 1-10; dpkg-deb -x mine.deb px; find px | sort'
same alternatives bash -c 'update-alternatives --install /usr/bin/alt alt /bin/true 1; update-alternatives --query alt; update-alternatives --remove-all alt; dpkg-divert --add /usr/bin/none; dpkg-divert --remove /usr/bin/none'
same ldconfig bash -c 'ldconfig; ldconfig -p | wc -l; ldd /bin/ls | wc -l'
