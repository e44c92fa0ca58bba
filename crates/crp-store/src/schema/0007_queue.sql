-- The queue of an organization by priority, so that the place of a job is counted from the index alone; limits of running tasks,
-- and the stage of each task, so that a claim passes over a stage that is full without reading its tasks.

CREATE INDEX jobs_queued ON jobs (organization, priority, id) WHERE status = 'queued';

ALTER TABLE organizations ADD COLUMN max_running_tasks {int};

-- Empty in tasks that a process of an older version makes while it is still there.
ALTER TABLE tasks ADD COLUMN stage {text} NOT NULL DEFAULT '';
UPDATE tasks SET stage = COALESCE((SELECT s.stage FROM stage_runs s WHERE s.job = tasks.job AND s.stage_index = tasks.stage_index), '');
CREATE INDEX tasks_ready_stage ON tasks (organization, stage, priority DESC, run_after, first_page, id) WHERE state = 'ready';
CREATE INDEX tasks_running_stage ON tasks (stage) WHERE state = 'running';
