import type { Event } from './types.js';

/** A message that claims to be from a webhook and is not, or not of now. */
export class WebhookError extends Error {
  override name = 'WebhookError';
  readonly reason: 'signature' | 'timestamp';

  constructor(reason: 'signature' | 'timestamp') {
    super(reason === 'signature' ? 'the signature is not of any of the secrets' : 'the message is too old, or from the future');
    this.reason = reason;
  }
}

/** How many seconds older or newer than now a message may be. */
export const webhookTolerance = 5 * 60;

/** What was signed. An id comes again when the message is sent again: whoever handled it already passes over it. */
export interface Message {
  id: string;
  sent: Date;
  body: string;
  /** Reads the body as an event. */
  event(): Event;
}

type HeadersOf = Headers | Record<string, string | string[] | undefined>;

/**
 * Checks a message that is signed as Standard Webhooks 1.0 says, those of webhooks and deliveries to buyers, and throws a WebhookError
 * when it is not. The body is what came, byte by byte; the headers are those of fetch or of Node.js. While a secret is rotated, give the
 * old and the new.
 */
export async function verifyWebhook(
  secrets: string | readonly string[],
  headers: HeadersOf,
  body: string | Uint8Array,
  now: Date = new Date(),
): Promise<Message> {
  const keys = await Promise.all((typeof secrets === 'string' ? [secrets] : secrets).map(keyOf));
  if (keys.length === 0) {
    throw new TypeError('a webhook needs a secret');
  }
  const get = (name: string) => (headers instanceof Headers ? headers.get(name) : headers[name]) ?? '';
  const id = String(get('webhook-id'));
  const sent = String(get('webhook-timestamp'));
  if (id === '' || !/^\d{1,12}$/.test(sent)) {
    throw new WebhookError('signature');
  }
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  const prefix = new TextEncoder().encode(`${id}.${sent}.`);
  const signed = new Uint8Array(prefix.length + bytes.length);
  signed.set(prefix);
  signed.set(bytes, prefix.length);
  let ok = false;
  for (const one of String(get('webhook-signature')).split(' ')) {
    const given = one.startsWith('v1,') ? decode(one.slice('v1,'.length)) : undefined;
    for (const key of given === undefined ? [] : keys) {
      ok = (await crypto.subtle.verify('HMAC', key, given as Uint8Array<ArrayBuffer>, signed)) || ok;
    }
  }
  if (!ok) {
    throw new WebhookError('signature');
  }
  if (Math.abs(now.getTime() / 1000 - Number(sent)) > webhookTolerance) {
    throw new WebhookError('timestamp');
  }
  const text = new TextDecoder().decode(bytes);
  return { id, sent: new Date(Number(sent) * 1000), body: text, event: () => JSON.parse(text) as Event };
}

async function keyOf(secret: string): Promise<CryptoKey> {
  const bytes = decode(secret.replace(/^whsec_/, ''));
  if (bytes === undefined || bytes.length === 0) {
    throw new TypeError('a secret is whsec_ and base64');
  }
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
}

function decode(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  } catch {
    return undefined;
  }
}
