const seen = (context) => console.log('seen ' + context.awsRequestId)

exports.handler = async (event, context) => {
  seen(context)
  switch (event?.rawPath) {
    case '/large':
      return { statusCode: 200, body: '0123456789abcdef'.repeat(300_000) }
    case '/binary':
      return { statusCode: 200, isBase64Encoded: true, body: Buffer.from(Array.from({ length: 16384 }, (_, i) => i % 256)).toString('base64') }
    case '/unicode':
      console.log('Žluťoučký kůň 🐎 \u2028 ende')
      return { body: 'Žluťoučký kůň 🐎 \u2028 " \\ \u0000 </script>', '🐎': [1.5, null, true] }
    case '/error':
      throw new RangeError('no such item: 42 ‹🐎›')
    case '/log':
      process.stdout.write('{"level":"info","msg":"mine","type":"sqli"}\n')
      process.stderr.write('to standard error\n')
      process.stdout.write('an unfinished line\n')
      return 'logged'
    case '/none':
      return undefined
    case '/exit':
      process.exit(3)
  }
  return { statusCode: 200, headers: { 'x-b': '1', 'X-A': '2' }, cookies: ['a=b'], event }
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 10))

exports.stream = awslambda.streamifyResponse(async (event, stream, context) => {
  seen(context)
  switch (event?.rawPath) {
    case '/http':
      stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { 'X-A': '2' }, cookies: ['a=b'] })
      stream.write('created')
      break
    case '/parts':
      for (let i = 0; i < 10; i++) {
        stream.write(`part ${i} 🐎\n`)
        await pause()
      }
      break
    case '/large':
      for (let i = 0; i < 40; i++) {
        if (!stream.write(Buffer.alloc(256 * 1024, i))) await new Promise((resolve) => stream.once('drain', resolve))
      }
      break
    case '/fail':
      stream.write('a beginning')
      await pause()
      throw new RangeError('no end')
    case '/cut':
      stream.write('a beginning')
      await pause()
      process.exit(7)
  }
  stream.end()
})
