# Perl: files, processes, signals without SA_RESTART, sockets.
cat >main.pl <<'X'
use strict; use warnings; use POSIX; use Socket; use IO::Socket::INET; use File::Find; use File::Temp; use File::Copy; use Cwd; use Fcntl ':flock';
$| = 1;
my $n = 0; find(sub { $n++ }, '/usr/lib/python3.11'); print "found ", $n > 1000 ? "many" : "few", "\n";
open(my $f, '>', 'pf') or die; print $f "text\n"; flock($f, LOCK_EX) or die; close $f; print join(' ', map { $_ // 'undef' } (stat 'pf')[2, 3, 4, 5, 7]), "\n";
copy('pf', 'pg') or die; move('pg', 'ph') or die; print -s 'ph', "\n"; open($f, '<', '/nowhere') or print "$!\n"; mkdir '/proc/x' or print "$!\n"; rmdir 'missing' or print "$!\n"; unlink '/etc' or print "$!\n"; rename 'ph', '/nowhere/x' or print "$!\n"; symlink 'a', 'ps' and print readlink('ps'), "\n"; chmod 0640, 'pf'; printf "%o\n", (stat 'pf')[2] & 07777; utime 1, 2, 'pf'; print join(' ', (stat 'pf')[8, 9]), "\n"; truncate 'pf', 2; print -s 'pf', "\n"; chdir '/usr'; print getcwd, "\n"; chdir '/tmp/here';
my $got = 0; local $SIG{CHLD} = sub { $got++ while waitpid(-1, WNOHANG) > 0 };
for (1 .. 20) { my $p = fork // die; exit 0 unless $p } my $end = time + 10; while ($got < 20 && time < $end) { select undef, undef, undef, 0.05; stat '/etc/passwd' or print "stat $!\n" } print "children $got\n";
$SIG{CHLD} = 'DEFAULT'; print `echo backtick`; print system('sh', '-c', 'exit 3') >> 8, "\n"; system('/nowhere') == -1 and print "$!\n"; open(my $p, '-|', 'echo', 'piped') or die; print <$p>; close $p;
my $s = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die; if (!fork) { my $c = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $s->sockport) or die; print $c "over tcp\n"; exit 0 } my $c = $s->accept; print scalar <$c>; wait;
socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, PF_UNSPEC); syswrite $a, "pair\n"; print scalar <$b>;
IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => 1) or print "$!\n";
$SIG{ALRM} = sub { die "alarm\n" }; mkfifo('pq', 0600); eval { alarm 1; open(my $q, '<', 'pq') or die "open $!\n"; }; print $@; alarm 0;
$SIG{ALRM} = sub { print "caught\n" }; alarm 1; my $r = open(my $q, '<', 'pq'); print defined $r && $r ? 'opened' : "not: $!", "\n";
$SIG{USR1} = sub { print "usr1\n" }; kill 'USR1', $$; print kill(0, 1), "\n"; setpgrp; print getpgrp == $$ ? 1 : 0, "\n"; print scalar getpwuid(0), "\n"; my ($t) = File::Temp::tempfile(UNLINK => 1); print ref \$t, "\n"; exec 'sh', '-c', 'echo execed; exit 9';
X
same main perl main.pl
same one-liner bash -c 'perl -ne "print if /root/" /etc/passwd; perl -pi -e "s/a/b/" /dev/null; perl /nowhere; perl -e "die \"d\n\""; perl -MFoo -e 1 2>&1 | head -c 20'
same in-place bash -c 'echo aaa >ip; perl -pi.bak -e "s/a/b/" ip; cat ip ip.bak'
