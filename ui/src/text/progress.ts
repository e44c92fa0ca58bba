// How far an upload or a job is, in words and as a share.
import type { Job, JobSummary } from '../api/client';
import type { Upload } from '../state/uploads.svelte';
import { span, t, word } from './messages';

/** Between 0 and 1; nothing while that is not known. */
export function share(upload: Upload): number | undefined {
  switch (upload.phase.kind) {
    case 'sending':
      return upload.phase.share;
    case 'following':
      return upload.phase.job && jobShare(upload.phase.job);
    default:
      return undefined;
  }
}

export function progressText(upload: Upload): string {
  switch (upload.phase.kind) {
    case 'waiting':
    case 'resting':
      return t('upload.waiting');
    case 'sending':
      return t('upload.uploading', { percent: upload.phase.share });
    case 'following':
      return upload.phase.job ? jobText(upload.phase.job) : t('upload.queued');
    default:
      return '';
  }
}

export function jobShare(job: Job): number | undefined {
  return shareOf(job.status, job.progress);
}

export function summaryShare(job: JobSummary): number | undefined {
  return shareOf(job.status, job.progress);
}

/** “Reading: page 3 of 12 · about 20 s left”, “Queued, 2 jobs before it”. */
export function jobText(job: Job): string {
  const stage = (job.stages.find(({ status }) => status === 'running') ?? job.stages[0])?.type;
  return textOf({ ...job, stage });
}

export function summaryText(job: JobSummary): string {
  return textOf(job);
}

interface Going {
  status: Job['status'];
  progress: Job['progress'];
  queue_position?: number | null | undefined;
  eta_seconds?: number | null | undefined;
  stage?: string | null | undefined;
}

function shareOf(status: Job['status'], { pages_done, pages_total }: Job['progress']): number | undefined {
  return status === 'running' && pages_total ? pages_done / pages_total : undefined;
}

function textOf(job: Going): string {
  if (job.status === 'queued') {
    return typeof job.queue_position === 'number' ? t('upload.queued_at', { position: job.queue_position }) : t('upload.queued');
  }
  if (job.status !== 'running') return word('status', job.status);
  const stage = word('stage', job.stage ?? 'ocr');
  const { pages_done, pages_total } = job.progress;
  const where = pages_total
    ? t('upload.running', { stage, done: pages_done, total: pages_total })
    : t('upload.running_unknown', { stage });
  return typeof job.eta_seconds === 'number' ? `${where} · ${t('upload.remaining', { time: span(job.eta_seconds) })}` : where;
}
