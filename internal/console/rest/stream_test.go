package rest

import (
	"bufio"
	"context"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// leaving are people who are who they are until they leave, or something about them is another.
type leaving struct{ gone, demoted, lessened, restricted atomic.Bool }

func (l *leaving) Authenticate(context.Context, Credentials) (route.Principal, error) {
	if l.gone.Load() {
		return route.Principal{}, autodefend.Errorf(autodefend.CodeDenied, "the session is over")
	}
	p := route.Principal{Username: "ann", Permissions: map[api.PermName]bool{}, Collections: []string{"shop", "payments"}}
	if !l.demoted.Load() {
		p.Permissions["things"] = false
	}
	if !l.lessened.Load() {
		p.Permissions["others"] = true
	}
	if l.restricted.Load() {
		p.Collections = []string{"shop"}
	}
	return p, nil
}

// TestStreamsEndWithTheirCallers: nothing more is sent once the session is over, or the caller may do or see something else
// than when the stream began.
func TestStreamsEndWithTheirCallers(t *testing.T) {
	for name, leave := range map[string]func(*leaving){
		"the session is over":                      func(l *leaving) { l.gone.Store(true) },
		"the role is another one":                  func(l *leaving) { l.demoted.Store(true) },
		"the handler's own condition may not hold": func(l *leaving) { l.lessened.Store(true) },
		"the collections are others":               func(l *leaving) { l.restricted.Store(true) },
	} {
		t.Run(name, func(t *testing.T) {
			callers, next, refused := &leaving{}, make(chan struct{}), make(chan error, 1)
			w := newWorld(t, func(c *Config) {
				c.Access = callers
				c.Routes = append(own("1"), route.Route{
					Method: "GET", Path: "/ticks", Permission: "things", Summary: "Sends ticks.", Response: "", Media: mediaEvents,
					Handle: func(_ context.Context, c *route.Call) (route.Answer, error) {
						s, err := c.Stream(mediaEvents)
						for i := 0; i < 6 && err == nil; i++ {
							if _, err = s.Write([]byte("tick\n")); err == nil {
								err = s.Flush()
							}
							<-next
						}
						refused <- err
						return route.Answer{}, nil
					},
				})
			})
			r, _ := http.NewRequest(http.MethodGet, w.url+"/api/v1/ticks", nil)
			r.Header.Set("Authorization", "Bearer ann")
			response, err := w.client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body := bufio.NewReader(response.Body)
			for range 2 {
				if line, err := body.ReadString('\n'); err != nil || line != "tick\n" {
					t.Fatalf("%q %v", line, err)
				}
				next <- struct{}{}
			}
			if line, err := body.ReadString('\n'); err != nil || line != "tick\n" {
				t.Fatalf("%q %v", line, err)
			}
			leave(callers)
			next <- struct{}{}
			close(next)
			if err := <-refused; err == nil {
				t.Error("the stream goes on")
			}
			if line, err := body.ReadString('\n'); err == nil || line != "" {
				t.Errorf("afterwards came %q, %v", line, err)
			}
		})
	}
}
