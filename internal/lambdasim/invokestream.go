package lambdasim

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"net/http"
)

// invokeStream answers InvokeWithResponseStream: the same events as a stream of
// AWS's binary messages, which here all come at the end.
func invokeStream(w *World, c *call) (reply, error) {
	kind := c.header.Get("X-Amz-Invocation-Type")
	var bad violations
	bad.oneOf(kind, "invocationType", []string{invokeSync, invokeDryRun})
	if err := bad.err(); err != nil {
		return reply{}, err
	}
	v, arn, err := c.invoked()
	if err != nil {
		return reply{}, err
	}
	if kind == invokeDryRun {
		return noContent(), nil
	}
	in, err := w.invocation(c, v, arn, invokeSync)
	if err != nil {
		return reply{}, err
	}
	return reply{after: func(ctx context.Context) (reply, error) {
		out, err := w.runInvocation(ctx, v.function, in)
		if err != nil {
			return reply{}, err
		}
		body, err := c.streamAnswer(out)
		h := http.Header{"Content-Type": {"application/vnd.amazon.eventstream"}}
		h.Set("X-Amz-Executed-Version", v.number)
		return reply{status: http.StatusOK, header: h, body: body}, err
	}}, nil
}

// streamAnswer renders the messages of a streamed answer.
func (c *call) streamAnswer(out Outcome) ([]byte, error) {
	complete := struct {
		ErrorCode    string `json:",omitempty"`
		ErrorDetails string `json:",omitempty"`
		LogResult    string `json:",omitempty"`
	}{}
	if c.header.Get("X-Amz-Log-Type") == "Tail" {
		complete.LogResult = base64.StdEncoding.EncodeToString(logTail(out.Log))
	}
	var body bytes.Buffer
	if out.FunctionError != "" {
		complete.ErrorCode, complete.ErrorDetails = out.FunctionError, string(out.Payload)
	} else {
		const chunk = 64 << 10
		for rest := out.Payload; len(rest) > 0; rest = rest[min(chunk, len(rest)):] {
			body.Write(eventMessage("PayloadChunk", "application/octet-stream", rest[:min(chunk, len(rest))]))
		}
	}
	text, err := encodeJSON(complete)
	body.Write(eventMessage("InvokeComplete", "application/json", text))
	return body.Bytes(), err
}

// eventMessage encodes one message of an event stream: lengths, a checksum of
// them, headers, payload, and a checksum of it all.
func eventMessage(event, contentType string, payload []byte) []byte {
	const stringValue, frame = 7, 16
	var headers bytes.Buffer
	for _, h := range [][2]string{{":event-type", event}, {":content-type", contentType}, {":message-type", "event"}} {
		headers.WriteByte(byte(len(h[0])))
		headers.WriteString(h[0])
		headers.WriteByte(stringValue)
		headers.Write(binary.BigEndian.AppendUint16(nil, uint16(len(h[1]))))
		headers.WriteString(h[1])
	}
	m := binary.BigEndian.AppendUint32(nil, uint32(frame+headers.Len()+len(payload)))
	m = binary.BigEndian.AppendUint32(m, uint32(headers.Len()))
	m = binary.BigEndian.AppendUint32(m, crc32.ChecksumIEEE(m))
	m = append(append(m, headers.Bytes()...), payload...)
	return binary.BigEndian.AppendUint32(m, crc32.ChecksumIEEE(m))
}
