package lambdasim_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autodefend/autodefend/internal/lambdasim"
)

// The oracle: answers recorded from AWS, in testdata/oracle.json, each with the
// request that we think led to it. A replay compares status, error code,
// message text and every member of every answer. What differs from run to run
// is a <token> there: it stands for the same value throughout a case, and for
// another value than the other tokens of its kind. So <uuid:1> and <uuid:2>
// also say when a revision id changes and when it stays.

type oracle struct {
	Cases      []oracleCase      `json:"cases"`
	NotCovered map[string]string `json:"notCovered"`
}

type oracleCase struct {
	Name    string            `json:"name"`
	Steps   []oracleStep      `json:"steps"`
	LeftOut map[string]string `json:"leftOut"`
}

type oracleStep struct {
	// Wait lets updates settle.
	Wait bool `json:"wait"`
	// Request is a method and a path.
	Request string `json:"request"`
	// Body is kept as text: AWS repeats variables in the order they came in.
	Body json.RawMessage `json:"body"`
	// Answer names the recorded answer, "" for a step that was not recorded.
	Answer string `json:"answer"`
	Status int    `json:"status"`
	Expect any    `json:"expect"`
}

func readOracle(t *testing.T) oracle {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "oracle.json"))
	if err != nil {
		t.Fatal(err)
	}
	var o oracle
	if err := json.Unmarshal(data, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestOracle(t *testing.T) {
	o := readOracle(t)
	for _, c := range o.Cases {
		t.Run(c.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { replay(t, c) })
		})
	}
	total := len(o.Cases) + len(o.NotCovered)
	t.Logf("figure: %d of %d recorded cases are replayed; %d are not covered", len(o.Cases), total, len(o.NotCovered))
}

// TestOracleIsComplete compares the extract with the full recording where that
// is at hand, so that a case can't be dropped in silence.
func TestOracleIsComplete(t *testing.T) {
	o := readOracle(t)
	const known = 239
	seen := slices.Collect(maps.Keys(o.NotCovered))
	for _, c := range o.Cases {
		seen = append(seen, c.Name)
	}
	slices.Sort(seen)
	if n := len(slices.Compact(slices.Clone(seen))); n != known || len(seen) != known {
		t.Fatalf("the extract names %d cases (%d distinct), the recording has %d", len(seen), n, known)
	}
	path := os.Getenv("AUTODEFEND_ORACLE")
	if path == "" {
		path = filepath.Join("..", "..", "..", "shared", "reference", "lambda-oracle.json")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Logf("the full recording isn't here (%v): compared with its count only", err)
		return
	}
	var full map[string]any
	if err := json.Unmarshal(data, &full); err != nil {
		t.Fatal(err)
	}
	if want := slices.Sorted(maps.Keys(full)); !slices.Equal(seen, want) {
		t.Errorf("the extract and the recording name different cases")
	}
}

const oracleSettle = time.Second

// replay runs the steps of a case against a world of its own.
func replay(t *testing.T, c oracleCase) {
	w := lambdasim.New(lambdasim.Options{Settle: lambdasim.SettleTimes{Min: oracleSettle, Max: oracleSettle}})
	w.AddAccount(lambdasim.Account{ID: "111111111111", Regions: []string{"us-east-1", "eu-central-1", "ap-southeast-1"}})
	b := bindings{
		"<partition>": "aws", "<region>": "us-east-1",
		"<function-name:1>": "function-1", "<function-name:2>": "function-2",
	}
	for i, step := range c.Steps {
		if step.Wait {
			time.Sleep(oracleSettle)
			continue
		}
		name := step.Answer
		if name == "" {
			name = "step " + strconv.Itoa(i+1)
		}
		status, got := perform(t, w, b, step)
		if want := step.Status; want != 0 && status != want || want == 0 && status >= 300 {
			t.Fatalf("%s: status %d, want %d: %v", name, status, want, got)
		}
		if step.Answer == "" {
			continue
		}
		for _, problem := range b.compare(name, step.Expect, got) {
			t.Error(problem)
		}
	}
}

// perform sends a step's request and returns the answer the way an SDK shows
// it: errors as Error with Code and Message beside the members of the body,
// policies parsed.
func perform(t *testing.T, w *lambdasim.World, b bindings, step oracleStep) (int, map[string]any) {
	t.Helper()
	method, path, _ := strings.Cut(b.fill(step.Request), " ")
	var body io.Reader = http.NoBody
	if step.Body != nil {
		body = strings.NewReader(b.fill(string(step.Body)))
	}
	req, err := http.NewRequestWithContext(t.Context(), method, "https://lambda.us-east-1.amazonaws.com"+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIASIM111111111111/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := w.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Header.Get("X-Amzn-Requestid") == "" {
		t.Error("the answer has no request id")
	}
	got := map[string]any{}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	if code := resp.Header.Get("X-Amzn-Errortype"); code != "" {
		return resp.StatusCode, asSDKError(code, got)
	}
	for _, member := range []string{"Policy", "Statement"} {
		if s, ok := got[member].(string); ok {
			var parsed any
			if json.Unmarshal([]byte(s), &parsed) == nil {
				got[member] = parsed
			}
		}
	}
	return resp.StatusCode, got
}

// asSDKError shapes an error body as SDKs do.
func asSDKError(code string, body map[string]any) map[string]any {
	e := map[string]any{"Code": code}
	for _, key := range []string{"message", "Message"} {
		if m, ok := body[key]; ok {
			e["Message"] = m
		}
	}
	out := maps.Clone(body)
	out["Error"] = e
	return out
}

// bindings are the values that tokens stand for.
type bindings map[string]string

// fill replaces the known tokens in a request.
func (b bindings) fill(text string) string {
	for token, value := range b {
		text = strings.ReplaceAll(text, token, value)
	}
	return contentPattern().ReplaceAllStringFunc(text, tokenContent)
}

// compare returns how an answer differs from the recorded one.
func (b bindings) compare(at string, want, got any) []string {
	switch want := want.(type) {
	case map[string]any:
		if _, isError := want["Error"]; isError {
			return b.compareError(at, want, got)
		}
		return b.compareObject(at, want, got)
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return []string{fmt.Sprintf("%s: got %v, want %d items", at, got, len(want))}
		}
		var problems []string
		for i := range want {
			problems = append(problems, b.compare(at+"["+strconv.Itoa(i)+"]", want[i], list[i])...)
		}
		return problems
	case string:
		if b.match(want, got) {
			return nil
		}
	default:
		if fmt.Sprint(want) == fmt.Sprint(got) {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s: got %.300v, want %.300v", at, got, want)}
}

// compareObject compares the members of an object: all of them, no others.
func (b bindings) compareObject(at string, want map[string]any, got any) []string {
	object, ok := got.(map[string]any)
	if !ok {
		return []string{fmt.Sprintf("%s: got %v, want an object", at, got)}
	}
	var problems []string
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if _, has := object[key]; !has {
			problems = append(problems, fmt.Sprintf("%s: %s is missing", at, key))
			continue
		}
		problems = append(problems, b.compare(at+"."+key, want[key], object[key])...)
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if _, has := want[key]; !has {
			problems = append(problems, fmt.Sprintf("%s: %s is too much", at, key))
		}
	}
	return problems
}

// compareError compares code and message; the body's other members where the
// recording has any.
func (b bindings) compareError(at string, want map[string]any, got any) []string {
	object, _ := got.(map[string]any)
	found, ok := object["Error"].(map[string]any)
	if !ok {
		return []string{fmt.Sprintf("%s: got %v, want an error", at, got)}
	}
	if list, split := want["Errors"].([]any); split {
		return compareViolations(at, list, found, want["Error"].(map[string]any)["Code"])
	}
	expected := want["Error"].(map[string]any)
	if expected["Message"] == nil && found["Message"] == nil {
		return b.compare(at+".Code", expected["Code"], found["Code"])
	}
	if len(want) > 1 {
		return b.compareObject(at, want, object)
	}
	return b.compareObject(at+".Error", expected, found)
}

// compareViolations compares the parts of a ValidationException in any order.
func compareViolations(at string, want []any, got map[string]any, code any) []string {
	message, _ := got["Message"].(string)
	_, list, _ := strings.Cut(message, "detected: ")
	parts := strings.Split(list, "; ")
	slices.Sort(parts)
	var texts []string
	for _, w := range want {
		text := strings.ReplaceAll(strings.ReplaceAll(w.(string), "<partition>", "aws"), "<region>", "us-east-1")
		texts = append(texts, text)
	}
	slices.Sort(texts)
	if got["Code"] == code && slices.Equal(parts, texts) {
		return nil
	}
	return []string{fmt.Sprintf("%s:\n got %v %q\nwant %v %q", at, got["Code"], parts, code, texts)}
}
