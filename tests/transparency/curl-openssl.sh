# TLS on loopback.
openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout key.pem -out cert.pem 2>/dev/null
echo page >page
openssl s_server -quiet -accept 127.0.0.1:8443 -key key.pem -cert cert.pem -WWW >server.log 2>&1 &
until_true curl -sk https://127.0.0.1:8443/page
same get curl -s --cacert cert.pem https://127.0.0.1:8443/page
same by-name curl -s --cacert cert.pem https://localhost:8443/page
same untrusted curl -s https://127.0.0.1:8443/page
same s_client bash -c 'openssl s_client -connect 127.0.0.1:8443 -CAfile cert.pem -verify_return_error </dev/null 2>/dev/null | grep -E "^Verification|Cipher is"'
kill %1; wait
same refused curl -sS https://127.0.0.1:8443/page
same no-name curl -sS http://no-such-host.invalid/
same file bash -c 'curl -s file:///etc/hostname; curl -sS file:///nowhere; curl -sS -o /nowhere/x file:///etc/hostname'
same timeout bash -c 'nc -l 127.0.0.1 7900 >/dev/null & sleep 0.3; curl -sS -m 1 http://127.0.0.1:7900/ | head -1; kill %1'
same digest openssl dgst -sha256 /bin/ls /nowhere
same enc bash -c 'openssl enc -aes-256-cbc -pbkdf2 -pass pass:p -S 0102030405060708 -in /etc/passwd -out e && openssl enc -d -aes-256-cbc -pbkdf2 -pass pass:p -in e | cmp - /etc/passwd; openssl enc -d -aes-256-cbc -pbkdf2 -pass file:/nowhere -in e'
same rand bash -c 'openssl rand 16 | wc -c; openssl rand -writerand r; stat -c "%a %s" r'
same verify bash -c 'openssl verify -CAfile cert.pem cert.pem; openssl x509 -in cert.pem -noout -subject'
same python-https python3 -c '
import http.server, ssl, threading, urllib.request
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self): self.send_response(200); self.end_headers(); self.wfile.write(b"ok")
    def log_message(self, *a): pass
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); c.load_cert_chain("cert.pem", "key.pem")
s.socket = c.wrap_socket(s.socket, server_side=True)
threading.Thread(target=s.serve_forever, daemon=True).start()
for i in range(20): print(urllib.request.urlopen(f"https://127.0.0.1:{s.server_port}/", context=ssl.create_default_context(cafile="cert.pem")).read().decode(), end=" ")
s.shutdown()'
