# Ruby: fork, spawn, threads, sockets, files, signals.
require 'socket'; require 'open3'; require 'tempfile'; require 'json'; require 'timeout'; require 'fileutils'
p ENV.values_at('LD_PRELOAD', 'AUTODEFEND_SHIM', 'RUBYOPT', 'TW_POLICY'), $PROGRAM_NAME.end_with?('ruby_all.rb'), ARGV
r, w = IO.pipe
pid = fork { r.close; w.puts "child"; exit!(3) }
w.close; puts r.read; p Process.wait2(pid)[1].exitstatus
p `echo backtick`.chomp, system('exit 4'), $?.exitstatus, Open3.capture3('cat; echo e >&2', stdin_data: 'in').first(2)
p Process.wait2(spawn({ 'A' => '1' }, 'sh -c "exit $A"', unsetenv_others: false))[1].exitstatus
begin; exec('/no/such') ; rescue SystemCallError => e; p e.class; end
p 8.times.map { |i| Thread.new { `echo #{i}`.to_i } }.map(&:value)
server = TCPServer.new('127.0.0.1', 0); t = Thread.new { c = server.accept; c.write(c.gets.upcase); c.close }
s = TCPSocket.new('127.0.0.1', server.addr[1]); s.puts 'hello'; p s.read; t.join
begin; TCPSocket.new('127.0.0.1', 1); rescue SystemCallError => e; p e.class; end
UNIXServer.open('u') { |us| c = UNIXSocket.new('u'); a = us.accept; c.send_io($stdout); io = a.recv_io; io.puts 'over unix'; io.flush }
Tempfile.create('x', '.') { |f| f.write 'y' * 5000; f.flush; p File.size(f.path), File.symlink?(f.path) }
FileUtils.mkdir_p('a/b'); File.write('a/b/c', 'z'); FileUtils.mv('a/b/c', 'a/d'); FileUtils.ln_s('d', 'a/e'); p Dir.glob('a/**/*').sort, File.read('a/e')
%w[nope a/d/x].each { |f| begin; File.read(f); rescue SystemCallError => e; p e.class; end }
got = []; trap('USR1') { got << 1 }; Process.kill('USR1', $$); sleep 0.05; p got
p (begin; Timeout.timeout(0.05) { sleep }; rescue Timeout::Error; 'timeout'; end)
at_exit { puts 'at exit' }
exit 6
