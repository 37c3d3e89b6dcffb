CREATE TABLE documents (
  kind     TEXT    NOT NULL,
  id       TEXT    NOT NULL,
  version  INTEGER NOT NULL,
  modified INTEGER NOT NULL,
  body     BLOB    NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT;

CREATE TABLE generations (
  kind       TEXT    PRIMARY KEY,
  generation INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE mgmt_audits (
  seq       INTEGER PRIMARY KEY AUTOINCREMENT,
  time      INTEGER NOT NULL,
  type      TEXT    NOT NULL,
  username  TEXT    NOT NULL,
  api       TEXT    NOT NULL,
  diff      TEXT    NOT NULL,
  failure   INTEGER NOT NULL,
  source_ip TEXT    NOT NULL,
  status    TEXT    NOT NULL
) STRICT;
CREATE INDEX mgmt_audits_time ON mgmt_audits (time);
