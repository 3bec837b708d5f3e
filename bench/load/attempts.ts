import type { Random } from '../../test/random.ts';
import { type Answer, type Call, mayBeRepeated, type Send } from './client.ts';
import type { Outcome } from './sessions.ts';

/** How a client repeats what it may repeat. */
export interface Patience {
  readonly retries: number;
  readonly random: Random;
}

/** The first pause before a repeat, in milliseconds; each further one is twice as long, give or take a half. */
const PAUSE_MS = 50;

/** The connection was lost, or nobody was there to answer: the call may or may not have taken effect. */
const isLost = (answer: Answer) => !answer.ok && answer.code === 'UNAVAILABLE';

/** Sends a call, and sends it again while its answer is lost and patience lasts. */
export function insist(
  send: Send,
  call: Call,
  { retries, random }: Patience,
  done: (outcome: Outcome) => void,
): void {
  const most = mayBeRepeated(call) ? 1 + retries : 1;
  const { verify } = call;
  let attempts = 0;

  const attempt = (): void => {
    attempts += 1;
    send(call, (answer) => {
      // A repeat that comes too late for its etag, because the first attempt was done after all.
      const overtaken = attempts > 1 && verify !== undefined && !answer.ok && answer.code === 'ABORTED';
      if (overtaken) look(answer);
      else if (isLost(answer) && attempts < most) pause(() => (verify ? look(answer) : attempt()));
      else done({ ...answer, attempts });
    });
  };
  const look = (lost: Answer): void => {
    if (!verify) return;
    send(verify.call, (answer) => {
      if (answer.ok && verify.done(answer.reply)) done({ ...answer, attempts });
      else if (attempts >= most) done({ ...lost, attempts });
      else if (answer.ok) attempt();
      else pause(attempt);
    });
  };
  const pause = (then: () => void) =>
    setTimeout(then, PAUSE_MS * 2 ** (attempts - 1) * (0.5 + random.next()));
  attempt();
}
