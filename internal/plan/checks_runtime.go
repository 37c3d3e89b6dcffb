package plan

import (
	"slices"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
)

func checkPackageType(f autodefend.Function, _ Facts) autodefend.Finding {
	const id = autodefend.CheckPackageType
	if f.PackageType != autodefend.PackageImage {
		return saw(pass(id, "a zip package"), f.PackageType, autodefend.PackageZip, "")
	}
	return saw(fail(id, "AWS attaches no layers to images. Add to the Dockerfile: COPY --from=autodefend /opt/autodefend /opt/autodefend "+
		"and ENTRYPOINT [\"/opt/autodefend/wrapper\", \"/lambda-entrypoint.sh\"]; "+
		"the files are those of the layer zip that `autodefend layer build` writes",
		"a container image can't have layers"), f.PackageType, autodefend.PackageZip, "")
}

func checkArchitecture(f autodefend.Function, facts Facts) autodefend.Finding {
	const id = autodefend.CheckArchitecture
	var have []string
	for arch := range facts.Recipe.Layer.Names {
		have = append(have, arch)
	}
	slices.Sort(have)
	limit := strings.Join(have, ", ")
	if slices.Contains(have, f.Architecture) {
		return saw(pass(id, "the recipe has a layer for %s", f.Architecture), f.Architecture, limit, "")
	}
	return saw(fail(id, "use the recipe autodefend, whose layer is built for x86_64 and arm64, or move the function to "+limit,
		"the recipe %s has no layer for %s", facts.Recipe.Name, f.Architecture), f.Architecture, limit, "")
}

func checkRuntime(f autodefend.Function, facts Facts) autodefend.Finding {
	const id = autodefend.CheckRuntime
	if f.PackageType == autodefend.PackageImage {
		return unknown(id, "images have no runtime")
	}
	limit := strings.Join(facts.Recipe.Runtimes, ", ")
	r, known := facts.Runtimes[f.Runtime]
	switch {
	case !known:
		return saw(fail(id, "add it to the runtimes file (option runtimes_file) once it's known to work",
			"the runtime %q is unknown", f.Runtime), f.Runtime, limit, "")
	case !slices.Contains(facts.Recipe.Runtimes, r.Name) && !slices.Contains(facts.Recipe.Runtimes, r.Family):
		return saw(fail(id, runtimeHint(r), "the recipe %s doesn't support %s", facts.Recipe.Name, r.Name), f.Runtime, limit, "")
	case facts.Recipe.Wrapper != nil && !r.Wrapper:
		return saw(fail(id, "move the function to a newer "+r.Family+" runtime", "%s doesn't run wrapper scripts", r.Name), f.Runtime, limit, "")
	}
	return saw(pass(id, "%s on %s is supported", r.Name, r.OS), f.Runtime, limit, "")
}

func runtimeHint(r autodefend.Runtime) string {
	if r.Family == "provided" || r.Family == "go" {
		return "OS-only runtimes run no wrapper scripts; start the program through /opt/autodefend/wrapper in its own bootstrap"
	}
	return "choose a recipe that supports the runtime"
}

func checkRuntimeBlocked(f autodefend.Function, facts Facts) autodefend.Finding {
	const id = autodefend.CheckRuntimeBlocked
	r, known := facts.Runtimes[f.Runtime]
	seen, limit := facts.Now.Format(time.DateOnly), r.Blocked.Format(time.DateOnly)
	switch {
	case !known || r.Blocked.IsZero():
		return pass(id, "no day is known on which AWS blocks updates")
	case facts.Now.Before(r.Blocked):
		return saw(pass(id, "AWS accepts updates of %s until %s", r.Name, limit), seen, limit, "")
	case facts.AllowBlockedRuntimes:
		return saw(warn(id, "AWS may refuse the update", "AWS is known to refuse updates of %s functions since %s", r.Name, limit), seen, limit, "")
	}
	return saw(fail(id, "move the function to a newer runtime; if AWS postponed the day, set allow_blocked_runtimes",
		"AWS refuses updates of %s functions since %s", r.Name, limit), seen, limit, "")
}
