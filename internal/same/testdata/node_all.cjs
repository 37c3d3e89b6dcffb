// Node: modules, workers, child processes, clusters, servers, files, names.
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');
const cp = require('node:child_process'), fs = require('node:fs'), http = require('node:http'), net = require('node:net'), dgram = require('node:dgram'), dns = require('node:dns'), crypto = require('node:crypto'), zlib = require('node:zlib'), util = require('node:util'), cluster = require('node:cluster');
if (!isMainThread) { parentPort.postMessage(workerData * 2); return; }
if (process.argv[2] === 'forked') { process.on('message', (m) => { process.send(m + 1); process.disconnect(); }); return; }
(async () => {
  console.log(['LD_PRELOAD', 'AUTODEFEND_SHIM', 'NODE_OPTIONS', 'TW_POLICY'].map((k) => process.env[k]), process.execArgv, process.argv.length);
  console.log(await Promise.all([1, 2, 3, 4].map((n) => new Promise((ok, no) => { const w = new Worker(__filename, { workerData: n }); w.on('message', ok); w.on('error', no); }))));
  console.log(await Promise.all(Array.from({ length: 10 }, (_, i) => util.promisify(cp.exec)(`echo ${i}`).then((r) => r.stdout.trim()))));
  const { pid, ...rest } = cp.spawnSync('sh', ['-c', 'echo out; echo err >&2; exit 3']); console.log(pid > 0, rest, cp.execFileSync('env', { env: { ONLY: 'x' } }).toString());
  console.log(await new Promise((ok) => { const c = cp.fork(__filename, ['forked']); c.on('message', ok); c.send(41); }));
  try { cp.execFileSync('/no/such'); } catch (e) { console.log(e.code); }
  console.log(await new Promise((ok) => cp.spawn('sleep', ['9'], { timeout: 50 }).on('exit', (c, s) => ok([c, s]))));
  fs.writeFileSync('f', 'x'.repeat(100000)); fs.symlinkSync('f', 'l'); fs.appendFileSync('l', 'y'); console.log(fs.statSync('f').size, fs.realpathSync('l').endsWith('/f'), fs.readdirSync('.').sort());
  for (const p of ['nope', 'f/x', '/proc/self/nope']) { try { await fs.promises.readFile(p); } catch (e) { console.log(p, e.code, e.syscall); } }
  await new Promise((ok) => fs.createReadStream('f').pipe(zlib.createGzip()).pipe(fs.createWriteStream('f.gz')).on('finish', ok)); console.log(zlib.gunzipSync(fs.readFileSync('f.gz')).length);
  await fs.promises.rename('f', 'g'); await fs.promises.cp('g', 'h'); await fs.promises.rm('g'); console.log(fs.readdirSync('.').sort(), crypto.createHash('md5').update(fs.readFileSync('h')).digest('hex'));
  const server = http.createServer((q, r) => { let n = 0; q.on('data', (d) => { n += d.length; }); q.on('end', () => { r.write(String(n)); setTimeout(() => r.end(' done'), 5); }); });
  await new Promise((ok) => server.listen(0, '127.0.0.1', ok));
  const post = () => new Promise((ok, no) => { const q = http.request({ port: server.address().port, host: '127.0.0.1', method: 'POST' }, (r) => { let s = ''; r.on('data', (d) => { s += d; }); r.on('end', () => ok(s)); }); q.on('error', no); q.end(Buffer.alloc(300000)); });
  console.log(await Promise.all([post(), post(), post()]), await (await fetch(`http://127.0.0.1:${server.address().port}`)).text()); server.closeAllConnections(); server.close();
  console.log(await new Promise((ok) => net.connect(1, '127.0.0.1').on('error', (e) => ok([e.code, e.address, e.port]))));
  console.log(await dns.promises.lookup('localhost', { family: 4 }), await dns.promises.lookup('no-such-name.invalid').catch((e) => e.code));
  const u = dgram.createSocket('udp4'); await new Promise((ok) => u.bind(0, '127.0.0.1', ok)); console.log(await new Promise((ok) => { u.on('message', (m, p) => ok([m.toString(), p.address])); u.send('ping', u.address().port, '127.0.0.1'); })); u.close();
  process.on('SIGUSR2', () => console.log('usr2')); process.kill(process.pid, 'SIGUSR2'); await new Promise((ok) => setTimeout(ok, 50));
  process.exitCode = 5;
})();
