package lambdasim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Presigned locations are how AWS hands out code: a URL that needs no
// credentials, serves ranges, and expires after ten minutes.

const (
	presignedPrefix = "/snapshots/"
	presignedFor    = 10 * time.Minute
	presignedDate   = "20060102T150405Z"
)

// codeKey returns the path of a version's code.
func codeKey(v *version) string {
	r := v.function.region
	return presignedPrefix + r.account.spec.ID + "/" + r.name + "/function/" + v.function.name + "/" + v.number
}

// layerKey returns the path of a layer version's content.
func layerKey(l *layerVersion) string {
	parts := strings.Split(l.arn, ":")
	return presignedPrefix + parts[4] + "/" + parts[3] + "/layer/" + parts[6] + "/" + parts[7]
}

// presign returns a URL of the world for a path.
func (c *call) presign(key string, now time.Time) string {
	query := url.Values{
		"X-Amz-Algorithm": {"AWS4-HMAC-SHA256"},
		"X-Amz-Date":      {now.UTC().Format(presignedDate)},
		"X-Amz-Expires":   {strconv.Itoa(int(presignedFor.Seconds()))},
	}
	query.Set("X-Amz-Signature", presignedSignature(c.region.world.opts.Seed, key, query.Get("X-Amz-Date")))
	u := url.URL{Path: key}
	return c.base + u.EscapedPath() + "?" + query.Encode()
}

// presignedSignature binds a location to its time.
func presignedSignature(seed uint64, key, date string) string {
	mac := hmac.New(sha256.New, strconv.AppendUint(nil, seed, 10))
	_, _ = mac.Write([]byte(key + "\n" + date))
	return hex.EncodeToString(mac.Sum(nil))
}

// isPresigned reports whether a request is for a presigned location.
func isPresigned(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, presignedPrefix)
}

// servePresigned answers a request for a presigned location, with ranges.
func (w *World) servePresigned(r *http.Request) reply {
	id := w.nextRequestID()
	if failure := w.checkPresigned(r); failure != "" {
		return stamp(s3Error(http.StatusForbidden, "AccessDenied", failure), id)
	}
	content := w.presignedContent(strings.Split(strings.TrimPrefix(r.URL.Path, presignedPrefix), "/"))
	if content == nil {
		return stamp(s3Error(http.StatusNotFound, "NoSuchKey", "The specified key does not exist."), id)
	}
	rec := httptest.NewRecorder()
	rec.Header().Set("Content-Type", "application/zip")
	http.ServeContent(rec, r, "", time.Time{}, content)
	return stamp(reply{status: rec.Code, header: rec.Header(), body: rec.Body.Bytes()}, id)
}

// checkPresigned returns what is wrong with a presigned request, or "".
func (w *World) checkPresigned(r *http.Request) string {
	query := r.URL.Query()
	date := query.Get("X-Amz-Date")
	if !hmac.Equal([]byte(query.Get("X-Amz-Signature")), []byte(presignedSignature(w.opts.Seed, r.URL.Path, date))) {
		return "Access Denied"
	}
	signed, err := time.Parse(presignedDate, date)
	if err != nil || time.Since(signed) > presignedFor {
		return "Request has expired"
	}
	return ""
}

// presignedContent returns what is at account/region/kind/name/version.
func (w *World) presignedContent(path []string) io.ReadSeeker {
	if len(path) != 5 {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.region(path[0], path[1])
	if r == nil {
		return nil
	}
	if path[2] == "layer" {
		n, _ := parseVersion(path[4])
		if l := r.layerVersion(path[3], n); l != nil {
			return l.code.reader()
		}
		return nil
	}
	f := r.functions[path[3]]
	if f == nil {
		return nil
	}
	v := f.version(path[4])
	if v == nil {
		return nil
	}
	return v.code.reader()
}

// s3Error renders an error as S3 does.
func s3Error(status int, code, message string) reply {
	body := `<?xml version="1.0" encoding="UTF-8"?>` + "\n<Error><Code>" + code + "</Code><Message>" + message + "</Message></Error>"
	return reply{status: status, header: http.Header{"Content-Type": {"application/xml"}}, body: []byte(body)}
}
