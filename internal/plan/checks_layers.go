package plan

import (
	"slices"
	"strings"

	"github.com/autodefend/autodefend"
)

func checkLayers(f autodefend.Function, facts Facts) autodefend.Finding {
	const id = autodefend.CheckLayers
	limit := min(facts.Recipe.Limits.MaxLayers, awsMaxLayers)
	owners := len(ownersLayers(facts.Recipe, f))
	if owners < limit {
		return saw(pass(id, "%d layers leave room for ours", owners), owners, limit, "layers")
	}
	return saw(fail(id, "merge or drop a layer to make room for one", "it has %d layers, and the limit with ours is %d", owners, limit), owners, limit, "layers")
}

// checkLayerAccess: AWS authorises every layer of the list again at each
// update, the owner's unchanged ones too.
func checkLayerAccess(f autodefend.Function, facts Facts) autodefend.Finding {
	const id = autodefend.CheckLayerAccess
	if _, ok := facts.Defender[f.Architecture]; !ok && facts.Recipe.Layer.Names[f.Architecture] != "" {
		problem := facts.DefenderProblem[f.Architecture]
		if problem == "" {
			problem = "no version of it is published in this account and region"
		}
		hint := "publish it with: autodefend layer publish --region " + f.ARN.Region
		if !facts.Recipe.Layer.Owned {
			hint = "publish the vendor's layer under this name in " + f.ARN.Region + ", or name its version with --layer-arn"
		}
		return fail(id, hint,
			"the Defender's layer %s can't be attached: %s", facts.Recipe.Layer.Names[f.Architecture], problem)
	}
	return layersReadable(f, facts)
}

// checkRemainingLayers is [checkLayerAccess] for the inverse change. It passes
// when the change doesn't touch the list.
func checkRemainingLayers(f autodefend.Function, facts Facts) autodefend.Finding {
	if countOurs(facts.Recipe, f) == 0 {
		return pass(autodefend.CheckLayerAccess, "the list of layers isn't touched")
	}
	return layersReadable(f, facts)
}

func layersReadable(f autodefend.Function, facts Facts) autodefend.Finding {
	const id = autodefend.CheckLayerAccess
	unread := ""
	for _, arn := range ownersLayers(facts.Recipe, f) {
		switch facts.Layers[arn].Status {
		case autodefend.LayerGone:
			return saw(fail(id, "publish the layer again and put the new version into the function",
				"the layer version %s was deleted, so AWS accepts no list with it any more", arn), arn, string(autodefend.LayerReadable), "")
		case autodefend.LayerDenied:
			return saw(fail(id, "have its owner share it: lambda:GetLayerVersion on "+arn,
				"the caller may not read the layer version %s, so AWS would refuse the list", arn), arn, string(autodefend.LayerReadable), "")
		case autodefend.LayerReadable:
		default:
			unread = arn
		}
	}
	if unread != "" {
		return unknown(id, "whether %s can be read isn't known", unread)
	}
	return pass(id, "every layer can be read")
}

func checkCodeSigning(f autodefend.Function, facts Facts) autodefend.Finding {
	const id = autodefend.CheckCodeSigning
	switch policy := facts.CodeSigning[f.ARN.String()]; policy {
	case "":
		return pass(id, "no code-signing configuration is known")
	case "Warn":
		return saw(warn(id, "", "code signing only warns: AWS will record the unsigned layer"), policy, "Warn", "")
	default:
		return saw(fail(id, "sign the layer with a profile the configuration allows, or have it only warn",
			"the function takes only signed layers"), policy, "Warn", "")
	}
}

func checkEnvEncrypted(f autodefend.Function, _ Facts) autodefend.Finding {
	const id = autodefend.CheckEnvEncrypted
	if f.Environment.Error == "" {
		return pass(id, "the variables can be read")
	}
	return saw(fail(id, "allow the caller kms:Decrypt on the function's key",
		"AWS can't decrypt the variables for the caller, and writing them would wipe the owner's"), f.Environment.Error, "", "")
}

func checkEnvSize(f autodefend.Function, facts Facts) autodefend.Finding {
	const id = autodefend.CheckEnvSize
	if f.Environment.Error != "" {
		return unknown(id, "the variables can't be read")
	}
	u := plannedUpdate(f, facts)
	after := f.Environment.Variables
	if u.Variables != nil {
		after = *u.Variables
	}
	const hint = "shorten or move variables, for example to AWS Systems Manager Parameter Store"
	size := EnvironmentBytes(after)
	if size > MaxEnvironmentBytes {
		return saw(fail(id, hint, "the variables with ours would have %d bytes, AWS allows %d", size, MaxEnvironmentBytes), size, MaxEnvironmentBytes, "bytes")
	}
	if !smallRequest(u) {
		if sent := RequestBytes(u); sent >= MaxRequestBytes {
			return saw(fail(id, hint, "the update would have %d bytes and must have less than %d", sent, MaxRequestBytes), sent, MaxRequestBytes, "bytes")
		}
	}
	return saw(pass(id, "the variables with ours fit"), size, MaxEnvironmentBytes, "bytes")
}

// checkEnvConflict: a variable of the recipe that is there although we attached
// nothing is the owner's.
func checkEnvConflict(f autodefend.Function, facts Facts) autodefend.Finding {
	const id = autodefend.CheckEnvConflict
	have := inspect(f, facts)
	switch {
	case f.Environment.Error != "":
		return unknown(id, "the variables can't be read")
	case have.foreign():
		return otherRecipe()
	case foreignPolicy(f, facts.Recipe):
		return saw(fail(id, "rename or remove the owner's variable", "the owner has a variable %s that isn't a policy of ours", facts.Recipe.PolicyVariable),
			facts.Recipe.PolicyVariable, "", "")
	case have.any() && have.ours():
		return pass(id, "the recipe's variables are ours")
	}
	names := slices.Clone(have.stale)
	if !have.any() {
		names = facts.Recipe.Environment.Names()
	}
	if h := facts.Recipe.Handler; h != nil && !have.entry {
		names = append(names, h.OriginalVariable)
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		_, present := f.Environment.Variables[name]
		return !present
	})
	if len(names) == 0 {
		return pass(id, "no variable of the recipe is there")
	}
	return saw(fail(id, "rename or remove the owner's variable", "the owner has variables that the recipe sets: %s", strings.Join(names, ", ")),
		strings.Join(names, " "), "", "")
}

// otherRecipe doesn't name the recipe: the marker's value could be the owner's.
func otherRecipe() autodefend.Finding {
	return fail(autodefend.CheckEnvConflict, "roll it back with that recipe first",
		"the Defender of another recipe is attached; the variable %s or the tag %s names it", autodefend.MarkerVariable, autodefend.OwnershipTag)
}

// checkOriginalHandler: a redirected handler whose original isn't kept can't
// be redirected back.
func checkOriginalHandler(f autodefend.Function, facts Facts) autodefend.Finding {
	if f.Environment.Error == "" && inspect(f, facts).orphan() {
		return orphanedHandler(facts.Recipe)
	}
	return pass(autodefend.CheckWrapper, "the original handler is known")
}

func orphanedHandler(r autodefend.Recipe) autodefend.Finding {
	return fail(autodefend.CheckWrapper, "set the variable "+r.Handler.OriginalVariable+" to the function's own handler",
		"the handler is redirected but the variable %s, which should hold the original, is missing", r.Handler.OriginalVariable)
}
