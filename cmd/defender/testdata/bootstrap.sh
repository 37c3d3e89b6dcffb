# A runtime for bash alone: each event is a line of shell, as a JSON string without escapes.
host=${AWS_LAMBDA_RUNTIME_API%:*} port=${AWS_LAMBDA_RUNTIME_API#*:}
call() { # METHOD PATH BODY: sets id and reply
  exec 9<>"/dev/tcp/$host/$port"
  printf '%s /2018-06-01/runtime/%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s' \
    "$1" "$2" "$host" "${#3}" "$3" >&9
  local line
  while IFS= read -r line <&9; do
    line=${line%$'\r'}
    case "${line,,}" in
    lambda-runtime-aws-request-id:*) id=${line#*: } ;;
    '') break ;;
    esac
  done
  reply=
  IFS= read -r -d '' reply <&9 || true
  exec 9<&-
}
while :; do
  call GET invocation/next ''
  line=${reply#\"} line=${line%\"}
  eval "$line"
  call POST "invocation/$id/response" "\"$result\""
done
