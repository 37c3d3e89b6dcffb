package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/plan"
	"github.com/autodefend/autodefend/internal/report"
)

// writePlanFile saves a plan whole or not at all.
func writePlanFile(path string, p *autodefend.Plan) error {
	err := writeFile(path, func(w io.Writer) error { return report.Plan(w, p, report.FormatJSON, report.Style{}) })
	if err != nil {
		return autodefend.Errorf(autodefend.CodeInvalid, "write plan file %q: %s", path, whyNot(err)).
			WithHint("nothing was changed, and no part of the plan was left there; name a writable place with enough room")
	}
	return nil
}

// writeFile replaces a file by what write produces: written beside it, synced,
// then renamed. What is no regular file, such as /dev/stdout, is written to
// directly.
func writeFile(path string, write func(io.Writer) error) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // a link is followed, not replaced
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return writeInto(path, os.O_WRONLY, write)
	}
	temporary := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+rand.Text()[:8])
	if err := writeInto(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, write); err != nil {
		return errors.Join(err, removeIfThere(temporary))
	}
	if err := os.Rename(temporary, path); err != nil {
		return errors.Join(err, removeIfThere(temporary))
	}
	return syncDirectory(filepath.Dir(path))
}

func writeInto(path string, flag int, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, flag, 0o644) //nolint:gosec // plans and reports are to be shown around
	if err != nil {
		return err
	}
	err = write(f)
	if info, statErr := f.Stat(); err == nil && statErr == nil && info.Mode().IsRegular() {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// syncDirectory makes a rename last.
func syncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// readPlanFile reads a plan that was saved. Whether it still holds is for the
// caller to verify.
func readPlanFile(path string) (*autodefend.Plan, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "plan file %q can't be read: %s", path, whyNot(err)).
			WithHint("make one with: autodefend plan --out plan.json")
	}
	p, err := plan.ReadPlan(f)
	_ = f.Close() // it was only read
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}
