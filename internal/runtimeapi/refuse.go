package runtimeapi

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// refusal is an error in the words of the Runtime API.
type refusal struct {
	Message string `json:"errorMessage"`
	Type    string `json:"errorType"`
}

// refuse answers the request that arrives and ends the connection.
func refuse(in *stream, status int, kind, message string) {
	_ = in.conn.SetReadDeadline(time.Now().Add(dialTimeout))
	if _, err := in.head(); err != nil {
		return
	}
	refuseNow(in, status, kind, message)
}

// refuseNow is refuse for a request that has arrived. It reads on for a while so that the answer is not lost in a reset.
func refuseNow(in *stream, status int, kind, message string) {
	body, err := json.Marshal(refusal{Message: message, Type: kind})
	if err != nil {
		return
	}
	_, err = fmt.Fprintf(in.conn, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		status, http.StatusText(status), len(body), body)
	if err != nil || closeWrite(in.conn) != nil {
		return
	}
	_ = in.conn.SetReadDeadline(time.Now().Add(linger))
	_, _ = io.Copy(io.Discard, in.conn)
}
