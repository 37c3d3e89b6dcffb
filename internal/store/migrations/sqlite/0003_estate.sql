CREATE TABLE leases (
  name    TEXT    PRIMARY KEY,
  owner   TEXT    NOT NULL,
  token   INTEGER NOT NULL,
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE functions (
  arn          TEXT    PRIMARY KEY,
  account      TEXT    NOT NULL,
  region       TEXT    NOT NULL,
  name         TEXT    NOT NULL,
  runtime      TEXT    NOT NULL,
  architecture TEXT    NOT NULL,
  defended     INTEGER NOT NULL,
  decision     TEXT    NOT NULL,
  rule         TEXT    NOT NULL,
  modified     INTEGER NOT NULL,
  seen         INTEGER NOT NULL,
  body         BLOB    NOT NULL
) STRICT;
CREATE INDEX functions_place ON functions (account, region, decision, defended);

CREATE TABLE defenders (
  function_id TEXT    PRIMARY KEY,
  account     TEXT    NOT NULL,
  region      TEXT    NOT NULL,
  function    TEXT    NOT NULL,
  runtime     TEXT    NOT NULL,
  version     TEXT    NOT NULL,
  policy_etag TEXT    NOT NULL,
  first_seen  INTEGER NOT NULL,
  last_seen   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE deliveries (
  id         TEXT    PRIMARY KEY,
  profile    TEXT    NOT NULL,
  body       BLOB    NOT NULL,
  attempts   INTEGER NOT NULL,
  created    INTEGER NOT NULL,
  next       INTEGER NOT NULL,
  outcome    TEXT    NOT NULL,
  last_error TEXT    NOT NULL
) STRICT;
CREATE INDEX deliveries_next ON deliveries (outcome, next);

INSERT INTO counters (name, value) VALUES ('incident', 0);

CREATE TABLE incidents (
  serial       INTEGER PRIMARY KEY,
  id           TEXT    NOT NULL UNIQUE,
  time         INTEGER NOT NULL,
  acknowledged INTEGER NOT NULL,
  category     TEXT    NOT NULL,
  type         TEXT    NOT NULL,
  account      TEXT    NOT NULL,
  region       TEXT    NOT NULL,
  function     TEXT    NOT NULL,
  function_id  TEXT    NOT NULL,
  custom_rule  TEXT    NOT NULL,
  app_id       TEXT    NOT NULL,
  profile_id   TEXT    NOT NULL,
  body         BLOB    NOT NULL
) STRICT;
CREATE INDEX incidents_time ON incidents (time);
