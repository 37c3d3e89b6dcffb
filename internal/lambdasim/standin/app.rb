# frozen_string_literal: true

# Stands in for a function's code that the simulator doesn't have. It does what the event asks for, so that a policy
# can be seen to hold: {"run": ["id"]}, {"resolve": "example.com"}, {"connect": "192.0.2.1:443"},
# {"read": "/etc/passwd"}, {"write": "/tmp/x"}. Anything else is echoed.

require 'open3'
require 'socket'

ACTS = {
  'run' => lambda { |argv|
    output, status = Open3.capture2e(*argv)
    { exit: status.exitstatus, output: output[-2000..] || output }
  },
  'resolve' => ->(name) { Addrinfo.getaddrinfo(name, 443).map(&:ip_address).uniq.sort },
  'connect' => lambda { |address|
    host, _, port = address.rpartition(':')
    Socket.tcp(host.delete('[]'), port.to_i, connect_timeout: 5) { |s| "connected to #{s.remote_address.inspect_sockaddr}" }
  },
  'read' => ->(path) { File.read(path, 2000) },
  'write' => ->(path) { "wrote #{File.write(path, "written by a function\n")} characters" }
}.freeze

def handler(event:, context:)
  return event unless event.is_a?(Hash)

  done = {}
  ACTS.each do |name, act|
    next unless event.key?(name)

    begin
      done[name] = act.call(event[name])
    rescue SystemCallError, SocketError => e
      done[name] = { error: "#{e.class}: #{e.message}" }
    end
  end
  done.empty? ? { function: context.function_name, event: event } : done
end
