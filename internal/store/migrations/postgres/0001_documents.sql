CREATE TABLE documents (
  kind     text   NOT NULL,
  id       text   NOT NULL,
  version  bigint NOT NULL,
  modified bigint NOT NULL,
  body     bytea  NOT NULL,
  PRIMARY KEY (kind, id)
);

CREATE TABLE generations (
  kind       text   PRIMARY KEY,
  generation bigint NOT NULL
);

CREATE TABLE mgmt_audits (
  seq       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  time      bigint NOT NULL,
  type      text   NOT NULL,
  username  text   NOT NULL,
  api       text   NOT NULL,
  diff      text   NOT NULL,
  failure   bigint NOT NULL,
  source_ip text   NOT NULL,
  status    text   NOT NULL
);
CREATE INDEX mgmt_audits_time ON mgmt_audits (time);
