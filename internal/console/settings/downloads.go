package settings

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// layerFile is the name by which clients know the layer.
const layerFile = "twistlock_defender_layer.zip"

const zipMedia = "application/zip"

func (s *Service) downloadRoutes() []route.Route {
	layer := []route.Param{
		{Name: "runtime", Summary: "The function's runtime, such as python3.13 or python.", Type: "string"},
		{Name: "architecture", Summary: "x86_64, which is the default, or arm64.", Type: "string"},
		{Name: "provider", Summary: "aws.", Type: "string"},
	}
	routes := []route.Route{
		{
			Method: http.MethodPost, Path: "/defenders/serverless/bundle", Permission: api.PermManageDefenders, Prisma: true,
			Summary: "Returns a zip with the Defender's layer and how to use it.", Request: api.LayerRequest{}, Response: "", Media: zipMedia, Handle: s.bundle,
		},
		{
			Method: http.MethodPost, Path: "/images/" + layerFile, Permission: api.PermManageDefenders, Prisma: true,
			Summary: "Returns the Defender's layer as a zip that Lambda takes.", Request: api.LayerRequest{}, Response: "", Media: zipMedia, Handle: s.layer,
		},
		{
			Method: http.MethodGet, Path: "/images/" + layerFile, Permission: api.PermManageDefenders, Prisma: true, Query: layer,
			Summary: "Returns the Defender's layer as a zip that Lambda takes.", Response: "", Media: zipMedia, Handle: s.layer,
		},
	}
	for _, path := range []string{"twistcli", "arm64/twistcli", "osx/twistcli", "osx/arm64/twistcli", "windows/twistcli.exe"} {
		routes = append(routes, route.Route{
			Method: http.MethodGet, Path: "/util/" + path, Permission: api.PermDownloads, Prisma: true,
			Summary: "There is no twistcli: the program is autodefend.", Handle: noTwistcli,
		})
	}
	return routes
}

func noTwistcli(context.Context, *route.Call) (route.Answer, error) {
	return route.Answer{}, autodefend.Errorf(autodefend.CodeNotFound, "there is no twistcli here").
		WithHint("its work for functions is done by the program autodefend: autodefend help")
}

// readLayerRequest reads what layer is wanted, from the body or, for older clients, from the parameters.
func readLayerRequest(c *route.Call) (api.LayerRequest, error) {
	r := api.LayerRequest{Runtime: c.Query.Get("runtime"), Architecture: c.Query.Get("architecture"), Provider: c.Query.Get("provider")}
	if len(bytes.TrimSpace(c.Body)) > 0 {
		if err := checkDepth(c.Body); err != nil {
			return r, err
		}
		if err := decodeOne(c.Body, &r, "provider", "runtime"); err != nil {
			return r, err
		}
	}
	if r.Architecture == "" {
		r.Architecture = autodefend.ArchX86
	}
	return r, checkLayerRequest(&r)
}

// checkLayerRequest refuses what there is no layer for.
func checkLayerRequest(r *api.LayerRequest) error {
	switch {
	case strings.EqualFold(r.Provider, "azure"):
		return invalid("provider", "functions of Azure can't be defended with a layer", "there is no bundle for azure")
	case r.Provider != "" && !strings.EqualFold(r.Provider, "aws"):
		return invalid("provider", "use aws", "there is no layer for %q", clip(r.Provider))
	case r.Runtime != "" && !slices.Contains(api.LambdaRuntimes(), r.Runtime) && !slices.Contains(api.RetiredRuntimes(), r.Runtime):
		return invalid("runtime", "GET /static/serverless-runtimes lists them", "%q isn't a runtime", clip(r.Runtime))
	case r.NodeJSModuleType != "" && r.NodeJSModuleType != "commonjs" && r.NodeJSModuleType != "ecmascript":
		return invalid("nodeJSModuleType", "use commonjs or ecmascript: the layer is the same", "%q isn't a type of modules", clip(r.NodeJSModuleType))
	case r.Architecture != autodefend.ArchX86 && r.Architecture != autodefend.ArchARM:
		return invalid("architecture", "use x86_64 or arm64", "%q isn't an architecture of Lambda", clip(r.Architecture))
	}
	return nil
}

// layerZip returns the layer that a request is for.
func (s *Service) layerZip(ctx context.Context, c *route.Call) (api.LayerRequest, []byte, error) {
	r, err := readLayerRequest(c)
	if err != nil {
		return r, nil, err
	}
	if s.Layers == nil {
		return r, nil, autodefend.Errorf(autodefend.CodeNotFound, "this Console has no layers").
			WithHint("start it where the Defender's programs are, or build one with: autodefend layer build")
	}
	content, err := s.Layers.LayerZip(ctx, r.Architecture)
	if err != nil {
		return r, nil, fmt.Errorf("layer for %s: %w", r.Architecture, err)
	}
	return r, content, nil
}

// attachment answers with a file.
func attachment(name string, content []byte) route.Answer {
	return route.Answer{Raw: content, Media: zipMedia, Header: map[string]string{"Content-Disposition": `attachment; filename="` + name + `"`}}
}

func (s *Service) layer(ctx context.Context, c *route.Call) (route.Answer, error) {
	_, content, err := s.layerZip(ctx, c)
	if err != nil {
		return route.Answer{}, err
	}
	return attachment(layerFile, content), nil
}

// bundleText tells how the bundle's layer is used.
const bundleText = `The Defender's layer is in ` + layerFile + `.

1. Publish it:     aws lambda publish-layer-version --layer-name autodefend --zip-file fileb://` + layerFile + `
2. Attach it as the last layer of the function.
3. Set AWS_LAMBDA_EXEC_WRAPPER to /opt/autodefend/wrapper.
4. Set TW_POLICY to the value that POST /api/v1/policies/runtime/serverless/encode gives for the function.

autodefend apply does all of it, and takes it back with autodefend rollback.
`

func (s *Service) bundle(ctx context.Context, c *route.Call) (route.Answer, error) {
	r, layer, err := s.layerZip(ctx, c)
	if err != nil {
		return route.Answer{}, err
	}
	files := []struct {
		name    string
		content []byte
		method  uint16
	}{{layerFile, layer, zip.Store}, {"README.txt", []byte(bundleText), zip.Deflate}, {"proxy-ca.pem", []byte(r.ProxyCA), zip.Deflate}}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		if len(f.content) == 0 {
			continue
		}
		to, err := w.CreateHeader(&zip.FileHeader{Name: f.name, Method: f.method})
		if err == nil {
			_, err = to.Write(f.content)
		}
		if err != nil {
			return route.Answer{}, fmt.Errorf("write bundle: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return route.Answer{}, fmt.Errorf("write bundle: %w", err)
	}
	return attachment("twistlock_serverless_defender.zip", b.Bytes()), nil
}
