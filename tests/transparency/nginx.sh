# nginx with workers, under the load of ab and wrk.
mkdir -p www/sub; head -c 100000 /dev/zero >www/big; echo hello >www/index.html; echo secret >www/private; chmod 600 www/private; ln -s index.html www/link
chmod 755 . www
cat >n.conf <<X
user www-data; worker_processes 2; pid $PWD/n.pid; error_log $PWD/error.log;
events { worker_connections 512; }
http {
    access_log $PWD/access.log; client_body_temp_path $PWD/body; proxy_temp_path $PWD/proxy; sendfile on;
    server { listen 127.0.0.1:8080; listen unix:$PWD/n.sock; root $PWD/www; autoindex on;
        location /up/ { proxy_pass http://127.0.0.1:8081/; } }
    server { listen 127.0.0.1:8081; return 200 "upstream\n"; }
}
X
same test nginx -t -c "$PWD/n.conf"
same start nginx -c "$PWD/n.conf"
until_true curl -s http://127.0.0.1:8080/
same get curl -s http://127.0.0.1:8080/
same six curl -s 'http://127.0.0.1:8080/link'
same unix curl -s --unix-socket n.sock http://x/
same list bash -c 'curl -s http://127.0.0.1:8080/sub/'
same denied bash -c 'curl -s -o /dev/null -w "%{http_code}\n" http://127.0.0.1:8080/private http://127.0.0.1:8080/none'
same proxy curl -s http://127.0.0.1:8080/up/
same big bash -c 'curl -s http://127.0.0.1:8080/big | sha256sum'
sh_same ab 'ab -q -n 3000 -c 20 http://127.0.0.1:8080/index.html 2>&1 | grep -E "Complete|Failed|Non-2xx"'
sh_same ab-keep 'ab -q -k -n 3000 -c 20 http://127.0.0.1:8080/big 2>&1 | grep -E "Complete|Failed|Non-2xx"'
sh_ends wrk 'wrk -t2 -c20 -d2 http://127.0.0.1:8080/ | tee w; ! grep -q -E "Non-2xx|Socket errors" w'
same reload bash -c 'nginx -s reload -c "$PWD/n.conf"; sleep 0.5; curl -s http://127.0.0.1:8080/'
same reopen bash -c 'mv access.log old.log; nginx -s reopen -c "$PWD/n.conf"; sleep 0.5; curl -s http://127.0.0.1:8080/ >/dev/null; wc -l <access.log'
same again bash -c 'nginx -c "$PWD/n.conf" 2>&1 | grep -c "Address already in use"'
same quit bash -c 'nginx -s quit -c "$PWD/n.conf"; for i in $(seq 50); do test -e n.pid || break; sleep 0.1; done; ls n.pid; curl -s http://127.0.0.1:8080/; echo $?'
