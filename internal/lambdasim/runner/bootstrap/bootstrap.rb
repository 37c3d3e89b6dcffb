# frozen_string_literal: true

# A Lambda runtime for Ruby: it asks the Runtime API for events and calls the handler.

require 'json'
require 'net/http'

# What a handler may know of its invocation.
class LambdaContext
  attr_reader :aws_request_id, :invoked_function_arn, :client_context, :identity, :deadline_ms, :tenant_id,
              :function_name, :function_version, :memory_limit_in_mb, :log_group_name, :log_stream_name

  def initialize(headers)
    @aws_request_id = headers['Lambda-Runtime-Aws-Request-Id']
    @invoked_function_arn = headers['Lambda-Runtime-Invoked-Function-Arn']
    @deadline_ms = headers['Lambda-Runtime-Deadline-Ms'].to_i
    @tenant_id = headers['Lambda-Runtime-Aws-Tenant-Id']
    @client_context = parse(headers['Lambda-Runtime-Client-Context'])
    @identity = parse(headers['Lambda-Runtime-Cognito-Identity'])
    @function_name = ENV['AWS_LAMBDA_FUNCTION_NAME']
    @function_version = ENV['AWS_LAMBDA_FUNCTION_VERSION']
    @memory_limit_in_mb = ENV['AWS_LAMBDA_FUNCTION_MEMORY_SIZE']
    @log_group_name = ENV['AWS_LAMBDA_LOG_GROUP_NAME']
    @log_stream_name = ENV['AWS_LAMBDA_LOG_STREAM_NAME']
  end

  def get_remaining_time_in_millis
    [0, @deadline_ms - (Time.now.to_f * 1000).to_i].max
  end

  private

  def parse(text)
    text && JSON.parse(text)
  end
end

# The Runtime API.
class RuntimeClient
  BASE = '/2018-06-01/runtime/'

  def initialize(address)
    host, port = address.split(':')
    @http = Net::HTTP.new(host, port.to_i, nil)
    @http.read_timeout = nil
    @http.keep_alive_timeout = 3600
    @http.start
  end

  def next
    @http.get("#{BASE}invocation/next")
  end

  def post(path, body, error = nil)
    headers = { 'Content-Type' => 'application/json' }
    headers['Lambda-Runtime-Function-Error-Type'] = error if error
    @http.post(BASE + path, body, headers)
  end

  def fail(path, stage, error)
    described = { 'errorMessage' => error.message, 'errorType' => "#{stage}<#{error.class.name}>", 'stackTrace' => error.backtrace || [] }
    puts "Error raised from handler method\r#{JSON.generate(described)}"
    post(path, JSON.generate(described), described['errorType'])
  end
end

# The handler that _HANDLER names: file.method or file.Class.method.
def load_handler(name)
  file, *owners, method = name.split('.')
  raise ArgumentError, "Invalid handler #{name}, must be of form FILENAME.METHOD or FILENAME.CLASS.METHOD" if method.nil? || owners.size > 1

  require File.expand_path(file, ENV.fetch('LAMBDA_TASK_ROOT', '/var/task'))
  owner = owners.empty? ? self : Kernel.const_get(owners.first)
  raise NameError, "undefined method #{method} in #{file}" unless owner.respond_to?(method, true)

  owner.method(method)
end

$stdout.sync = true
$stderr.sync = true
$LOAD_PATH.unshift(ENV.fetch('LAMBDA_TASK_ROOT', '/var/task'))
client = RuntimeClient.new(ENV.fetch('AWS_LAMBDA_RUNTIME_API'))
begin
  handler = load_handler(ENV.fetch('_HANDLER'))
rescue ScriptError, StandardError => e
  client.fail('init/error', 'Init', e)
  exit 1
end

loop do
  event = client.next
  abort "the Runtime API answered #{event.code} to a request for the next event" unless event.code == '200'
  context = LambdaContext.new(event)
  ENV['_X_AMZN_TRACE_ID'] = event['Lambda-Runtime-Trace-Id'].to_s
  path = "invocation/#{context.aws_request_id}"
  begin
    answer = JSON.generate(handler.call(event: JSON.parse(event.body), context: context))
  rescue ScriptError, StandardError => e
    client.fail("#{path}/error", 'Function', e)
    next
  end
  client.post("#{path}/response", answer)
end
