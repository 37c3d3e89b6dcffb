package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/console/keys"
	"github.com/autodefend/autodefend/internal/store"
)

// storeCommand is a command about the Console's database.
type storeCommand struct {
	*app
	where consoleData
	yes   bool
}

func newConsoleBackup(a *app) *cobra.Command {
	c := &storeCommand{app: a}
	cmd := &cobra.Command{
		Use: "backup FILE", Short: "Copy the SQLite database to a file, also while a Console uses it",
		Long: `Copies the Console's SQLite database, as it is at one moment, to a file that doesn't exist
yet. A Console may be using it. The master key isn't in the database: keep ` + keys.FileName + ` too, or
the credentials in the backup can't be read. PostgreSQL has pg_dump.`,
		Example: "  autodefend console backup --data /var/lib/autodefend /backup/console-$(date +%F).db",
		Args:    oneBackup,
		RunE:    func(cmd *cobra.Command, args []string) error { return c.backup(cmd.Context(), args[0]) },
	}
	c.where.flags(cmd)
	return cmd
}

func newConsoleRestore(a *app) *cobra.Command {
	c := &storeCommand{app: a}
	cmd := &cobra.Command{
		Use: "restore FILE", Short: "Put a backup in the place of the SQLite database",
		Long: `Looks through a backup and puts it in the place of the Console's SQLite database, which is
kept beside it under another name. No Console may be using it. What was stored since the
backup is no longer seen: audits, policies, logins. PostgreSQL has pg_restore.`,
		Example: "  autodefend console restore --data /var/lib/autodefend /backup/console-2026-11-22.db",
		Args:    oneBackup,
		RunE:    func(cmd *cobra.Command, args []string) error { return c.restore(cmd.Context(), args[0]) },
	}
	c.where.flags(cmd)
	cmd.Flags().BoolVarP(&c.yes, "yes", "y", false, "don't ask")
	return cmd
}

func newConsoleMigrate(a *app) *cobra.Command {
	c := &storeCommand{app: a}
	cmd := &cobra.Command{
		Use: "migrate", Short: "Bring the database up to date with this version",
		Long: `Brings the Console's database up to date with this version of the program, and makes it
where it doesn't exist. A Console does that when it starts; with several of them, doing it
first shows beforehand whether it works. There is no way back but a backup.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.migrate(cmd.Context()) },
	}
	c.where.flags(cmd)
	return cmd
}

// oneBackup wants one argument.
func oneBackup(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usageError(cmd, "%s wants one file", cmd.Name())
	}
	return nil
}

// open opens a database that is there.
func (c *storeCommand) open(ctx context.Context) (*store.Store, error) {
	if err := c.where.resolve(); err != nil {
		return nil, err
	}
	if c.where.isFile() && !exists(c.where.database) {
		return nil, autodefend.Errorf(autodefend.CodeNotFound, "there is no database %q", c.where.database).WithHint("name its directory with --data, or itself with --database")
	}
	return store.Open(ctx, store.Config{Address: c.where.database, Logger: slog.New(slog.DiscardHandler)})
}

func (c *storeCommand) backup(ctx context.Context, file string) error {
	database, err := c.open(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(database.Backup(ctx, file), database.Close()); err != nil {
		return err
	}
	c.say("autodefend: %s was copied to %s; the master key isn't in it", c.where.shown(), file)
	return nil
}

func (c *storeCommand) restore(ctx context.Context, file string) error {
	if err := c.where.resolve(); err != nil {
		return err
	}
	if c.where.isFile() && exists(c.where.database) {
		if err := c.confirm(ctx, c.yes, "replace the database "+c.where.database); err != nil {
			return err
		}
	}
	if c.where.isFile() && !exists(c.where.dir) {
		if err := c.where.makeDirectory(); err != nil {
			return err
		}
	}
	if err := store.Restore(ctx, store.Config{Address: c.where.database, Logger: slog.New(slog.DiscardHandler)}, file); err != nil {
		return err
	}
	c.say("autodefend: %s is %s now; the database that was there is kept beside it", c.where.shown(), file)
	return nil
}

func (c *storeCommand) migrate(ctx context.Context) error {
	if err := c.where.make(); err != nil {
		return err
	}
	database, err := c.open(ctx)
	if err != nil {
		return err
	}
	if err := database.Close(); err != nil {
		return err
	}
	c.say("autodefend: %s is up to date", c.where.shown())
	return nil
}
