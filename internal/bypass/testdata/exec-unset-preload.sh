. /var/task/attempt.sh
unset LD_PRELOAD AUTODEFEND_SHIM
sh -c /var/task/denied
