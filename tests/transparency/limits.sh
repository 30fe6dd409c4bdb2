# What SECURITY.md says that a program may notice. Each is a test of its own, and most are not the same: `reasons` says why.
cat >call.py <<'X2'
import ctypes, errno, os, socket, struct, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    result = libc.syscall(*[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    return "works" if result >= 0 else errno.errorcode[ctypes.get_errno()]
def told(act):
    try: return act() or "works"
    except OSError as error: return errno.errorcode[error.errno]
X2
limit() { same "$1" python3 -c "from call import *
$2"; }
limit io-uring 'print(call(425, 1, ctypes.create_string_buffer(200)))'
limit landlock 'print(call(444, None, 0, 1))'
limit own-listener '
f = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0x7fff0000))
p = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 1, ctypes.addressof(f)))
libc.prctl(38, 1, 0, 0, 0); print(call(317, 1, 8, p))'
limit own-filter '
f = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0x7fff0000))
p = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 1, ctypes.addressof(f)))
libc.prctl(38, 1, 0, 0, 0); print(call(317, 1, 0, p), os.stat("call.py").st_size > 9)'
limit traced-exec '
child = os.fork()
if child == 0:
    libc.ptrace(0, 0, 0, 0)
    print(told(lambda: os.execv("/bin/true", ["true"])), end=" ", flush=True); os._exit(9)
print(os.WIFSTOPPED(os.waitpid(child, 0)[1]))'
limit path-of-fifo 'os.mkfifo("pf"); print(told(lambda: os.close(os.open("pf", os.O_PATH))))'
limit path-of-fifo-in-thread '
os.mkfifo("pg"); t = threading.Thread(target=lambda: print(told(lambda: os.close(os.open("pg", os.O_PATH))))); t.start(); t.join()'
limit path-of-link-in-thread '
os.symlink("x", "pl"); t = threading.Thread(target=lambda: print(told(lambda: os.close(os.open("pl", os.O_PATH | os.O_NOFOLLOW))))); t.start(); t.join()'
limit path-of-folder-in-thread '
t = threading.Thread(target=lambda: print(told(lambda: os.close(os.open("/etc", os.O_PATH))))); t.start(); t.join()'
limit bound-through-proc 's = socket.socket(socket.AF_UNIX); s.bind("/proc/self/cwd/bp"); print(s.getsockname())'
limit other-sender '
a = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); a.setsockopt(1, 16, 1); a.bind("os")
b = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
print(told(lambda: b.sendmsg([b"x"], [(1, 2, struct.pack("iII", os.getpid(), 1234, 1234))], 0, "os") and None))
print(told(lambda: b.sendmsg([b"x"], [(1, 2, struct.pack("iII", os.getppid(), 0, 0))], 0, "os") and None))'
limit fast-open '
s = socket.create_server(("127.0.0.1", 7100)); c = socket.socket()
print(told(lambda: c.sendto(b"x", 0x20000000, ("127.0.0.1", 7100)) and None))'
limit ip-options '
c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
print(told(lambda: c.sendmsg([b"x"], [(0, 7, b"\x01\x01\x01\x00")], 0, ("127.0.0.1", 7101)) and None))'
limit link-mode 'os.symlink("x", "lm"); print(call(452, -100, b"lm", 0o600, 0x100))'
