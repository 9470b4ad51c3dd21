import { errorOf, LeadmillError } from './errors.js';
import { unkeyed } from './unkeyed.gen.js';

/** Why and when a call is repeated. */
export interface Retry {
  method: string;
  path: string;
  /** How often it was sent so far. */
  attempt: number;
  /** What became of the last attempt. */
  error: unknown;
  /** In milliseconds. */
  pause: number;
}

export interface Options {
  /** The address of the server, such as https://leads.example.com. */
  url: string;
  /** An API key. */
  key: string;
  /** How often a call is sent at most: 5. With 1 nothing is repeated. */
  attempts?: number;
  /** The longest pause before a call is repeated, in milliseconds: 60,000. A call whose answer asks for a longer one is not repeated. */
  longestPause?: number;
  /** How many milliseconds an answer may take: 60,000. It must be longer than 25,000 if events are read. */
  timeout?: number;
  /** What sends requests: the fetch of the platform. */
  fetch?: typeof fetch;
  /** Called before each pause, such as to log it. */
  onRetry?: (retry: Retry) => void;
}

export interface Call {
  method: string;
  /** The path of the document, with the names of its parameters. */
  path: string;
  parameters?: Record<string, unknown> | undefined;
  query?: Record<string, unknown> | undefined;
  body?: unknown;
  idempotencyKey?: string | undefined;
  headers?: Record<string, string> | undefined;
  signal?: AbortSignal | undefined;
  /** Repeated until the signal says no. */
  tireless?: boolean;
}

/** The code of a request that came while the first of its key is worked on. */
const inProgress = 'idempotency_in_progress';

/** A request of which nobody knows whether it arrived. */
class ConnectionError extends Error {}

/** Sends calls, again where that is safe. */
export class Transport {
  readonly #options: Options;
  readonly #base: string;

  constructor(options: Options) {
    const url = new URL(options.url);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw new TypeError(`${options.url} is no http or https address`);
    }
    this.#options = options;
    this.#base = options.url.replace(/\/+$/, '');
  }

  async do(call: Call): Promise<unknown> {
    const { attempts = 5, longestPause = 60_000, onRetry } = this.#options;
    const reads = call.method === 'GET';
    const keyed = reads || !unkeyed.includes(`${call.method} ${call.path}`);
    const headers: Record<string, string> = { Authorization: `Bearer ${this.#options.key}`, Accept: 'application/json' };
    if (call.body !== undefined) {
      headers['Content-Type'] = typeof call.body === 'string' ? 'text/csv' : 'application/json';
    }
    if (call.idempotencyKey !== undefined || (keyed && !reads)) {
      headers['Idempotency-Key'] = call.idempotencyKey ?? newKey();
    }
    const init: RequestInit = { method: call.method, headers: { ...headers, ...call.headers } };
    if (call.body !== undefined) {
      init.body = typeof call.body === 'string' ? call.body : JSON.stringify(call.body);
    }
    const address = this.#base + pathOf(call) + queryOf(call);
    let waited = 0; // for the outcome of a request that is in progress
    for (let attempt = 1; ; attempt++) {
      call.signal?.throwIfAborted();
      try {
        return await this.#send(address, init, call.signal);
      } catch (error) {
        call.signal?.throwIfAborted();
        const tireless = call.tireless === true;
        let pause: number | undefined;
        if (error instanceof LeadmillError && error.code === inProgress && waited < longestPause) {
          // As after a connection that was cut: the outcome is waited for, beyond the attempts.
          pause = Math.max(error.retryAfter, Math.min(longestPause, 1000) * (0.5 + Math.random() / 2));
          waited += pause;
          pause = pause <= longestPause ? pause : undefined;
        } else if (attempt < attempts || tireless) {
          pause = pauseAfter(error, attempt, keyed, tireless, longestPause);
        }
        if (pause === undefined) {
          throw error instanceof ConnectionError ? error.cause : error;
        }
        onRetry?.({ method: call.method, path: call.path, attempt, error, pause });
        await sleep(pause, call.signal);
      }
    }
  }

  async #send(address: string, init: RequestInit, signal: AbortSignal | undefined): Promise<unknown> {
    const { timeout = 60_000, fetch: send = fetch } = this.#options;
    const control = new AbortController();
    const stop = () => control.abort(signal?.reason);
    signal?.addEventListener('abort', stop);
    const timer = setTimeout(() => control.abort(new Error(`no answer within ${timeout} ms`)), timeout);
    let answer: Response;
    let text: string;
    try {
      answer = await send(address, { ...init, signal: control.signal });
      text = await answer.text();
    } catch (error) {
      throw new ConnectionError('the connection failed', { cause: error });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    }
    if (answer.status === 204) {
      return undefined;
    }
    if (!answer.ok || !(answer.headers.get('Content-Type') ?? '').startsWith('application/json')) {
      throw errorOf(answer.status, answer.headers, text);
    }
    return JSON.parse(text);
  }
}

/**
 * How long to wait until a request that failed is sent again, or undefined when it is not. What has an Idempotency-Key, or reads, may be
 * sent again although nobody knows whether it arrived; what has none only when the server said that it did nothing.
 */
function pauseAfter(error: unknown, attempt: number, keyed: boolean, tireless: boolean, longest: number): number | undefined {
  const most = Math.min(longest, 250 * 2 ** Math.min(attempt - 1, 7));
  const pause = most / 2 + (Math.random() * most) / 2;
  if (error instanceof ConnectionError) {
    return keyed ? pause : undefined;
  }
  if (!(error instanceof LeadmillError)) {
    return undefined;
  }
  const lost = error.status === 502 || error.status === 504; // said by a proxy that lost its connection
  const again =
    error.status === 429 ||
    error.status === 503 ||
    (lost && keyed) ||
    (tireless && error.status === 500);
  if (!again || (error.retryAfter > longest && !tireless)) {
    return undefined;
  }
  // Somewhat later than asked for, so that not all come back at once.
  return error.retryAfter > 0 ? error.retryAfter + Math.min(pause, 1000) : pause;
}

/** Waits, or throws the reason of the signal. */
export async function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    signal?.addEventListener('abort', stop, { once: true });
  });
}

/** Not crypto.randomUUID, which browsers have on pages of https alone. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
}

function pathOf(call: Call): string {
  return call.path.replace(/\{([a-z_]+)\}/g, (_, name: string) => {
    const value = String(call.parameters?.[name] ?? '');
    if (value === '' || value === '.' || value === '..') {
      throw new TypeError(`${call.method} ${call.path}: ${name} is "${value}", which names nothing`);
    }
    return encodeURIComponent(value);
  });
}

function queryOf(call: Call): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(call.query ?? {})) {
    if (value !== undefined && value !== null) {
      query.set(name, String(value));
    }
  }
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}
