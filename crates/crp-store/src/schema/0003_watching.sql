-- What people watch: which jobs changed, which of them need somebody, what happened in a span of time; and sessions that can be told apart.

-- When the newest event of the job happened, or somebody dismissed it; the stream of an organization reads by it.
ALTER TABLE jobs ADD COLUMN changed_at {int} NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN dismissed_at {int};
-- The pipeline file of a job that ran one which is not saved.
ALTER TABLE jobs ADD COLUMN source {text};
ALTER TABLE jobs ADD COLUMN warning_count {int} NOT NULL DEFAULT 0;

UPDATE jobs SET changed_at = COALESCE(finished_at, started_at, created_at);
-- The final event of a job that did not fail tells how many warnings it has.
UPDATE jobs SET warning_count = COALESCE(
    (SELECT CAST(e.payload ->> 'warnings' AS BIGINT) FROM events e
     WHERE e.job = jobs.id AND e.id = jobs.last_event AND e.kind IN ('succeeded', 'cancelled')),
    (SELECT count(*) FROM events e WHERE e.job = jobs.id AND e.kind = 'warning'));

CREATE INDEX jobs_changed ON jobs (organization, changed_at, id);
CREATE INDEX jobs_active ON jobs (organization, id) WHERE status IN ('queued', 'running');
CREATE INDEX jobs_created ON jobs (organization, created_at);
CREATE INDEX jobs_started ON jobs (organization, started_at) WHERE started_at IS NOT NULL;
CREATE INDEX jobs_finished ON jobs (organization, status, finished_at, pages_done, id) WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_never_started ON jobs (organization, finished_at) WHERE started_at IS NULL AND finished_at IS NOT NULL;

ALTER TABLE sessions ADD COLUMN id {uuid};
UPDATE sessions SET id = {new_uuid};
CREATE INDEX sessions_id ON sessions (id);
