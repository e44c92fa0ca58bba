// What the server refuses, as something that a page can show: what happened, what to do, whether trying again helps.
import { t } from '../text/messages';
import type { components } from './schema';

export type ProblemBody = components['schemas']['Problem'];

/** A refusal of the server, or the lack of any answer. */
export class Problem extends Error {
  override readonly name = 'Problem';

  private constructor(
    message: string,
    readonly code: string,
    readonly remedy: string,
    readonly retryable: boolean,
    /** The request's id, which the server's log has too. */
    readonly request: string | undefined,
  ) {
    super(message);
  }

  static of(body: ProblemBody): Problem {
    return new Problem(body.detail, body.code, body.remedy, body.retryable, body.instance.replace('urn:uuid:', ''));
  }

  /** There was no answer: the server or the line is down. */
  static noAnswer(cause: unknown): Problem {
    const problem = new Problem(t('problem.network'), 'no_answer', t('problem.network_remedy'), true, undefined);
    problem.cause = cause;
    return problem;
  }

  /** Something between us and the server answered, a proxy for example. */
  static foreign(status: number): Problem {
    return new Problem(`${t('problem.network')} (HTTP ${status})`, 'foreign_answer', t('problem.network_remedy'), status >= 500, undefined);
  }

  /** Whatever was thrown, as a problem. */
  static from(error: unknown): Problem {
    return error instanceof Problem ? error : Problem.noAnswer(error);
  }
}
