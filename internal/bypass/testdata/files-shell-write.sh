. /var/task/attempt.sh
echo 0 coins >/srv/secret/ledger
