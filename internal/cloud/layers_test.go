package cloud

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/lambdasim"
)

func TestLayerVersion(t *testing.T) {
	w := newWorld(lambdasim.Options{})
	own := w.PutLayerVersion(home, ireland, lambdasim.LayerSpec{
		Name: "own", Description: "d", CodeSize: 5000, Runtimes: []string{"python3.13"}, Architectures: []string{"arm64"},
	})
	gone := w.PutLayerVersion(home, ireland, lambdasim.LayerSpec{Name: "gone", Deleted: true})
	shared := w.PutLayerVersion(foreign, ireland, lambdasim.LayerSpec{Name: "shared", SharedWith: []string{"*"}})
	private := w.PutLayerVersion(foreign, ireland, lambdasim.LayerSpec{Name: "private"})
	r := openHome(t, w.Client(), Config{})
	for arn, want := range map[string]autodefend.LayerStatus{
		own: autodefend.LayerReadable, shared: autodefend.LayerReadable, gone: autodefend.LayerGone, private: autodefend.LayerDenied,
		"arn:aws:lambda:::awslayer:AmazonLinux1803": autodefend.LayerReadable,
	} {
		v, err := r.LayerVersion(t.Context(), arn)
		if err != nil || v.Status != want || v.ARN != arn {
			t.Errorf("LayerVersion(%s) = %+v, %v; want status %s", arn, v, err, want)
		}
	}
	v, err := r.LayerVersion(t.Context(), own)
	if err != nil || v.CodeSize != 5000 || v.CodeSHA256 == "" || v.ContentURL == "" || v.Description != "d" ||
		!cmp.Equal(v.Runtimes, []string{"python3.13"}) || !cmp.Equal(v.Architectures, []string{"arm64"}) {
		t.Errorf("LayerVersion = %+v, %v", v, err)
	}
	if n := w.Stats().Operation("GetLayerVersionByArn"); n != 5 {
		t.Errorf("%d calls, want 5: AWS's own layers need none", n)
	}
	_, err = r.LayerVersion(t.Context(), "arn:aws:lambda:eu-west-1:1:layer:x")
	checkError(t, err, []string{"invalid", "layer ARN"})
}

// TestLayerVersionWithBadCredentials makes sure that a layer isn't taken for
// unreadable when the caller is.
func TestLayerVersionWithBadCredentials(t *testing.T) {
	for _, code := range []string{"ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException"} {
		header := map[string][]string{"X-Amzn-Errortype": {code}}
		r := openThen(t, Config{}, answering(403, header, `{"message":"x"}`))
		v, err := r.LayerVersion(t.Context(), "arn:aws:lambda:eu-west-1:111111111111:layer:x:1")
		checkError(t, err, []string{"denied", code})
		if v.Status != "" {
			t.Errorf("%s: status = %s", code, v.Status)
		}
	}
}

func TestPublishListDelete(t *testing.T) {
	var content bytes.Buffer
	z := zip.NewWriter(&content)
	file, err := z.Create("autodefend/wrapper")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write([]byte("#!")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	w := newWorld(lambdasim.Options{})
	r := openHome(t, w.Client(), Config{})
	if versions, err := r.LayerVersions(t.Context(), "autodefend-defender-arm64"); err != nil || len(versions) != 0 {
		t.Errorf("versions of no layer = %v, %v", versions, err)
	}
	layer := autodefend.Layer{
		Name: "autodefend-defender-arm64", Description: "v1", Architecture: "arm64", License: "Apache-2.0",
		Runtimes: []string{"python3.13", "python", "cobol85"}, Zip: content.Bytes(),
	}
	var arns []string
	for range 3 {
		v, err := r.PublishLayer(t.Context(), layer)
		if err != nil {
			t.Fatal(err)
		}
		if v.Status != autodefend.LayerReadable || v.CodeSize != int64(content.Len()) || v.CodeSHA256 == "" ||
			!cmp.Equal(v.Architectures, []string{"arm64"}) || !cmp.Equal(v.Runtimes, []string{"python3.13"}) {
			t.Errorf("PublishLayer = %+v", v)
		}
		arns = append(arns, v.ARN)
	}
	if err := r.DeleteLayerVersion(t.Context(), arns[1]); err != nil {
		t.Fatal(err)
	}
	versions, err := r.LayerVersions(t.Context(), layer.Name)
	if err != nil || len(versions) != 2 || versions[0].ARN != arns[2] || versions[1].ARN != arns[0] || versions[0].Description != "v1" {
		t.Errorf("LayerVersions = %+v, %v; want the third and the first", versions, err)
	}
	if err := r.DeleteLayerVersion(t.Context(), "arn:aws:lambda:eu-west-1:"+foreign+":layer:x:1"); autodefend.ErrorCode(err) != autodefend.CodeInvalid {
		t.Errorf("deleting a layer of another account: %v", err)
	}
}

func TestDeclaredRuntimes(t *testing.T) {
	if got := declaredRuntimes([]string{"python3.13", "python", ""}); len(got) != 1 || got[0] != "python3.13" {
		t.Errorf("declaredRuntimes = %q", got)
	}
	many := []string{
		"nodejs18.x", "nodejs20.x", "nodejs22.x", "nodejs24.x", "python3.9", "python3.10", "python3.11", "python3.12", "python3.13",
		"python3.14", "java11", "java17", "java21", "ruby3.3", "ruby3.4",
	}
	if got := declaredRuntimes(many); len(got) != 15 {
		t.Errorf("15 runtimes: %q", got)
	}
	if got := declaredRuntimes(append(many, "dotnet8")); got != nil {
		t.Errorf("16 runtimes: %q, want none", got)
	}
}

func TestUnzippedSize(t *testing.T) {
	sizer := func(_ context.Context, url string) (int64, error) { return int64(len(url)), nil }
	client := newWorld(lambdasim.Options{}).Client()
	if n, err := openHome(t, client, Config{UnzippedSize: sizer}).UnzippedSize(t.Context(), "abc"); n != 3 || err != nil {
		t.Errorf("UnzippedSize = %d, %v", n, err)
	}
	if _, err := openHome(t, client, Config{}).UnzippedSize(t.Context(), "abc"); !errors.Is(err, errNoSizer) {
		t.Errorf("err = %v", err)
	}
}
