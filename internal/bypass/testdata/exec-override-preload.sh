. /var/task/attempt.sh
LD_PRELOAD=libm.so.6 AUTODEFEND_SHIM= sh -c 'LD_PRELOAD= sh -c /var/task/denied'
