# Debian's sources of Lua and zlib, built and tried.
cp -a /srv/source/lua5.4-* lua
cp -a /srv/source/zlib-* zlib
cd lua
sh_ends lua 'make -C src -j2 linux 2>&1 | tail -3; test -x src/lua'
same lua-version src/lua -v
same lua-run src/lua -e 'local t = {} for i = 1, 1e5 do t[i] = i end print(#t, io.open("/nowhere")) os.exit(7)'
same lua-again make -C src -q linux
cd ../zlib
sh_ends zlib-configure './configure >/dev/null'
sh_ends zlib-make 'make -j2 2>&1 | tail -2'
sh_same zlib-test 'make test 2>&1 | grep -c OK'
sh_same zlib-objects 'ls *.a *.so* *.o | sort'
cd ..
sh_ends cmake 'mkdir cm && cd cm && cmake ../zlib >/dev/null && make -j2 2>&1 | tail -1 && ctest 2>&1 | grep passed'
cat >t.c <<'X'
#include <stdio.h>
#include "missing.h"
int main(void) { return 0; }
X
same gcc-error gcc t.c
sed -i /missing/d t.c
same gcc bash -c 'gcc -O2 -g -o t t.c && ./t; echo $?; gcc -shared -fPIC -o libt.so t.c; gcc -static -o ts t.c && ./ts; echo $?; gcc -flto -o tl t.c && ./tl; echo $?'
cat >t.cc <<'X'
#include <iostream>
#include <thread>
#include <vector>
int main() { std::vector<std::thread> t; for (int i = 0; i < 8; i++) t.emplace_back([] {}); for (auto &x : t) x.join(); std::cout << "joined\n"; try { throw 1; } catch (int) { return 4; } }
X
same g++ bash -c 'g++ -O1 -pthread -o tc t.cc && ./tc; echo $?; ls -A /tmp | grep -c "^cc"'
same make-errors bash -c 'printf "a:\n\tfalse\nb:\n\techo b\n" >Makefile; make a; make -k -j4 a b 2>&1 | sort; make missing'
same ar bash -c 'gcc -c t.c && ar rcs libt.a t.o && ar t libt.a && strip t && nm t; objdump -f ts | tail -3'
