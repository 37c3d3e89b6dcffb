. /var/task/attempt.sh
perl -MIO::Socket::INET -e 'IO::Socket::INET->new(PeerAddr => "203.0.113.7:8080") or die "$!\n"'
