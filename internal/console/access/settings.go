package access

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/journal"
	"github.com/autodefend/autodefend/internal/console/route"
)

func (s *Service) getLogon(ctx context.Context, _ *route.Call) (route.Answer, error) {
	settings, err := readOr(ctx, s, api.SettingsLogon, defaultLogon())
	return route.Answer{JSON: settings}, err
}

// postLogon replaces the settings. Without sessionTimeoutSec, or with 0, it is the default.
func (s *Service) postLogon(ctx context.Context, c *route.Call) (route.Answer, error) {
	settings, err := decode[api.LogonSettings](c)
	if err != nil {
		return route.Answer{}, err
	}
	if settings.SessionTimeoutSec == 0 {
		settings.SessionTimeoutSec = api.DefaultSessionTimeout
	}
	if err := settings.Check(); err != nil {
		return route.Answer{}, err
	}
	return route.Answer{}, s.writeSettings(ctx, c, api.SettingsLogon, settings)
}

func (s *Service) getOIDC(ctx context.Context, _ *route.Call) (route.Answer, error) {
	settings, err := readOr(ctx, s, api.SettingsOIDC, oidcSettings{})
	return route.Answer{JSON: settings.public()}, err
}

// postOIDC replaces the settings, but for the secret when none is sent. Another issuer or client never gets the old secret.
func (s *Service) postOIDC(ctx context.Context, c *route.Call) (route.Answer, error) {
	sent, err := decode[api.OIDCSettings](c)
	if err != nil {
		return route.Answer{}, err
	}
	if err := sent.Check(); err != nil {
		return route.Answer{}, err
	}
	before, err := readOr(ctx, s, api.SettingsOIDC, oidcSettings{})
	if err != nil {
		return route.Answer{}, err
	}
	next := oidcSettings{OIDCSettings: sent, Revision: randomText(idSize)}
	next.ClientSecret, next.ClientSecretSet = "", false
	switch {
	case sent.ClientSecret != "":
		next.SealedSecret = s.keys.Seal([]byte(sent.ClientSecret), next.aad())
	case before.Issuer == sent.Issuer && before.ClientID == sent.ClientID:
		next.SealedSecret = before.SealedSecret
	}
	return route.Answer{}, s.writeSettings(ctx, c, api.SettingsOIDC, next)
}

// writeSettings replaces settings of a name.
func (s *Service) writeSettings(ctx context.Context, c *route.Call, name string, settings any) error {
	before, err := s.documents.Document(ctx, api.KindSettings, name)
	if err != nil && autodefend.ErrorCode(err) != autodefend.CodeNotFound {
		return fmt.Errorf("read settings %s: %w", name, err)
	}
	body, err := json.Marshal(settings)
	if err != nil {
		return fmt.Errorf("write settings %s: %w", name, err)
	}
	change := api.DocumentChange{Kind: api.KindSettings, ID: name, Version: before.Version, Body: body}
	return s.documents.Write(ctx, []api.DocumentChange{change}, journal.Audit(c, api.MgmtSettings, s.now(), before.Body, body))
}
