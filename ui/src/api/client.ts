// The server, through types that are generated from its OpenAPI document.
import createClient from 'openapi-fetch';

import { Problem, type ProblemBody } from './problem';
import type { components, paths } from './schema';

export const api = createClient<paths>({ baseUrl: '/', credentials: 'same-origin' });

export type Schemas = components['schemas'];
export type Document = Schemas['DocumentView'];
export type Job = Schemas['JobView'];
export type JobSummary = Schemas['JobSummaryView'];
export type JobStatus = Job['status'];
export type Pipeline = Schemas['PipelineView'];
export type Me = Schemas['Me'];

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

let whenSignedOut: () => void = () => {};

/** Told whenever the server says that the session has ended. */
export function onSignedOut(tell: () => void): void {
  whenSignedOut = tell;
}

/** What the server answered. Throws a `Problem` for a refusal, a break of the connection, and an answer from something else. */
export async function take<T>(call: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await call;
  } catch (error) {
    throw Problem.noAnswer(error);
  }
  if (answer.response.ok) return answer.data as T;
  if (answer.response.status === 401) whenSignedOut();
  throw isProblem(answer.error) ? Problem.of(answer.error) : Problem.foreign(answer.response.status);
}

function isProblem(body: unknown): body is ProblemBody {
  return typeof body === 'object' && body !== null && 'code' in body && 'remedy' in body;
}

export { isProblem };
