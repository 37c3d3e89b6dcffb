package audits

import (
	"context"
	"slices"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// permissionOf is the permission to see a stream's audits.
func permissionOf(stream api.Stream) api.PermName {
	if stream == api.StreamFirewall {
		return api.PermMonitorWAAS
	}
	return api.PermMonitorRuntimeServerless
}

// scopes are what a caller may see, or wants to see of it; nil doesn't restrict. A caller who may see some collections
// only may ask for those only.
func (s *Service) scopes(ctx context.Context, c *route.Call, wanted []string) ([]api.FunctionScope, error) {
	mine, restricted := c.Principal.Collections, c.Principal.Limited()
	for _, name := range wanted {
		if restricted && !slices.Contains(mine, name) {
			return nil, autodefend.Errorf(autodefend.CodeDenied, "collections: %.80q isn't assigned to you", name)
		}
	}
	names := wanted
	if len(names) == 0 && restricted {
		names = mine
	}
	if len(names) == 0 || slices.Contains(names, api.AllCollection) && !restricted {
		return nil, nil
	}
	scopes, err := s.Scopes.Scopes(ctx, names)
	if err != nil {
		return nil, err
	}
	if len(scopes) == 0 { // no scope would not restrict
		return nothing(), nil
	}
	return scopes, nil
}
