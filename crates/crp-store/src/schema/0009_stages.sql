-- The stage of each task, so that a claim passes over a stage that is full without reading its tasks. It is asked for only of tasks
-- that wait or run; of the others, which may be millions, none is touched. Empty in tasks that a process of an older version makes
-- while it is still there.

ALTER TABLE tasks ADD COLUMN stage {text} NOT NULL DEFAULT '';
UPDATE tasks SET stage = COALESCE((SELECT s.stage FROM stage_runs s WHERE s.job = tasks.job AND s.stage_index = tasks.stage_index), '')
    WHERE state IN ('ready', 'running');
CREATE INDEX tasks_ready_stage ON tasks (organization, stage, priority DESC, run_after, first_page, id) WHERE state = 'ready';
CREATE INDEX tasks_running_stage ON tasks (stage) WHERE state = 'running';
