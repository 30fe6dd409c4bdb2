# Node: its event loop, its thread pool, servers, children and signals.
cat >main.js <<'X'
const fs = require('fs'), net = require('net'), http = require('http'), cp = require('child_process'), dgram = require('dgram');
const { Worker } = require('worker_threads');
async function main() {
  await Promise.all([...Array(200).keys()].map(async (i) => { await fs.promises.writeFile(`n${i}`, String(i)); if (await fs.promises.readFile(`n${i}`, 'utf8') !== String(i)) console.log('wrong', i); await fs.promises.unlink(`n${i}`); }));
  for (const f of [() => fs.readFileSync('/nowhere'), () => fs.mkdirSync('/proc/x'), () => fs.readdirSync('/etc/passwd'), () => fs.openSync('/etc/shadow/x')]) try { f(); } catch (e) { console.log(e.message); }
  fs.mkdirSync('a/b/c', { recursive: true }); fs.symlinkSync('b', 'a/l'); console.log(fs.realpathSync('a/l/c'), fs.readlinkSync('a/l'), fs.statSync('a').isDirectory()); fs.cpSync('a', 'd', { recursive: true }); fs.rmSync('a', { recursive: true });
  const server = http.createServer((q, r) => r.end('ok')); await new Promise((r) => server.listen(0, '127.0.0.1', r));
  let good = 0; for (let i = 0; i < 50; i++) good += await new Promise((r) => http.get({ port: server.address().port, host: '127.0.0.1', agent: false }, (x) => { let s = ''; x.on('data', (d) => s += d); x.on('end', () => r(s === 'ok' ? 1 : 0)); }));
  console.log('http', good); server.close();
  const unix = net.createServer((c) => c.end('unix')); await new Promise((r) => unix.listen('sock', r));
  console.log(await new Promise((r) => { let s = ''; net.connect('sock').on('data', (d) => s += d).on('end', () => r(s)); })); unix.close();
  console.log(await new Promise((r) => net.connect('missing').on('error', (e) => r(e.message))), await new Promise((r) => net.connect(1, '127.0.0.1').on('error', (e) => r(e.message))));
  const u = dgram.createSocket('udp4'); await new Promise((r) => u.bind(0, '127.0.0.1', r)); const m = new Promise((r) => u.on('message', (d) => r(String(d)))); dgram.createSocket('udp4').send('udp', u.address().port, '127.0.0.1').unref; console.log(await Promise.race([m, new Promise((r) => setTimeout(r, 3000, 'no datagram'))])); u.close();
  console.log(cp.execFileSync('echo', ['child']).toString().trim(), cp.spawnSync('/nowhere').error.code, cp.spawnSync('sh', ['-c', 'exit 4']).status);
  console.log(await new Promise((r) => { const c = cp.spawn('sleep', ['9']); c.on('exit', (x, s) => r(`${x} ${s}`)); c.kill(); }));
  process.on('SIGUSR2', () => console.log('signal')); process.kill(process.pid, 'SIGUSR2'); await new Promise((r) => setTimeout(r, 100));
  console.log(await new Promise((r) => new Worker('require("worker_threads").parentPort.postMessage(require("fs").readdirSync("/etc").length > 5)', { eval: true }).on('message', r)));
  const w = fs.watch('.', (e, f) => { if (f === 'watched') { console.log('watched'); w.close(); process.exit(6); } }); fs.writeFileSync('watched', '');
  setTimeout(() => { console.log('not watched'); process.exit(7); }, 3000);
}
main();
X
same main node main.js
same fork bash -c 'echo "process.on(\"message\", (m) => { process.send(m * 2); process.disconnect(); });" >c.js; node -e "const c = require(\"child_process\").fork(\"c.js\"); c.on(\"message\", (m) => console.log(m)); c.send(21)"'
same cluster bash -c 'node -e "const c = require(\"cluster\"), h = require(\"http\"); if (c.isPrimary) { for (let i = 0; i < 2; i++) c.fork(); let n = 0; c.on(\"listening\", () => { if (++n == 2) h.get(\"http://127.0.0.1:7700/\", (r) => { console.log(r.statusCode); for (const w of Object.values(c.workers)) w.kill(); }); }); } else h.createServer((q, r) => r.end()).listen(7700, \"127.0.0.1\")"'
same throws node -e 'throw new Error("x")'
same missing bash -c 'node missing.js 2>&1 | grep Error'
same stdin bash -c 'echo "console.log(1 + 1)" | node'
