import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
console.log((await readFile(new URL(import.meta.url))).length > 10, require('os').platform(), import.meta.url.startsWith('file:'));
await import('node:timers/promises').then((t) => t.setTimeout(5));
throw new TypeError('as planned');
