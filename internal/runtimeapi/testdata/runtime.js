// A runtime in Node.js: a keep-alive agent with one socket, as Lambda's own has, and streamed responses with trailers.
const http = require('http');
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const base = '/2018-06-01/runtime/';

function call(method, path, headers, send) {
  return new Promise((resolve, reject) => {
    const req = http.request({ host, port, method, path: base + path, headers, agent }, (res) => {
      const parts = [];
      res.on('data', (d) => parts.push(d));
      res.on('end', () => {
        const raw = [];
        for (let i = 0; i < res.rawHeaders.length; i += 2) {
          if (res.rawHeaders[i] !== 'Date') raw.push([res.rawHeaders[i], res.rawHeaders[i + 1]]);
        }
        console.log(JSON.stringify([res.statusCode, res.httpVersion, raw, Buffer.concat(parts).length]));
        resolve(res.headers);
      });
    });
    req.on('error', reject);
    send(req);
  });
}

(async () => {
  for (const size of [0, 2, 100000]) {
    const headers = await call('GET', 'invocation/next', {}, (req) => req.end());
    const id = headers['lambda-runtime-aws-request-id'];
    await call('POST', `invocation/${id}/response`, { 'Content-Type': 'application/json', 'Content-Length': size }, (req) => req.end('x'.repeat(size)));
  }
  await call('POST', 'invocation/1/response', {
    'Lambda-Runtime-Function-Response-Mode': 'streaming',
    'Transfer-Encoding': 'chunked',
    Trailer: 'Lambda-Runtime-Function-Error-Type,Lambda-Runtime-Function-Error-Body',
  }, (req) => {
    req.write('hello ');
    req.write('x'.repeat(200000));
    setImmediate(() => {
      req.addTrailers({ 'Lambda-Runtime-Function-Error-Type': 'Runtime.Broken', 'Lambda-Runtime-Function-Error-Body': 'e30=' });
      req.end();
    });
  });
  await call('POST', 'invocation/2/response', { Expect: '100-continue', 'Content-Length': 4 }, (req) => req.on('continue', () => req.end('null')));
  await call('POST', 'init/error', { 'Lambda-Runtime-Function-Error-Type': 'Runtime.ImportModuleError' }, (req) => req.end('{}'));
  await call('PATCH', 'unknown%20route', {}, (req) => req.end());
  agent.destroy();
})();
