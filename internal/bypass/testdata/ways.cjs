// Ways around the rules from Node: programs, files, connections, names.
'use strict';
const { denied, secret, leak } = require('./attempt.cjs');
const fs = require('fs');

const ways = {
  exec() { require('child_process').execSync(denied, { env: {} }); },
  execFile() { require('child_process').execFile(denied, { env: {} }, () => {}); },
  spawn() { require('child_process').spawn(denied, { detached: true, stdio: 'ignore' }).on('error', console.error); },
  fork() {
    require('child_process').fork('-e', [], { execPath: denied, env: {} }).on('error', console.error);
  },
  binding() {
    const r = process.binding('spawn_sync').spawn({
      file: denied, args: ['denied'], envPairs: [], stdio: [{ type: 'inherit', fd: 1 }],
    });
    console.error(r);
  },
  wrap() {
    const { Process } = process.binding('process_wrap');
    const p = new Process();
    p.onexit = () => {};
    console.error(p.spawn({ file: denied, args: ['denied'], envPairs: [], stdio: [] }));
  },
  addon() {
    const m = { exports: {} };
    process.dlopen(m, '/var/task/addon.node');
  },
  worker() {
    const { Worker } = require('worker_threads');
    new Worker(`require('child_process').spawnSync(${JSON.stringify(denied)})`, { eval: true, env: {}, execArgv: [] });
  },
  readFile() { leak(fs.readFileSync(secret)); },
  readFileAsync() { fs.readFile(secret, (e, t) => (e ? console.error(e) : leak(t))); },
  readBinding() {
    const fd = process.binding('fs').open(secret, 0, 0o666);
    const b = Buffer.alloc(100);
    leak(b.subarray(0, fs.readSync(fd, b)));
  },
  stream() { fs.createReadStream(secret).on('error', console.error).on('data', leak); },
  rename() { fs.renameSync('/srv/secret', '/srv/work/dir'); leak(fs.readFileSync('/srv/work/dir/token')); },
  connect() { const s = require('net').connect(8080, '203.0.113.7'); s.on('error', console.error).end('hello'); },
  fetch() { fetch('http://203.0.113.7:8080/').catch(console.error); setTimeout(() => process.exit(), 300); },
  udp() { const s = require('dgram').createSocket('udp4'); s.send('hello', 8080, '203.0.113.7', () => s.close()); },
  listen() {
    const s = require('net').createServer((c) => { c.end('hello'); s.close(); });
    s.on('error', console.error).listen(8443);
    setTimeout(() => process.exit(), 1000).unref();
    setTimeout(() => s.close(), 900).unref();
  },
  lookup() { require('dns').lookup('evil.example', console.error); },
  resolve() { require('dns').resolve4('evil.example', console.error); },
  otherResolver() {
    const r = new (require('dns').Resolver)({ timeout: 300, tries: 1 });
    r.setServers(['203.0.113.54']);
    r.resolve4('evil.example', console.error);
  },
};
ways[process.argv[2]]();
