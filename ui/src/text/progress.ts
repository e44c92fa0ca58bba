// How far an upload or a job is, in words and as a share.
import type { Job } from '../api/client';
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

export function jobShare(job: Job): number | undefined {
  const { pages_done, pages_total } = job.progress;
  return job.status === 'running' && pages_total ? pages_done / pages_total : undefined;
}

export function progressText(upload: Upload): string {
  switch (upload.phase.kind) {
    case 'waiting':
      return t('upload.waiting');
    case 'sending':
      return t('upload.uploading', { percent: upload.phase.share });
    case 'following':
      return upload.phase.job ? [jobText(upload.phase.job), remaining(upload)].filter(Boolean).join(' · ') : t('upload.queued');
    default:
      return '';
  }
}

/** “Reading: page 3 of 12”, “Queued, 2 jobs before it”. */
export function jobText(job: Job): string {
  if (job.status === 'queued') {
    return job.queue_position === null || job.queue_position === undefined
      ? t('upload.queued')
      : t('upload.queued_at', { position: job.queue_position });
  }
  if (job.status !== 'running') return word('status', job.status);
  const stage = word('stage', (job.stages.find(({ status }) => status === 'running') ?? job.stages[0])?.type ?? 'ocr');
  const { pages_done, pages_total } = job.progress;
  return pages_total ? t('upload.running', { stage, done: pages_done, total: pages_total }) : t('upload.running_unknown', { stage });
}

/** The time that is left, by the pages since the first one was seen; nothing before there is anything to go by. */
function remaining(upload: Upload): string | undefined {
  const job = upload.phase.kind === 'following' ? upload.phase.job : undefined;
  const total = job?.progress.pages_total;
  if (!job || !upload.since || !total || job.status !== 'running') return undefined;
  const pages = job.progress.pages_done - upload.since.pages;
  if (pages < 2) return undefined;
  const perPage = (Date.now() - upload.since.at) / 1000 / pages;
  return t('upload.remaining', { time: span(perPage * (total - job.progress.pages_done)) });
}
