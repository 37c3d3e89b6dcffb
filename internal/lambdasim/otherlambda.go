package lambdasim

import "net/http"

// Operations that clients call on the way to something else, answered for
// functions that don't use the feature.

// getFunctionURLConfig answers GetFunctionUrlConfig: there is none.
func getFunctionURLConfig(_ *World, c *call) (reply, error) {
	if _, err := c.target(); err != nil {
		return reply{}, err
	}
	return reply{}, errNoResource()
}

// getFunctionEventInvokeConfig answers GetFunctionEventInvokeConfig: there is
// none.
func getFunctionEventInvokeConfig(_ *World, c *call) (reply, error) {
	t, err := c.target()
	if err != nil {
		return reply{}, err
	}
	if t.qualifier == "" {
		t.qualifier = latest
	}
	return reply{}, errNotFound("The function %s doesn't have an EventInvokeConfig", t.arn(c.region))
}

// getProvisionedConcurrencyConfig answers GetProvisionedConcurrencyConfig:
// there is none.
func getProvisionedConcurrencyConfig(_ *World, c *call) (reply, error) {
	t, err := c.target()
	if err != nil {
		return reply{}, err
	}
	if _, err := c.lookup(t); err != nil {
		return reply{}, err
	}
	return reply{}, newError(http.StatusNotFound, "ProvisionedConcurrencyConfigNotFoundException",
		"No Provisioned Concurrency Config found for this function")
}

// listProvisionedConcurrencyConfigs answers with an empty list.
func listProvisionedConcurrencyConfigs(_ *World, c *call) (reply, error) {
	if _, err := c.unqualified(); err != nil {
		return reply{}, err
	}
	return jsonReply(http.StatusOK, struct{ ProvisionedConcurrencyConfigs []string }{[]string{}})
}

// getFunctionRecursionConfig answers with the default.
func getFunctionRecursionConfig(_ *World, c *call) (reply, error) {
	if _, err := c.unqualified(); err != nil {
		return reply{}, err
	}
	return jsonReply(http.StatusOK, struct{ RecursiveLoop string }{"Terminate"})
}

// getRuntimeManagementConfig answers with the default.
func getRuntimeManagementConfig(_ *World, c *call) (reply, error) {
	t, err := c.target()
	if err != nil {
		return reply{}, err
	}
	if _, err := c.lookup(t); err != nil {
		return reply{}, err
	}
	return jsonReply(http.StatusOK, struct{ UpdateRuntimeOn, FunctionArn string }{"Auto", t.arn(c.region)})
}

// listEventSourceMappings answers with an empty list.
func listEventSourceMappings(_ *World, _ *call) (reply, error) {
	return jsonReply(http.StatusOK, struct{ EventSourceMappings []string }{[]string{}})
}
