-- How many audits there are, by tier and span of time: the counts of neighbouring keys are packed into one row, so that a
-- fold writes and a chart reads few. The counts are made anew from the audits.
DROP TABLE audit_counts;
CREATE TABLE audit_tallies (
  tier bigint NOT NULL,
  bucket bigint NOT NULL,
  part bigint NOT NULL,
  counts bytea NOT NULL,
  PRIMARY KEY (tier, bucket, part)
);
UPDATE counters SET value = 0 WHERE name = 'counted';
