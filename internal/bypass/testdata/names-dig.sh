. /var/task/attempt.sh
dig +time=1 +tries=1 evil.example @203.0.113.54
