package lambdasim_test

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/autodefend/autodefend/internal/lambdasim"
)

// unzippedSize adds up what a zip's central directory declares.
func unzippedSize(t *testing.T, content []byte) uint64 {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	var n uint64
	for _, f := range z.File {
		n += f.UncompressedSize64
	}
	return n
}

// attach submits a list of layers for a function.
func attach(t *testing.T, c *lambda.Client, name string, arns ...string) error {
	t.Helper()
	_, err := c.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String(name), Layers: arns,
	})
	return err
}

func TestLayerAuthorization(t *testing.T) {
	const other = "arn:aws:lambda:eu-central-1:" + otherID + ":layer:"
	for _, tt := range []struct {
		name    string
		layers  func(w *lambdasim.World) []string
		code    string
		status  int
		message string
	}{
		{"own", func(w *lambdasim.World) []string {
			return []string{w.PutLayerVersion(accountID, regionID, lambdasim.LayerSpec{Name: "own"})}
		}, "", 0, ""},
		{"shared with everyone", func(w *lambdasim.World) []string {
			return []string{w.PutLayerVersion(otherID, regionID, lambdasim.LayerSpec{Name: "public", SharedWith: []string{"*"}})}
		}, "", 0, ""},
		{"shared with the account", func(w *lambdasim.World) []string {
			return []string{w.PutLayerVersion(otherID, regionID, lambdasim.LayerSpec{Name: "partner", SharedWith: []string{accountID}})}
		}, "", 0, ""},
		{"not shared", func(w *lambdasim.World) []string {
			return []string{w.PutLayerVersion(otherID, regionID, lambdasim.LayerSpec{Name: "private"})}
		}, "AccessDeniedException", 403, "lambda:GetLayerVersion on resource: " + other + "private:1"},
		{"nobody's", func(*lambdasim.World) []string {
			return []string{other + "ghost:1"}
		}, "AccessDeniedException", 403, "lambda:GetLayerVersion"},
		{"own, deleted", func(w *lambdasim.World) []string {
			return []string{w.PutLayerVersion(accountID, regionID, lambdasim.LayerSpec{Name: "old", Deleted: true})}
		}, "InvalidParameterValueException", 400, "layer:old:1 does not exist."},
		{"other's, deleted", func(w *lambdasim.World) []string {
			return []string{w.PutLayerVersion(otherID, regionID, lambdasim.LayerSpec{Name: "old", SharedWith: []string{"*"}, Deleted: true})}
		}, "AccessDeniedException", 403, "lambda:GetLayerVersion"},
		{"own, other region", func(w *lambdasim.World) []string {
			return []string{w.PutLayerVersion(accountID, "us-east-1", lambdasim.LayerSpec{Name: "own"})}
		}, "InvalidParameterValueException", 400, "Layers are expected to be in region eu-central-1."},
		{"denied", func(w *lambdasim.World) []string {
			w.Deny(accountID, "lambda:GetLayerVersion", "SCP")
			return []string{w.PutLayerVersion(accountID, regionID, lambdasim.LayerSpec{Name: "own"})}
		}, "AccessDeniedException", 403, "explicit deny in a service control policy"},
		{"too large together", func(w *lambdasim.World) []string {
			return []string{w.PutLayerVersion(accountID, regionID, lambdasim.LayerSpec{Name: "big", CodeSize: 9, UnzippedSize: 262_144_000 - 999})}
		}, "InvalidParameterValueException", 400, "Function code combined with layers exceeds the maximum allowed size of 262144000 bytes. The actual size is 262144001 bytes."},
		{"just fitting", func(w *lambdasim.World) []string {
			return []string{w.PutLayerVersion(accountID, regionID, lambdasim.LayerSpec{Name: "big", CodeSize: 9, UnzippedSize: 262_144_000 - 1000})}
		}, "", 0, ""},
		{"layers too large", func(w *lambdasim.World) []string {
			return []string{w.PutLayerVersion(accountID, regionID, lambdasim.LayerSpec{Name: "big", CodeSize: 9, UnzippedSize: 262_144_001})}
		}, "InvalidParameterValueException", 400, "Layers consume more than the available size of 262144000 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(lambdasim.Options{})
				putFunction(w, "one", func(f *lambdasim.FunctionSpec) { f.CodeSize, f.UnzippedSize = 500, 1000 })
				err := attach(t, newSDK(w), "one", tt.layers(w)...)
				if tt.code == "" {
					if err != nil {
						t.Fatal(err)
					}
					return
				}
				if message := wantCode(t, err, tt.code, tt.status); !strings.Contains(message, tt.message) {
					t.Errorf("got %q, want %q in it", message, tt.message)
				}
				if f, _ := w.Function(accountID, regionID, "one"); len(f.Layers) != 0 {
					t.Errorf("the refused layers are attached: %v", f.Layers)
				}
			})
		})
	}
}

// A deleted layer version works on where it is held, and makes every list that
// contains it impossible to submit.
func TestDeletedLayerStaysAndBlocks(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(lambdasim.Options{})
		held := w.PutLayerVersion(accountID, regionID, lambdasim.LayerSpec{Name: "held", CodeSize: 77})
		mine := w.PutLayerVersion(accountID, regionID, lambdasim.LayerSpec{Name: "mine"})
		putFunction(w, "one", func(f *lambdasim.FunctionSpec) { f.Layers = []string{held} })
		c := newSDK(w)
		if _, err := c.DeleteLayerVersion(t.Context(), &lambda.DeleteLayerVersionInput{LayerName: aws.String("held"), VersionNumber: aws.Int64(1)}); err != nil {
			t.Fatal(err)
		}
		got, err := c.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("one")})
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Layers) != 1 || *got.Layers[0].Arn != held || got.Layers[0].CodeSize != 77 {
			t.Errorf("got %v", got.Layers)
		}
		wantCode(t, attach(t, c, "one", held, mine), "InvalidParameterValueException", 400)
		// An update without layers is none of the layer's business.
		if _, err := c.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("one"), Timeout: aws.Int32(5)}); err != nil {
			t.Error(err)
		}
	})
}

func TestPublishedLayerRoundTrip(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(lambdasim.Options{})
		w.AddAccount(lambdasim.Account{ID: otherID, Regions: []string{regionID}})
		c := newSDK(w)
		content := zipOf("layer")
		published, err := c.PublishLayerVersion(t.Context(), &lambda.PublishLayerVersionInput{
			LayerName: aws.String("mine"), Content: &types.LayerVersionContentInput{ZipFile: content},
			CompatibleRuntimes: []types.Runtime{types.RuntimePython312}, CompatibleArchitectures: []types.Architecture{types.ArchitectureArm64},
		})
		if err != nil {
			t.Fatal(err)
		}
		if published.Content.CodeSize != int64(len(content)) {
			t.Errorf("code size %d, want %d", published.Content.CodeSize, len(content))
		}
		for _, tt := range []struct {
			filter types.Architecture
			want   int
		}{{types.ArchitectureArm64, 1}, {types.ArchitectureX8664, 0}, {"", 1}} {
			list, err := c.ListLayers(t.Context(), &lambda.ListLayersInput{CompatibleArchitecture: tt.filter})
			if err != nil || len(list.Layers) != tt.want {
				t.Errorf("filter %q: %d layers (%v), want %d", tt.filter, len(list.Layers), err, tt.want)
			}
		}
		// The other account reads it only once it is shared.
		stranger := lambda.New(lambda.Options{
			Region: regionID, HTTPClient: w.Client(), Retryer: aws.NopRetryer{},
			Credentials: credentials.NewStaticCredentialsProvider("AKIASIM"+otherID, "secret", ""),
		})
		get := func() error {
			_, err := stranger.GetLayerVersionByArn(t.Context(), &lambda.GetLayerVersionByArnInput{Arn: published.LayerVersionArn})
			return err
		}
		wantCode(t, get(), "AccessDeniedException", 403)
		if _, err := c.AddLayerVersionPermission(t.Context(), &lambda.AddLayerVersionPermissionInput{
			LayerName: aws.String("mine"), VersionNumber: aws.Int64(1), StatementId: aws.String("share"),
			Action: aws.String("lambda:GetLayerVersion"), Principal: aws.String(otherID),
		}); err != nil {
			t.Fatal(err)
		}
		if err := get(); err != nil {
			t.Error(err)
		}
	})
}

func TestCodeSigningEnforced(t *testing.T) {
	const profile = "arn:aws:signer:eu-central-1:123456789012:/signing-profiles/p/1"
	inBubble(t, func(t *testing.T) {
		w := newWorld(lambdasim.Options{})
		c := newSDK(w)
		config, err := c.CreateCodeSigningConfig(t.Context(), &lambda.CreateCodeSigningConfigInput{
			AllowedPublishers:   &types.AllowedPublishers{SigningProfileVersionArns: []string{profile}},
			CodeSigningPolicies: &types.CodeSigningPolicies{UntrustedArtifactOnDeployment: types.CodeSigningPolicyEnforce},
		})
		if err != nil {
			t.Fatal(err)
		}
		putFunction(w, "one", func(f *lambdasim.FunctionSpec) {
			f.CodeSigningConfigArn = *config.CodeSigningConfig.CodeSigningConfigArn
		})
		unsigned := w.PutLayerVersion(accountID, regionID, lambdasim.LayerSpec{Name: "unsigned"})
		signed := w.PutLayerVersion(accountID, regionID, lambdasim.LayerSpec{Name: "signed", SigningProfileVersionArn: profile})
		message := wantCode(t, attach(t, c, "one", signed, unsigned), "CodeVerificationFailedException", 400)
		if !strings.Contains(message, "Check the provided signature for one.") {
			t.Error(message)
		}
		if err := attach(t, c, "one", signed); err != nil {
			t.Error(err)
		}
		// Under Warn the same is let through.
		if _, err := c.UpdateCodeSigningConfig(t.Context(), &lambda.UpdateCodeSigningConfigInput{
			CodeSigningConfigArn: config.CodeSigningConfig.CodeSigningConfigArn,
			CodeSigningPolicies:  &types.CodeSigningPolicies{UntrustedArtifactOnDeployment: types.CodeSigningPolicyWarn},
		}); err != nil {
			t.Fatal(err)
		}
		if err := attach(t, c, "one", unsigned); err != nil {
			t.Error(err)
		}
	})
}
