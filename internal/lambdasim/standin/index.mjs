// Stands in for a function's code that the simulator doesn't have. It does what the event asks for, so that a policy
// can be seen to hold: {"run": ["id"]}, {"resolve": "example.com"}, {"connect": "192.0.2.1:443"},
// {"read": "/etc/passwd"}, {"write": "/tmp/x"}. Anything else is echoed.

import { spawnSync } from 'node:child_process'
import dns from 'node:dns/promises'
import fs from 'node:fs'
import net from 'node:net'

const acts = {
  run([program, ...args]) {
    const done = spawnSync(program, args, { timeout: 60_000, encoding: 'utf8' })
    if (done.error) throw done.error
    return { exit: done.status, output: (done.stdout + done.stderr).slice(-2000) }
  },
  async resolve(name) {
    return (await dns.lookup(name, { all: true })).map((found) => found.address).sort()
  },
  connect(address) {
    const at = address.lastIndexOf(':')
    return new Promise((resolve, reject) => {
      const socket = net.connect({ host: address.slice(0, at).replace(/[[\]]/g, ''), port: Number(address.slice(at + 1)), timeout: 5000 }, () => {
        resolve(`connected to ${socket.remoteAddress}:${socket.remotePort}`)
        socket.destroy()
      })
      socket.on('timeout', () => socket.destroy(new Error('timed out')))
      socket.on('error', reject)
    })
  },
  read: (path) => fs.readFileSync(path, 'utf8').slice(0, 2000),
  write(path) {
    fs.writeFileSync(path, 'written by a function\n')
    return 'wrote 22 characters'
  },
}

export async function handler(event, context) {
  const done = {}
  for (const [name, act] of Object.entries(acts)) {
    if (event?.[name] === undefined) continue
    try {
      done[name] = await act(event[name])
    } catch (error) {
      done[name] = { error: String(error) }
    }
  }
  return Object.keys(done).length > 0 ? done : { function: context.functionName, event }
}
