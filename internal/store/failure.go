package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"

	"github.com/autodefend/autodefend"
)

// failure gives an error of the database the code that callers decide by. Errors that have one keep it.
func failure(op string, d dialect, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*autodefend.Error](err); ok {
		return err
	}
	if d.damaged(err) {
		return damaged("it's damaged", fmt.Errorf("%s: %w", op, err))
	}
	code := codeOf(d, err)
	e := &autodefend.Error{Code: code, Message: op, Err: err}
	if code == autodefend.CodeUnavailable {
		e.Message, e.Hint = "the database can't be used now", "try again; if it goes on, look at the Console's log and at the database's disk"
		e.Err = fmt.Errorf("%s: %w", op, err)
	}
	return e
}

func codeOf(d dialect, err error) autodefend.Code {
	if code := d.code(err); code != "" {
		return code
	}
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, sql.ErrConnDone),
		errors.Is(err, driver.ErrBadConn), errors.As(err, &network):
		return autodefend.CodeUnavailable
	case err.Error() == "sql: database is closed": // not exported
		return autodefend.CodeUnavailable
	case errors.Is(err, sql.ErrNoRows):
		return autodefend.CodeNotFound
	default:
		return autodefend.CodeInternal
	}
}

func unavailable(format string, args ...any) *autodefend.Error {
	return autodefend.Errorf(autodefend.CodeUnavailable, format, args...)
}

func damaged(what string, err error) *autodefend.Error {
	return &autodefend.Error{
		Code: autodefend.CodeUnavailable, Message: "the database can't be used: " + what, Err: err,
		Hint: "nothing was changed; keep a copy of it and restore a backup with: autodefend console restore",
	}
}
