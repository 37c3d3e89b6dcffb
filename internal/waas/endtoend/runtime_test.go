//go:build linux

package endtoend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
)

// What this test's program is in the role of a runtime.
const (
	roleStream  = "stream" // answers in parts; other roles are the number of events that are handled at once
	exitedInCut = 7
)

// runtimeMain is a runtime in Go. It ends with the Runtime API.
func runtimeMain(role string) int {
	r := runtimeClient{base: "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API"), handle: echo, saw: func(id string) { fmt.Println("seen " + id) }}
	workers, err := strconv.Atoi(role)
	if role == roleStream {
		workers, r.handle, err = 1, inParts, nil
	}
	if err != nil {
		return 1
	}
	r.run(workers)
	return 0
}

// runtimeClient speaks the Runtime API.
type runtimeClient struct {
	base   string
	handle func(c *runtimeClient, client *http.Client, id string, event []byte) error
	saw    func(id string)
}

// run handles events with some workers, each over a connection of its own, until there are no more.
func (c *runtimeClient) run(workers int) {
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
			defer client.CloseIdleConnections()
			for c.one(client) == nil {
			}
		})
	}
	all.Wait()
}

// one handles one event.
func (c *runtimeClient) one(client *http.Client) error {
	next, err := client.Get(c.base + "/2018-06-01/runtime/invocation/next")
	if err != nil {
		return err
	}
	event, err := io.ReadAll(next.Body)
	_ = next.Body.Close()
	id := next.Header.Get("Lambda-Runtime-Aws-Request-Id")
	if err != nil || id == "" {
		return fmt.Errorf("no event: %d %w", next.StatusCode, err)
	}
	c.saw(id)
	return c.handle(c, client, id, event)
}

// post sends an answer.
func (c *runtimeClient) post(client *http.Client, id string, body io.Reader, change func(*http.Request)) error {
	request, err := http.NewRequest(http.MethodPost, c.base+"/2018-06-01/runtime/invocation/"+id+"/response", body)
	if err != nil {
		return err
	}
	if change != nil {
		change(request)
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	return err
}

// echo answers with the event and its request.
func echo(c *runtimeClient, client *http.Client, id string, event []byte) error {
	answer, err := json.Marshal(object{"id": id, "event": string(event)})
	if err != nil {
		return err
	}
	return c.post(client, id, bytes.NewReader(answer), nil)
}

// parts is of how many a streamed answer consists.
const parts = 5

// part is one of them.
func part(n int) string { return fmt.Sprintf("part %d of the answer\n", n) }

// inParts answers part by part: the next one comes when Lambda has the one before. Halfway an event may ask for an error
// or for the end of the process.
func inParts(c *runtimeClient, client *http.Client, id string, event []byte) error {
	read, write := io.Pipe()
	trailer := http.Header{"Lambda-Runtime-Function-Error-Type": nil}
	go func() {
		defer func() { _ = write.Close() }()
		for n := range parts {
			if n == parts/2 && strings.Contains(string(event), "/fail") {
				trailer.Set("Lambda-Runtime-Function-Error-Type", "Function.Broken")
				return
			}
			if n == parts/2 && strings.Contains(string(event), "/cut") {
				os.Exit(exitedInCut)
			}
			_, _ = io.WriteString(write, part(n))
			if on, err := http.Get(c.base + "/go-on"); err == nil {
				_ = on.Body.Close()
			}
		}
	}()
	return c.post(client, id, read, func(r *http.Request) {
		r.Header.Set("Lambda-Runtime-Function-Response-Mode", "streaming")
		r.Header.Set("Content-Type", "application/vnd.awslambda.http-integration-response")
		r.Trailer = trailer
	})
}
