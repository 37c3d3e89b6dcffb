// A Lambda runtime for Node: it asks the Runtime API for events and calls the handler.

import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import util from 'node:util'

const [hostname, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':')
const task = process.env.LAMBDA_TASK_ROOT ?? '/var/task'
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
const base = '/2018-06-01/runtime/'
const streaming = Symbol.for('aws.lambda.runtime.handler.streaming')
let request = ''

function options(method, route, headers) {
  return { hostname, port, agent, method, path: base + route, headers }
}

function call(method, route, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const req = http.request(options(method, route, headers), (res) => {
      const chunks = []
      res.on('data', (chunk) => chunks.push(chunk))
      res.on('end', () => resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(chunks).toString() }))
      res.on('error', reject)
    })
    req.on('error', reject)
    req.end(body)
  })
}

function failure(error) {
  if (!(error instanceof Error)) {
    return { errorType: typeof error, errorMessage: String(error), trace: [] }
  }
  return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') }
}

function post(route, value, errorType) {
  const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(value) }
  if (errorType) headers['Lambda-Runtime-Function-Error-Type'] = errorType
  return call('POST', route, value, headers)
}

async function fail(route, error) {
  const described = failure(error)
  console.error(route === 'init/error' ? 'Uncaught Exception ' : 'Invoke Error ', JSON.stringify({ ...described, stack: described.trace }))
  await post(route, JSON.stringify(described), described.errorType)
}

class RuntimeError extends Error {
  constructor(name, message) {
    super(message)
    this.name = name
  }
}

async function load(name) {
  const file = path.basename(name)
  const dot = file.indexOf('.')
  if (dot < 0) throw new RuntimeError('Runtime.MalformedHandlerName', 'Bad handler')
  const stem = path.resolve(task, path.dirname(name), file.slice(0, dot))
  const found = ['', '.js', '.mjs', '.cjs'].map((ext) => stem + ext).find((p) => fs.existsSync(p) && fs.statSync(p).isFile())
  if (!found) throw new RuntimeError('Runtime.ImportModuleError', `Error: Cannot find module '${path.basename(stem)}'`)
  let module
  try {
    module = await import(pathToFileURL(found).href)
  } catch (error) {
    if (error instanceof SyntaxError) throw new RuntimeError('Runtime.UserCodeSyntaxError', String(error))
    if (error.code === 'ERR_MODULE_NOT_FOUND' || error.code === 'MODULE_NOT_FOUND') throw new RuntimeError('Runtime.ImportModuleError', String(error))
    throw error
  }
  const names = file.slice(dot + 1).split('.')
  const pick = (from) => names.reduce((value, key) => value?.[key], from)
  const handler = pick(module) ?? pick(module.default)
  if (handler === undefined) throw new RuntimeError('Runtime.HandlerNotFound', `${name} is undefined or not exported`)
  if (typeof handler !== 'function') throw new RuntimeError('Runtime.HandlerNotFound', `${name} is not a function`)
  return handler
}

function contextOf(headers) {
  const deadline = Number(headers['lambda-runtime-deadline-ms'])
  const parse = (name) => (headers[name] ? JSON.parse(headers[name]) : undefined)
  return {
    callbackWaitsForEmptyEventLoop: true,
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    tenantId: headers['lambda-runtime-aws-tenant-id'],
    clientContext: parse('lambda-runtime-client-context'),
    identity: parse('lambda-runtime-cognito-identity'),
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  }
}

// run calls a handler of either style: one that returns a promise, or one that calls back.
function run(handler, event, context) {
  return new Promise((resolve, reject) => {
    const settle = (finish) => (context.callbackWaitsForEmptyEventLoop ? process.once('beforeExit', finish) : finish())
    const callback = (error, result) => settle(() => (error ? reject(error) : resolve(result)))
    const returned = handler(event, context, callback)
    if (typeof returned?.then === 'function') returned.then(resolve, reject)
  })
}

// stream answers with what a streaming handler writes; an error on the way goes into the trailers.
function stream(handler, event, context, route) {
  return new Promise((resolve, reject) => {
    const req = http.request(
      options('POST', route, {
        'Content-Type': 'application/octet-stream',
        'Transfer-Encoding': 'chunked',
        'Lambda-Runtime-Function-Response-Mode': 'streaming',
        Trailer: 'Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body',
      }),
      (res) => res.resume().on('end', resolve),
    )
    req.on('error', reject)
    req.setContentType = (type) => req.setHeader('Content-Type', type)
    Promise.resolve()
      .then(() => handler(event, req, context))
      .catch((error) => {
        const described = failure(error)
        req.addTrailers({
          'Lambda-Runtime-Function-Error-Type': described.errorType,
          'Lambda-Runtime-Function-Error-Body': Buffer.from(JSON.stringify(described)).toString('base64'),
        })
        req.end()
      })
  })
}

async function answer(handler, { headers, body }) {
  const context = contextOf(headers)
  request = context.awsRequestId
  process.env._X_AMZN_TRACE_ID = headers['lambda-runtime-trace-id'] ?? ''
  const route = `invocation/${request}/`
  if (handler[streaming]) return stream(handler, JSON.parse(body), context, route + 'response')
  let text
  try {
    text = JSON.stringify((await run(handler, JSON.parse(body), context)) ?? null) ?? 'null'
  } catch (error) {
    return fail(route + 'error', error)
  }
  return post(route + 'response', text)
}

function logLines() {
  for (const [name, level] of [['log', 'INFO'], ['info', 'INFO'], ['warn', 'WARN'], ['error', 'ERROR'], ['debug', 'DEBUG'], ['trace', 'TRACE']]) {
    console[name] = (...args) =>
      // One write for each line, carriage returns keep it one event.
      fs.writeSync(1, `${new Date().toISOString()}\t${request || 'undefined'}\t${level}\t${util.format(...args).replaceAll('\n', '\r')}\n`)
  }
}

globalThis.awslambda = {
  streamifyResponse: (handler) => Object.assign(handler, { [streaming]: true }),
  HttpResponseStream: {
    from(stream, prelude) {
      stream.setContentType('application/vnd.awslambda.http-integration-response')
      stream.write(JSON.stringify(prelude))
      stream.write(Buffer.alloc(8))
      return stream
    },
  },
}

logLines()
for (const [event, name] of [['uncaughtException', 'Runtime.UncaughtException'], ['unhandledRejection', 'Runtime.UnhandledPromiseRejection']]) {
  process.on(event, async (error) => {
    if (event === 'unhandledRejection') error = Object.assign(new RuntimeError(name, String(error)), { stack: error?.stack })
    await fail(request ? `invocation/${request}/error` : 'init/error', error)
    process.exit(event === 'unhandledRejection' ? 128 : 129)
  })
}

async function main() {
  let handler
  try {
    handler = await load(process.env._HANDLER)
  } catch (error) {
    await fail('init/error', error)
    process.exit(1)
  }
  for (;;) {
    const next = await call('GET', 'invocation/next')
    if (next.status !== 200) throw new Error(`the Runtime API answered ${next.status} to a request for the next event`)
    await answer(handler, next)
  }
}

main()
