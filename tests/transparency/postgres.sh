# PostgreSQL: initdb, a server, pgbench, a crash and the recovery.
bin=$(echo /usr/lib/postgresql/*/bin)
chmod 755 .; install -d -o postgres pg
as() { su postgres -c "cd $PWD/pg; PATH=$bin:\$PATH LC_ALL=C.UTF-8; $1"; }
export -f as; export bin
as_same() { same "$1" bash -c "as '$2'"; }
as_ends() { ends "$1" bash -c "as '$2'"; }
as_ends initdb 'initdb -D d -A trust --no-sync >log; tail -3 log'
as_ends start 'pg_ctl -D d -w -l server.log -o "-p 5499 -k /tmp/here/pg -h 127.0.0.1" start'
as_same version 'psql -h 127.0.0.1 -p 5499 -Atc "select 1 + 1"'
as_same socket 'psql -h /tmp/here/pg -p 5499 -Atc "select count(*) from pg_class where relname = \$\$pg_class\$\$"'
as_same bad 'psql -h 127.0.0.1 -p 5498 -Atc "select 1"'
as_ends pgbench-init 'pgbench -h /tmp/here/pg -p 5499 -i -s 1 -q postgres'
as_ends pgbench 'pgbench -h /tmp/here/pg -p 5499 -c 4 -j 2 -t 100 postgres'
as_same sums 'psql -h /tmp/here/pg -p 5499 -Atc "select count(*), sum(abalance) = (select sum(bbalance) from pgbench_branches) from pgbench_accounts"'
as_same copy 'psql -h /tmp/here/pg -p 5499 -Atc "copy (select g from generate_series(1, 9) g) to \$\$/tmp/here/pg/c\$\$"; cat c; psql -h /tmp/here/pg -p 5499 -Atc "copy pgbench_tellers from \$\$/etc/shadow\$\$"'
as_same cancel 'psql -h /tmp/here/pg -p 5499 -Atc "set statement_timeout = 500" -c "select pg_sleep(9)"'
as_same vacuum 'psql -h /tmp/here/pg -p 5499 -Atc "vacuum full analyze" -c "create database two" -c "drop database two" -c "checkpoint"'
as_ends dump 'pg_dump -h /tmp/here/pg -p 5499 postgres | tail -3'
as_ends crash 'kill -9 $(head -1 d/postmaster.pid); sleep 1; pg_ctl -D d -w -l server.log -o "-p 5499 -k /tmp/here/pg -h 127.0.0.1" start; psql -h /tmp/here/pg -p 5499 -Atc "select count(*) from pgbench_accounts"'
as_same reload 'pg_ctl -D d reload; pg_ctl -D d status | head -1 | cut -c 1-30'
as_same stop 'pg_ctl -D d -m fast -w stop; pg_ctl -D d status; ls d/postmaster.pid .s*'
