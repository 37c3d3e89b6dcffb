. /var/task/attempt.sh
/var/task/defender "$1"
true
