package main

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
)

// value parses the text of one option into the configuration and shows what is
// in force.
type value struct {
	// kind stands for the value in help texts.
	kind string
	// list is true when the option takes several values.
	list bool
	set  func(texts []string) error
	show func() any
}

// single makes a value of one text.
func single(kind string, set func(string) error, show func() any) value {
	return value{kind: kind, show: show, set: func(texts []string) error {
		if len(texts) == 0 {
			return errors.New("a value is missing")
		}
		return set(strings.TrimSpace(texts[len(texts)-1]))
	}}
}

func textValue(kind string, to *string) value {
	return single(kind, func(s string) error {
		*to = s
		return nil
	}, func() any { return *to })
}

// secretValue is a text that is shown nowhere.
func secretValue(kind string, to *string) value {
	v := textValue(kind, to)
	v.show = func() any {
		if *to == "" {
			return ""
		}
		return hidden
	}
	return v
}

// hidden stands for a secret. No external id may hold parentheses, so it can't
// be taken for one.
const hidden = "(hidden)"

func listValue(kind string, to *[]string) value {
	return value{
		kind: kind, list: true,
		set: func(texts []string) error {
			*to = splitList(texts)
			return nil
		},
		show: func() any { return slices.Concat([]string{}, *to) },
	}
}

// splitList splits texts at commas: none of the lists' items can hold one.
func splitList(texts []string) []string {
	var items []string
	for _, text := range texts {
		for item := range strings.SplitSeq(text, ",") {
			if item = strings.TrimSpace(item); item != "" {
				items = append(items, item)
			}
		}
	}
	return items
}

func tagsValue(to *[]autodefend.Tag) value {
	return value{
		kind: "K=V", list: true,
		set: func(texts []string) error {
			*to = nil
			for _, item := range splitList(texts) {
				key, text, _ := strings.Cut(item, "=")
				if key == "" || len(key) > 128 || len(text) > 256 {
					return fmt.Errorf("%q isn't a tag; write KEY=VALUE, or KEY for any value", item)
				}
				*to = append(*to, autodefend.Tag{Key: key, Value: text})
			}
			return nil
		},
		show: func() any {
			items := []string{}
			for _, t := range *to {
				items = append(items, strings.TrimSuffix(t.Key+"="+t.Value, "="))
			}
			return items
		},
	}
}

func boolValue(to *bool) value {
	return single("bool", func(s string) error {
		b, err := strconv.ParseBool(strings.ToLower(s))
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", s)
		}
		*to = b
		return nil
	}, func() any { return *to })
}

func intValue(to *int, low, high int) value {
	return single("N", func(s string) error {
		n, err := parseInt(s, low, high)
		if err == nil {
			*to = n
		}
		return err
	}, func() any { return *to })
}

// limitValue is a limit that may stay the recipe's.
func limitValue(to **int, inForce func() int, low, high int) value {
	return single("N", func(s string) error {
		n, err := parseInt(s, low, high)
		if err == nil {
			*to = &n
		}
		return err
	}, func() any { return inForce() })
}

func parseInt(s string, low, high int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, fmt.Errorf("%q isn't a whole number", s)
	}
	if n < low || n > high {
		return 0, fmt.Errorf("%d isn't between %d and %d", n, low, high)
	}
	return n, nil
}

func rateValue(to *float64) value {
	const lowest, highest = 0.01, 100_000
	return single("N", func(s string) error {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return fmt.Errorf("%q isn't a number", s)
		}
		if !(f >= lowest && f <= highest) { // written so that NaN is refused
			return fmt.Errorf("%s isn't between %g and %d calls a second", s, lowest, highest)
		}
		*to = f
		return nil
	}, func() any { return *to })
}

func durationValue(to *time.Duration, low time.Duration) value {
	return single("DURATION", func(s string) error {
		d, err := time.ParseDuration(s)
		if err != nil {
			return fmt.Errorf("%q isn't a duration such as 90s, 15m or 24h", s)
		}
		if d < low {
			return fmt.Errorf("%s is shorter than %s", s, low)
		}
		*to = d
		return nil
	}, func() any { return to.String() })
}

func dateValue(to *time.Time) value {
	return single("DATE", func(s string) error {
		if s == "now" {
			*to = time.Time{}
			return nil
		}
		for _, layout := range []string{time.DateOnly, time.RFC3339} {
			if t, err := time.Parse(layout, s); err == nil {
				*to = t
				return nil
			}
		}
		return fmt.Errorf("%q isn't a date such as 2026-07-01", s)
	}, func() any {
		switch {
		case to.IsZero():
			return "now"
		case to.Equal(to.Truncate(24 * time.Hour)):
			return to.Format(time.DateOnly)
		}
		return to.Format(time.RFC3339)
	})
}

func levelValue(to *slog.Level) value {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	return single("LEVEL", func(s string) error {
		level, ok := levels[strings.ToLower(s)]
		if !ok {
			return fmt.Errorf("%q isn't a level; want debug, info, warn or error", s)
		}
		*to = level
		return nil
	}, func() any { return strings.ToLower(to.String()) })
}

func choiceValue(kind string, to *string, choices ...string) value {
	return single(kind, func(s string) error {
		if !slices.Contains(choices, s) {
			return fmt.Errorf("%q isn't one of %s", s, strings.Join(choices, ", "))
		}
		*to = s
		return nil
	}, func() any { return *to })
}

func shareValue(to *share) value {
	return single("N|P%", func(s string) error {
		parsed, err := parseShare(s)
		if err == nil {
			*to = parsed
		}
		return err
	}, func() any { return to.String() })
}

// share is a number of functions, or a part of all of them in percent. The
// zero value is no limit.
type share struct {
	number  int
	percent float64
	given   bool
}

func parseShare(s string) (share, error) {
	if s == "" {
		return share{}, nil
	}
	if text, ok := strings.CutSuffix(s, "%"); ok {
		p, err := strconv.ParseFloat(text, 64)
		if err != nil || !(p >= 0 && p <= 100) { // written so that NaN is refused
			return share{}, fmt.Errorf("%q isn't a percentage from 0%% to 100%%", s)
		}
		return share{percent: p, number: -1, given: true}, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return share{}, fmt.Errorf("%q is neither a number of functions nor a percentage", s)
	}
	return share{number: n, given: true}, nil
}

// of returns how many of total functions the share allows.
func (s share) of(total int) int {
	switch {
	case !s.given:
		return total
	case s.number >= 0:
		return min(s.number, total)
	}
	return int(s.percent * float64(total) / 100)
}

// String returns the share as it's written, "" when there is no limit.
func (s share) String() string {
	switch {
	case !s.given:
		return ""
	case s.number >= 0:
		return strconv.Itoa(s.number)
	}
	return strconv.FormatFloat(s.percent, 'g', -1, 64) + "%"
}
