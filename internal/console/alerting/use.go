package alerting

import (
	"context"
	"slices"
	"strconv"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// use is a credential that a channel of a profile sends somewhere.
type use struct {
	// field is the credential's member, id the credential; "" for none.
	field, id string
	// enabled says whether the channel tells anybody.
	enabled bool
	types   []api.CredentialType
	// to says where it goes and whom the channel takes for that.
	to []string
}

// usesOf lists the credentials of all channels, always in the same order.
func usesOf(p api.AlertProfile) []use {
	mail, hook, sns, bus := p.Email, p.Webhook, p.Autodefend.SNS, p.Autodefend.EventBridge
	return []use{
		{"email.credentialId", mail.CredentialID, mail.Enabled, mailTypes(), []string{mail.SMTPAddress, strconv.Itoa(mail.Port)}},
		{"webhook.credentialId", hook.CredentialID, hook.Enabled, webhookTypes(), []string{hook.URL, hook.CACert}},
		{"autodefend.sns.credentialID", sns.CredentialID, sns.TopicARN != "", awsTypes(), []string{sns.TopicARN, sns.Region}},
		{"autodefend.eventBridge.credentialID", bus.CredentialID, bus.Bus != "", awsTypes(), []string{bus.Bus, bus.Region}},
	}
}

// checkUses finds out whether who writes a profile may have its credentials sent where it says, whether they exist, and
// whether they are of a type that the channel takes: no other would ever be sent there. body is the profile as it will be
// stored: a client may write a member twice, in two cases, and it is the stored one that counts.
func (s *Service) checkUses(ctx context.Context, who route.Principal, body []byte, before *profile) error {
	p, err := api.DecodeAlertProfile(body)
	if err != nil {
		return err
	}
	uses := usesOf(p)
	if err := mayUse(who, uses, before); err != nil {
		return err
	}
	for _, u := range uses {
		if u.id == "" || !u.enabled {
			continue
		}
		if _, err := s.credential(ctx, u.id, u.types); err != nil {
			return inField(u.field, err)
		}
	}
	return nil
}

// mayUse refuses credentials to who doesn't manage them, but where they go already: the receiver of a password knows it.
// Channels that tell nobody count, since a later change may enable them.
func mayUse(who route.Principal, uses []use, before *profile) error {
	if who.Can(api.PermManageCreds, true) {
		return nil
	}
	var had []use
	if before != nil {
		had = usesOf(before.AlertProfile)
	}
	for i, u := range uses {
		if u.id == "" || had != nil && had[i].id == u.id && slices.Equal(had[i].to, u.to) {
			continue
		}
		return autodefend.Errorf(autodefend.CodeDenied, "%s: setting a credential, or another address beside one, needs the permission %s (write)",
			u.field, api.PermManageCreds).WithHint("ask who manages credentials, or leave the credential and the address as they are")
	}
	return nil
}
