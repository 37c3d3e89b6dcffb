. /var/task/attempt.sh
setsid -w nohup nice timeout 5 /var/task/denied
