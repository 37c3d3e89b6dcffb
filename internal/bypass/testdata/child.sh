. /var/task/attempt.sh
# A program of the attacker's own as a child: "$1" with its arguments.
program=$1
shift
"/var/task/$program" "$@"
true
