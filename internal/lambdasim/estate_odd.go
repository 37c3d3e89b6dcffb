package lambdasim

import (
	"fmt"
	"maps"
	"strings"
)

// oddity is a kind of function that a careful tool must notice.
type oddity struct {
	// names are the functions of this kind.
	names []string
	// home keeps them in us-east-1 of production; others are spread.
	home bool
	// idle functions have no traffic.
	idle bool
	// shape turns an everyday function into an odd one.
	shape func(b *estateBuilder, p place, f *FunctionSpec)
	// observe changes what CloudWatch has seen of it; nil is nothing odd.
	observe func(f FunctionSpec, o *Observed)
}

// odd adds the functions of one row of a table of oddities.
func (b *estateBuilder) odd(row int, o oddity) {
	for i, name := range o.names {
		p := demoPlaces()[(row+i)%len(demoPlaces())]
		if o.home {
			p = demoPlaces()[0]
		}
		spec := b.base(p, name)
		o.shape(b, p, &spec)
		b.put(p, spec)
		if o.idle {
			continue
		}
		observed := b.traffic(spec)
		if o.observe != nil {
			o.observe(spec, &observed)
		}
		b.world.SetObserved(p.account, p.region, name, observed)
	}
}

// with makes a change that needs nothing but the function.
func with(change func(*FunctionSpec)) func(*estateBuilder, place, *FunctionSpec) {
	return func(_ *estateBuilder, _ place, f *FunctionSpec) { change(f) }
}

// onRuntime puts a function on a runtime.
func onRuntime(runtime string) func(*estateBuilder, place, *FunctionSpec) {
	return with(func(f *FunctionSpec) {
		f.Runtime, f.Handler, f.Architectures = runtime, handlerFor(runtime), []string{"x86_64"}
	})
}

// asImage makes a function a container image.
func asImage(arch string) func(*estateBuilder, place, *FunctionSpec) {
	return func(_ *estateBuilder, p place, f *FunctionSpec) {
		f.PackageType, f.ImageURI = "Image", fmt.Sprintf("%s.dkr.ecr.%s.amazonaws.com/%s:42", p.account, p.region, f.Name)
		f.Runtime, f.Handler, f.Layers, f.CodeSize, f.UnzippedSize = "", "", nil, 0, 0
		f.Architectures = []string{arch}
	}
}

// withMemory gives a function some MB.
func withMemory(mb int) func(*estateBuilder, place, *FunctionSpec) {
	return with(func(f *FunctionSpec) { f.Memory = mb })
}

// withTimeout gives a function some seconds.
func withTimeout(seconds int) func(*estateBuilder, place, *FunctionSpec) {
	return with(func(f *FunctionSpec) { f.Timeout = seconds })
}

// withLayers gives a function that many of its account's layers.
func withLayers(n int) func(*estateBuilder, place, *FunctionSpec) {
	return func(_ *estateBuilder, p place, f *FunctionSpec) {
		f.Layers = nil
		for _, name := range ownLayers()[:n] {
			f.Layers = append(f.Layers, p.layerArn(name))
		}
	}
}

// withSizes gives a function a package of so many bytes, zipped and unzipped.
func withSizes(zipped, unzipped int64) func(*estateBuilder, place, *FunctionSpec) {
	return with(func(f *FunctionSpec) { f.CodeSize, f.UnzippedSize, f.Layers = zipped, unzipped, nil })
}

// withEnvironment fills a function's environment up to size bytes of compact
// JSON; the filling is as secret as the rest.
func withEnvironment(size int) func(*estateBuilder, place, *FunctionSpec) {
	return func(b *estateBuilder, _ place, f *FunctionSpec) {
		const name = "ROUTING_RULES"
		f.Env[name] = demoSecretMark
		text, err := encodeJSON(f.Env)
		if err != nil {
			panic(err) // a map of strings always encodes
		}
		var digits strings.Builder
		for digits.Len() < size-len(text) {
			fmt.Fprintf(&digits, "%016x", b.rng.Uint64())
		}
		f.Env[name] = demoSecretMark + digits.String()[:size-len(text)]
	}
}

// withWrapper gives a function somebody else's wrapper, out of the partner's layer.
func withWrapper(path, layer string) func(*estateBuilder, place, *FunctionSpec) {
	return func(_ *estateBuilder, p place, f *FunctionSpec) {
		f.Env["AWS_LAMBDA_EXEC_WRAPPER"] = path
		f.Layers = []string{p.partner().layerArn(layer)}
	}
}

// withSigning gives a function a code signing configuration with a policy.
func withSigning(policy string) func(*estateBuilder, place, *FunctionSpec) {
	return func(b *estateBuilder, p place, f *FunctionSpec) {
		f.CodeSigningConfigArn, f.Layers = b.signing[p][policy], nil
		f.SigningProfileVersionArn = p.signer()
		f.SigningJobArn = fmt.Sprintf("arn:aws:signer:%s:%s:/signing-jobs/7c3e1f60-2b1d-4a53-9f0e-5d7a2b8c9e10", p.region, p.account)
	}
}

// withState puts a function into a state for a reason.
func withState(name, code, reason string) func(*estateBuilder, place, *FunctionSpec) {
	return with(func(f *FunctionSpec) { f.State, f.StateReasonCode, f.StateReason = name, code, reason })
}

// withTags adds tags to a function.
func withTags(tags map[string]string) func(*estateBuilder, place, *FunctionSpec) {
	return with(func(f *FunctionSpec) { maps.Copy(f.Tags, tags) })
}
