. /var/task/attempt.sh
sed -i s/100/0/ /srv/secret/ledger
