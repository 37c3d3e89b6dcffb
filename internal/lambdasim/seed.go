package lambdasim

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// PutFunction puts a function into a region, settled and without drawing on a
// quota. It replaces a function of the same name.
//
// It panics when the account or the region is not in the world, or when Code is
// not a zip: worlds are written by programs.
func (w *World) PutFunction(account, region string, spec FunctionSpec) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.region(account, region)
	if r == nil {
		panic(fmt.Sprintf("lambdasim: put function %s: no region %s in account %s", spec.Name, region, account))
	}
	f := newFunction(r, spec.Name)
	f.latest = &version{function: f, number: latest, modified: spec.LastModified}
	if f.latest.modified.IsZero() {
		f.latest.modified = time.Now()
	}
	f.latest.code = specArchive(spec)
	f.set(spec.clone())
	for range spec.Versions {
		f.publish("", f.latest.modified)
	}
	if f.lastPub > 0 {
		f.latest.published = versionNumber(f.lastPub)
	}
	for _, name := range slices.Sorted(maps.Keys(spec.Aliases)) {
		a := &alias{name: name, target: spec.Aliases[name]}
		f.newAliasRevision(a)
		f.aliases[name] = a
	}
	r.add(f)
}

// specArchive returns the code that a spec describes.
func specArchive(spec FunctionSpec) *archive {
	switch {
	case spec.PackageType == packageImage:
		return imageArchive(spec.ImageURI)
	case len(spec.Code) > 0:
		a, ok := readArchive(spec.Code)
		if !ok {
			panic("lambdasim: put function " + spec.Name + ": the code is not a zip")
		}
		return a
	}
	return syntheticArchive(spec.Name, spec.CodeSize, spec.UnzippedSize)
}

// set writes a spec as a function's state, at once and under a new revision.
func (f *function) set(spec FunctionSpec) {
	v := f.latest
	f.tags = spec.Tags
	if f.tags == nil {
		f.tags = map[string]string{}
	}
	f.reserved, f.signing = spec.ReservedConcurrency, spec.CodeSigningConfigArn
	v.spec = spec.withDefaults()
	v.spec.Tags, v.spec.Aliases, v.spec.Code, v.spec.ReservedConcurrency = nil, nil, nil, nil
	if v.spec.State == "" {
		v.spec.State = stateActive
	}
	if v.spec.LastUpdateStatus == "" {
		v.spec.LastUpdateStatus = statusSuccessful
	}
	v.layers = nil
	for _, arn := range v.spec.Layers {
		detail := LayerDetail{Arn: arn}
		if l := f.region.world.anyLayer(arn); l != nil {
			detail = l.reference()
		}
		v.layers = append(v.layers, detail)
	}
	v.published = ""
	f.newRevision(v)
}

// PutLayerVersion puts a layer version into a region and returns its ARN. An
// account or region that the world doesn't have is added, as a vendor's that
// nobody holds credentials for.
//
// It panics when Content is not a zip.
func (w *World) PutLayerVersion(account, region string, spec LayerSpec) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.region(account, region)
	if r == nil {
		r = w.vendorRegion(account, region)
	}
	code := syntheticArchive(spec.Name, spec.CodeSize, spec.UnzippedSize)
	if len(spec.Content) > 0 {
		var ok bool
		if code, ok = readArchive(spec.Content); !ok {
			panic("lambdasim: put layer " + spec.Name + ": the content is not a zip")
		}
	}
	spec.Content = nil
	spec.Runtimes, spec.Architectures = slices.Clone(spec.Runtimes), slices.Clone(spec.Architectures)
	spec.SharedWith = slices.Clone(spec.SharedWith)
	l := r.publishLayer(spec, code, spec.Version)
	l.created, l.deleted = time.Now(), spec.Deleted
	return l.arn
}

// vendorRegion adds a region to an account, and the account when it must.
func (w *World) vendorRegion(id, name string) *region {
	a := w.accounts[id]
	if a == nil {
		a = &account{spec: Account{ID: id}, regions: map[string]*region{}, denies: map[string]string{}}
		w.accounts[id] = a
	}
	r := newRegion(w, a, name)
	a.regions[name] = r
	return r
}

// EditFunction changes a function the way another deployer would: at once and
// under a new revision id. It fails when there is no such function and, as AWS
// would, while an update is in progress.
func (w *World) EditFunction(account, region, name string, edit func(*FunctionSpec)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.region(account, region)
	if r == nil {
		return fmt.Errorf("edit function %s in %s of %s: %w", name, region, account, errNoFunction)
	}
	return r.edit(name, edit, time.Now())
}

// edit changes a function. Preconditions: w.mu is held.
func (r *region) edit(name string, edit func(*FunctionSpec), now time.Time) error {
	f := r.find(name, now)
	if f == nil {
		return fmt.Errorf("edit function %s in %s: %w", name, r.name, errNoFunction)
	}
	if f.latest.busy() {
		return fmt.Errorf("edit function %s in %s: %w", name, r.name, f.errBusy())
	}
	spec := f.spec(f.latest)
	size, unzipped := spec.CodeSize, spec.UnzippedSize
	edit(&spec)
	spec.Name = name
	if len(spec.Code) > 0 || spec.CodeSize != size || spec.UnzippedSize != unzipped {
		f.latest.code = specArchive(spec)
	}
	f.latest.modified = now
	f.set(spec.clone())
	return nil
}

// ownerEdit applies an injected edit of another deployer. One that AWS would
// refuse, because the function is missing or busy, doesn't happen.
func (r *region) ownerEdit(name string, edit func(*FunctionSpec), now time.Time) {
	if r == nil {
		return
	}
	if edit == nil {
		edit = ownerEdit(0)
	}
	_ = r.edit(name, edit, now)
}

// spec returns a version's configuration with what hangs on the function.
func (f *function) spec(v *version) FunctionSpec {
	spec := v.spec.clone()
	spec.Tags = maps.Clone(f.tags)
	spec.ReservedConcurrency = clonePointer(f.reserved)
	spec.CodeSigningConfigArn = f.signing
	spec.CodeSize, spec.UnzippedSize = v.code.size, v.code.unzipped
	spec.LastModified = v.modified
	spec.Versions = len(f.versions)
	spec.Aliases = map[string]string{}
	for name, a := range f.aliases {
		spec.Aliases[name] = a.target
	}
	return spec
}

// Function returns everything the world knows of a function, as a copy.
func (w *World) Function(account, region, name string) (FunctionState, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.region(account, region)
	if r == nil {
		return FunctionState{}, false
	}
	f := r.find(name, time.Now())
	if f == nil {
		return FunctionState{}, false
	}
	return f.state(), true
}

// Functions returns every function of a region by name, as copies.
func (w *World) Functions(account, region string) []FunctionState {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.region(account, region)
	if r == nil {
		return nil
	}
	now := time.Now()
	all := make([]FunctionState, 0, len(r.functions))
	for _, name := range r.sortedNames() {
		all = append(all, r.find(name, now).state())
	}
	return all
}

// state copies what is known of a function.
func (f *function) state() FunctionState {
	arn := f.region.functionArn(f.name)
	s := FunctionState{
		FunctionSpec: f.spec(f.latest),
		Account:      f.region.account.spec.ID, Region: f.region.name, ARN: arn,
		Version: latest, RevisionID: f.latest.revision, CodeSha256: f.latest.code.sha256,
		LayerDetails: slices.Clone(f.latest.layers),
		AliasStates:  map[string]AliasState{},
	}
	for _, v := range f.versions {
		s.Published = append(s.Published, VersionState{
			FunctionSpec: v.spec.clone(), Version: v.number, ARN: arn + ":" + v.number,
			RevisionID: v.revision, CodeSha256: v.code.sha256,
		})
	}
	for name, a := range f.aliases {
		s.AliasStates[name] = AliasState{
			Name: name, ARN: arn + ":" + name, FunctionVersion: a.target, Description: a.description,
			RevisionID: a.revision, Weights: maps.Clone(a.weights),
		}
	}
	if p := f.policies[""]; p != nil {
		s.Policy = p.text()
	}
	return s
}
