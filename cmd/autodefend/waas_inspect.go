package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/waas"
	"github.com/autodefend/autodefend/internal/waas/event"
)

// waasTest is the command waas test with its flags.
type waasTest struct {
	policySource
	to     policy.Target
	event  string
	policy string
	level  string
	format string
}

func newWAASTest(a *app) *cobra.Command {
	c := &waasTest{policySource: policySource{app: a}}
	cmd := &cobra.Command{
		Long: `Inspects events as the Defender would in front of a handler, and explains each detection.
An event is what a handler gets, as JSON; several stand in one file, one on each line.
With -o json one line is printed for each.

Without --policy the rule is what a new rule is: an alert for every class of attacks. With
it, it's the rule that holds for --function, or the first that isn't disabled. Everything
that is found is told, also behind what would have been refused, and there is no time
limit. The exit code is 0 whatever is found.`,
		Example: `  autodefend waas test --event event.json
  autodefend waas test --event events.jsonl --level strict -o json
  aws sqs receive-message … | autodefend waas test --event - --policy waas.json --function orders-api`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&c.event, "event", "", "`FILE` with events, or - for standard input")
	flags.StringVar(&c.policy, "policy", "", "`FILE` with the firewall's policy")
	flags.StringVar(&c.to.Function, "function", "", "`NAME` of the function that the rule is looked for")
	flags.StringVar(&c.to.Region, "region", "", "its `REGION` (default: any)")
	flags.StringVar(&c.level, "level", "", "how much is suspected: `LEVEL` default, crs or strict (default: the rule's)")
	c.flags(cmd)
	formatFlag(cmd, &c.format, "table", "json")
	return cmd
}

// inspected is what waas test prints of one event.
type inspected struct {
	Trigger    event.Trigger     `json:"trigger"`
	Detections []detection       `json:"detections"`
	Effect     autodefend.Effect `json:"effect"` // prevent, alert, or "" when nothing was found
	// Refused are the records of a batch that are refused, when not all are.
	Refused []int `json:"refused,omitempty"`
}

// detection is one finding.
type detection struct {
	Type    autodefend.AttackClass `json:"type"`
	Rule    string                 `json:"rule"`
	Field   string                 `json:"field"`
	Key     string                 `json:"key"`
	Value   string                 `json:"value"`
	Match   string                 `json:"match"`
	Effect  autodefend.Effect      `json:"effect"`
	Message string                 `json:"message"`
	Record  *int                   `json:"record,omitempty"` // of a batch, from 0
}

func (c *waasTest) run(cmd *cobra.Command) error {
	if err := textOrJSON(c.format, "table"); err != nil {
		return err
	}
	if c.event == "" {
		return usageError(cmd, "%s needs --event FILE, or --event - for standard input", cmd.CommandPath())
	}
	rule, err := c.chosen(cmd)
	if err != nil {
		return err
	}
	engine, err := waas.New(rule, waas.Everything(), waas.Clock(time.Now))
	if err != nil {
		return err
	}
	input, err := c.openEvents(c.event)
	if err != nil {
		return err
	}
	defer input.Close()
	return c.inspectAll(cmd, engine, newEventReader(input))
}

// inspectAll inspects events and prints what was found in each as soon as it is.
func (c *waasTest) inspectAll(cmd *cobra.Command, engine *waas.Engine, events *eventReader) error {
	lines := json.NewEncoder(c.stdout)
	lines.SetEscapeHTML(false)
	total, found := 0, 0
	for {
		e, err := events.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return aboutFile(c.event, err)
		}
		result := explained(engine.Inspect(cmd.Context(), e.Data))
		total++
		if len(result.Detections) > 0 {
			found++
		}
		if c.format == "json" {
			err = lines.Encode(result)
		} else {
			err = result.table(c.stdout, e.Line)
		}
		if err != nil {
			return err
		}
	}
	if total == 0 {
		return aboutFile(c.event, autodefend.Errorf(autodefend.CodeInvalid, "there is no event").WithHint("an event is JSON, as a handler gets it"))
	}
	if total > 1 && c.format != "json" {
		_, err := fmt.Fprintf(c.stdout, "%s, %d with detections\n", count(total, "event"), found)
		return err
	}
	return nil
}

// chosen returns the rule that events are inspected by; nil when none holds.
func (c *waasTest) chosen(cmd *cobra.Command) (*policy.WAASRule, error) {
	rule := policy.NewWAASRule("Default")
	if c.policy == "" && c.to.Function != "" {
		return nil, usageError(cmd, "--function chooses a rule of --policy FILE")
	}
	if c.policy != "" {
		from, err := c.fromPolicy()
		if from == nil || err != nil {
			return nil, err
		}
		rule = *from
	}
	switch level := policy.WAASLevel(c.level); level {
	case "":
	case policy.LevelDefault, policy.LevelCore, policy.LevelStrict:
		rule.Own.Level = level
	default:
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "option --level: %q isn't a level", c.level).WithHint("use default, crs or strict")
	}
	return &rule, nil
}

// fromPolicy finds the rule in the policy.
func (c *waasTest) fromPolicy() (*policy.WAASRule, error) {
	p, err := c.firewall(c.policy)
	if err != nil {
		return nil, err
	}
	if c.to.Function != "" {
		res := p.Resolve(c.to)
		if err := onlyNamed(res.Undefined); err != nil {
			return nil, err
		}
		if res.Rule == nil {
			c.say("autodefend: no rule holds for %s, so nothing is inspected", c.to.Function)
		}
		return res.Rule, nil
	}
	for i := range p.Rules {
		if !p.Rules[i].Disabled {
			return &p.Rules[i], nil
		}
	}
	c.say("autodefend: the policy has no rule that isn't disabled, so nothing is inspected")
	return nil, nil //nolint:nilnil // no rule is a result, as in [policy.WAASResolution]
}

// explained makes of a verdict what is printed.
func explained(v waas.Verdict) inspected {
	out := inspected{Trigger: v.Event.Trigger, Detections: []detection{}, Effect: v.Effect, Refused: v.Refused}
	for i := range v.Detections {
		d := &v.Detections[i]
		found := detection{
			Type: d.Type, Rule: d.Rule, Field: d.Field.Place.HTTPFieldType(), Key: d.Field.Name,
			Value: shortened(d.Field.Value), Match: d.Match, Effect: d.Effect, Message: d.Message,
		}
		if d.Field.Record >= 0 {
			found.Record = &d.Field.Record
		}
		out.Detections = append(out.Detections, found)
	}
	return out
}

// shortened bounds a value that is shown.
func shortened(s string) string {
	const most = 4096
	if len(s) <= most {
		return s
	}
	s = s[:most]
	for len(s) > 0 && !utf8.RuneStart(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s[:max(len(s)-1, 0)] + "…"
}

// table prints what was found for people.
func (r inspected) table(w io.Writer, line int) error {
	if len(r.Detections) == 0 {
		_, err := fmt.Fprintf(w, "line %d: %s, nothing found\n", line, r.Trigger)
		return err
	}
	fmt.Fprintf(w, "line %d: %s, %s, %s\n", line, r.Trigger, count(len(r.Detections), "detection"), r.outcome())
	for _, d := range r.Detections {
		where := strings.TrimSpace(d.Field + " " + d.Key)
		if d.Record != nil {
			where += fmt.Sprintf(" of record %d", *d.Record)
		}
		fmt.Fprintf(w, "  %-8s %s by rule %s in %s\n", d.Effect, d.Type, printable(d.Rule), printable(where))
		if _, err := fmt.Fprintf(w, "           %s\n", printable(d.Message)); err != nil {
			return err
		}
	}
	return nil
}

// outcome says what becomes of an event.
func (r inspected) outcome() string {
	if r.Effect != autodefend.Prevent {
		return "passes with an audit"
	}
	if len(r.Refused) == 0 {
		return "REFUSED"
	}
	var records []string
	for _, i := range r.Refused {
		records = append(records, strconv.Itoa(i))
	}
	return "REFUSED for record " + strings.Join(records, ", ")
}
