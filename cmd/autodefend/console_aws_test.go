package main

import (
	"context"
	"log/slog"
	"strconv"
	"testing"

	"github.com/autodefend/autodefend/internal/api"
)

// TestPublishersAreKept: messages with one credential share a publisher, until the credential changes.
func TestPublishersAreKept(t *testing.T) {
	secret := "one"
	a := &awsPublishers{log: slog.New(slog.DiscardHandler), credential: func(_ context.Context, id string) (api.Credential, error) {
		return api.Credential{ID: id, Type: api.CredentialAWS, AccountID: "AKIAEXAMPLE" + id, Secret: api.CredentialSecret{Plain: secret}}, nil
	}}
	open := func(id, region string) any {
		t.Helper()
		p, err := a.open(t.Context(), id, region)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := open("aws", "eu-west-1")
	if open("aws", "eu-west-1") != first {
		t.Error("a second message opened another publisher")
	}
	if open("aws", "us-east-1") == first || open("other", "eu-west-1") == first || open("", "eu-west-1") == first {
		t.Error("another region or credential shares the publisher")
	}
	secret = "two"
	if open("aws", "eu-west-1") == first {
		t.Error("a new secret goes on with the publisher of the old one")
	}
	for i := range 2 * mostPublishers {
		open(strconv.Itoa(i), "eu-west-1")
	}
	if len(a.kept) > mostPublishers {
		t.Errorf("%d publishers are kept", len(a.kept))
	}
}
