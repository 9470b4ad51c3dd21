import type { components } from './api.gen.js';
import { sleep, type Transport } from './transport.js';
import type { Event, EventType } from './types.js';

/**
 * A place in the log of events: what was handled lies before it. It is one text, <log>:<position>, because a position means nothing in
 * another log. The empty text is before the first event.
 *
 * Store it in the same transaction as what handling the events did: then each event counts exactly once. Else every event comes at least
 * once.
 */
export type Cursor = string;

export interface EventOptions<T extends EventType = EventType> {
  /** Such as lead.sold.v1; all when there is none. */
  types?: readonly T[];
  /** Of a page: 1 to 1,000, 100 when it is not said. */
  limit?: number;
  /** Ends at the end of the log instead of waiting for more. */
  untilEnd?: boolean;
  /** Ends the loop, without an error. */
  signal?: AbortSignal;
}

/** An event and where to go on when it was handled. */
export interface Followed<T extends EventType = EventType> {
  event: Event<T>;
  cursor: Cursor;
}

/** A page of the log and where to go on when all of it was handled. It may be empty. */
export interface EventBatch<T extends EventType = EventType> {
  events: Followed<T>[];
  next: Cursor;
}

/** How many seconds a request waits for events, as long as the server lets it. */
const longPoll = 25;

/** The shortest pause between two requests that found nothing, in milliseconds, in case the server does not wait. */
const hasty = 1000;

export async function* batches<T extends EventType>(transport: Transport, after: Cursor, options: EventOptions<T>): AsyncGenerator<EventBatch<T>, void, undefined> {
  const { signal } = options;
  let at = parse(after);
  for (;;) {
    const began = Date.now();
    let page: components['schemas']['EventPage'];
    try {
      page = (await transport.do({
        method: 'GET',
        path: '/v1/events',
        query: {
          after: at.position,
          log_id: at.log,
          limit: options.limit,
          types: options.types?.length ? options.types.join(',') : undefined,
          wait: options.untilEnd === true ? undefined : longPoll,
        },
        signal,
        tireless: true,
      })) as components['schemas']['EventPage'];
    } catch (error) {
      if (signal?.aborted === true) {
        return;
      }
      throw error;
    }
    const next = `${page.log_id}:${page.next}`;
    const events = page.data.map((event, i) => ({
      event: event as unknown as Event<T>,
      cursor: i === page.data.length - 1 ? next : `${page.log_id}:${Number(event.sequence)}`,
    }));
    const nothing = events.length === 0 && page.next === at.position;
    if (page.next !== at.position || page.log_id !== at.log) {
      yield { events, next };
    }
    at = { log: page.log_id, position: page.next };
    if (nothing && options.untilEnd === true) {
      return;
    }
    const early = hasty - (Date.now() - began);
    if (nothing && early > 0) {
      try {
        await sleep(early, signal);
      } catch {
        return;
      }
    }
  }
}

function parse(cursor: Cursor): { log: string | undefined; position: number } {
  if (cursor === '') {
    return { log: undefined, position: 0 };
  }
  const [, log, position] = /^([^:]+):(\d+)$/.exec(cursor) ?? [];
  if (log === undefined || position === undefined) {
    throw new TypeError(`"${cursor}" is no cursor`);
  }
  return { log, position: Number(position) };
}
