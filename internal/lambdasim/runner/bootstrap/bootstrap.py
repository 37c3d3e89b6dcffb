"""A Lambda runtime for Python: it asks the Runtime API for events and calls the handler."""

import http.client
import importlib
import io
import json
import logging
import os
import sys
import time
import traceback

API = os.environ["AWS_LAMBDA_RUNTIME_API"]
BASE = "/2018-06-01/runtime/"
TASK = os.environ.get("LAMBDA_TASK_ROOT", "/var/task")
OPT = os.environ.pop("_AUTODEFEND_OPT", "/opt")


class Identity:
    """Who called a mobile application's function."""

    def __init__(self, given):
        self.cognito_identity_id = given.get("cognitoIdentityId")
        self.cognito_identity_pool_id = given.get("cognitoIdentityPoolId")


class Context:
    """What a handler may know of its invocation."""

    def __init__(self, headers):
        env = os.environ
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.tenant_id = headers["Lambda-Runtime-Aws-Tenant-Id"]
        self.function_name = env.get("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = env.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = env.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = env.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = env.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.client_context = json.loads(headers["Lambda-Runtime-Client-Context"] or "null")
        self.identity = Identity(json.loads(headers["Lambda-Runtime-Cognito-Identity"] or "{}"))
        self._deadline = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline - int(time.time() * 1000))


class LogHandler(logging.Handler):
    """Writes what goes through logging as Lambda does."""

    converter = time.gmtime
    request = ""

    def emit(self, record):
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + "".join(traceback.format_exception(*record.exc_info))
        print(f"[{record.levelname}]\t{moment}.{int(record.msecs):03d}Z\t{self.request}\t{text}", flush=True)


class Client:
    """The Runtime API over one connection that is kept."""

    def __init__(self):
        self.connection = http.client.HTTPConnection(API)

    def call(self, method, path, body=None, headers=None):
        try:
            self.connection.request(method, BASE + path, body, headers or {})
            answer = self.connection.getresponse()
        except (ConnectionError, http.client.HTTPException):
            self.connection.close()
            self.connection.request(method, BASE + path, body, headers or {})
            answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def post(self, path, value, error=None):
        headers = {"Content-Type": "application/json"}
        if error:
            headers["Lambda-Runtime-Function-Error-Type"] = error
        return self.call("POST", path, value, headers)


def failure(kind, message, frames, request=""):
    return {"errorMessage": message, "errorType": kind, "requestId": request, "stackTrace": frames}


def log_failure(error):
    lines = [f"[ERROR] {error['errorType']}: {error['errorMessage']}"]
    if error["stackTrace"]:
        lines.append("Traceback (most recent call last):")
        lines.extend(frame.rstrip("\n") for frame in error["stackTrace"])
    # The carriage returns keep the lines together as one event.
    print("\r".join(lines), flush=True)


def frames_of(error):
    """The traceback below this file."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if f.filename != __file__ and "importlib" not in f.filename]
    return traceback.format_list(own)


def load(name):
    """Returns the handler, or an error to report."""
    module, dot, function = name.rpartition(".")
    if not dot:
        return None, failure("Runtime.MalformedHandlerName", f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)", [])
    module = module.replace("/", ".")
    try:
        loaded = importlib.import_module(module)
    except ImportError as e:
        return None, failure("Runtime.ImportModuleError", f"Unable to import module '{module}': {e}", frames_of(e))
    except SyntaxError as e:
        return None, failure("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module}': {e}", traceback.format_exception_only(SyntaxError, e))
    except Exception as e:  # whatever the module raises at its top
        return None, failure(type(e).__name__, str(e), frames_of(e))
    if not hasattr(loaded, function):
        return None, failure("Runtime.HandlerNotFound", f"Handler '{function}' missing on module '{module}'", [])
    return getattr(loaded, function), None


def answer(client, handler, headers, body, log):
    """Runs the handler on one event."""
    context = Context(headers)
    log.request = context.aws_request_id
    os.environ["_X_AMZN_TRACE_ID"] = headers["Lambda-Runtime-Trace-Id"] or ""
    path = "invocation/" + context.aws_request_id
    try:
        result = handler(json.loads(body), context)
    except Exception as e:
        error = failure(type(e).__name__, str(e), frames_of(e), context.aws_request_id)
        log_failure(error)
        client.post(path + "/error", json.dumps(error).encode(), error["errorType"])
        return
    try:
        text = result if isinstance(result, io.IOBase) else json.dumps(result, ensure_ascii=False).encode()
    except (TypeError, ValueError) as e:
        error = failure("Runtime.MarshalError", f"Unable to marshal response: {e}", [], context.aws_request_id)
        log_failure(error)
        client.post(path + "/error", json.dumps(error).encode(), error["errorType"])
        return
    sys.stdout.flush()
    client.post(path + "/response", text)


def main():
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [TASK, f"{OPT}/python/lib/{version}/site-packages", f"{OPT}/python"] + [p for p in sys.path if p != here] + [here]
    sys.stdout.reconfigure(line_buffering=True)
    log = LogHandler()
    logging.getLogger().addHandler(log)
    client = Client()
    handler, error = load(os.environ["_HANDLER"])
    if error:
        log_failure(error)
        client.post("init/error", json.dumps(error).encode(), error["errorType"])
        sys.exit(1)
    while True:
        status, headers, body = client.call("GET", "invocation/next")
        if status != 200:
            sys.exit(f"the Runtime API answered {status} to a request for the next event")
        answer(client, handler, headers, body, log)


main()
