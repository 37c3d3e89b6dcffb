package lambdasim

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// This file is the AWS JSON protocol (X-Amz-Target) of the Resource Groups
// Tagging API and of one of CloudWatch's three faces.

// decodeInput reads a JSON body into input; an empty body is an empty object.
func decodeInput(body []byte, input any) error {
	if len(body) == 0 {
		return nil
	}
	if err := json.Unmarshal(body, input); err != nil {
		return newError(http.StatusBadRequest, "SerializationException", "Start of structure or map found where not expected.")
	}
	return nil
}

// jsonRPCReply answers a JSON call.
func jsonRPCReply(version string, output any) (reply, error) {
	body, err := encodeJSON(output)
	if err != nil {
		return reply{}, fmt.Errorf("encode answer: %w", err)
	}
	return jsonRPCBody(http.StatusOK, version, body), nil
}

// renderJSONRPC returns the error renderer of a JSON service.
func renderJSONRPC(version string) func(*apiError, string) reply {
	return func(e *apiError, _ string) reply {
		body, err := encodeJSON(map[string]string{"__type": e.code, "message": e.message})
		if err != nil {
			body = []byte("{}")
		}
		return jsonRPCBody(e.status, version, body)
	}
}

// jsonRPCBody returns an answer of the given protocol version, 1.0 or 1.1.
func jsonRPCBody(status int, version string, body []byte) reply {
	return reply{
		status: status,
		header: http.Header{"Content-Type": {"application/x-amz-json-" + version}},
		body:   body,
	}
}
