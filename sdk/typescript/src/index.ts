import { batches, type Cursor, type EventBatch, type EventOptions, type Followed } from './events.js';
import { Transport, type Call, type Options } from './transport.js';
import type { AnswerOf, Arguments, EventType, ItemOf, ListPath, PathOf } from './types.js';

export type * from './api.gen.js';
export type { Cursor, EventBatch, EventOptions, Followed } from './events.js';
export { LeadmillError, LogChangedError, PositionArchivedError } from './errors.js';
export type { Options, Retry } from './transport.js';
export type { AnswerOf, Event, EventData, EventType, InitOf, ItemOf, ListPath, PathOf } from './types.js';
export { verifyWebhook, webhookTolerance, WebhookError, type Message } from './webhook.js';

/**
 * Talks to a Leadmill server. A call is named by its path in the OpenAPI document, which knows the types of all that goes with it and of
 * the answer. Calls are repeated where that is safe: after 429 and 503, as Retry-After says, and after connections that failed. What
 * changes something carries an Idempotency-Key, made once for the call, so that it happens once however often it is sent. What the
 * server refuses is thrown as a LeadmillError.
 *
 * Amounts are numbers, as JSON.parse reads them: round what you compute with them to the decimals of their currency.
 */
export class Leadmill {
  readonly #transport: Transport;

  constructor(options: Options) {
    this.#transport = new Transport(options);
  }

  get<P extends PathOf<'get'>>(path: P, ...[init]: Arguments<P, 'get'>): Promise<AnswerOf<P, 'get'>> {
    return this.#call('GET', path, init);
  }

  post<P extends PathOf<'post'>>(path: P, ...[init]: Arguments<P, 'post'>): Promise<AnswerOf<P, 'post'>> {
    return this.#call('POST', path, init);
  }

  put<P extends PathOf<'put'>>(path: P, ...[init]: Arguments<P, 'put'>): Promise<AnswerOf<P, 'put'>> {
    return this.#call('PUT', path, init);
  }

  delete<P extends PathOf<'delete'>>(path: P, ...[init]: Arguments<P, 'delete'>): Promise<AnswerOf<P, 'delete'>> {
    return this.#call('DELETE', path, init);
  }

  /** Goes through all pages of a list, from the one on that the query names. Each is asked for when the one before was gone through. */
  async *each<P extends ListPath>(path: P, ...[init]: Arguments<P, 'get'>): AsyncGenerator<ItemOf<P>, void, undefined> {
    const { query, ...rest } = (init ?? {}) as Sent;
    let next: string | null = null;
    let asked = query;
    do {
      const page: { data: ItemOf<P>[]; links: { next: string | null } } = await this.#call('GET', path, { ...rest, query: asked });
      yield* page.data;
      next = page.links.next;
      if (next !== null) {
        const cursor = new URL(next, 'http://localhost').searchParams.get('cursor');
        if (cursor === null) {
          throw new Error(`the link to the next page has no cursor: ${next}`);
        }
        asked = { ...query, page: undefined, cursor };
      }
    } while (next !== null);
  }

  /**
   * Goes through the log of events after a cursor, in its order, and waits for more at its end. It outlives restarts and failures of the
   * server: it asks again, ever more slowly, until the signal ends it, without an error. Anything else is thrown: a key that may not
   * read, a filter that is wrong, a LogChangedError, a PositionArchivedError. Members and types that it does not know are passed on.
   */
  async *events<T extends EventType = EventType>(after: Cursor, options: EventOptions<T> = {}): AsyncGenerator<Followed<T>, void, undefined> {
    for await (const batch of this.eventBatches(after, options)) {
      yield* batch.events;
    }
  }

  /**
   * The same page by page, for those who store one cursor for many events. A page may be empty: with types, its cursor moves past events
   * of other types, which are then not looked at again.
   */
  eventBatches<T extends EventType = EventType>(after: Cursor, options: EventOptions<T> = {}): AsyncGenerator<EventBatch<T>, void, undefined> {
    return batches(this.#transport, after, options);
  }

  async #call<T>(method: string, path: string, init: unknown): Promise<T> {
    const { path: parameters, ...rest } = (init ?? {}) as Sent;
    return (await this.#transport.do({ ...rest, method, path, parameters })) as T;
  }
}

/** What goes with a call, when its types are not known any more. */
type Sent = Omit<Call, 'method' | 'path' | 'parameters' | 'tireless'> & { path?: Record<string, unknown> };

