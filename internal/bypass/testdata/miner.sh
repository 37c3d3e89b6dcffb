. /var/task/attempt.sh
/var/task/work -o stratum+tcp://pool.example:3333 -u wallet
