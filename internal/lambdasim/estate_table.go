package lambdasim

import (
	"maps"
	"strings"
)

// unfitOddities returns the kinds of functions that can't be protected, or not
// by every recipe, because of what they are.
func unfitOddities() []oddity {
	return []oddity{
		// Packages and runtimes.
		{names: []string{"ml-scoring-container", "pdf-converter-image", "geo-tiles-image"}, shape: asImage("x86_64")},
		{names: []string{"video-probe-image"}, shape: asImage("arm64")},
		{names: []string{"cache-warmer-rust", "metrics-relay-rust"}, shape: onRuntime("provided.al2023")},
		{names: []string{"quote-engine-native", "barcode-native"}, shape: onRuntime("provided.al2")},
		{names: []string{"url-shortener-go", "dns-audit-go"}, shape: onRuntime("go1.x")},
		{names: []string{"nightly-ftp-import", "sap-bridge"}, shape: onRuntime("python3.7")},
		{names: []string{"labs-preview-runtime", "labs-next-runtime"}, shape: onRuntime("python3.99")},
		{names: []string{"old-menu-api", "old-forms-handler"}, shape: onRuntime("nodejs14.x")},
		{names: []string{"old-scraper", "old-geo-lookup"}, shape: onRuntime("python3.8")},

		// Memory and timeout at and around the thresholds.
		{names: []string{"heartbeat-ping", "cron-reminder", "redirect-www"}, shape: withMemory(128)},
		{names: []string{"webhook-relay-small", "rss-poller-small"}, shape: withMemory(256)},
		{names: []string{"nightly-rebuild-index", "big-csv-import"}, shape: withTimeout(900)},
		{names: []string{"report-batch-870", "ledger-close-870"}, shape: withTimeout(870)},

		// Layers, sizes and variables.
		{names: []string{"data-science-notebook", "full-stack-layers"}, shape: withLayers(5)},
		{names: []string{"chromium-screenshot", "nlp-tokenizer"}, shape: withSizes(71<<20, 190_000_000)},
		{names: []string{"pandas-forecast", "torch-lite-inference"}, shape: withSizes(60<<20, 261_900_000)},
		{names: []string{"config-heavy-router", "tenant-map-api"}, shape: withEnvironment(4090)},
		{names: []string{"config-heavy-worker"}, shape: withEnvironment(maxEnvironment)},
		{names: []string{"payments-vault", "card-tokenizer"}, shape: func(_ *estateBuilder, p place, f *FunctionSpec) {
			f.EnvUndecryptable = true
			f.KMSKeyArn = "arn:aws:kms:" + p.region + ":" + p.account + ":key/9d6f0d5a-0000-4000-8000-5f3b2a1c0d9e"
		}},
		{names: []string{"image-watermark", "legacy-fonts-pdf"}, shape: func(_ *estateBuilder, p place, f *FunctionSpec) {
			f.Layers = []string{p.layerArn("shared-utils"), p.layerArn("old-fonts")}
		}},
		{names: []string{"partner-feed-import", "partner-feed-check"}, shape: func(_ *estateBuilder, p place, f *FunctionSpec) {
			f.Layers = []string{p.partner().layerArn("acme-feed")}
		}},
		{names: []string{"signed-payouts", "signed-ledger"}, shape: withSigning("Enforce")},

		// States.
		{names: []string{"vpc-orphan-sync", "broken-role-report"}, idle: true, shape: withState("Failed", "InvalidSubnet", "The function is in a subnet that was deleted.")},
		{names: []string{"fresh-deploy-api", "fresh-deploy-worker"}, idle: true, shape: withState("Pending", "Creating", "The function is being created.")},
		{names: []string{"idle-quarterly-report", "idle-yearly-audit"}, idle: true, shape: withState("Inactive", "Idle", "The function is idle.")},
		{names: []string{"stuck-deploy-search", "stuck-deploy-feed"}, shape: with(func(f *FunctionSpec) {
			f.LastUpdateStatus, f.LastUpdateStatusReason, f.LastUpdateStatusReasonCode = "InProgress", "The function is being created.", "Creating"
		})},

		// Special kinds.
		{names: []string{"loan-quote-java", "risk-score-java"}, shape: with(func(f *FunctionSpec) {
			f.Runtime, f.Handler, f.SnapStart, f.Versions = "java21", handlerFor("java21"), "PublishedVersions", 3
			f.Aliases = map[string]string{"live": "3"}
		})},
		{names: []string{"edge-security-headers", "edge-url-rewrite"}, home: true, shape: func(_ *estateBuilder, p place, f *FunctionSpec) {
			f.Role, f.Env, f.Layers, f.Versions = p.roleArn("service-role/lambda-edge"), nil, nil, 7
			f.Runtime, f.Handler, f.Timeout, f.Architectures = "nodejs22.x", "index.handler", 5, []string{"x86_64"}
		}},
		{names: []string{"always-on-matching", "always-on-recommend"}, shape: func(_ *estateBuilder, p place, f *FunctionSpec) {
			f.Runtime, f.Handler, f.Memory = "java21", handlerFor("java21"), 4096
			f.CapacityProviderArn = "arn:aws:lambda:" + p.region + ":" + p.account + ":capacity-provider:steady"
		}},
		{names: []string{"order-saga-durable", "onboarding-flow-durable"}, shape: with(func(f *FunctionSpec) {
			f.Runtime, f.Handler = "nodejs24.x", "index.handler"
			f.Durable, f.Versions = &Durable{RetentionPeriodInDays: 30, ExecutionTimeout: 86_400}, 2
		})},
	}
}

// fitOddities returns the kinds of functions that can be protected although
// they look odd, some with a warning.
func fitOddities() []oddity {
	return []oddity{
		{names: []string{"webhook-relay-257", "rss-poller-257"}, shape: withMemory(257)},
		{names: []string{"report-batch-869", "ledger-close-869"}, shape: withTimeout(869)},
		{names: []string{"four-layer-etl", "four-layer-report"}, shape: withLayers(4)},
		{names: []string{"pandas-cleanup", "spacy-tagger"}, shape: withSizes(60<<20, 239_000_000)},
		{names: []string{"storefront-web", "admin-web"}, shape: withWrapper("/opt/bootstrap", "web-adapter")},
		{names: []string{"dd-traced-orders", "dd-traced-users"}, shape: withWrapper("/opt/datadog_wrapper", "datadog-extension")},
		{names: []string{"otel-quotes", "otel-baskets"}, shape: withWrapper("/opt/otel-handler", "otel-collector")},
		{names: []string{"acme-launched-report", "acme-launched-sync"}, shape: withWrapper("/opt/acme/start", "acme-tracing")},
		{names: []string{"signed-warn-mailer", "signed-warn-export"}, shape: withSigning("Warn")},
		{names: []string{"half-deployed-cart", "half-deployed-tax"}, shape: with(func(f *FunctionSpec) {
			f.LastUpdateStatus, f.LastUpdateStatusReason, f.LastUpdateStatusReasonCode = "Failed", "The execution role can't be assumed.", "InvalidConfiguration"
		})},
		{names: []string{"per-tenant-sandbox", "per-tenant-preview"}, shape: with(func(f *FunctionSpec) { f.TenantIsolation = "PER_TENANT" })},
		{names: []string{"public-api-live", "public-webhook-live", "public-graphql-live", "public-oauth-live"}, shape: with(func(f *FunctionSpec) {
			f.Versions, f.Aliases = 5, map[string]string{"live": "5", "previous": "4"}
		})},
		{names: []string{strings.Repeat("customer-data-platform-", 2) + "event-normaliser-a", strings.Repeat("customer-data-platform-", 2) + "event-normaliser-b"}, shape: with(func(*FunctionSpec) {})},
		{names: []string{"unused-poc-voice", "unused-poc-vr", "unused-hackday-bot", "unused-migration-2023"}, idle: true, shape: with(func(*FunctionSpec) {})},
		{
			names: []string{"csv-wide-join", "map-tile-merge"}, shape: with(func(*FunctionSpec) {}),
			observe: func(f FunctionSpec, o *Observed) { o.MaxMemoryMB = float64(f.Memory) * 0.97 },
		},
		{
			names: []string{"slow-partner-poll", "slow-ftp-mirror"}, shape: with(func(*FunctionSpec) {}),
			observe: func(f FunctionSpec, o *Observed) { o.DurationP99Millis = float64(f.Timeout) * 965 },
		},
	}
}

// ownedOddities returns the kinds of functions that belong to somebody who
// must be asked, told or left alone.
func ownedOddities() []oddity {
	return []oddity{
		{names: []string{"legacy-billing-run", "legacy-billing-export", "legacy-billing-dunning", "legacy-billing-archive"}, shape: with(func(*FunctionSpec) {})},
		{names: []string{"cwsyn-checkout-canary-3f2a", "cwsyn-login-canary-91bc"}, shape: with(func(f *FunctionSpec) { f.Description = "CloudWatch Synthetics canary" })},
		{names: []string{"aws-controltower-NotificationForwarder", "aws-controltower-ConfigRecorder"}, shape: with(func(f *FunctionSpec) { f.Description = "Managed by AWS Control Tower" })},
		{names: []string{"stack-orders-consumer", "stack-orders-dlq"}, shape: withTags(cloudFormationTags("orders"))},
		{names: []string{"stack-emails-sender", "stack-emails-bounce"}, shape: withTags(cloudFormationTags("emails"))},
		{names: []string{"tf-log-router", "tf-backup-tagger", "tf-ami-cleaner", "tf-cost-alarm"}, shape: withTags(map[string]string{"ManagedBy": "Terraform", "terraform": "true"})},

		// What earlier runs and people left behind: a tag on a function that has
		// nothing else, a tag of another meaning, and variables of ours whose
		// layer a deployment has taken away, so that no invocation can start.
		{names: []string{"tagged-but-bare-api", "tagged-but-bare-job"}, shape: withTags(map[string]string{"SecurityProtected": "True"})},
		{names: []string{"review-gate-api", "review-gate-job"}, shape: withTags(map[string]string{"SecurityProtected": "in review"})},
		{names: []string{"half-attached-cart", "half-attached-feed"}, shape: with(func(f *FunctionSpec) {
			maps.Copy(f.Env, map[string]string{
				"AWS_LAMBDA_EXEC_WRAPPER": "/opt/autodefend/wrapper",
				"AUTODEFEND_ATTACHED":     "autodefend/20260105T080000Z-7f3a",
			})
			f.Tags["SecurityProtected"] = "True"
		})},
	}
}

// cloudFormationTags returns the tags that a stack puts on its functions.
func cloudFormationTags(stack string) map[string]string {
	return map[string]string{
		"aws:cloudformation:stack-name": stack,
		"aws:cloudformation:stack-id":   "arn:aws:cloudformation:us-east-1:" + DemoProduction + ":stack/" + stack + "/5f0c7d10-ea52-11ef-9f2a-0afff0c1d2e3",
		"aws:cloudformation:logical-id": "Function",
	}
}
