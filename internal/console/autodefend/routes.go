package autodefend

import (
	"context"
	"net/http"
	"slices"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// Routes returns the endpoints.
func (s *Service) Routes() []route.Route {
	return slices.Concat(s.ruleRoutes(), s.runRoutes(), s.functionRoutes(), s.discoveryRoutes())
}

// whole is a handler that shows something of all functions: it refuses who sees those of some collections only. Rules
// themselves may be written by whose role says so.
func whole(handle route.Handler) route.Handler {
	return func(ctx context.Context, c *route.Call) (route.Answer, error) {
		if c.Principal.Limited() {
			return route.Answer{}, autodefend.Errorf(autodefend.CodeDenied, "who is limited to collections doesn't see what auto-defend rules do: it is about all functions").
				WithHint("ask somebody who sees every function")
		}
		return handle(ctx, c)
	}
}

func param(name, summary string) route.Param {
	return route.Param{Name: name, Summary: summary, Type: "string", Many: true}
}

func (s *Service) ruleRoutes() []route.Route {
	const perm = api.PermManageDefenders
	const settings, old = "/settings/serverless-auto-deploy", "/settings/serverless-auto-protect"
	confirm := []route.Param{{Name: "confirm", Summary: "the digest of a preview, when more functions lose the Defender than go without saying", Type: "string"}}
	rules := []api.ServerlessAutoDeploySpecification{}
	return []route.Route{
		{
			Method: http.MethodGet, Path: settings, Alias: []string{old}, Permission: perm, Prisma: true, Response: rules, Handle: s.getRules,
			Summary: "Lists the auto-defend rules, in the order in which they claim functions.",
		},
		{
			Method: http.MethodPost, Path: settings, Alias: []string{old}, Permission: perm, Write: true, Prisma: true, Request: rules, Query: confirm, Handle: s.putRules,
			Summary: "Replaces all auto-defend rules. Functions that no rule covers any more lose the Defender.",
		},
		{
			Method: http.MethodPost, Path: settings + "/preview", Permission: perm, Request: rules, Response: api.AutoDeployPreview{}, Handle: whole(s.previewRules),
			Summary: "Says which functions a list of rules would defend and undefend, by what was seen last.",
		},
		{
			Method: http.MethodGet, Path: "/statuses/serverless-auto-deploy", Permission: perm, Prisma: true, Response: api.Status{}, Handle: s.deployStatus,
			Summary: "Says what the rules discovered and defended, and what went wrong.",
		},
		{
			Method: http.MethodPost, Path: "/deployment/serverless/scan", Permission: perm, Write: true, Prisma: true, Handle: s.scanRules,
			Summary: "Evaluates all auto-defend rules now.",
		},
		{
			Method: http.MethodPost, Path: "/deployment/serverless/stop", Permission: perm, Write: true, Prisma: true, Handle: s.stopRules,
			Summary: "Stops what is under way for auto-defend rules; functions in hand are finished.",
		},
		{
			Method: http.MethodGet, Path: "/deployment/serverless/progress", Permission: perm, Prisma: true, Response: []api.Progress{}, Handle: s.deployProgress,
			Summary: "Says how far the evaluations are that are under way.",
		},
	}
}

func (s *Service) runRoutes() []route.Route {
	const perm = api.PermManageDefenders
	run := api.RunRecord{}
	return []route.Route{
		{
			Method: http.MethodGet, Path: "/runs", Permission: perm, List: true, Response: []api.RunRecord{}, Handle: whole(s.listRuns),
			Query:   []route.Param{param("rule", "names of rules"), param("kind", "apply, plan, rollback or removal"), param("state", "queued, running, done, failed or blocked")},
			Summary: "Lists the runs that are kept, the newest first, without receipts.",
		},
		{
			Method: http.MethodGet, Path: "/runs/{id}", Permission: perm, Response: run, Handle: whole(s.getRun),
			Summary: "Returns a run with its receipts.",
		},
		{
			Method: http.MethodPost, Path: "/runs/{id}/rollback", Permission: perm, Write: true, Response: run, Handle: whole(s.rollbackRun),
			Summary: "Takes the Defender from the functions that a run attached it to, and puts its rule into dry run.",
		},
		{
			Method: http.MethodPost, Path: "/runs/{id}/confirm", Permission: perm, Write: true, Handle: whole(s.confirmRun),
			Query:   []route.Param{{Name: "confirm", Summary: "the digest that the run says", Type: "string"}},
			Summary: "Lets a removal go on that waits for confirmation.",
		},
		{
			Method: http.MethodPost, Path: "/plans", Permission: perm, Write: true, Request: planRequest{}, Response: run, Handle: whole(s.makePlan),
			Summary: "Plans one rule now; nothing is changed. The answer's _id is the plan's.",
		},
		{
			Method: http.MethodGet, Path: "/plans/{id}", Permission: perm, Response: run, Handle: whole(s.getPlan),
			Summary: "Returns a plan, once its state is done.",
		},
	}
}

// functionFilters are the parameters of lists of functions.
func functionFilters() []route.Param {
	return []route.Param{
		param("id", "ARNs"), param("runtime", "runtimes"), param("region", "regions"), param("version", "versions; only $LATEST is known"),
		param("functionLayers", "ARNs or names of layers"),
		{Name: "defended", Summary: "whether the Defender is attached", Type: "boolean"},
		param("complianceIDs", "finds none"), param("complianceRuleName", "finds none"), param("normalizedSeverity", "finds none"),
		param("issueType", "finds none"), param("cloudControllerAddresses", "finds none"), param("platform", "linux"),
		param("name", "names"), param("architecture", "x86_64 or arm64"), param("decision", "decisions of verdicts"),
		param("rule", "auto-defend rules"), param("check", "checks that failed"),
	}
}

// entityFilters are those of functions and of discoveries, each once.
func entityFilters(discovery []route.Param) []route.Param {
	all := functionFilters()
	for _, p := range discovery {
		if !slices.ContainsFunc(all, func(q route.Param) bool { return q.Name == p.Name }) {
			all = append(all, p)
		}
	}
	return all
}

func (s *Service) functionRoutes() []route.Route {
	const perm = api.PermMonitorServerless
	functions := []api.FunctionInfo{}
	return []route.Route{
		{
			Method: http.MethodGet, Path: "/serverless", Permission: perm, Prisma: true, List: true, Query: functionFilters(), Response: functions, Handle: s.functions,
			Summary: "Lists functions with their verdicts.",
		},
		{
			Method: http.MethodGet, Path: "/serverless/names", Permission: perm, Prisma: true, List: true, Query: functionFilters(), Response: []string{}, Handle: s.functionNames,
			Summary: "Lists the names of functions.",
		},
		{
			Method: http.MethodGet, Path: "/serverless/download", Permission: perm, Prisma: true, List: true, Query: functionFilters(), Response: "", Media: "text/csv", Handle: s.functionTable,
			Summary: "Lists functions with their verdicts as CSV.",
		},
		{
			Method: http.MethodPost, Path: "/serverless/evaluate", Permission: perm, Prisma: true, Request: evaluateBody{}, Response: evaluateAnswer{}, Handle: s.evaluateFunctions,
			Summary: "Returns what is known of the functions in the body.",
		},
		{
			Method: http.MethodPost, Path: "/serverless/scan", Permission: perm, Write: true, Prisma: true, Handle: s.lookNow,
			Summary: "Lists the functions of all accounts now; nothing is changed.",
		},
		{
			Method: http.MethodPost, Path: "/serverless/stop", Permission: perm, Write: true, Prisma: true, Handle: s.stopLooks,
			Summary: "Stops listing functions; what auto-defend rules do goes on.",
		},
		{
			Method: http.MethodGet, Path: "/serverless/progress", Permission: perm, Prisma: true, Response: []api.Progress{}, Handle: s.lookProgress(api.ScanServerless),
			Summary: "Says how far the scans are that are under way.",
		},
	}
}

func (s *Service) discoveryRoutes() []route.Route {
	const cloud, radar = api.PermMonitorCloud, api.PermRadarsServerless
	filters := []route.Param{
		param("provider", "aws"), param("credentialID", "credentials"), param("serviceType", "aws-lambda"), param("accountName", "account ids"),
		param("region", "regions"), param("zone", "finds none"), param("registry", "finds none"),
		{Name: "agentless", Summary: "true finds none", Type: "boolean"},
	}
	return []route.Route{
		{
			Method: http.MethodGet, Path: "/cloud/discovery", Permission: cloud, Prisma: true, List: true, Query: filters, Response: []api.CloudDiscoveryResult{}, Handle: s.discovery,
			Summary: "Counts the defended and undefended functions of each account and region.",
		},
		{
			Method: http.MethodGet, Path: "/cloud/discovery/download", Permission: cloud, Prisma: true, List: true, Query: filters, Response: "", Media: "text/csv", Handle: s.discoveryTable,
			Summary: "Counts the functions of each account and region as CSV.",
		},
		{
			Method: http.MethodGet, Path: "/cloud/discovery/entities", Permission: cloud, Prisma: true, List: true, Query: entityFilters(filters), Response: []api.CloudDiscoveryEntity{}, Handle: s.entities,
			Summary: "Lists the functions of a discovery.",
		},
		{
			Method: http.MethodGet, Path: "/cloud/discovery/vms", Permission: cloud, Prisma: true, List: true, Response: []struct{}{}, Handle: noVMs,
			Summary: "Lists virtual machines: there are none.",
		},
		{
			Method: http.MethodGet, Path: "/cloud/discovery/progress", Permission: cloud, Prisma: true, Response: []api.Progress{}, Handle: s.lookProgress(api.ScanCloudDiscovery),
			Summary: "Says how far the discoveries are that are under way.",
		},
		{
			Method: http.MethodPost, Path: "/cloud/discovery/scan", Permission: cloud, Write: true, Prisma: true, Handle: s.lookNow,
			Summary: "Lists the functions of all accounts now; nothing is changed.",
		},
		{
			Method: http.MethodPost, Path: "/cloud/discovery/stop", Permission: cloud, Write: true, Prisma: true, Handle: s.stopLooks,
			Summary: "Stops listing functions; what auto-defend rules do goes on.",
		},
		{
			Method: http.MethodGet, Path: "/radar/serverless", Permission: radar, Prisma: true, Query: functionFilters(), Response: api.RadarData{}, Handle: s.radar,
			Summary: "Returns the functions for the map of them.",
		},
		{
			Method: http.MethodGet, Path: "/radar/serverless/progress", Permission: radar, Prisma: true, Response: []api.Progress{}, Handle: s.lookProgress(api.ScanServerlessRadar),
			Summary: "Says how far the scans are that are under way.",
		},
		{
			Method: http.MethodPost, Path: "/radar/serverless/scan", Permission: radar, Write: true, Prisma: true, Handle: s.lookNow,
			Summary: "Lists the functions of all accounts now; nothing is changed.",
		},
		{
			Method: http.MethodPost, Path: "/radar/serverless/stop", Permission: radar, Write: true, Prisma: true, Handle: s.stopLooks,
			Summary: "Stops listing functions; what auto-defend rules do goes on.",
		},
		{
			Method: http.MethodGet, Path: "/statuses/serverless-radar", Permission: radar, Prisma: true, Response: api.Status{}, Handle: s.radarStatus,
			Summary: "Says whether functions are being looked at.",
		},
		{
			Method: http.MethodGet, Path: "/coverage", Permission: api.PermMonitorServerless, Query: functionFilters(), Response: api.CoverageReport{}, Handle: s.coverage,
			Summary: "Counts functions by account, region, runtime, rule, decision and failing check.",
		},
	}
}
