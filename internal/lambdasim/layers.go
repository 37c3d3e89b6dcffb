package lambdasim

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// layerContentJSON says where the content of a layer version is.
type layerContentJSON struct {
	Location                 string
	CodeSha256               string
	CodeSize                 int64
	SigningProfileVersionArn string `json:",omitempty"`
	SigningJobArn            string `json:",omitempty"`
}

// layerVersionJSON is a layer version as AWS sends it; listings leave out the
// content and the layer's ARN.
type layerVersionJSON struct {
	Content                 *layerContentJSON `json:",omitempty"`
	LayerArn                string            `json:",omitempty"`
	LayerVersionArn         string
	Description             string
	CreatedDate             string
	Version                 int
	CompatibleRuntimes      []string `json:",omitzero"`
	CompatibleArchitectures []string `json:",omitzero"`
	LicenseInfo             string   `json:",omitempty"`
}

// listed renders a layer version for a listing.
func (l *layerVersion) listed() layerVersionJSON {
	return layerVersionJSON{
		LayerVersionArn: l.arn, Description: l.spec.Description, Version: l.number,
		CreatedDate:        l.created.UTC().Format(lastModifiedFormat),
		CompatibleRuntimes: l.spec.Runtimes, CompatibleArchitectures: l.spec.Architectures, LicenseInfo: l.spec.LicenseInfo,
	}
}

// detail renders a layer version with its content.
func (c *call) layerDetail(l *layerVersion) any {
	j := l.listed()
	j.LayerArn = l.arn[:strings.LastIndexByte(l.arn, ':')]
	j.Content = &layerContentJSON{
		Location: c.presign(layerKey(l), c.now), CodeSha256: l.code.sha256, CodeSize: l.code.size,
		SigningProfileVersionArn: l.spec.SigningProfileVersionArn, SigningJobArn: l.spec.SigningJobArn,
	}
	return j
}

// publishLayerVersion answers PublishLayerVersion.
func publishLayerVersion(_ *World, c *call) (reply, error) {
	var in struct {
		Description, LicenseInfo                    string
		Content                                     codeInput
		CompatibleRuntimes, CompatibleArchitectures []string
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	name, err := c.ownLayerName()
	if err != nil {
		return reply{}, err
	}
	var v violations
	v.runtimes(in.CompatibleRuntimes)
	v.architectures(in.CompatibleArchitectures, "compatibleArchitectures")
	v.maxLength(in.Description, "description", 256)
	if err := v.err(); err != nil {
		return reply{}, err
	}
	code, err := in.Content.archive(packageZip)
	if err != nil {
		return reply{}, err
	}
	l := c.region.publishLayer(LayerSpec{
		Name: name, Description: in.Description, LicenseInfo: in.LicenseInfo,
		Runtimes: in.CompatibleRuntimes, Architectures: in.CompatibleArchitectures,
	}, code, 0)
	l.created = c.now
	return jsonReply(http.StatusCreated, c.layerDetail(l))
}

// runtimes checks the compatible runtimes of a layer; here runtimes that are
// blocked for functions are still allowed.
func (v *violations) runtimes(list []string) {
	for _, r := range list {
		if !slices.Contains(currentRuntimes(), r) && !slices.Contains(blockedRuntimes(), r) {
			v.add(bracketed(list), "compatibleRuntimes", "Member must satisfy enum value set: "+bracketed(currentRuntimes()))
			return
		}
	}
}

// ownLayerName reads the path of a call that writes to a layer of the caller.
func (c *call) ownLayerName() (string, error) {
	text := c.params["LayerName"]
	var v violations
	v.maxLength(text, "layerName", 140)
	v.pattern(text, "layerName", layerNamePattern)
	if err := v.err(); err != nil {
		return "", err
	}
	ref, _ := parseLayerName(text)
	if ref.account != "" && ref.account != c.Account {
		return "", c.errForeign("", text)
	}
	return ref.name, nil
}

// publishLayer adds a version to a layer; number 0 is the next one.
func (r *region) publishLayer(spec LayerSpec, code *archive, number int) *layerVersion {
	l := r.layers[spec.Name]
	if l == nil {
		l = &layer{name: spec.Name, versions: map[int]*layerVersion{}}
		r.layers[spec.Name] = l
	}
	if number == 0 {
		number = l.last + 1
	}
	l.last = max(l.last, number)
	v := &layerVersion{number: number, arn: r.layerArn(spec.Name) + ":" + strconv.Itoa(number), spec: spec, code: code}
	l.versions[number] = v
	return v
}

// layerVersion returns a version that was not deleted, or nil.
func (r *region) layerVersion(name string, number int) *layerVersion {
	if l := r.layers[name]; l != nil {
		if v := l.versions[number]; v != nil && !v.deleted {
			return v
		}
	}
	return nil
}

// pathVersion reads the version number of a call's path.
func (c *call) pathVersion() (int, error) {
	n, err := strconv.Atoi(c.params["VersionNumber"])
	if err != nil {
		return 0, errValidation("1 validation error detected: Value '" + c.params["VersionNumber"] + "' at 'versionNumber' failed to satisfy constraint: Member must be a number")
	}
	if n < 1 {
		return 0, errInvalid("Layer Version Cannot be less than 1")
	}
	return n, nil
}

// getLayerVersion answers GetLayerVersion, also for other accounts' layers
// named by their ARN.
func getLayerVersion(_ *World, c *call) (reply, error) {
	n, err := c.pathVersion()
	if err != nil {
		return reply{}, err
	}
	ref, ok := parseLayerName(c.params["LayerName"])
	if !ok {
		return reply{}, errNoResource()
	}
	if ref.account != "" {
		return c.answerLayer(c.params["LayerName"] + ":" + strconv.Itoa(n))
	}
	l := c.region.layerVersion(ref.name, n)
	if l == nil {
		return reply{}, errNoResource()
	}
	return jsonReply(http.StatusOK, c.layerDetail(l))
}

// getLayerVersionByArn answers GetLayerVersionByArn.
func getLayerVersionByArn(_ *World, c *call) (reply, error) {
	arn := c.query.Get("Arn")
	var v violations
	v.pattern(arn, "arn", layerArnPattern)
	if err := v.err(); err != nil {
		return reply{}, err
	}
	return c.answerLayer(arn)
}

// answerLayer answers for a layer version of any account.
func (c *call) answerLayer(arn string) (reply, error) {
	l, err := c.readableLayer(arn)
	if err != nil {
		return reply{}, err
	}
	if l == nil {
		return reply{}, errNoResource()
	}
	return jsonReply(http.StatusOK, c.layerDetail(l))
}

// layerFilter is what the listings of layers filter by.
type layerFilter struct{ runtime, architecture string }

// layerFilter reads and checks the filters of a listing.
func (c *call) layerFilter() (layerFilter, error) {
	f := layerFilter{c.query.Get("CompatibleRuntime"), c.query.Get("CompatibleArchitecture")}
	var v violations
	if !slices.Contains(blockedRuntimes(), f.runtime) {
		v.oneOf(f.runtime, "compatibleRuntime", filterRuntimes())
	}
	v.oneOf(f.architecture, "compatibleArchitecture", []string{"x86_64", "arm64"})
	return f, v.err()
}

// filterRuntimes are the values that the listings of layers accept, in the
// order of AWS's message.
func filterRuntimes() []string {
	return []string{
		"ruby3.5", "ruby2.6", "dotnetcore1.0", "python3.7", "nodejs8.10", "nasa", "ruby2.7", "python2.7-greengrass",
		"dotnetcore2.0", "python3.8", "java21", "dotnet6", "dotnetcore2.1", "python3.9", "java11", "nodejs6.10", "provided",
		"dotnetcore3.1", "dotnet8", "java25", "java17", "nodejs", "nodejs4.3", "java8.al2", "go1.x", "dotnet10", "nodejs20.x",
		"go1.9", "byol", "nodejs10.x", "provided.al2023", "nodejs22.x", "python3.10", "java8", "nodejs12.x", "python3.11",
		"nodejs24.x", "nodejs8.x", "python3.12", "nodejs14.x", "nodejs8.9", "nodejs26.x", "python3.13", "python3.14",
		"nodejs16.x", "python3.15", "provided.al2", "nodejs4.3-edge", "nodejs18.x", "ruby3.2", "python3.4", "ruby3.3",
		"ruby3.4", "ruby2.5", "python3.6", "python2.7",
	}
}

// matches reports whether a listing with the filter holds a version.
func (f layerFilter) matches(l *layerVersion) bool {
	return !l.deleted &&
		(f.runtime == "" || slices.Contains(l.spec.Runtimes, f.runtime)) &&
		(f.architecture == "" || slices.Contains(l.spec.Architectures, f.architecture))
}

// newest returns the versions that match a filter, the newest first.
func (l *layer) newest(f layerFilter) []*layerVersion {
	var found []*layerVersion
	for _, n := range slices.Backward(slices.Sorted(maps.Keys(l.versions))) {
		if v := l.versions[n]; f.matches(v) {
			found = append(found, v)
		}
	}
	return found
}

// layerJSONItem is an entry of ListLayers.
type layerJSONItem struct {
	LayerName             string
	LayerArn              string
	LatestMatchingVersion layerVersionJSON
}

// listLayers answers ListLayers.
func listLayers(_ *World, c *call) (reply, error) {
	filter, err := c.layerFilter()
	if err != nil {
		return reply{}, err
	}
	after, limit, err := c.page()
	if err != nil {
		return reply{}, err
	}
	answer := struct {
		Layers     []layerJSONItem
		NextMarker string `json:",omitempty"`
	}{Layers: []layerJSONItem{}}
	for _, name := range slices.Sorted(maps.Keys(c.region.layers)) {
		found := c.region.layers[name].newest(filter)
		if name <= after || len(found) == 0 {
			continue
		}
		if len(answer.Layers) == limit {
			answer.NextMarker = marker(answer.Layers[limit-1].LayerName)
			break
		}
		answer.Layers = append(answer.Layers, layerJSONItem{name, c.region.layerArn(name), found[0].listed()})
	}
	return jsonReply(http.StatusOK, answer)
}

// listLayerVersions answers ListLayerVersions, the newest first.
func listLayerVersions(_ *World, c *call) (reply, error) {
	filter, err := c.layerFilter()
	if err != nil {
		return reply{}, err
	}
	name, err := c.ownLayerName()
	if err != nil {
		return reply{}, err
	}
	after, limit, err := c.page()
	if err != nil {
		return reply{}, err
	}
	answer := struct {
		LayerVersions []layerVersionJSON
		NextMarker    string `json:",omitempty"`
	}{LayerVersions: []layerVersionJSON{}}
	below, _ := strconv.Atoi(after)
	if l := c.region.layers[name]; l != nil {
		for _, v := range l.newest(filter) {
			if below != 0 && v.number >= below {
				continue
			}
			if len(answer.LayerVersions) == limit {
				answer.NextMarker = marker(strconv.Itoa(answer.LayerVersions[limit-1].Version))
				break
			}
			answer.LayerVersions = append(answer.LayerVersions, v.listed())
		}
	}
	return jsonReply(http.StatusOK, answer)
}

// deleteLayerVersion answers DeleteLayerVersion. Functions that hold the
// version keep it; one that isn't there is deleted too.
func deleteLayerVersion(_ *World, c *call) (reply, error) {
	n, err := c.pathVersion()
	if err != nil {
		return reply{}, err
	}
	name, err := c.ownLayerName()
	if err != nil {
		return reply{}, err
	}
	if l := c.region.layerVersion(name, n); l != nil {
		l.deleted = true
	}
	return noContent(), nil
}
