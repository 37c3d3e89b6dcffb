package lambdasim

import "slices"

// maxLayers is how many layers a function can have.
const maxLayers = 5

// authorizeLayers checks a submitted list of layers the way AWS does: each of
// them must exist and be readable by the caller, also those that the function
// held before.
func (c *call) authorizeLayers(arns []string) ([]LayerDetail, error) {
	if len(arns) > maxLayers {
		return nil, errInvalid("Cannot reference more than %d layers.", maxLayers)
	}
	details := make([]LayerDetail, 0, len(arns))
	seen := map[layerRef]string{}
	for _, arn := range arns {
		ref, ok := parseLayerArn(arn)
		if !ok {
			return nil, errInvalid("Layer version %s does not exist.", arn)
		}
		l, err := c.readableLayer(arn)
		if err != nil {
			return nil, err
		}
		if l == nil {
			return nil, errInvalid("Layer version %s does not exist.", arn)
		}
		ref.version = 0
		if other, twice := seen[ref]; twice {
			return nil, errInvalid("Two different versions of the same layer are not allowed to be referenced in the same function. "+
				"%s and %s are versions of the same layer.", other, arn)
		}
		seen[ref] = arn
		details = append(details, l.reference())
	}
	return details, nil
}

// readableLayer returns the layer version of an ARN, nil when it is missing
// from the caller's own account, or the refusal to read it.
func (c *call) readableLayer(arn string) (*layerVersion, error) {
	const action = "lambda:GetLayerVersion"
	ref, ok := parseLayerArn(arn)
	if !ok || ref.managed {
		return nil, c.errForeign(action, arn)
	}
	if failure := c.denied(action, arn); failure != nil {
		return nil, failure
	}
	own := ref.account == c.Account
	if ref.region != c.Region {
		if own {
			return nil, errInvalid("Layers are not in the same region as the function. Layers are expected to be in region %s.", c.Region)
		}
		return nil, c.errForeign(action, arn)
	}
	home := c.region.world.region(ref.account, ref.region)
	var l *layerVersion
	if home != nil {
		l = home.layerVersion(ref.name, ref.version)
	}
	if own {
		return l, nil
	}
	if l == nil || !l.sharedWith(c.Account) {
		return nil, c.errForeign(action, arn)
	}
	return l, nil
}

// sharedWith reports whether a layer version's policy lets an account read it.
func (l *layerVersion) sharedWith(account string) bool {
	if slices.Contains(l.spec.SharedWith, "*") || slices.Contains(l.spec.SharedWith, account) {
		return true
	}
	return slices.ContainsFunc(l.policy.statements, func(s statement) bool {
		switch p := s.Principal.(type) {
		case string:
			return p == "*"
		case map[string]string:
			return principalAccount(p["AWS"]) == account
		}
		return false
	})
}

// principalAccount returns the account id of an account principal's ARN.
func principalAccount(arn string) string {
	return twelveDigits(arn)
}

// reference renders a layer version as a function's configuration holds it.
func (l *layerVersion) reference() LayerDetail {
	return LayerDetail{
		Arn: l.arn, CodeSize: l.code.size,
		SigningProfileVersionArn: l.spec.SigningProfileVersionArn, SigningJobArn: l.spec.SigningJobArn,
	}
}

// checkTotalSize refuses code and layers that unzip to more than 250 MiB. A
// layer that is deleted still counts.
func (r *region) checkTotalSize(code *archive, layers []string) error {
	var layerBytes int64
	for _, arn := range layers {
		if l := r.world.anyLayer(arn); l != nil {
			layerBytes += l.code.unzipped
		}
	}
	if layerBytes > maxUnzipped {
		return errInvalid("Layers consume more than the available size of %d bytes", maxUnzipped)
	}
	if total := layerBytes + code.unzipped; layerBytes > 0 && total > maxUnzipped {
		return errInvalid("Function code combined with layers exceeds the maximum allowed size of %d bytes. The actual size is %d bytes.", maxUnzipped, total)
	}
	return nil
}

// anyLayer returns a layer version of any account, deleted or not, or nil.
func (w *World) anyLayer(arn string) *layerVersion {
	ref, ok := parseLayerArn(arn)
	if !ok || ref.managed {
		return nil
	}
	home := w.region(ref.account, ref.region)
	if home == nil || home.layers[ref.name] == nil {
		return nil
	}
	return home.layers[ref.name].versions[ref.version]
}
