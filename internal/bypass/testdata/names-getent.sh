. /var/task/attempt.sh
getent ahosts evil.example
