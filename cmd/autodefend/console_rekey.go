package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/access"
	"github.com/autodefend/autodefend/internal/console/alerting"
	service "github.com/autodefend/autodefend/internal/console/autodefend"
	"github.com/autodefend/autodefend/internal/console/keys"
	"github.com/autodefend/autodefend/internal/console/settings"
	"github.com/autodefend/autodefend/internal/store"
)

const (
	// leaderLease is what a Console that runs holds all the time.
	leaderLease = "alerting"
	// rekeyTime is for how long a rekey that is killed keeps others from beginning, and Consoles from delivering alerts. One
	// that takes longer does no harm: whoever begins then finds the keys there, and what both write is a conflict.
	rekeyTime = 30 * time.Second
	// rekeyTries is how often what others change meanwhile is read anew.
	rekeyTries = 10
)

// rekeyCommand is the command console rekey.
type rekeyCommand struct {
	storeCommand
	retire bool
	// variable has the master keys, instead of a file.
	variable string
}

func newConsoleRekey(a *app, getenv func(string) string) *cobra.Command {
	c := &rekeyCommand{storeCommand: storeCommand{app: a}}
	cmd := &cobra.Command{
		Use: "rekey", Short: "Replace the master key",
		Long: `Makes a new master key, puts it before the old one in ` + keys.FileName + ` and seals every stored secret
with it, all in one transaction. No Console may be running on the database. At any moment, also
after a crash, the file opens everything; the same command again goes on where one was ended.

The old key stays in the file, so that functions go on as they are: they obey policies signed
with it and call with tokens made with it until an auto-defend rule, or you, set their policy
anew. --retire ends that: it takes the old key out, and functions that still hang on it are
refused. Logins go on until then, too.

With ` + keys.EnvironmentVariable + ` nothing is made: put a new key before the old one there, divided by a comma,
start every Console with it, and then run this, also while they run. Consoles that don't know
the new key yet can't open what is sealed with it: with several of them, first put it after
the old one everywhere.`,
		Example: `  autodefend console rekey --data /var/lib/autodefend
  autodefend console rekey --data /var/lib/autodefend --retire     # once no function hangs on the old key`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.variable = getenv(keys.EnvironmentVariable)
			return c.run(cmd.Context())
		},
	}
	c.where.flags(cmd)
	cmd.Flags().BoolVar(&c.retire, "retire", false, "take older master keys out of the file; functions that hang on them are refused")
	cmd.Flags().BoolVarP(&c.yes, "yes", "y", false, "don't ask")
	return cmd
}

func (c *rekeyCommand) run(ctx context.Context) error {
	if c.variable != "" && c.retire {
		return autodefend.Errorf(autodefend.CodeInvalid, "option --retire: the master keys are in %s", keys.EnvironmentVariable).
			WithHint("run it without --retire, and then take the older ones out of the variable")
	}
	database, err := c.open(ctx)
	if err != nil {
		return err
	}
	r := &rekey{database: database}
	if c.variable != "" {
		err = c.byVariable(ctx, r)
	} else {
		err = c.byFile(ctx, r)
	}
	return errors.Join(err, database.Close())
}

// byVariable seals with the first key of the variable.
func (c *rekeyCommand) byVariable(ctx context.Context, r *rekey) error {
	ring, err := keys.Open("", c.variable)
	if err != nil {
		return err
	}
	if len(ring.IDs()) == 1 {
		return autodefend.Errorf(autodefend.CodeInvalid, "%s: has one master key", keys.EnvironmentVariable).
			WithHint("put a new one before it, divided by a comma: make it with: openssl rand -base64 %d", keys.MasterSize)
	}
	if err := r.seal(ctx, ring); err != nil {
		return err
	}
	c.tell(r, ring)
	c.say("autodefend: functions that hang on the older keys are refused once those are taken out of %s", keys.EnvironmentVariable)
	return nil
}

// byFile makes a new key, or retires the older ones. Nobody else does, and no Console runs, while it has the lease.
func (c *rekeyCommand) byFile(ctx context.Context, r *rekey) error {
	if c.retire {
		if err := c.confirm(ctx, c.yes, "refuse functions whose policy hangs on an older master key"); err != nil {
			return err
		}
	}
	lease, alone, err := r.database.Acquire(ctx, leaderLease, "rekey-"+rand.Text()[:8], rekeyTime)
	if err != nil {
		return err
	}
	if !alone {
		return autodefend.Errorf(autodefend.CodeConflict, "a Console uses the database, or another rekey").
			WithHint("stop it first, or wait half a minute if it was killed; nothing was changed")
	}
	err = c.withFile(ctx, r)
	return errors.Join(err, r.database.Release(context.WithoutCancel(ctx), lease))
}

func (c *rekeyCommand) withFile(ctx context.Context, r *rekey) error {
	ring, err := keys.Present(c.where.dir)
	if err != nil {
		return err
	}
	if err := r.try(ctx, ring); err != nil {
		return err
	}
	if !c.retire {
		// The new key is on the disk, beside the old one, before anything is sealed with it.
		if ring, err = keys.Rotate(c.where.dir); err != nil {
			return err
		}
	}
	if err := r.seal(ctx, ring); err != nil {
		return err
	}
	c.tell(r, ring)
	if !c.retire {
		c.say("autodefend: the old key stays beside it until: autodefend console rekey --retire")
		return nil
	}
	// Nothing is sealed with them any more, and that's on the disk.
	gone, err := keys.Retire(c.where.dir)
	if err == nil {
		c.say("autodefend: %d older master keys were taken out of %s", gone, keys.FileName)
	}
	return err
}

// tell says what was done.
func (c *rekeyCommand) tell(r *rekey, ring *keys.Keys) {
	c.say("autodefend: the newest master key is %s; %d documents were sealed anew with it", ring.IDs()[0], r.sealed)
	if len(r.lost) > 0 {
		c.say("autodefend: no master key opens the secrets of %s: enter them again", strings.Join(r.lost, ", "))
	}
}

// rekey seals what is stored anew.
type rekey struct {
	database *store.Store
	sealed   int      // documents that were written
	opened   int      // secrets
	lost     []string // documents with secrets that no key opens
}

// sealedKinds are those of documents that may have secrets.
func sealedKinds() []api.Kind {
	return []api.Kind{api.KindCredential, api.KindAlertProfile, api.KindSettings, api.KindAutoDeploy, api.KindRuleStatus, api.KindRun}
}

// try looks whether the keys are those of the database, which nothing opens with others.
func (r *rekey) try(ctx context.Context, ring *keys.Keys) error {
	if _, err := r.changes(ctx, ring); err != nil {
		return err
	}
	if r.opened == 0 && len(r.lost) > 0 {
		return autodefend.Errorf(autodefend.CodeInvalid, "the master key opens none of the stored secrets").
			WithHint("name the directory of the Console's own key with --data; nothing was changed")
	}
	return nil
}

// seal seals everything with the newest key, in one transaction.
func (r *rekey) seal(ctx context.Context, ring *keys.Keys) error {
	var err error
	for range rekeyTries {
		var changes []api.DocumentChange
		if changes, err = r.changes(ctx, ring); err != nil || len(changes) == 0 {
			return err
		}
		audit := &api.MgmtAudit{
			Type: api.MgmtSettings, API: "console rekey", Username: "autodefend console rekey", Time: time.Now().UTC().Truncate(time.Millisecond),
			Status: fmt.Sprintf("sealed %d documents with the master key %s", len(changes), ring.IDs()[0]),
		}
		err = r.database.Write(ctx, changes, audit)
		if err == nil {
			r.sealed += len(changes)
			return nil
		}
		if autodefend.ErrorCode(err) != autodefend.CodeConflict {
			break
		}
	}
	return fmt.Errorf("seal secrets anew: %w", err)
}

// changes are the documents that older keys sealed, sealed with the newest.
func (r *rekey) changes(ctx context.Context, ring *keys.Keys) ([]api.DocumentChange, error) {
	r.opened, r.lost = 0, nil
	var changes []api.DocumentChange
	for _, kind := range sealedKinds() {
		documents, err := r.database.Documents(ctx, kind)
		if err != nil {
			return nil, err
		}
		for _, d := range documents {
			body, changed, err := r.document(d, ring)
			if err != nil {
				return nil, err
			}
			if changed {
				changes = append(changes, api.DocumentChange{Kind: d.Kind, ID: d.ID, Version: d.Version, Body: body})
			}
		}
	}
	return changes, nil
}

// document returns one document sealed anew, and whether it is another. What no key opens stays: it's lost already.
func (r *rekey) document(d api.Document, ring *keys.Keys) ([]byte, bool, error) {
	changed := false
	reseal := func(sealed, of []byte) ([]byte, error) {
		anew, err := ring.Reseal(sealed, of)
		if err != nil {
			if name := string(d.Kind) + " " + d.ID; !slices.Contains(r.lost, name) {
				r.lost = append(r.lost, name)
			}
			return sealed, nil
		}
		r.opened++
		changed = changed || !slices.Equal(anew, sealed)
		return anew, nil
	}
	for _, owner := range []func(api.Document, func(sealed, of []byte) ([]byte, error)) ([]byte, error){
		access.Reseal, settings.Reseal, alerting.Reseal, service.Reseal,
	} {
		body, err := owner(d, reseal)
		if err != nil || body != nil {
			return body, changed, err
		}
	}
	return nil, false, nil
}
