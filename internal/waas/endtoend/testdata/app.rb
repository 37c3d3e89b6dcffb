def handler(event:, context:)
  puts "seen #{context.aws_request_id}"
  case event.is_a?(Hash) ? event['rawPath'] : nil
  when '/large'
    { statusCode: 200, body: '0123456789abcdef' * 300_000 }
  when '/binary'
    { statusCode: 200, isBase64Encoded: true, body: [(0..255).to_a.pack('C*') * 64].pack('m0') }
  when '/unicode'
    puts "Žluťoučký kůň 🐎 \u2028 ende"
    { body: "Žluťoučký kůň 🐎 \u2028 \" \\ \u0000 </script>", '🐎' => [1.5, nil, true] }
  when '/error'
    raise ArgumentError, 'no such item: 42 ‹🐎›'
  when '/log'
    puts '{"level":"info","msg":"mine","type":"sqli"}'
    warn 'to standard error'
    print 'an unfinished '
    puts 'line'
    'logged'
  when '/none'
    nil
  when '/exit'
    exit! 3
  else
    { statusCode: 200, headers: { 'x-b' => '1', 'X-A' => '2' }, cookies: ['a=b'], event: event }
  end
end
