. /var/task/attempt.sh
kill -KILL $PPID
kill -STOP $PPID
sleep 0.2
