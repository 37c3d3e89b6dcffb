package lambdasim

import (
	"archive/zip"
	"bytes"
	"embed"
	"fmt"
	"path"
	"strings"
)

// Functions that were put into a world without code have an archive that is
// described by its sizes. When one of them is invoked, a handler that does what
// its event asks for stands in.

//go:embed standin
var standIns embed.FS

// standInFor returns a zip with a handler for a runtime under the name that the
// function's handler has, or false when there is none for the runtime.
func standInFor(runtime, handler string) ([]byte, bool) {
	sources := map[string]string{"python": "app.py", "nodejs": "index.mjs", "ruby": "app.rb"}
	for prefix, source := range sources {
		if !strings.HasPrefix(runtime, prefix) {
			continue
		}
		text, err := standIns.ReadFile("standin/" + source)
		if err != nil {
			return nil, false
		}
		module, function, _ := strings.Cut(handler, ".")
		packed, err := zipOf(module+path.Ext(source), renameHandler(string(text), function))
		return packed, err == nil
	}
	return nil, false
}

// renameHandler gives the function of a stand-in another name.
func renameHandler(text, name string) string {
	for _, declared := range []string{"def handler(", "export async function handler("} {
		text = strings.Replace(text, declared, strings.Replace(declared, "handler", name, 1), 1)
	}
	return text
}

// zipOf returns a zip with one file.
func zipOf(name, text string) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	h := &zip.FileHeader{Name: name, Method: zip.Deflate}
	h.SetMode(0o644)
	w, err := z.CreateHeader(h)
	if err == nil {
		_, err = w.Write([]byte(text))
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("pack %s: %w", name, err)
	}
	return b.Bytes(), nil
}
