package plan

import "github.com/autodefend/autodefend"

// wrapperOwners names the owners of well-known wrappers. The paths are those
// of their public documentation.
func wrapperOwners() map[string]string {
	return map[string]string{
		"/opt/bootstrap":           "AWS Lambda Web Adapter",
		"/opt/datadog_wrapper":     "Datadog",
		"/opt/otel-handler":        "OpenTelemetry",
		"/opt/otel-instrument":     "OpenTelemetry (AWS Distro)",
		"/opt/otel-proxy-handler":  "OpenTelemetry",
		"/opt/otel-stream-handler": "OpenTelemetry",
		"/opt/otel-sqs-handler":    "OpenTelemetry",
		"/opt/dynatrace":           "Dynatrace",
		"/opt/lumigo_wrapper":      "Lumigo",
	}
}

func checkWrapper(f autodefend.Function, facts Facts) autodefend.Finding {
	const id = autodefend.CheckWrapper
	if f.Environment.Error != "" {
		return unknown(id, "the variables can't be read")
	}
	have := inspect(f, facts)
	if have.orphan() {
		return orphanedHandler(facts.Recipe)
	}
	w := facts.Recipe.Wrapper
	value, present := f.Environment.Variables[autodefend.WrapperVariable]
	if w == nil || !present || value == w.Path {
		return pass(id, "no foreign wrapper")
	}
	// The value is the owner's, so only known ones are named.
	owner := wrapperOwners()[value]
	if owner == "" {
		owner = "an unknown owner"
	}
	if w.NextVariable != "" {
		return saw(warn(id, "", "the function has a wrapper of %s; the Defender will start it", owner), owner, "", "")
	}
	return saw(fail(id, "use the recipe autodefend, which starts the other wrapper, or remove it",
		"the function has a wrapper of %s, and the recipe %s can't start another one", owner, facts.Recipe.Name), owner, "", "")
}
