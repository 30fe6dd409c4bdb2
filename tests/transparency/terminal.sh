# A shell's job control at a terminal, by expect(1).
cat >t.exp <<'X'
set timeout 10
log_user 0
fconfigure stdout -buffering line
proc say {what} { puts "seen: $what" }
proc want {pattern} { expect -re $pattern { say $pattern } timeout { say "NOT $pattern" } eof { say "EOF before $pattern" } }
spawn env PS1=READY> bash --norc --noprofile -i
want "READY>"
send "mkfifo tf; tty | cut -c 1-9\r"; want "/dev/pts/"
want "READY>"
send "cat tf\r"; sleep 1; send "\003"; want "READY>"
send "echo status \$?\r"; want "status 130"
send "cat tf\r"; sleep 1; send "\032"; want "Stopped"
send "jobs\r"; want "cat tf"
send "echo through >tf & fg\r"; want "through"
send "sleep 100\r"; sleep 1; send "\032"; want "Stopped"
send "bg\r"; want "sleep 100"
send "kill %sleep; wait; jobs\r"; want "Terminated|READY>"
send "cat >cf\r"; sleep 1; send "typed line\r\004"; sleep 1; want "READY>"
send "grep -c line cf\r"; want "1"
send "cat\r"; sleep 1; send "\034"; want "Quit"
send "read x </dev/tty; echo read \$x\r"; send "typed\r"; want "read typed"
send "sh -c 'echo direct >/dev/tty'\r"; want "direct"
send "stty size; stty -echo; stty echo\r"; want "\[0-9\]+ \[0-9\]+"
send "setsid sh -c 'echo no >/dev/tty'\r"; want "/dev/tty"
send "(sleep 0.2; echo from background) & wait\r"; want "from background"
send "cat &\r"; want "Stopped|READY>"
send "kill -9 %cat; wait\r"; want "READY>"
send "script -qc 'tty | cut -c 1-9; test -t 0 && echo nested' /dev/null\r"; want "nested"
send "su demo -c 'tty; echo for-demo >/dev/tty'\r"; want "for-demo"
send "jobs -p | xargs -r kill -9; wait\r"; sleep 1
send "exit 7\r"; sleep 1
send "exit 7\r"
expect eof
lassign [wait] pid id os status
say "exit $status"
X
same job-control expect t.exp
same script bash -c 'script -qec "tty | cut -c 1-9; ls /dev/tty; exit 3" /dev/null; echo $?'
same su-tty bash -c 'script -qec "su demo -c \"id -un; cat /dev/tty\"" /dev/null </dev/null | head -1'
