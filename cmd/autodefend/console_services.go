package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/access"
	"github.com/autodefend/autodefend/internal/console/alerting"
	"github.com/autodefend/autodefend/internal/console/audits"
	service "github.com/autodefend/autodefend/internal/console/autodefend"
	"github.com/autodefend/autodefend/internal/console/keys"
	"github.com/autodefend/autodefend/internal/console/rest"
	"github.com/autodefend/autodefend/internal/console/route"
	"github.com/autodefend/autodefend/internal/console/settings"
	"github.com/autodefend/autodefend/internal/fleet"
	"github.com/autodefend/autodefend/internal/layer"
	"github.com/autodefend/autodefend/internal/notify"
	"github.com/autodefend/autodefend/internal/store"
)

// providerTimeout bounds each request to an OpenID Connect provider.
const providerTimeout = 10 * time.Second

// consoleParts are what the Console's services are made of.
type consoleParts struct {
	log      *slog.Logger
	database *store.Store
	keys     *keys.Keys
	// address and ca are how functions reach the Console and know it.
	address, ca string
	words       []string      // that passwords mustn't be made of
	interval    time.Duration // of asking for a policy
	layers      *layerZips
	auditAge    time.Duration
	auditBytes  int64
	// alertNetworks may be alerted although they aren't public.
	alertNetworks []netip.Prefix
	// destinations are the only hosts of alerts and of the OpenID Connect provider; none is any.
	destinations notify.Destinations
}

// consoleServices are the Console's services, wired.
type consoleServices struct {
	access   *access.Service
	settings *settings.Service
	audits   *audits.Service
	rules    *service.Service
	alerting *alerting.Service
}

// services makes the services.
func (p consoleParts) services() (*consoleServices, error) {
	replica := "replica-" + rand.Text()[:8]
	s := &consoleServices{}
	heard := &heartbeats{}
	var err error
	s.access, err = access.New(access.Config{
		Documents: p.database, Logins: p.database, Keys: p.keys, Inventory: p.database, Words: p.words, Log: p.log, Now: time.Now,
		HTTP: &http.Client{Timeout: providerTimeout, Transport: p.destinations.Transport(http.DefaultTransport)},
	})
	if err != nil {
		return nil, err
	}
	s.settings = settings.New(settings.Config{
		Documents: p.database, Audits: p.database, Inventory: p.database, Heartbeats: heard, Keys: p.keys, Tokens: s.access,
		Signer: p.keys.PolicySigner(), OldSigner: p.keys.OldPolicySigner, Address: p.address, CA: p.ca, Interval: p.interval, Layers: p.layers, Log: p.log, Now: time.Now,
	})
	s.alerting = alerting.New(alerting.Config{
		Documents: p.database, Audits: p.database, Outbox: p.database, Leases: p.database, Signals: p.database, Vault: p.keys,
		Credentials: s.settings, Sender: p.notifier(s.settings), Owner: replica, Logger: p.log,
	})
	s.audits = audits.New(audits.Config{
		Audits: p.database, Retention: p.database, Incidents: p.database, MgmtAudits: p.database, Documents: p.database,
		Leases: p.database, Defenders: p.database, Signals: p.database, Scopes: s.settings,
		Log: p.log, Now: time.Now, Owner: replica, Keep: audits.Keep{Age: p.auditAge, Bytes: p.auditBytes},
	})
	heard.audits = s.audits
	s.rules, err = p.rules(s.settings, replica)
	return s, err
}

// notifier makes what brings alerts to people.
func (p consoleParts) notifier(configuration *settings.Service) *notify.Notifier {
	publishers := &awsPublishers{credential: configuration.Credential, log: p.log}
	return notify.New(notify.Config{Version: version(), AWS: publishers, Allow: p.alertNetworks, Hosts: p.destinations})
}

// rules makes the service of auto-defend rules.
func (p consoleParts) rules(configuration *settings.Service, replica string) (*service.Service, error) {
	clouds, err := newConsoleClouds(p.log)
	if err != nil {
		return nil, err
	}
	clouds.credential, clouds.policies = configuration.Credential, configuration.PolicySource
	if p.layers.complete() {
		clouds.layers = p.layers.LayerZip
	} else {
		p.log.Warn("the layer's programs aren't beside autodefend: rules use the layers that are published already")
	}
	return service.New(service.Config{
		Documents: p.database, Leases: p.database, Inventory: p.database, Collections: configuration, Clouds: clouds, Keys: p.keys,
		NewRun:   func() string { return fleet.RunID(time.Now(), mathrand.Uint64()) }, //nolint:gosec // ids are told apart, not guessed
		Runtimes: clouds.runtimes,
		Replica:  replica, Logger: p.log, Now: time.Now,
	})
}

// heartbeats take from the settings' service, which gives Defenders their policies, that they asked. The audits' service
// needs the settings' itself, so that it's known last.
type heartbeats struct{ audits *audits.Service }

// Heard takes one.
func (h *heartbeats) Heard(d api.DefenderRecord) { h.audits.Heard(d) }

// routes is the table of all endpoints.
func (s *consoleServices) routes() []route.Route {
	return rest.Table(version(), s.access, s.settings, s.audits, s.rules, s.alerting)
}

// loops are what runs all the time. They end with their context, after what is in hand.
func (s *consoleServices) loops() []func(context.Context) {
	return []func(context.Context){s.audits.Run, s.rules.Run, s.alerting.Run}
}

// figures are what /metrics shows of the services.
func (s *consoleServices) figures() []rest.Figure {
	counter := func(name, help string, value func(audits.Counts) int64) rest.Figure {
		return rest.Figure{Name: name, Help: help, Counter: true, Value: func() float64 { return float64(value(s.audits.Counts())) }}
	}
	return []rest.Figure{
		counter("autodefend_audits_stored_total", "Audits that were stored.", func(c audits.Counts) int64 { return c.Stored }),
		counter("autodefend_audits_repeated_total", "Audits that were stored before.", func(c audits.Counts) int64 { return c.Repeated }),
		counter("autodefend_audit_requests_shed_total", "Batches refused because too much was under way.", func(c audits.Counts) int64 { return c.Shed }),
		counter("autodefend_audit_requests_limited_total", "Batches refused of functions that send too much.", func(c audits.Counts) int64 { return c.Limited }),
		counter("autodefend_audit_requests_refused_total", "Batches that were malformed or in another function's name.", func(c audits.Counts) int64 { return c.Refused }),
		{
			Name: "autodefend_old_key_requests_total", Help: "Requests of Defenders whose tokens hang on an older master key.", Counter: true,
			Value: func() float64 { return float64(s.access.OldKeyCalls()) },
		},
		{
			Name: "autodefend_audits_in_flight", Help: "Audits that wait for the store.",
			Value: func() float64 { return float64(s.audits.Counts().InFlight) },
		},
	}
}

// authenticator lets the API ask the access service.
type authenticator struct{ *access.Service }

// Authenticate finds out who calls.
func (a authenticator) Authenticate(ctx context.Context, c rest.Credentials) (route.Principal, error) {
	return a.Service.Authenticate(ctx, access.Request(c))
}

// layerZips builds the Defender's layer from the programs beside this one, once for each architecture.
type layerZips struct {
	*app
	programs string

	mu    sync.Mutex // guards the field below
	built map[layer.Arch][]byte
}

// complete reports whether the programs are there.
func (l *layerZips) complete() bool {
	for _, arch := range layer.Arches() {
		if _, err := layer.Locate(l.programs, arch); err != nil {
			return false
		}
	}
	return true
}

// LayerZip returns the layer for an architecture.
func (l *layerZips) LayerZip(_ context.Context, arch string) ([]byte, error) {
	chosen, err := chosenArches([]string{arch})
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if zip, ok := l.built[chosen[0]]; ok {
		return zip, nil
	}
	spec, err := l.parts(l.programs, chosen[0])
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if _, err := layer.Build(&b, spec); err != nil {
		return nil, err
	}
	if l.built == nil {
		l.built = map[layer.Arch][]byte{}
	}
	l.built[chosen[0]] = b.Bytes()
	return b.Bytes(), nil
}
