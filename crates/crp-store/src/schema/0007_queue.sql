-- The queue of an organization by priority, so that the place of a job is counted from the index alone.

CREATE INDEX jobs_queued ON jobs (organization, priority, id) WHERE status = 'queued';
