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

// Bootstrap makes an administrator when there's no user yet, and reports whether it did. Without a password it makes one up
// and returns it: it's stored nowhere. Of two replicas that start together one does it.
func (s *Service) Bootstrap(ctx context.Context, username, password string) (string, bool, error) {
	d, err := s.directory(ctx)
	if err != nil || len(d.users) > 0 {
		return "", false, err
	}
	generated := ""
	if password == "" {
		generated = randomText(idSize)
		password = generated
	}
	err = s.firstUser(ctx, nil, username, password)
	if autodefend.ErrorCode(err) == autodefend.CodeConflict {
		return "", false, nil
	}
	return generated, err == nil, err
}

// firstUser makes an administrator. Its document must be new, and so must the one that counts administrators: a second
// first user is a conflict, whatever its name.
func (s *Service) firstUser(ctx context.Context, c *route.Call, username, password string) error {
	u := user{User: api.User{
		AuthType: api.AuthBasic, Role: api.RoleAdministrator, Username: username, LastModified: s.wireTime(),
	}, UID: randomText(idSize), Epoch: randomText(idSize)}
	if err := u.Check(); err != nil {
		return err
	}
	if err := checkPassword("password", password, username, s.words, false); err != nil {
		return err
	}
	var err error
	if u.Hash, err = s.hashing.hashPassword(ctx, password); err != nil {
		return err
	}
	body, err := json.Marshal(u)
	if err != nil {
		return fmt.Errorf("write user: %w", err)
	}
	after, err := json.Marshal(u.public())
	if err != nil {
		return fmt.Errorf("write user: %w", err)
	}
	audit := journal.Audit(c, api.MgmtUser, s.now(), nil, after)
	return s.documents.Write(ctx, []api.DocumentChange{
		{Kind: api.KindUser, ID: key(username), Body: body},
		{Kind: api.KindSettings, ID: administratorsDocument, Body: []byte(`{}`)},
	}, audit)
}

func (s *Service) postSignup(ctx context.Context, c *route.Call) (route.Answer, error) {
	request, err := decode[api.AuthenticationRequest](c)
	if err != nil {
		return route.Answer{}, err
	}
	d, err := s.directory(ctx)
	if err != nil {
		return route.Answer{}, err
	}
	if len(d.users) == 0 {
		c.Principal.Username = request.Username
		err = s.firstUser(ctx, c, request.Username, request.Password)
		if autodefend.ErrorCode(err) != autodefend.CodeConflict {
			return route.Answer{}, err
		}
	}
	return route.Answer{}, autodefend.Errorf(autodefend.CodeDenied, "there is an administrator already").
		WithHint("log in and add users with POST /users")
}

func (s *Service) getInitialized(ctx context.Context, _ *route.Call) (route.Answer, error) {
	d, err := s.directory(ctx)
	if err != nil {
		return route.Answer{}, err
	}
	return route.Answer{JSON: api.InitStatus{Initialized: len(d.users) > 0}}, nil
}
