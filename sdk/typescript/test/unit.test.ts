// What needs no server: answers are scripted.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Leadmill, LeadmillError, LogChangedError, PositionArchivedError, verifyWebhook, webhookTolerance, WebhookError, type Options } from '@leadmill/sdk';

type Answer = () => Response;

const says =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  () =>
    new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json', ...headers } });

const cuts: Answer = () => {
  throw new TypeError('fetch failed');
};

interface Asked {
  url: URL;
  headers: Headers;
  body: unknown;
}

function play(answers: Answer[], options: Partial<Options> = {}) {
  const asked: Asked[] = [];
  const client = new Leadmill({
    url: 'https://leads.example.com/',
    key: 'lm_program_x',
    longestPause: 1,
    fetch: async (url, init) => {
      asked.push({ url: new URL(String(url)), headers: new Headers(init?.headers), body: init?.body });
      init?.signal?.throwIfAborted();
      return (answers[Math.min(asked.length, answers.length) - 1] as Answer)();
    },
    ...options,
  });
  return { client, asked };
}

const ok = says(201, { data: { id: 'partner_1' }, status: 1 });
const busy = { status: 0, message: 'Service unavailable', code: 'service_unavailable', request_id: 'req_1' };
const progress = { ...busy, code: 'idempotency_in_progress' };
const html = { 'Content-Type': 'text/html' };

for (const [name, answers, sent, fails] of [
  ['at once', [ok], 1, false],
  ['503', [says(503, busy), says(503, busy), ok], 3, false],
  ['429', [says(429, busy), ok], 2, false],
  ['a connection that is cut', [cuts, cuts, ok], 3, false],
  ['a proxy that lost the server', [says(502, '<html>', html), says(504, ''), ok], 3, false],
  ['in progress', [cuts, says(409, progress), ok], 3, false],
  ['five times and no more', [says(503, busy)], 5, true],
  ['not our fault', [says(500, busy), ok], 1, true],
  ['not a refusal', [says(422, busy), ok], 1, true],
  ['not sooner than the server asks', [says(429, busy, { 'Retry-After': '60' }), ok], 1, true],
  ['not a page of somebody else', [says(200, '<html>', html), ok], 1, true],
] as const) {
  test(`what is repeated: ${name}`, async () => {
    const { client, asked } = play([...answers]);
    const call = client.post('/v1/partners', { body: { email: 'a@example.com' } });
    if (fails) {
      await assert.rejects(call, LeadmillError);
    } else {
      assert.equal((await call).data.id, 'partner_1');
    }
    const keys = new Set(asked.map((a) => a.headers.get('Idempotency-Key')));
    assert.equal(asked.length, sent);
    assert.equal(keys.size, 1);
    assert.match([...keys][0] ?? '', /^[0-9a-f]{32}$/);
    assert.deepEqual(new Set(asked.map((a) => a.body)), new Set(['{"email":"a@example.com"}']));
    assert.equal(asked[0]?.url.href, 'https://leads.example.com/v1/partners');
    assert.equal(asked[0]?.headers.get('Authorization'), 'Bearer lm_program_x');
  });
}

test('the outcome of a call that the server is at work on is waited for, but not for ever', async () => {
  const { client, asked } = play([says(409, progress), ok], { attempts: 1 });
  await client.post('/v1/partners', { body: { email: 'a@example.com' } });
  assert.equal(asked.length, 2);
  const never = play([says(409, progress)]).client.post('/v1/partners', { body: { email: 'a@example.com' } });
  await assert.rejects(never, (e) => e instanceof LeadmillError && e.code === 'idempotency_in_progress');
});

test('a key is of one call', async () => {
  const { client, asked } = play([ok]);
  await client.post('/v1/partners', { body: { email: 'a@example.com' } });
  await client.post('/v1/partners', { body: { email: 'a@example.com' } });
  await client.post('/v1/partners', { body: { email: 'a@example.com' }, idempotencyKey: 'mine' });
  await client.get('/v1/partners/{id}', { path: { id: 'a b/c' } });
  const keys = asked.map((a) => a.headers.get('Idempotency-Key'));
  assert.notEqual(keys[0], keys[1]);
  assert.deepEqual(keys.slice(2), ['mine', null]);
  assert.equal(asked[3]?.url.pathname, '/v1/partners/a%20b%2Fc');
});

test('what takes no key is not repeated blindly', async () => {
  const { client, asked } = play([says(503, busy), cuts, says(200, {})]);
  const path = { id: 'camp_1', contract_id: 'ctr_1' };
  await assert.rejects(client.post('/v1/campaigns/{id}/contracts/{contract_id}/test-delivery', { path }), TypeError);
  assert.deepEqual(asked.map((a) => a.headers.get('Idempotency-Key')), [null, null]);
});

test('a pause ends with its signal', async () => {
  const control = new AbortController();
  const { client } = play([says(429, busy, { 'Retry-After': '3600' })], {
    longestPause: 7_200_000,
    onRetry: (r) => {
      assert.deepEqual([r.method, r.path, r.attempt], ['POST', '/v1/partners', 1]);
      assert.ok(r.pause >= 3_600_000 && r.pause <= 3_601_000);
      control.abort(new Error('enough'));
    },
  });
  await assert.rejects(client.post('/v1/partners', { body: { email: 'a@example.com' }, signal: control.signal }), /enough/);
});

test('an answer that does not come is a connection that failed', async () => {
  let asked = 0;
  const { client } = play([], {
    timeout: 1,
    fetch: (_, init) => (asked++, new Promise((_, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason)))),
  });
  await assert.rejects(client.get('/v1/buyers'), /no answer within 1 ms/);
  assert.equal(asked, 5);
});

test('errors', async () => {
  const v1 = { status: 0, message: 'Invalid', code: 'validation_failed', errors: { email: ['Email already exists'] }, request_id: 'req_1' };
  const api = { success: false, error: 'Wrong', code: 'invalid_field', fields: ['state', 'zip'], errors: { state: 'is not a US state' }, hint: 'Look', request_id: 'req_2' };
  const of = async (answer: Answer) => {
    const error: unknown = await play([answer]).client.get('/v1/buyers').catch((e: unknown) => e);
    assert.ok(error instanceof LeadmillError);
    return [error.status, error.code, error.fields, error.hint, error.requestId, error.message];
  };
  assert.deepEqual(await of(says(422, v1)), [422, 'validation_failed', { email: ['Email already exists'] }, undefined, 'req_1', '422 validation_failed: Invalid']);
  assert.deepEqual(await of(says(400, api)), [400, 'invalid_field', { state: ['is not a US state'], zip: [] }, 'Look', 'req_2', '400 invalid_field: Wrong']);
  assert.deepEqual(await of(says(404, '<html>', { ...html, 'X-Request-Id': 'theirs' })), [404, '', {}, undefined, 'theirs', '404, which is no answer of Leadmill']);
});

const buyers = (next: string | null, ...ids: string[]) =>
  says(200, { data: ids.map((id) => ({ id })), links: { next: next && `https://leads.example.com/v1/buyers?limit=2&cursor=${next}` }, status: 1 });

test('pages', async () => {
  const { client, asked } = play([buyers('c%2B1', 'a', 'b'), buyers('c2', 'c'), buyers(null, 'd')]);
  const ids: string[] = [];
  for await (const buyer of client.each('/v1/buyers', { query: { limit: 2, page: 1 } })) {
    ids.push(buyer.id);
  }
  assert.deepEqual(ids, ['a', 'b', 'c', 'd']);
  assert.deepEqual(asked.map((a) => a.url.search), ['?limit=2&page=1', '?limit=2&cursor=c%2B1', '?limit=2&cursor=c2']);

  const early = play([buyers('c1', 'a', 'b')]);
  for await (const buyer of early.client.each('/v1/buyers')) {
    assert.equal(buyer.id, 'a');
    break;
  }
  assert.equal(early.asked.length, 1);
});

const page = (log: string, next: number, ...positions: number[]) =>
  says(200, {
    data: positions.map((p) => ({ id: `evt_${p}`, type: 'lead.sold.v1', sequence: String(p).padStart(20, '0'), data: { lead_id: `lead_${p}`, payout: 31.5 } })),
    next,
    log_id: log,
    status: 1,
  });

test('events', async () => {
  const { client, asked } = play([page('log_a', 7, 3, 5), says(500, busy), ...Array<Answer>(6).fill(says(503, busy)), cuts, page('log_a', 9), page('log_a', 12, 12)]);
  const control = new AbortController();
  const got: unknown[] = [];
  for await (const { event, cursor } of client.events('', { types: ['lead.sold.v1'], limit: 2, signal: control.signal })) {
    got.push([event.data.lead_id, event.data.payout, cursor]);
    if (event.data.lead_id === 'lead_12') {
      control.abort();
    }
  }
  assert.deepEqual(got, [['lead_3', 31.5, 'log_a:3'], ['lead_5', 31.5, 'log_a:7'], ['lead_12', 31.5, 'log_a:12']]);
  assert.equal(asked[0]?.url.search, '?after=0&limit=2&types=lead.sold.v1&wait=25');
  assert.equal(asked[10]?.url.search, '?after=9&log_id=log_a&limit=2&types=lead.sold.v1&wait=25');
});

test('events until the end', async () => {
  const { client, asked } = play([page('log_a', 7, 7), page('log_a', 9), page('log_a', 9)]);
  const cursors: string[] = [];
  for await (const batch of client.eventBatches('log_a:6', { untilEnd: true })) {
    cursors.push(batch.next);
  }
  assert.deepEqual(cursors, ['log_a:7', 'log_a:9']);
  assert.deepEqual(asked.map((a) => a.url.search), ['?after=6&log_id=log_a', '?after=7&log_id=log_a', '?after=9&log_id=log_a']);
});

test('a cursor that means nothing is refused', async () => {
  const read = async (answer: Answer, cursor = 'log_a:9'): Promise<unknown> => play([answer]).client.events(cursor).next().catch((e: unknown) => e);
  const log = await read(says(409, { ...busy, code: 'log_changed', log_id: 'log_b', head: 5 }));
  assert.ok(log instanceof LogChangedError);
  assert.deepEqual([log.logId, log.head, log.code], ['log_b', 5, 'log_changed']);
  const archived = await read(says(410, { ...busy, code: 'position_archived', first: 40 }));
  assert.ok(archived instanceof PositionArchivedError);
  assert.equal(archived.first, 40);
  for (const cursor of ['42', 'log_a', 'log_a:', ':42', 'log_a:-1', 'log_a:x']) {
    assert.ok((await read(page('log_a', 1), cursor)) instanceof TypeError, cursor);
  }
});

test('webhooks', async () => {
  // The example of the specification of Standard Webhooks.
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const another = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
  const signature = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';
  const body = '{"test": 2432232314}';
  const headers = { 'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek', 'webhook-timestamp': '1614265330', 'webhook-signature': signature };
  const at = (seconds: number) => new Date((1614265330 + seconds) * 1000);

  const message = await verifyWebhook(secret, headers, body, at(webhookTolerance));
  assert.deepEqual([message.id, message.sent, message.body, message.event()], [headers['webhook-id'], at(0), body, { test: 2432232314 }]);
  await verifyWebhook([another, secret], new Headers(headers), new TextEncoder().encode(body), at(0));
  await verifyWebhook(secret, { ...headers, 'webhook-signature': `v1,AAAA v2,x ${signature}` }, body, at(0));

  const refused = (reason: string, ...args: Parameters<typeof verifyWebhook>) =>
    assert.rejects(verifyWebhook(...args), (e) => e instanceof WebhookError && e.reason === reason);
  await refused('timestamp', secret, headers, body, at(webhookTolerance + 1));
  await refused('timestamp', secret, headers, body, at(-webhookTolerance - 1));
  await refused('signature', another, headers, body, at(0));
  await refused('signature', secret, headers, `${body} `, at(0));
  await refused('signature', secret, { ...headers, 'webhook-id': 'msg_2' }, body, at(0));
  await refused('signature', secret, { ...headers, 'webhook-timestamp': '1614265331' }, body, at(0));
  await refused('signature', secret, { ...headers, 'webhook-timestamp': 'now' }, body, at(0));
  await refused('signature', secret, { ...headers, 'webhook-signature': signature.replace('v1', 'v2') }, body, at(0));
  await refused('signature', secret, {}, body, at(0));
  await assert.rejects(verifyWebhook([], headers, body, at(0)), TypeError);
  await assert.rejects(verifyWebhook('whsec_%', headers, body, at(0)), TypeError);
});

test('addresses', async () => {
  for (const url of ['', 'leads.example.com', 'ftp://leads.example.com']) {
    assert.throws(() => new Leadmill({ url, key: 'x' }), TypeError, url);
  }
  const { client, asked } = play([ok]);
  for (const id of ['', '.', '..']) {
    await assert.rejects(client.get('/v1/buyers/{id}', { path: { id } }), TypeError);
  }
  assert.equal(asked.length, 0);
});
