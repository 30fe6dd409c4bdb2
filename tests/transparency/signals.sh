# What interrupts a call, and what does not. The C part tries each call that blocks with each kind of handler.
LIMIT=300 same c /programs/blocking
same timeout-fifo timeout 20 bash -c 'mkfifo f; timeout 1 cat f; echo $?; timeout 1 sh -c "echo >f"; echo $?; timeout -s INT 1 cat f; echo $?; timeout -s KILL 1 cat f; echo $?'
same trap-fifo timeout 20 bash -c 'trap "echo trapped" USR1; (sleep 0.5; kill -USR1 $$; sleep 0.5; echo late >f) & read x <f; echo "got $x"; wait'
same python-alarm timeout 20 python3 -c '
import os, signal, time
os.mkfifo("pyf")
def handler(*_): raise TimeoutError("alarm")
signal.signal(signal.SIGALRM, handler); signal.alarm(1)
try: open("pyf")
except TimeoutError as e: print(e)
signal.signal(signal.SIGALRM, lambda *_: print("handled")); signal.setitimer(signal.ITIMER_REAL, 0.2)
if os.fork() == 0: time.sleep(0.6); os.close(os.open("pyf", os.O_WRONLY)); os._exit(0)
open("pyf"); print("opened"); os.wait()'
same perl-alarm perl -e 'use POSIX; POSIX::mkfifo("pf", 0600); $SIG{ALRM} = sub { die "alarm\n" }; alarm 1; eval { open(F, "<", "pf") }; print $@; alarm 0'
same kill-blocked timeout 20 bash -c 'for s in TERM HUP USR1 ALRM PIPE; do cat f & p=$!; sleep 0.3; kill -$s $p; wait $p; echo $s $?; done'
same stop-continue timeout 20 bash -c 'cat f & p=$!; sleep 0.3; kill -STOP $p; sleep 0.3; ps -o stat= -p $p | cut -c 1; kill -CONT $p; sleep 0.2; ps -o stat= -p $p | cut -c 1; echo on >f; wait $p; echo $?'
same stop-open timeout 20 bash -c '(sleep 0.5; echo data >f) & cat f & p=$!; sleep 0.2; kill -STOP $p; sleep 0.8; kill -CONT $p; wait $p; echo $?'
same nohup timeout 20 bash -c 'nohup cat f & p=$!; sleep 0.3; kill -HUP $p; sleep 0.2; echo n >f; wait $p; echo $?'
