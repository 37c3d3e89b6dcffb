package store

import "github.com/autodefend/autodefend"

func newPostgres(Config) (dialect, error) {
	return nil, autodefend.Errorf(autodefend.CodeInvalid, "PostgreSQL isn't supported")
}
