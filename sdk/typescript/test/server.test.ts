// What the program that LEADMILL_BINARY names does with this client. make test-clients builds it and runs these tests.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { Leadmill, LeadmillError, LogChangedError, verifyWebhook, WebhookError, type Cursor, type SupplierLeadInput } from '@leadmill/sdk';

const binary = process.env['LEADMILL_BINARY'] || undefined;
const skip = binary === undefined && 'LEADMILL_BINARY names no program';
const adminKey = 'lm_admin_0123456789abcdef0123456789abcdef';

async function listen(t: TestContext, answer: (request: IncomingMessage, body: string, response: ServerResponse) => void): Promise<string> {
  const server: Server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => answer(request, Buffer.concat(parts).toString(), response));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => (server.closeAllConnections(), server.close()));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The program on an SQLite file and an address of its own. */
class Program {
  url = 'http://127.0.0.1:0';
  readonly #dir = mkdtempSync(join(tmpdir(), 'leadmill-'));
  #process: ChildProcess | undefined;

  async start(): Promise<void> {
    const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('LEADMILL_')));
    const child = spawn(binary ?? '', ['serve'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: {
        ...environment,
        LEADMILL_HTTP_ADDR: this.url.replace('http://', ''),
        LEADMILL_DRAIN: '0s',
        LEADMILL_OUTBOUND_ALLOW: '127.0.0.1/32',
        LEADMILL_ADMIN_KEY: adminKey,
        LEADMILL_DATABASE_URL: `sqlite:${join(this.#dir, 'leadmill.db')}`,
        LEADMILL_MAIL_DIR: this.#dir,
      },
    });
    this.#process = child;
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.startsWith('Leadmill listens on ')) {
        this.url = line.slice('Leadmill listens on '.length);
        child.stdout.resume();
        return;
      }
    }
    throw new Error('leadmill ended before it listened');
  }

  /** Ends the program as a crash does. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
  }

  async end(): Promise<void> {
    await this.kill();
    rmSync(this.#dir, { recursive: true });
  }
}

/** A seller whose only buyer takes every lead. */
async function openMarket(t: TestContext, deliverTo?: string) {
  const server = new Program();
  t.after(() => server.end());
  await server.start();
  const client = (key: string) => new Leadmill({ url: server.url, key });
  const seller = await client(adminKey).post('/v1/sellers', { body: { name: 'SDK', code: 'SDKTESTS' } });
  const program = client(seller.data.api_key.key);
  const partner = await program.post('/v1/partners', { body: { email: 'supplier@example.com' } });
  const key = await program.post('/v1/api-keys', { body: { scope: 'supplier', partner: { id: partner.data.id } } });
  const campaign = await program.post('/v1/campaigns', { body: { name: 'Solar', category: 'Solar', price_shown: 'sale' } });
  const buyer = await program.post('/v1/buyers', { body: { name: 'Best', credit_limit: 1_000_000 } });
  const contract = await program.post('/v1/campaigns/{id}/contracts', {
    path: { id: campaign.data.id },
    body: { buyer_id: buyer.data.id, price: 45.1, ...(deliverTo === undefined ? {} : { delivery: { mode: 'notify', url: deliverTo } }) },
  });
  return { server, program, programKey: seller.data.api_key.key, supplierKey: key.data.key, buyer: buyer.data, campaign: campaign.data, contract: contract.data };
}

const lead = (n: number): SupplierLeadInput => ({
  seller: 'SDKTESTS',
  category: 'Solar',
  firstName: 'Jane',
  lastName: 'Doe',
  phone: `604785${String(n).padStart(4, '0')}`,
  state: 'CA',
});

async function all<T>(of: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const one of of) {
    list.push(one);
  }
  return list;
}

/** Hands requests to the server, and cuts the connection of the first that changes something instead of answering, after the server did. */
async function cutter(t: TestContext, to: string): Promise<{ url: string; taken: () => number }> {
  let taken = 0;
  const url = await listen(t, (request, body, response) => {
    void (async () => {
      const { authorization = '', 'idempotency-key': key = '' } = request.headers;
      const headers = { Authorization: authorization, 'Idempotency-Key': String(key), 'Content-Type': 'application/json' };
      const answer = await fetch(to + request.url, { method: 'POST', headers, body });
      const text = await answer.text();
      if (taken++ === 0) {
        request.socket.destroy(); // nobody hears of it
      } else {
        response.writeHead(answer.status, { 'Content-Type': 'application/json' }).end(text);
      }
    })();
  });
  return { url, taken: () => taken };
}

test('a lead is sold once through a cut connection', { skip }, async (t) => {
  const { server, program, supplierKey } = await openMarket(t);
  const { url, taken } = await cutter(t, server.url);
  let retries = 0;
  const supplier = new Leadmill({ url, key: supplierKey, onRetry: () => retries++ });
  const sold = await supplier.post('/api/leads', { body: lead(1) });
  assert.deepEqual([sold.status, sold.price, taken(), retries], ['sold', 45.1, 2, 1]);
  assert.deepEqual((await all(program.each('/v1/sales'))).map((s) => s.lead_id), [sold.lead_id]);

  const wrong = supplier.post('/api/leads', { body: { ...lead(2), state: 'ZZ' } });
  await assert.rejects(wrong, (e) => e instanceof LeadmillError && e.status === 400 && e.code === 'invalid_field' && e.fields['state']?.length === 1 && e.requestId !== undefined);
});

// The server would take two deposits of one amount for two, if their keys were not one.
test('a deposit is made once through a cut connection', { skip }, async (t) => {
  const { server, program, programKey, buyer } = await openMarket(t);
  const { url, taken } = await cutter(t, server.url);
  const path = { id: buyer.id };
  for (let n = 0; n < 2; n++) {
    await new Leadmill({ url, key: programKey }).post('/v1/buyers/{id}/deposits', { path, body: { amount: 100.1 } }); // two calls are two deposits
  }
  assert.equal(taken(), 3);
  assert.deepEqual((await all(program.each('/v1/buyers/{id}/ledger', { path }))).map((e) => e.amount), [100.1, 100.1]);
});

test('all pages of partners', { skip }, async (t) => {
  const { program } = await openMarket(t);
  const emails = ['supplier@example.com'];
  for (let n = 0; n < 22; n++) {
    const email = `partner${n}@example.com`;
    await program.post('/v1/partners', { body: { email } });
    emails.push(email);
  }
  assert.deepEqual((await all(program.each('/v1/partners', { query: { limit: 5, sort: 'asc' } }))).map((p) => p.email), emails);
});

test('each event counts once through restarts', { skip, timeout: 120_000 }, async (t) => {
  const leads = 60;
  const kills = 4;
  const { server, program, supplierKey } = await openMarket(t);
  const ids = new Set<string>();
  const supplier = new Leadmill({ url: server.url, key: supplierKey, attempts: 50, longestPause: 200 });
  let killing = Promise.resolve();
  const selling = (async () => {
    for (let n = 0; n < leads; n++) {
      const sold = await supplier.post('/api/leads', { body: lead(n) });
      assert.equal(sold.status, 'sold');
      ids.add(sold.lead_id);
      if (n % (leads / kills) === 1) {
        killing = killing.then(async () => {
          await server.kill();
          await server.start();
        });
      }
    }
  })();

  // The database of the consumer: what its events did, and the cursor, in one transaction. The consumer ends anywhere between two of them.
  const counts = new Map<string, number>();
  let cursor: Cursor = '';
  for (let runs = 0; counts.size < leads; runs++) {
    let handled = 0;
    for await (const followed of program.events(cursor, { types: ['lead.sold.v1'], limit: 5 })) {
      const { data } = followed.event;
      assert.deepEqual(data.sales.map((s) => s.price), [45.1]);
      counts.set(data.lead_id, (counts.get(data.lead_id) ?? 0) + 1);
      cursor = followed.cursor;
      if (++handled > runs % 7 || counts.size === leads) {
        break;
      }
    }
  }
  await selling;
  await killing;
  assert.deepEqual(await all(program.events(cursor, { types: ['lead.sold.v1'], untilEnd: true })), []);
  assert.deepEqual(new Set(counts.keys()), ids);
  assert.deepEqual(new Set(counts.values()), new Set([1]));

  const stranger = program.events('log_of_before:1').next();
  await assert.rejects(stranger, (e) => e instanceof LogChangedError && cursor.startsWith(`${e.logId}:`) && e.head > 0);
});

test('what the server signs', { skip, timeout: 120_000 }, async (t) => {
  let take: (got: { headers: IncomingHttpHeaders; body: string }) => void;
  const delivery = new Promise<{ headers: IncomingHttpHeaders; body: string }>((resolve) => (take = resolve));
  const receiver = await listen(t, ({ headers }, body, response) => (take({ headers, body }), response.end()));
  const { server, program, supplierKey, campaign, contract } = await openMarket(t, receiver);
  const path = { id: campaign.id, contract_id: contract.id };
  const rotated = await program.post('/v1/campaigns/{id}/contracts/{contract_id}/rotate-secret', { path });
  const [first = '', second = ''] = [contract.delivery.secret, rotated.data.delivery.secret];
  const sold = await new Leadmill({ url: server.url, key: supplierKey }).post('/api/leads', { body: lead(1) });

  const { headers, body } = await delivery;
  for (const secrets of [first, second, [second, first]]) {
    const message = await verifyWebhook(secrets, headers, body);
    assert.ok(message.id !== '' && message.body.includes(sold.lead_id));
  }
  const refused = (e: unknown) => e instanceof WebhookError && e.reason === 'signature';
  await assert.rejects(verifyWebhook('whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD', headers, body), refused);
  await assert.rejects(verifyWebhook(second, headers, `${body} `), refused);
  await assert.rejects(verifyWebhook(second, { ...headers, 'webhook-timestamp': '1' }, body), refused);
});
