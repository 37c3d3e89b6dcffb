# Ways around the rules from Ruby.
require "fiddle"
require "socket"

File.write("/proof/begun", Process.pid.to_s)

DENIED = "/var/task/denied"

WAYS = {
  "syscall" => lambda {
    argv = [DENIED].pack("p") + [0].pack("J")
    syscall(59, DENIED, [argv].pack("p").unpack1("J"), 0)
  },
  "fiddle" => lambda {
    libc = Fiddle.dlopen("libc.so.6")
    run = Fiddle::Function.new(libc["execve"], [Fiddle::TYPE_VOIDP] * 3, Fiddle::TYPE_INT)
    run.call(DENIED, [DENIED].pack("p") + [0].pack("J"), [0].pack("J"))
  },
  "spawn" => -> { Process.wait(spawn({}, DENIED, unsetenv_others: true)) },
  "backtick" => -> { `#{DENIED}` },
  "exec" => -> { exec([DENIED, "innocent"]) },
  "popen" => -> { IO.popen([DENIED]).close },
  "read" => -> { File.write("/proof/leak", File.read("/srv/work/../secret/token")) },
  "syscall-open" => lambda {
    fd = syscall(2, "/srv/secret/token", 0)
    File.write("/proof/leak", IO.for_fd(fd).read)
  },
  "connect" => -> { TCPSocket.new("203.0.113.7", 8080).write("hello") },
  "resolv" => lambda {
    require "resolv"
    Resolv::DNS.open { |d| d.timeouts = 1; d.getaddress("evil.example") }
  },
}

WAYS.fetch(ARGV[0]).call
