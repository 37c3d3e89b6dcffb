package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/wrapper"
)

// The variables that are the owner's settings. The runtime sees none of them.
const (
	// envLog makes the program talk: "debug" adds lines about the start.
	envLog = "AUTODEFEND_LOG"
	// envTiers restricts the tiers to some, separated by commas: kernel, preload, watch. "none" is no tier at all.
	envTiers = "AUTODEFEND_TIERS"
	// envFailMode is open or closed. It decides where the policy can't be read, and where it says nothing.
	envFailMode = "AUTODEFEND_FAIL_MODE"
	// envPolicyKey is the base64 of the Ed25519 public key by which policies must be signed.
	envPolicyKey = "AUTODEFEND_POLICY_KEY"
)

// config is everything that comes from the environment.
type config struct {
	level    slog.Level
	policy   string
	tiers    map[autodefend.Tier]bool
	failMode autodefend.FailMode // "" when not set
	key      ed25519.PublicKey   // nil when not set
	lambda   lambdaFacts
}

// lambdaFacts are what AWS says of the function.
type lambdaFacts struct {
	api          string // host:port of the Runtime API
	name         string
	version      string
	region       string
	executionEnv string // such as AWS_Lambda_python3.12
	sandbox      bool   // this is a sandbox of Lambda's own, in which there is nothing but the function
}

// sandboxUser is the user id of functions in Lambda's sandboxes.
const sandboxUser = 993

// upstream returns the address of the Runtime API; it is not valid when it is no address.
func (l lambdaFacts) upstream() netip.AddrPort {
	address, err := netip.ParseAddrPort(l.api)
	if err != nil {
		return netip.AddrPort{}
	}
	return address
}

// readConfig reads environ. A setting with an unknown value has its default, and an error names it; the values of
// others' variables are in no message.
func readConfig(environ []string) (config, error) {
	get := func(name string) string { return wrapper.Lookup(environ, name) }
	level, levelErr := logLevel(get(envLog))
	tiers, tiersErr := parseTiers(get(envTiers))
	mode, modeErr := parseFailMode(get(envFailMode))
	key, keyErr := parseKey(get(envPolicyKey))
	return config{
		level:    level,
		policy:   get(wrapper.EnvPolicy),
		tiers:    tiers,
		failMode: mode,
		key:      key,
		lambda: lambdaFacts{
			api:          get(envRuntimeAPI),
			name:         get("AWS_LAMBDA_FUNCTION_NAME"),
			version:      get("AWS_LAMBDA_FUNCTION_VERSION"),
			region:       get("AWS_REGION"),
			executionEnv: get("AWS_EXECUTION_ENV"),
			sandbox:      get("AWS_LAMBDA_INITIALIZATION_TYPE") != "" && os.Getuid() == sandboxUser,
		},
	}, errors.Join(levelErr, tiersErr, modeErr, keyErr)
}

// envRuntimeAPI is Lambda's variable with the address of the Runtime API.
const envRuntimeAPI = "AWS_LAMBDA_RUNTIME_API"

// logLevel returns the level that value of envLog asks for. A value that is not known means failures only, and an error.
func logLevel(value string) (slog.Level, error) {
	switch value {
	case "":
		return slog.LevelError, nil
	case "debug":
		return slog.LevelDebug, nil
	}
	return slog.LevelError, fmt.Errorf("%s: unknown value, the only one is \"debug\"", envLog)
}

func allTiers() map[autodefend.Tier]bool {
	return map[autodefend.Tier]bool{autodefend.TierKernel: true, autodefend.TierPreload: true, autodefend.TierWatch: true}
}

func parseTiers(value string) (map[autodefend.Tier]bool, error) {
	if value == "" {
		return allTiers(), nil
	}
	chosen := map[autodefend.Tier]bool{}
	for name := range strings.SplitSeq(value, ",") {
		tier := autodefend.Tier(strings.TrimSpace(name))
		switch {
		case allTiers()[tier]:
			chosen[tier] = true
		case tier != "none":
			return allTiers(), fmt.Errorf("%s: unknown tier, they are kernel, preload and watch, or none", envTiers)
		}
	}
	return chosen, nil
}

func parseFailMode(value string) (autodefend.FailMode, error) {
	switch mode := autodefend.FailMode(value); mode {
	case "", autodefend.FailOpen, autodefend.FailClosed:
		return mode, nil
	}
	return autodefend.FailClosed, fmt.Errorf("%s: unknown value, they are open and closed; it is closed now", envFailMode)
}

func parseKey(value string) (ed25519.PublicKey, error) {
	if value == "" {
		return nil, nil
	}
	key, err := base64.StdEncoding.DecodeString(value)
	if err != nil || len(key) != ed25519.PublicKeySize {
		// A key that nobody has: no policy is accepted, which is what somebody who pins a key would rather have.
		return make(ed25519.PublicKey, ed25519.PublicKeySize), fmt.Errorf("%s: not the base64 of %d bytes", envPolicyKey, ed25519.PublicKeySize)
	}
	return key, nil
}

// supervisorArgs returns the arguments of a supervisor's command, up to the runtime's own: the number of its end of the
// control socket.
func supervisorArgs(control int) []string { return []string{"supervise", strconv.Itoa(control), "--"} }

// parseSupervisorArgs is the inverse of supervisorArgs, without its first word, and returns the runtime's arguments.
func parseSupervisorArgs(args []string) (int, []string, bool) {
	if len(args) < 3 || args[1] != "--" {
		return 0, nil, false
	}
	control, err := strconv.Atoi(args[0])
	return control, args[2:], err == nil
}
