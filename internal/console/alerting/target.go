package alerting

import (
	"context"
	"fmt"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// The channels of a profile. Slack's are "slack", or "slack:" and who is told.
const (
	channelWebhook     = "webhook"
	channelSlack       = "slack"
	channelEmail       = "email"
	channelSyslog      = "syslog"
	channelSNS         = "sns"
	channelEventBridge = "eventBridge"
)

// Paths of the secrets that channels need.
const (
	slackSecret   = "slack.webhookurl"         //nolint:gosec // a path
	webhookSecret = "autodefend.webhooksecret" //nolint:gosec // a path
)

func mailTypes() []api.CredentialType { return []api.CredentialType{api.CredentialBasic} }

func webhookTypes() []api.CredentialType {
	return []api.CredentialType{api.CredentialBasic, api.CredentialAPIToken}
}

func awsTypes() []api.CredentialType { return []api.CredentialType{api.CredentialAWS} }

// channels are the ways by which a profile tells.
func channels(p *profile) []string {
	var all []string
	if p.Webhook.Enabled {
		all = append(all, channelWebhook)
	}
	if p.Slack.Enabled {
		if len(p.Slack.Channels)+len(p.Slack.Users) == 0 {
			all = append(all, channelSlack)
		}
		for _, name := range p.Slack.Channels {
			all = append(all, channelSlack+":"+name)
		}
		for _, name := range p.Slack.Users {
			all = append(all, channelSlack+":"+name)
		}
	}
	if p.Email.Enabled {
		all = append(all, channelEmail)
	}
	x := p.Autodefend
	for _, own := range []struct {
		name string
		used bool
	}{{channelSyslog, x.Syslog.Address != ""}, {channelSNS, x.SNS.TopicARN != ""}, {channelEventBridge, x.EventBridge.Bus != ""}} {
		if own.used {
			all = append(all, own.name)
		}
	}
	return all
}

// target makes what a channel needs, with its secrets.
func (s *Service) target(ctx context.Context, p *profile, channel string) (api.AlertTarget, error) {
	to := api.AlertTarget{Channel: channel, Format: p.Autodefend.Format}
	var err error
	switch channel {
	case channelWebhook:
		to.Webhook, err = s.webhookTarget(ctx, p)
	case channelEmail:
		to.Email, err = s.emailTarget(ctx, p)
	case channelSyslog:
		to.Syslog = &p.Autodefend.Syslog
	case channelSNS:
		to.SNS = &p.Autodefend.SNS
	case channelEventBridge:
		to.EventBridge = &p.Autodefend.EventBridge
	default:
		to.Slack, err = s.slackTarget(p, channel)
	}
	if err != nil {
		return api.AlertTarget{}, fmt.Errorf("channel %s: %w", channel, err)
	}
	return to, nil
}

func (s *Service) webhookTarget(ctx context.Context, p *profile) (*api.WebhookTarget, error) {
	to := &api.WebhookTarget{URL: p.Webhook.URL, CACert: p.Webhook.CACert}
	var err error
	if p.Webhook.JSON != "" {
		if to.Template, err = api.ParseAlertTemplate(p.Webhook.JSON); err != nil {
			return nil, err
		}
	}
	if to.Secret, err = s.open(p, webhookSecret); err != nil {
		return nil, err
	}
	to.Login, err = s.login(ctx, p.Webhook.CredentialID, webhookTypes())
	return to, err
}

func (s *Service) emailTarget(ctx context.Context, p *profile) (*api.EmailTarget, error) {
	login, err := s.login(ctx, p.Email.CredentialID, mailTypes())
	return &api.EmailTarget{Settings: p.Email, Login: login}, err
}

func (s *Service) slackTarget(p *profile, channel string) (*api.SlackTarget, error) {
	address, err := s.open(p, slackSecret)
	if err == nil && address == "" {
		err = autodefend.Errorf(autodefend.CodeInvalid, "%s: is missing", slackSecret)
	}
	to := &api.SlackTarget{URL: address}
	if len(channel) > len(channelSlack)+1 {
		to.Channel = channel[len(channelSlack)+1:]
	}
	return to, err
}

// login opens a credential; the zero login for none.
func (s *Service) login(ctx context.Context, id string, types []api.CredentialType) (api.Login, error) {
	if id == "" {
		return api.Login{}, nil
	}
	credential, err := s.credential(ctx, id, types)
	if err != nil {
		return api.Login{}, err
	}
	if credential.Type == api.CredentialAPIToken {
		return api.Login{Token: credential.APIToken.Plain}, nil
	}
	return api.Login{User: credential.AccountID, Password: credential.Secret.Plain}, nil
}
