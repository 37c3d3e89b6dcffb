package lambdasim

import (
	"net/http"
	"strconv"
	"time"
)

// publish freezes $LATEST as the next version.
func (f *function) publish(description string, now time.Time) *version {
	f.lastPub++
	v := *f.latest
	v.spec = f.latest.spec.clone()
	v.number = versionNumber(f.lastPub)
	v.settles, v.previous = time.Time{}, nil
	v.modified = now
	if description != "" {
		v.spec.Description = description
	}
	f.newRevision(&v)
	f.versions = append(f.versions, &v)
	return &v
}

// publishVersion answers PublishVersion. Without a change since the last
// version, that one is returned and nothing happens.
func publishVersion(_ *World, c *call) (reply, error) {
	var in struct {
		CodeSha256, RevisionId string
		Description            *string
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	f, err := c.changeable(in.RevisionId)
	if err != nil {
		return reply{}, err
	}
	if in.CodeSha256 != "" && in.CodeSha256 != f.latest.code.sha256 {
		return reply{}, errInvalid("CodeSHA256 (%s) is different from current CodeSHA256 in $LATEST (%s). "+
			"Please try again with the CodeSHA256 in $LATEST.", in.CodeSha256, f.latest.code.sha256)
	}
	v := f.unchangedVersion()
	if v == nil {
		description := ""
		assign(&description, in.Description)
		v = f.publish(description, c.now)
		f.newRevision(f.latest)
		f.latest.published = v.number
	}
	return jsonReply(http.StatusCreated, v.detail(c.region.functionArn(f.name)+":"+v.number))
}

// unchangedVersion returns the last version when $LATEST has not been updated
// since it was published, or nil.
func (f *function) unchangedVersion() *version {
	if len(f.versions) == 0 || f.latest.published == "" {
		return nil
	}
	last := f.versions[len(f.versions)-1]
	if last.number != f.latest.published {
		return nil
	}
	return last
}

// listVersionsByFunction answers ListVersionsByFunction.
func listVersionsByFunction(_ *World, c *call) (reply, error) {
	f, err := c.unqualified()
	if err != nil {
		return reply{}, err
	}
	after, limit, err := c.page()
	if err != nil {
		return reply{}, err
	}
	skip, _ := strconv.Atoi(after)
	all := f.all()
	start := min(skip, len(all))
	end := min(start+limit, len(all))
	items := make([][]byte, 0, limit)
	for _, v := range all[start:end] {
		text, err := encodeJSON(v.configuration(c.region.functionArn(f.name) + ":" + v.number))
		if err != nil {
			return reply{}, err
		}
		items = append(items, text)
	}
	next := ""
	if end < len(all) {
		next = marker(strconv.Itoa(end))
	}
	return rawList("Versions", items, next), nil
}
