package plan

import (
	"time"

	"github.com/autodefend/autodefend"
)

func state(name, code string) func(*situation) {
	return func(s *situation) { s.f.State = autodefend.State{Name: name, Code: code, Reason: canary} }
}

func lastUpdate(name string) func(*situation) {
	return func(s *situation) { s.f.LastUpdate = autodefend.State{Name: name} }
}

func listed(s *situation) {
	s.f.Detailed, s.f.State, s.f.LastUpdate = false, autodefend.State{}, autodefend.State{}
}

func stateCases() []checkCase {
	const (
		id       = autodefend.CheckState
		updating = autodefend.CheckUpdateInProgress
	)
	return []checkCase{
		{check: id, name: "listed only", edit: listed, want: autodefend.Unknown},
		{check: id, name: "active", want: autodefend.Pass, seen: "Active", limit: "Active"},
		{check: id, name: "absent", edit: state("", ""), want: autodefend.Pass},
		{check: id, name: "pending", edit: state("Pending", "Creating"), want: autodefend.Fail, hint: "try again", seen: "Pending", limit: "Active"},
		{check: id, name: "inactive", edit: state("Inactive", "Idle"), want: autodefend.Fail, hint: "invoke it once", seen: "Inactive", limit: "Active"},
		{check: id, name: "failed", edit: state("Failed", "InvalidSubnet"), want: autodefend.Fail, hint: "AWS says InvalidSubnet", seen: "Failed", limit: "Active"},
		{check: id, name: "failed without a code", edit: state("Failed", ""), want: autodefend.Fail, hint: "AWS gives no reason"},
		{check: id, name: "deleting", edit: state("Deleting", ""), want: autodefend.Fail, seen: "Deleting", limit: "Active"},

		{check: updating, name: "listed only", edit: listed, want: autodefend.Unknown},
		{check: updating, name: "successful", want: autodefend.Pass},
		{check: updating, name: "failed is over", edit: lastUpdate("Failed"), want: autodefend.Pass},
		{check: updating, name: "in progress", edit: lastUpdate("InProgress"), want: autodefend.Fail, hint: "try again", seen: "InProgress", limit: "Successful"},
	}
}

// maybeEdge moves the function to where Lambda@Edge functions live.
func maybeEdge(s *situation) {
	s.f.ARN.Region = "us-east-1"
	s.f.Layers = nil
	s.f.Environment = autodefend.Environment{}
}

func edgeRole(edge bool) func(*situation) {
	return func(s *situation) {
		maybeEdge(s)
		s.facts.EdgeRoles = map[string]bool{s.f.Role: edge}
	}
}

func specialCases() []checkCase {
	const (
		snap = autodefend.CheckSnapStart
		edge = autodefend.CheckEdge
	)
	after := func(first, then func(*situation)) func(*situation) {
		return func(s *situation) { first(s); then(s) }
	}
	snapStart := func(s *situation) { s.f.SnapStart = true }
	replica := func(s *situation) { s.f.EdgeMaster = "arn:aws:lambda:us-east-1:123456789012:function:edge:3" }
	elsewhere := func(region, partition string) func(*situation) {
		return after(edgeRole(true), func(s *situation) { s.f.ARN.Region, s.f.ARN.Partition = region, partition })
	}
	return []checkCase{
		{check: snap, name: "off", want: autodefend.Pass},
		{check: snap, name: "on", edit: snapStart, want: autodefend.Fail, message: "SnapStart"},
		{check: snap, name: "on, safe recipe", edit: after(snapStart, func(s *situation) { s.facts.Recipe.SnapStart = true }), want: autodefend.Pass},

		{check: edge, name: "another region", want: autodefend.Pass},
		{check: edge, name: "replica", edit: replica, want: autodefend.Fail, message: "replica", hint: "CloudFront", seen: "arn:aws:lambda:us-east-1:123456789012:function:edge:3"},
		{check: edge, name: "role trusts Lambda@Edge", edit: edgeRole(true), want: autodefend.Fail, seen: "arn:aws:iam::123456789012:role/shop"},
		{check: edge, name: "role doesn't", edit: edgeRole(false), want: autodefend.Pass, message: "doesn't trust"},
		{check: edge, name: "role unread", edit: maybeEdge, want: autodefend.Unknown, message: "iam:GetRole"},
		{check: edge, name: "role trusts, not us-east-1", edit: elsewhere("us-west-2", "aws"), want: autodefend.Pass},
		{check: edge, name: "role trusts, not the partition aws", edit: elsewhere("us-east-1", "aws-us-gov"), want: autodefend.Pass},
		{check: edge, name: "role trusts, has variables", edit: after(edgeRole(true), variable("A1", "")), want: autodefend.Pass},
		{check: edge, name: "role trusts, has layers", edit: after(edgeRole(true), layers(ownerLayer)), want: autodefend.Pass},
		{check: edge, name: "role trusts, has undecryptable variables", edit: after(edgeRole(true), undecryptable), want: autodefend.Pass},

		{check: autodefend.CheckManagedInstances, name: "on-demand", want: autodefend.Pass},
		{check: autodefend.CheckManagedInstances, name: "managed", edit: func(s *situation) { s.f.ManagedInstances = true }, want: autodefend.Fail, hint: "own deployment"},
		{check: autodefend.CheckDurable, name: "no", want: autodefend.Pass},
		{check: autodefend.CheckDurable, name: "yes", edit: func(s *situation) { s.f.Durable = true }, want: autodefend.Fail, hint: "own deployment"},
	}
}

func published(versions int, aliases ...string) func(*situation) {
	return func(s *situation) { s.f.Versions = &autodefend.Versions{Published: versions, Aliases: aliases} }
}

func invoked(n int64) func(*situation) {
	return func(s *situation) { s.f.Observed = &autodefend.Observed{Window: time.Hour, Invocations: n} }
}

func warningCases() []checkCase {
	const (
		versions = autodefend.CheckPublishedVersions
		iac      = autodefend.CheckIaCManaged
		unproven = autodefend.CheckUnproven
		tag      = autodefend.CheckTag
	)
	return []checkCase{
		{check: versions, name: "unread", edit: func(s *situation) { s.f.Versions = nil }, want: autodefend.Unknown},
		{check: versions, name: "none", edit: published(0), want: autodefend.Pass},
		{check: versions, name: "versions", edit: published(3), want: autodefend.Warn, message: "3 published versions", seen: 3, limit: 0},
		{check: versions, name: "aliases", edit: published(3, "blue", "live"), want: autodefend.Warn, message: "blue, live", hint: "move the aliases", seen: 3, limit: 0},
		{check: versions, name: "an alias of $LATEST", edit: published(0, "live"), want: autodefend.Warn, message: "live", seen: 0, limit: 0},

		{check: iac, name: "unread", edit: unreadTags, want: autodefend.Unknown},
		{check: iac, name: "none", want: autodefend.Pass},
		{check: iac, name: "CloudFormation", edit: tagged("aws:cloudformation:stack-name", "shop-prod"), want: autodefend.Warn, message: `CloudFormation stack "shop-prod"`, hint: "the layer twistlock", seen: "aws:cloudformation:stack-name"},
		{check: iac, name: "Terraform by key", edit: tagged("terraform", "true"), want: autodefend.Warn, message: "Terraform", seen: "terraform"},
		{check: iac, name: "Terraform by value", edit: tagged("ManagedBy", "HashiCorp Terraform"), want: autodefend.Warn, seen: "ManagedBy"},
		{check: iac, name: "managed by hand", edit: tagged("ManagedBy", "alice"), want: autodefend.Pass},
		{check: iac, name: "Pulumi", edit: tagged("pulumi:project", "shop"), want: autodefend.Warn, message: "Pulumi", seen: "pulumi:project"},
		{check: iac, name: "Serverless Framework", edit: tagged("serverless:service", "shop"), want: autodefend.Warn, message: "Serverless Framework", seen: "serverless:service"},

		{check: unproven, name: "unread", edit: func(s *situation) { s.f.Observed = nil }, want: autodefend.Unknown},
		{check: unproven, name: "no traffic", edit: invoked(0), want: autodefend.Warn, message: "1h0m0s", seen: 0, limit: 1},
		{check: unproven, name: "one invocation", edit: invoked(1), want: autodefend.Pass},

		{check: tag, name: "absent", want: autodefend.Pass},
		{check: tag, name: "ours", edit: func(s *situation) {
			tagged("SecurityProtected", "True")(s)
			tagged(autodefend.OwnershipTag, "prisma-wrapper")(s)
		}, want: autodefend.Pass},
		{check: tag, name: "our value, the owner's tag", edit: tagged("SecurityProtected", "True"), want: autodefend.Warn},
		{check: tag, name: "unread", edit: unreadTags, want: autodefend.Pass},
		{check: tag, name: "the owner's", edit: tagged("SecurityProtected", "by our own team"), want: autodefend.Warn, message: "SecurityProtected", hint: "remove it"},
	}
}
