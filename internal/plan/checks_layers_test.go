package plan

import (
	"fmt"
	"maps"

	"github.com/autodefend/autodefend"
)

// ownerLayers returns n ARNs of different layers of the owner's.
func ownerLayers(n int) []string {
	arns := make([]string, n)
	for i := range arns {
		arns[i] = fmt.Sprintf("arn:aws:lambda:eu-west-1:123456789012:layer:libs-%d:1", i)
	}
	return arns
}

// withOurs adds an older version of the vendor's layer.
func withOurs(arns []string) []string {
	return append(arns, "arn:aws:lambda:eu-west-1:123456789012:layer:twistlock:6")
}

func maxLayers(n int) func(*situation) {
	return func(s *situation) { s.facts.Recipe.Limits.MaxLayers = n }
}

func codeSigning(policy string) func(*situation) {
	return func(s *situation) { s.facts.CodeSigning = map[string]string{s.f.ARN.String(): policy} }
}

// noDefender takes the layer away that would be attached.
func noDefender(problem string) func(*situation) {
	return func(s *situation) {
		s.facts.Defender = maps.Clone(s.facts.Defender)
		delete(s.facts.Defender, s.f.Architecture)
		s.facts.DefenderProblem = map[string]string{s.f.Architecture: problem}
	}
}

func layerCases() []checkCase {
	const (
		id     = autodefend.CheckLayers
		access = autodefend.CheckLayerAccess
		awsOwn = "arn:aws:lambda:::awslayer:AmazonLinux1803"
	)
	five := func(s *situation) { layers(ownerLayers(5)...)(s); maxLayers(9)(s) }
	behindUnknown := func(s *situation) {
		arns := ownerLayers(3)
		layers(arns...)(s)
		layerStatus(arns[0], "")(s)
		layerStatus(arns[2], autodefend.LayerGone)(s)
	}
	return []checkCase{
		{check: id, name: "none", edit: layers(), want: autodefend.Pass, seen: 0, limit: 5},
		{check: id, name: "3", edit: layers(ownerLayers(3)...), want: autodefend.Pass, seen: 3, limit: 5},
		{check: id, name: "4", edit: layers(ownerLayers(4)...), want: autodefend.Pass, seen: 4, limit: 5},
		{check: id, name: "5", edit: layers(ownerLayers(5)...), want: autodefend.Fail, message: "5 layers", hint: "merge or drop", seen: 5, limit: 5},
		{check: id, name: "5 with ours", edit: layers(withOurs(ownerLayers(4))...), want: autodefend.Pass, seen: 4, limit: 5},
		{check: id, name: "6 with ours", edit: layers(withOurs(ownerLayers(5))...), want: autodefend.Fail, seen: 5, limit: 5},
		{check: id, name: "limit lowered", edit: func(s *situation) { layers(ownerLayers(3)...)(s); maxLayers(3)(s) }, want: autodefend.Fail, seen: 3, limit: 3},
		{check: id, name: "never above AWS's limit", edit: five, want: autodefend.Fail, seen: 5, limit: 5},

		{check: access, name: "readable", edit: layers(ownerLayers(2)...), want: autodefend.Pass},
		{check: access, name: "no layers", edit: layers(), want: autodefend.Pass},
		{check: access, name: "AWS's own, account-less", edit: layers(awsOwn), want: autodefend.Pass},
		{check: access, name: "gone", edit: layerStatus(ownerLayer, autodefend.LayerGone), want: autodefend.Fail, message: "was deleted", hint: "publish the layer again", seen: ownerLayer, limit: "readable"},
		{check: access, name: "denied", edit: layerStatus(ownerLayer, autodefend.LayerDenied), want: autodefend.Fail, hint: "lambda:GetLayerVersion on " + ownerLayer, seen: ownerLayer, limit: "readable"},
		{check: access, name: "unread", edit: layerStatus(ownerLayer, ""), want: autodefend.Unknown, message: ownerLayer},
		{check: access, name: "gone behind an unread one", edit: behindUnknown, want: autodefend.Fail, message: "libs-2:1 was deleted"},
		{check: access, name: "AWS's own, unread", edit: func(s *situation) { layers(awsOwn)(s); layerStatus(awsOwn, "")(s) }, want: autodefend.Unknown, message: awsOwn},
		{check: access, name: "ours isn't published", recipe: "autodefend", edit: noDefender(""), want: autodefend.Fail, message: "no version of it is published", hint: "layer publish --region eu-west-1"},
		{check: access, name: "a vendor's isn't published", edit: noDefender(""), want: autodefend.Fail, message: "no version of it is published", hint: "--layer-arn"},
		{check: access, name: "ours has a problem", edit: noDefender("the caller may not read it"), want: autodefend.Fail, message: "the caller may not read it"},
		{check: access, name: "no layer for the architecture is another check's", edit: func(s *situation) { s.f.Architecture = autodefend.ArchARM }, want: autodefend.Pass},

		{check: autodefend.CheckCodeSigning, name: "none", want: autodefend.Pass},
		{check: autodefend.CheckCodeSigning, name: "of another function", edit: func(s *situation) { s.facts.CodeSigning = map[string]string{"other": "Enforce"} }, want: autodefend.Pass},
		{check: autodefend.CheckCodeSigning, name: "warn", edit: codeSigning("Warn"), want: autodefend.Warn, seen: "Warn", limit: "Warn"},
		{check: autodefend.CheckCodeSigning, name: "enforce", edit: codeSigning("Enforce"), want: autodefend.Fail, hint: "sign the layer", seen: "Enforce", limit: "Warn"},
		{check: autodefend.CheckCodeSigning, name: "a policy AWS adds later", edit: codeSigning("Quarantine"), want: autodefend.Fail, seen: "Quarantine", limit: "Warn"},
	}
}
