CREATE TABLE documents (
  kind text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  modified bigint NOT NULL,
  body bytea NOT NULL,
  PRIMARY KEY (kind, id)
);

CREATE TABLE generations (
  kind text COLLATE "C" PRIMARY KEY,
  generation bigint NOT NULL
);

CREATE TABLE mgmt_audits (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  time bigint NOT NULL,
  type text COLLATE "C" NOT NULL,
  username text COLLATE "C" NOT NULL,
  api text COLLATE "C" NOT NULL,
  diff text COLLATE "C" NOT NULL,
  failure bigint NOT NULL,
  source_ip text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL
);
CREATE INDEX mgmt_audits_time ON mgmt_audits (time);
