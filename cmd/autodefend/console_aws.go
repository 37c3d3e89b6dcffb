package main

import (
	"context"
	"log/slog"
	"strings"

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

// open makes a publisher with a credential; "" is the Console's own.
func (a *awsPublishers) open(ctx context.Context, id, region string) (*cloud.Publisher, error) {
	cfg := cloud.PublisherConfig{Region: region, Base: cloud.Config{Logger: a.log}}
	if id == "" {
		return cloud.OpenPublisher(ctx, cfg)
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
	return cloud.OpenPublisher(ctx, cfg)
}

// regionOf is the region that is named, or that of an ARN.
func regionOf(region, arn string) string {
	if parts := strings.Split(arn, ":"); region == "" && len(parts) > 3 {
		return parts[3]
	}
	return region
}
