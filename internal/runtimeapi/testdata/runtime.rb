# A runtime in Ruby: as in Lambda's own, each request has a connection of its own.
require 'json'
require 'net/http'

host, port = ENV.fetch('AWS_LAMBDA_RUNTIME_API').split(':')
base = '/2018-06-01/runtime/'
show = ->(r) { puts JSON.dump([r.code, r.http_version, r.each_header.reject { |name, _| name == 'date' }, r.body&.size]) }

[0, 2, 100_000].each do |size|
  r = Net::HTTP.start(host, port, read_timeout: nil) { |http| http.get(base + 'invocation/next', 'User-Agent' => 'aws-lambda-ruby/3.4') }
  show.(r)
  id = r['Lambda-Runtime-Aws-Request-Id']
  show.(Net::HTTP.new(host, port).post(base + "invocation/#{id}/response", 'x' * size, 'Content-Type' => 'application/json'))
end
show.(Net::HTTP.new(host, port).post(base + 'invocation/1/error', '{}', 'Lambda-Runtime-Function-Error-Type' => 'Function<StandardError>'))
show.(Net::HTTP.new(host, port).get('/2021-04-23/credentials', 'Authorization' => 'token'))
