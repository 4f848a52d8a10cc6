import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import type { Queue } from 'bullmq';
import type { RequestHandler } from 'express';

export const JOBS_PATH = '/jobs';

/** What waits and runs in the shared queue. For looking: the rows of the sessions are the truth. */
export function jobsDashboard(queue: Queue): RequestHandler {
  const adapter = new ExpressAdapter();
  adapter.setBasePath(JOBS_PATH);
  createBullBoard({ queues: [new BullMQAdapter(queue, { readOnlyMode: true })], serverAdapter: adapter });
  return adapter.getRouter();
}
