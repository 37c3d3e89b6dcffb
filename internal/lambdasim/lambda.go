package lambdasim

import (
	"net/http"
	"slices"
)

// lambdaService returns the operations of Lambda's control plane.
func lambdaService() service {
	return service{name: "lambda", operations: slices.Concat(
		functionOperations(), versionOperations(), settingOperations(), layerOperations(), absentOperations(),
	)}
}

// read returns a row for an operation that changes nothing.
func read(name, path string, handle handler, resource func(*call) string) operation {
	return operation{
		name: name, method: http.MethodGet, path: path, quota: quotaShared, resource: resource,
		handle: handle,
	}
}

// write returns a row for an operation that changes something.
func write(name, method, path string, handle handler, resource func(*call) string) operation {
	return operation{
		name: name, method: method, path: path, quota: quotaShared, resource: resource,
		handle: handle, mutating: true,
	}
}

const functionPath = "/2015-03-31/functions/{FunctionName}"

// functionOperations are the operations on functions themselves.
func functionOperations() []operation {
	get := read("GetFunction", functionPath, getFunction, functionResource)
	get.quota = quotaGetFunction
	run := write("Invoke", http.MethodPost, functionPath+"/invocations", invoke, functionResource)
	run.action, run.quota, run.mutating = "lambda:InvokeFunction", quotaNone, false
	stream := run
	stream.name, stream.path, stream.handle = "InvokeWithResponseStream", "/2021-11-15/functions/{FunctionName}/response-streaming-invocations", invokeStream
	return []operation{
		read("ListFunctions", "/2015-03-31/functions", listFunctions, nil),
		get,
		read("GetFunctionConfiguration", functionPath+"/configuration", getFunctionConfiguration, functionResource),
		write("CreateFunction", http.MethodPost, "/2015-03-31/functions", createFunction, createdResource),
		write("UpdateFunctionConfiguration", http.MethodPut, functionPath+"/configuration", updateFunctionConfiguration, functionResource),
		write("UpdateFunctionCode", http.MethodPut, functionPath+"/code", updateFunctionCode, functionResource),
		write("DeleteFunction", http.MethodDelete, functionPath, deleteFunction, functionResource),
		run,
		stream,
	}
}

// versionOperations are the operations on versions, aliases and policies.
func versionOperations() []operation {
	policyRead := read("GetPolicy", functionPath+"/policy", getPolicy, functionResource)
	policyRead.quota = quotaGetPolicy
	return []operation{
		write("PublishVersion", http.MethodPost, functionPath+"/versions", publishVersion, functionResource),
		read("ListVersionsByFunction", functionPath+"/versions", listVersionsByFunction, functionResource),
		write("CreateAlias", http.MethodPost, functionPath+"/aliases", createAlias, functionResource),
		read("GetAlias", functionPath+"/aliases/{Name}", getAlias, functionResource),
		write("UpdateAlias", http.MethodPut, functionPath+"/aliases/{Name}", updateAlias, functionResource),
		write("DeleteAlias", http.MethodDelete, functionPath+"/aliases/{Name}", deleteAlias, functionResource),
		read("ListAliases", functionPath+"/aliases", listAliases, functionResource),
		policyRead,
		write("AddPermission", http.MethodPost, functionPath+"/policy", addPermission, functionResource),
		write("RemovePermission", http.MethodDelete, functionPath+"/policy/{StatementId}", removePermission, functionResource),
	}
}

// settingOperations are tags, concurrency, code signing and account settings.
func settingOperations() []operation {
	const (
		tags        = "/2017-03-31/tags/{Resource}"
		concurrency = "/2017-10-31/functions/{FunctionName}/concurrency"
		signing     = "/2020-06-30/functions/{FunctionName}/code-signing-config"
		configs     = "/2020-04-22/code-signing-configs"
		config      = configs + "/{CodeSigningConfigArn}"
	)
	return []operation{
		read("ListTags", tags, listTags, taggedResource),
		write("TagResource", http.MethodPost, tags, tagResource, taggedResource),
		write("UntagResource", http.MethodDelete, tags, untagResource, taggedResource),
		write("PutFunctionConcurrency", http.MethodPut, concurrency, putFunctionConcurrency, functionResource),
		write("DeleteFunctionConcurrency", http.MethodDelete, concurrency, deleteFunctionConcurrency, functionResource),
		read("GetFunctionConcurrency", "/2019-09-30/functions/{FunctionName}/concurrency", getFunctionConcurrency, functionResource),
		read("GetFunctionCodeSigningConfig", signing, getFunctionCodeSigningConfig, functionResource),
		write("PutFunctionCodeSigningConfig", http.MethodPut, signing, putFunctionCodeSigningConfig, functionResource),
		write("DeleteFunctionCodeSigningConfig", http.MethodDelete, signing, deleteFunctionCodeSigningConfig, functionResource),
		write("CreateCodeSigningConfig", http.MethodPost, configs, createCodeSigningConfig, nil),
		read("ListCodeSigningConfigs", configs, listCodeSigningConfigs, nil),
		read("GetCodeSigningConfig", config, getCodeSigningConfig, nil),
		write("UpdateCodeSigningConfig", http.MethodPut, config, updateCodeSigningConfig, nil),
		write("DeleteCodeSigningConfig", http.MethodDelete, config, deleteCodeSigningConfig, nil),
		read("ListFunctionsByCodeSigningConfig", config+"/functions", listFunctionsByCodeSigningConfig, nil),
		read("GetAccountSettings", "/2016-08-19/account-settings", getAccountSettings, nil),
	}
}

// layerOperations are the operations on layers.
func layerOperations() []operation {
	const (
		layers   = "/2018-10-31/layers"
		versions = layers + "/{LayerName}/versions"
		one      = versions + "/{VersionNumber}"
	)
	byArn := read("GetLayerVersionByArn", layers+"?find=LayerVersion", getLayerVersionByArn, arnResource)
	byArn.action = "lambda:GetLayerVersion"
	return []operation{
		byArn,
		read("ListLayers", layers, listLayers, nil),
		write("PublishLayerVersion", http.MethodPost, versions, publishLayerVersion, layerResource),
		read("ListLayerVersions", versions, listLayerVersions, layerResource),
		read("GetLayerVersion", one, getLayerVersion, layerResource),
		write("DeleteLayerVersion", http.MethodDelete, one, deleteLayerVersion, layerResource),
		write("AddLayerVersionPermission", http.MethodPost, one+"/policy", addLayerVersionPermission, layerResource),
		read("GetLayerVersionPolicy", one+"/policy", getLayerVersionPolicy, layerResource),
		write("RemoveLayerVersionPermission", http.MethodDelete, one+"/policy/{StatementId}", removeLayerVersionPermission, layerResource),
	}
}

// absentOperations answer for features that no function of the world uses.
func absentOperations() []operation {
	const provisioned = "/2019-09-30/functions/{FunctionName}/provisioned-concurrency"
	return []operation{
		read("GetFunctionUrlConfig", "/2021-10-31/functions/{FunctionName}/url", getFunctionURLConfig, functionResource),
		read("GetFunctionEventInvokeConfig", "/2019-09-25/functions/{FunctionName}/event-invoke-config", getFunctionEventInvokeConfig, functionResource),
		read("ListProvisionedConcurrencyConfigs", provisioned+"?List=ALL", listProvisionedConcurrencyConfigs, functionResource),
		read("GetProvisionedConcurrencyConfig", provisioned, getProvisionedConcurrencyConfig, functionResource),
		read("GetFunctionRecursionConfig", "/2024-08-31/functions/{FunctionName}/recursion-config", getFunctionRecursionConfig, functionResource),
		read("GetRuntimeManagementConfig", "/2021-07-20/functions/{FunctionName}/runtime-management-config", getRuntimeManagementConfig, functionResource),
		read("ListEventSourceMappings", "/2015-03-31/event-source-mappings", listEventSourceMappings, nil),
	}
}

// createdResource names the function that a CreateFunction call makes.
func createdResource(c *call) string {
	if len(c.body) > maxCreateRequest {
		return ""
	}
	in, err := c.decodeFunction()
	if err != nil {
		return ""
	}
	if ref, ok := parseFunctionRef(in.FunctionName); ok {
		return ref.name
	}
	return in.FunctionName
}

// arnResource names the layer version that a call's query names.
func arnResource(c *call) string { return c.query.Get("Arn") }
