# redis with persistence, under the load of redis-benchmark.
redis-server --port 6390 --bind 127.0.0.1 --unixsocket "$PWD/r.sock" --dir "$PWD" --appendonly yes --save '' --daemonize yes --pidfile "$PWD/r.pid" --logfile "$PWD/r.log"
until_true redis-cli -p 6390 ping
same ping redis-cli -p 6390 ping
same unix redis-cli -s r.sock set k v
sh_ends benchmark 'redis-benchmark -q -p 6390 -n 5000 -c 20 -t set,get,incr,lpush'
sh_ends benchmark-unix 'redis-benchmark -q -s r.sock -n 5000 -c 20 -P 8 -t set,get'
same eval redis-cli -p 6390 eval 'return redis.call("get", "k")' 0
same bgsave bash -c 'redis-cli -p 6390 bgsave; for i in $(seq 50); do redis-cli -p 6390 info persistence | grep -q "rdb_bgsave_in_progress:0" && break; sleep 0.1; done; redis-cli -p 6390 info persistence | grep last_bgsave_status; ls dump.rdb'
same rewrite bash -c 'redis-cli -p 6390 bgrewriteaof; for i in $(seq 50); do redis-cli -p 6390 info persistence | grep -q "aof_rewrite_in_progress:0" && break; sleep 0.1; done; redis-cli -p 6390 info persistence | grep last_bgrewrite_status'
same restart bash -c 'redis-cli -p 6390 shutdown; sleep 0.5; redis-server --port 6390 --dir "$PWD" --appendonly yes --save "" --daemonize yes --logfile "$PWD/r.log"; for i in $(seq 50); do test "$(redis-cli -p 6390 get k 2>&1)" = v && break; sleep 0.1; done; redis-cli -p 6390 get k'
same check bash -c 'redis-check-rdb dump.rdb | tail -1 | cut -c 1-30'
same stop bash -c 'redis-cli -p 6390 shutdown; sleep 0.5; redis-cli -p 6390 ping 2>&1'
