package archtest

// row says what one package may import besides the standard library.
type row struct {
	// pkg is relative to the module; "." is the root. A row covers the packages
	// below it too, and they may import each other.
	pkg string
	// kind is the package's place in the architecture; see kinds.
	kind string
	// internal lists packages of this module; "all" stands for every one.
	internal []string
	// external lists prefixes of import paths of other modules.
	external []string
	// why is printed when the row is broken.
	why string
	// future marks a package that the design names and nobody has written yet.
	future bool
}

// Kinds of packages. Imports point one way: command to parts, adapters and
// world, from there to engines, from there to the dictionary.
const (
	dictionary = "dictionary" // types, validation, errors
	engine     = "engine"     // pure decisions; see purity_test.go
	part       = "part"       // processes over small interfaces of their own
	adapter    = "adapter"    // one foreign system each
	world      = "world"      // what stands in for AWS
	command    = "command"    // flags, wiring, output
	testsOnly  = "tests only" // no code outside _test.go files
	tool       = "tool"       // what make runs
)

const (
	root   = "."
	awsSDK = "github.com/aws/"
	yaml   = "go.yaml.in/yaml/v3"
	tables = "github.com/jedib0t/go-pretty/v6"
	xRate  = "golang.org/x/time/rate"
	xSys   = "golang.org/x/sys"
	xSync  = "golang.org/x/sync"

	dnsMessage = "golang.org/x/net/dns/dnsmessage"

	anyOne = "all"
)

// architecture is the import table. A new package is welcome with a row: one
// clear purpose, and the imports that this purpose needs.
func architecture() []row {
	return []row{
		{
			pkg: root, kind: dictionary,
			why: "everybody imports the dictionary, so it imports nobody",
		},
		{
			pkg: "internal/plan", kind: engine, internal: []string{root}, external: []string{yaml},
			why: "a verdict must follow from its arguments alone; recipes and runtimes are YAML",
		},
		{
			pkg: "internal/report", kind: engine, internal: []string{root, "internal/plan"}, external: []string{yaml, tables},
			why: "a report is a function from plans and receipts to bytes",
		},
		{
			pkg: "internal/policy", kind: engine, internal: []string{root},
			why: "what is allowed follows from the policy and the event alone; it runs inside customers' functions",
		},
		{
			pkg: "internal/waas", kind: engine, internal: []string{root, "internal/policy"}, external: []string{"github.com/corazawaf/libinjection-go"},
			why: "a verdict follows from the event, the rules and the policy alone; it runs inside customers' functions",
		},
		{
			pkg: "internal/waas/gen", kind: tool, internal: []string{"internal/waas"}, external: []string{"github.com/corazawaf/coraza-coreruleset/"},
			why: "compiles the Core Rule Set when the product is built; nothing of it ships",
		},
		{
			pkg: "internal/waas/crstest", kind: testsOnly,
			why: "the Core Rule Set's own tests see the firewall from outside",
		},
		{
			pkg: "internal/waas/endtoend", kind: testsOnly,
			why: "functions behind the firewall see it from outside",
		},
		{
			pkg: "internal/waas/corpus", kind: testsOnly,
			why: "lists of attacks and of ordinary events judge the firewall from outside",
		},
		{
			pkg: "internal/bpf", kind: engine, internal: []string{root}, external: []string{xSys},
			why: "seccomp programs are values that can be read, printed and interpreted",
		},
		{
			pkg: "internal/defend", kind: part, internal: []string{root, "internal/policy", "internal/waas"},
			why: "the Defender's life cycle declares the tiers, sinks and sources it needs and runs in virtual time",
		},
		{
			pkg: "internal/fleet", kind: part, internal: []string{root, "internal/plan"}, external: []string{xRate, xSync},
			why: "the fleet declares the cloud it needs as small interfaces and is tested in virtual time",
		},
		{
			pkg: "internal/cloud", kind: adapter, internal: []string{root, "internal/plan"}, external: []string{awsSDK, xRate, xSync},
			why: "the only importer of the AWS SDK",
		},
		{
			pkg: "internal/layer", kind: adapter, internal: []string{root, "internal/plan"},
			why: "builds the layer's zip; publishing it is done by cloud",
		},
		{
			pkg: "internal/wrapper", kind: adapter, internal: []string{root}, external: []string{xSys},
			why: "runs inside customers' functions, so every byte counts",
		},
		{
			pkg: "internal/kernel", kind: adapter, internal: []string{root, "internal/policy", "internal/bpf"}, external: []string{xSys},
			why: "the tier of seccomp notification: it fills in events and obeys decisions",
		},
		{
			pkg: "internal/preload", kind: adapter, internal: []string{root, "internal/policy"}, external: []string{xSys},
			why: "the tier inside the processes: it fills in events and obeys decisions",
		},
		{
			pkg: "internal/watch", kind: adapter, internal: []string{root, "internal/policy"}, external: []string{xSys},
			why: "the tier that looks at /proc: it fills in events and obeys decisions",
		},
		{
			pkg: "internal/resolver", kind: adapter, internal: []string{root, "internal/policy"}, external: []string{dnsMessage},
			why: "the DNS forwarder",
		},
		{
			pkg: "internal/runtimeapi", kind: adapter, internal: []string{root},
			why: "Lambda's Runtime API and Extensions API, one file per protocol",
		},
		{
			pkg: "internal/client", kind: adapter, internal: []string{root},
			why: "the Console's API as its clients see it",
		},
		{
			pkg: "internal/lambdasim", kind: world, internal: []string{root, "internal/bpf"},
			external: []string{yaml, xRate, xSync, xSys, "github.com/aws/smithy-go/encoding/cbor"},
			why:      "speaks the wire of AWS from its documentation, not from the SDK that is tested against it",
		},
		{
			pkg: "internal/simtest", kind: testsOnly,
			why: "the deterministic simulation sees fleet, cloud and lambdasim together",
		},
		{
			pkg: "internal/bypass", kind: testsOnly,
			why: "attacks on the Defender see all of it from outside",
		},
		{
			pkg: "internal/same", kind: testsOnly,
			why: "programs that must not notice the Defender see it from outside",
		},
		{
			pkg: "internal/archtest", kind: testsOnly,
			why: "rules are tests",
		},
		{
			pkg: "internal/testtotals", kind: tool,
			why: "must build before anything else does",
		},
		{
			pkg: "cmd/autodefend", kind: command, internal: []string{anyOne},
			external: []string{yaml, tables, "github.com/spf13/", "github.com/google/uuid", "golang.org/x/term", xSync, xSys},
			why:      "wires everything; AWS itself is reached through internal/cloud",
		},
		{
			pkg: "cmd/defender", kind: command,
			internal: []string{
				root, "internal/bpf", "internal/client", "internal/defend", "internal/kernel", "internal/policy", "internal/preload",
				"internal/resolver", "internal/runtimeapi", "internal/waas", "internal/watch", "internal/wrapper",
			},
			external: []string{xSys},
			why:      "the layer's program stays small: nothing of SQL, AWS SDK or UI",
		},
		{
			pkg: "internal/api", kind: engine, internal: []string{root, "internal/policy"},
			why: "the Console's schemas, records and queries are data that its server, its store and its clients share",
		},
		{
			pkg: "internal/console", kind: part,
			internal: []string{root, "internal/api", "internal/plan", "internal/policy", "internal/report", "internal/waas"},
			external: []string{yaml, "golang.org/x/crypto/argon2", "golang.org/x/oauth2", "github.com/coreos/go-oidc/v3", "github.com/go-jose/go-jose/v4"},
			why:      "the Console's services declare the storage, the fleet and the channels they need and are wired by the command",
		},
		{
			pkg: "internal/console/rest", kind: part, internal: []string{root, "internal/api", "internal/console"},
			external: []string{"github.com/prometheus/client_golang/", "go.opentelemetry.io/", "google.golang.org/protobuf/"},
			why:      "HTTP, measuring and tracing stand before the services and know nothing of what they do",
		},
		{
			pkg: "internal/store", kind: adapter, internal: []string{root, "internal/api"},
			external: []string{"modernc.org/sqlite", "github.com/jackc/pgx/"},
			why:      "the only importer of SQL drivers",
		},
		{
			pkg: "internal/apiclient", kind: adapter, internal: []string{root, "internal/api"},
			why: "the Console's API as people and scripts use it",
		},
		{
			pkg: "internal/notify", kind: adapter, internal: []string{root, "internal/api"},
			why: "brings alerts to webhooks, Slack, mail and syslog",
		},
		{
			pkg: "internal/consoletest", kind: testsOnly,
			why: "crashes, replicas and the way from a policy to an audit see the Console from outside",
		},
	}
}

// testLibraries may be imported by any _test.go file.
func testLibraries() []string {
	return []string{
		"github.com/corazawaf/",
		"github.com/getkin/kin-openapi/",
		"github.com/google/go-cmp/",
		"github.com/hanwen/go-fuse/",
		"github.com/rogpeppe/go-internal/",
		"go.uber.org/goleak",
		"pgregory.net/rapid",
	}
}
