package access

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/journal"
	"github.com/autodefend/autodefend/internal/console/route"
)

// mayLetDefendersIn fails for callers who see some collections only: a token may speak for functions that aren't theirs.
func mayLetDefendersIn(p route.Principal) error {
	if len(p.Collections) == 0 {
		return nil
	}
	return autodefend.Errorf(autodefend.CodeDenied, "who is limited to collections can't make, revoke or see Defenders' tokens: you are").
		WithHint("ask somebody who sees everything, such as an administrator")
}

func (s *Service) postDefenderToken(_ context.Context, c *route.Call) (route.Answer, error) {
	if err := mayLetDefendersIn(c.Principal); err != nil {
		return route.Answer{}, err
	}
	request, err := readDefenderRequest(c)
	if err != nil {
		return route.Answer{}, err
	}
	if request.Function == anyFunction {
		return route.Answer{}, invalid("function: a token is for one function")
	}
	token := s.DefenderToken(route.FunctionIdentity{Account: request.AccountID, Region: request.Region, Function: request.Function})
	if token == "" {
		return route.Answer{}, invalid("accountID, region, function: are no names of a function")
	}
	return route.Answer{JSON: api.TokenResponse{Token: token}, Header: unstored()}, nil
}

func readDefenderRequest(c *route.Call) (api.DefenderTokenRequest, error) {
	request, err := decode[api.DefenderTokenRequest](c)
	if err != nil {
		return request, err
	}
	for _, member := range []struct{ name, value string }{
		{"accountID", request.AccountID}, {"region", request.Region}, {"function", request.Function},
	} {
		if len(member.value) > maxClaims/2 || strings.ContainsFunc(member.value, func(r rune) bool { return r <= ' ' || r == 0x7f || r == ',' }) {
			return request, invalid("%s: is no name of that kind", member.name)
		}
	}
	if request.Function == "" {
		return request, invalid("function: is missing; a token is for one function, and a revocation of all has \"*\"")
	}
	return request, nil
}

func (s *Service) getRevocations(ctx context.Context, c *route.Call) (route.Answer, error) {
	if err := mayLetDefendersIn(c.Principal); err != nil {
		return route.Answer{}, err
	}
	list, err := readAll[api.RevokedFunction](ctx, s, api.KindRevokedFunction)
	if err != nil {
		return route.Answer{}, err
	}
	return counted(list), nil
}

// anyFunction stands for all functions where tokens are revoked.
const anyFunction = "*"

// postRevocation refuses all tokens of a function that were made until the end of this second.
func (s *Service) postRevocation(ctx context.Context, c *route.Call) (route.Answer, error) {
	if err := mayLetDefendersIn(c.Principal); err != nil {
		return route.Answer{}, err
	}
	request, err := readDefenderRequest(c)
	if err != nil {
		return route.Answer{}, err
	}
	if request.Function == anyFunction {
		request.Function = ""
	}
	revoked := api.RevokedFunction{
		ID: revocationID(request), AccountID: request.AccountID, Region: request.Region, Function: request.Function,
		Before: s.now().UTC().Truncate(time.Second).Add(time.Second), By: c.Principal.Username,
	}
	body, err := json.Marshal(revoked)
	if err != nil {
		return route.Answer{}, fmt.Errorf("write revoked function: %w", err)
	}
	change := api.DocumentChange{Kind: api.KindRevokedFunction, ID: revoked.ID, Version: api.Any, Body: body}
	err = s.documents.Write(ctx, []api.DocumentChange{change}, journal.Audit(c, api.MgmtSettings, s.now(), nil, body))
	return route.Answer{JSON: revoked}, err
}

// revocationID is fit for a path whatever the names are.
func revocationID(r api.DefenderTokenRequest) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strings.Join([]string{r.AccountID, r.Region, r.Function}, ",")))
}

func (s *Service) deleteRevocation(ctx context.Context, c *route.Call) (route.Answer, error) {
	if err := mayLetDefendersIn(c.Principal); err != nil {
		return route.Answer{}, err
	}
	d, err := s.documents.Document(ctx, api.KindRevokedFunction, c.Path["id"])
	if autodefend.ErrorCode(err) == autodefend.CodeNotFound {
		return route.Answer{}, autodefend.Errorf(autodefend.CodeNotFound, "there's no revocation %q", printable(c.Path["id"])).
			WithHint("GET /defender-tokens/revocations lists them")
	}
	if err != nil {
		return route.Answer{}, fmt.Errorf("read revoked function: %w", err)
	}
	change := api.DocumentChange{Kind: d.Kind, ID: d.ID, Version: d.Version}
	return route.Answer{}, s.documents.Write(ctx, []api.DocumentChange{change}, journal.Audit(c, api.MgmtSettings, s.now(), d.Body, nil))
}
