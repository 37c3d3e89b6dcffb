. /var/task/attempt.sh
# 59 is execve; perl hands over strings and packed pointers.
perl -e '$p = "/var/task/denied\0"; $a = pack("pJ", $p, 0); $e = pack("J", 0); syscall(59, $p, $a, $e)'
