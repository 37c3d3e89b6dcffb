package main

import (
	"context"
	"log/slog"
	"strings"
	"sync"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/cloud"
	"github.com/autodefend/autodefend/internal/notify"
)

// awsPublishers publish alerts with the Console's credentials: it's the notifier's [notify.AWS].
type awsPublishers struct {
	// credential returns a credential with its secrets opened.
	credential func(ctx context.Context, id string) (api.Credential, error)
	log        *slog.Logger

	mu sync.Mutex
	// kept are the publishers that are open, by what they were opened with; guarded by mu.
	kept map[publisherKey]*cloud.Publisher
}

// mostPublishers bounds how many publishers are kept, with their connections and the keys of assumed roles.
const mostPublishers = 64

// publisherKey is what a publisher was opened with: a credential that changes opens another.
type publisherKey struct {
	region, role string
	access       cloud.AccessKey
}

// PublishSNS sends a message to a topic.
func (a *awsPublishers) PublishSNS(ctx context.Context, topic api.AlertSNS, subject, message string, attributes map[string]string) error {
	publisher, err := a.open(ctx, topic.CredentialID, regionOf(topic.Region, topic.TopicARN))
	if err != nil {
		return err
	}
	return publisher.PublishSNS(ctx, topic.TopicARN, subject, message, attributes)
}

// PutEvents puts events on a bus.
func (a *awsPublishers) PutEvents(ctx context.Context, bus api.AlertEventBridge, events []notify.Event) error {
	publisher, err := a.open(ctx, bus.CredentialID, regionOf(bus.Region, bus.Bus))
	if err != nil {
		return err
	}
	converted := make([]cloud.Event, len(events))
	for i, e := range events {
		converted[i] = cloud.Event(e)
	}
	return publisher.PutEvents(ctx, bus.Bus, converted)
}

// open returns a publisher with a credential; "" is the Console's own.
func (a *awsPublishers) open(ctx context.Context, id, region string) (*cloud.Publisher, error) {
	cfg := cloud.PublisherConfig{Region: region, Base: cloud.Config{Logger: a.log}}
	if id == "" {
		return a.keep(ctx, cfg)
	}
	credential, err := a.credential(ctx, id)
	if err != nil {
		return nil, err
	}
	if credential.Type != api.CredentialAWS {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "credential %q: its type is %s, SNS and EventBridge need aws", id, credential.Type)
	}
	if credential.RoleARN != "" {
		cfg.AssumeRole = cloud.AssumeRole{ARN: credential.RoleARN, SessionName: "autodefend-console"}
	}
	cfg.Base.AccessKey = accessKey(credential)
	return a.keep(ctx, cfg)
}

// keep opens a publisher, or returns the one that was opened the same way.
func (a *awsPublishers) keep(ctx context.Context, cfg cloud.PublisherConfig) (*cloud.Publisher, error) {
	key := publisherKey{cfg.Region, cfg.AssumeRole.ARN, cfg.Base.AccessKey}
	a.mu.Lock()
	defer a.mu.Unlock()
	if known := a.kept[key]; known != nil {
		return known, nil
	}
	opened, err := cloud.OpenPublisher(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if a.kept == nil || len(a.kept) >= mostPublishers {
		a.kept = make(map[publisherKey]*cloud.Publisher) // those in use are opened again
	}
	a.kept[key] = opened
	return opened, nil
}

// regionOf is the region that is named, or that of an ARN.
func regionOf(region, arn string) string {
	if parts := strings.Split(arn, ":"); region == "" && len(parts) > 3 {
		return parts[3]
	}
	return region
}
