package bypass

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	deniedPort = 4444 // denied as an outbound port at every address
	listenPort = 8443 // denied as a listening port
	realAPI    = "127.0.0.1:9001"
	apiMark    = "forged" // what attempts put into calls of the Runtime API that are not theirs to make
)

// servers is what a function could reach. They note who was there and what was said.
type servers struct {
	at      []string
	streams sync.WaitGroup
	heard   chan struct{} // the harness's own calls, as they are taken from the queues

	mu       sync.Mutex
	sent     []string
	resolved []string
	api      []string
}

// listening lists where the servers are, TCP and UDP alike.
func listening() []string {
	ports := map[string][]int{
		evilHost: {53, 8080}, evilHost6: {8080}, directHost: {8080}, goodHost: {8080, deniedPort}, goodHost6: {8080},
		resolverHost: {53}, otherHost: {53, 443, 853, 5353}, metadataHost: {80}, "127.0.0.1": {53, deniedPort},
	}
	var all []string
	for host, list := range ports {
		for _, port := range list {
			all = append(all, net.JoinHostPort(host, strconv.Itoa(port)))
		}
	}
	return all
}

func serve() (*servers, error) {
	s := &servers{at: listening(), heard: make(chan struct{})}
	for _, at := range s.at {
		if err := s.listen(at); err != nil {
			return nil, err
		}
	}
	l, err := net.Listen("tcp", realAPI)
	if err != nil {
		return nil, err
	}
	go func() { _ = http.Serve(l, s.runtimeAPI()) }()
	return s, nil
}

// listen starts one TCP and one UDP server.
func (s *servers) listen(at string) error {
	l, err := net.Listen("tcp", at)
	if err != nil {
		return err
	}
	p, err := net.ListenPacket("udp", at)
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if own(c.RemoteAddr()) {
				c.Close()
				s.heard <- struct{}{}
				continue
			}
			s.note("tcp", at, nil)
			s.streams.Go(func() { s.stream(c, at) })
		}
	}()
	go func() {
		buf := make([]byte, 4096)
		for {
			n, from, err := p.ReadFrom(buf)
			if err != nil {
				return
			}
			if own(from) {
				s.heard <- struct{}{}
				continue
			}
			s.note("udp", at, buf[:n])
			if answer := answerTo(buf[:n]); answer != nil {
				_, _ = p.WriteTo(answer, from)
			}
		}
	}()
	return nil
}

// own tells the harness's calls from the function's.
func own(from net.Addr) bool {
	host, _, _ := net.SplitHostPort(from.String())
	return host == harnessHost || host == harnessHost6
}

// drain waits until the servers have seen everything that the function sent before it ended: their queues are in order,
// so a call of the harness's own comes last.
func (s *servers) drain() error {
	for _, at := range s.at {
		from := harnessHost
		if strings.HasPrefix(at, "[") {
			from = harnessHost6
		}
		for network, local := range map[string]net.Addr{
			"tcp": &net.TCPAddr{IP: net.ParseIP(from)},
			"udp": &net.UDPAddr{IP: net.ParseIP(from)},
		} {
			c, err := (&net.Dialer{LocalAddr: local, Timeout: 5 * time.Second}).Dial(network, at)
			if err != nil {
				return err
			}
			if network == "udp" {
				_, _ = c.Write([]byte("last"))
			}
			select {
			case <-s.heard:
			case <-time.After(5 * time.Second):
				return fmt.Errorf("%s %s doesn't answer", network, at)
			}
			c.Close()
		}
	}
	s.streams.Wait()
	return nil
}

// stream reads what a client says, and answers DNS messages.
func (s *servers) stream(c net.Conn, at string) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	var got []byte
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		got = append(got, buf[:n]...)
		s.note("tcp", at, got)
		if len(got) > 2 && len(got) >= 2+int(binary.BigEndian.Uint16(got)) {
			if answer := answerTo(got[2:]); answer != nil {
				_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
				got = nil
			}
		}
		if err != nil || len(got) > 64<<10 {
			return
		}
	}
}

// note keeps what matters: a denied address was reached, or the denied name was seen.
func (s *servers) note(network, at string, said []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ap := netip.MustParseAddrPort(at)
	where := network + " " + at
	before := len(s.sent)
	defer func() {
		if before == 0 && len(s.sent) > 0 { // races needn't go on
			_ = os.WriteFile("/proof/reached", nil, 0o644)
		}
	}()
	switch ap.Addr().String() {
	case evilHost, evilHost6, directHost, metadataHost:
		s.sent = addOnce(s.sent, where)
	default:
		if ap.Port() == deniedPort {
			s.sent = addOnce(s.sent, where)
		}
	}
	if deniedName.Match(said) {
		s.resolved = addOnce(s.resolved, where)
	}
}

// deniedName finds the denied name as a whole, as labels, and as a label that a pointer follows.
var deniedName = regexp.MustCompile(`(?is)evil(\.|\x07)example|\x04evil[^\x00-\x7f]`)

func addOnce(list []string, item string) []string {
	for _, have := range list {
		if have == item {
			return list
		}
	}
	return append(list, item)
}

func (s *servers) tell(r *report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Sent, r.Resolved, r.API = s.sent, s.resolved, s.api
}

// answerTo answers a DNS question for an address: evil.example and what is below it are at the evil host, names below
// cname.example are other names for it, and everything else is at the good host. It returns nil for what is no question.
func answerTo(message []byte) []byte {
	var p dnsmessage.Parser
	h, err := p.Start(message)
	if err != nil || h.Response {
		return nil
	}
	q, err := p.Question()
	if err != nil {
		return nil
	}
	host4, host6 := goodHost, goodHost6
	if strings.Contains(strings.ToLower(q.Name.String()), "evil.") {
		host4, host6 = evilHost, evilHost6
	}
	h.Response, h.RecursionAvailable, h.Authoritative = true, true, false
	b := dnsmessage.NewBuilder(nil, h)
	rh := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 60}
	steps := []func() error{
		b.StartQuestions,
		func() error { return b.Question(q) },
		b.StartAnswers,
		func() error {
			switch q.Type {
			case dnsmessage.TypeA:
				return b.AResource(rh, dnsmessage.AResource{A: netip.MustParseAddr(host4).As4()})
			case dnsmessage.TypeAAAA:
				return b.AAAAResource(rh, dnsmessage.AAAAResource{AAAA: netip.MustParseAddr(host6).As16()})
			}
			return nil
		},
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil
		}
	}
	answer, err := b.Finish()
	if err != nil {
		return nil
	}
	return answer
}

// runtimeAPI gives out one event and takes its response; it notes every call that carries the attempts' mark.
func (s *servers) runtimeAPI() http.Handler {
	given := make(chan struct{}, 1)
	given <- struct{}{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if strings.Contains(string(body)+r.Header.Get("User-Agent")+r.URL.RawQuery, apiMark) {
			s.mu.Lock()
			s.api = addOnce(s.api, r.Method+" "+r.URL.Path)
			s.mu.Unlock()
		}
		switch {
		case strings.HasSuffix(r.URL.Path, "/invocation/next"):
			select {
			case <-given:
			case <-r.Context().Done():
				return
			}
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(time.Minute).UnixMilli(), 10))
			w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:target")
			fmt.Fprint(w, `{"hello":"world"}`)
		default:
			w.WriteHeader(http.StatusAccepted)
		}
	})
}

// knock tries to connect to a port of the function until somebody answers.
func knock(port int, stop <-chan struct{}) bool {
	if port == 0 {
		return false
	}
	for {
		for _, host := range []string{"127.0.0.1", "::1"} {
			c, err := net.DialTimeout("tcp", net.JoinHostPort(host, strconv.Itoa(port)), 100*time.Millisecond)
			if err == nil {
				c.Close()
				return true
			}
		}
		select {
		case <-stop:
			return false
		case <-time.After(5 * time.Millisecond):
		}
	}
}
