// Takes the events of a webhook and sums up in a MySQL database of its own what partners earn. A webhook tells each event at least once: the id of each
// that was handled is stored with what it did, and the answer is 2xx only after both are, so that each counts exactly once.
//
//   LEADMILL_SECRET      what the webhook answered when it was made: whsec_…; two with a space between while it is rotated
//   MYSQL_URL            such as mysql://crm:secret@127.0.0.1:3306/crm
//   node webhook.js 127.0.0.1:8090   where it listens
import { createServer } from 'node:http';
import { verifyWebhook, WebhookError, type Event } from '@leadmill/sdk';
import { createPool } from 'mysql2/promise';

const [host, port] = (process.argv[2] ?? '127.0.0.1:8090').split(':');
const secrets = (process.env['LEADMILL_SECRET'] ?? '').split(' ');
const db = createPool(process.env['MYSQL_URL'] ?? '');

// Rows older than the 30 days for which a webhook can be replayed may go.
await db.query('CREATE TABLE IF NOT EXISTS handled_events (event_id VARCHAR(64) PRIMARY KEY, handled_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)');
await db.query('CREATE TABLE IF NOT EXISTS earnings (partner_id VARCHAR(64) PRIMARY KEY, leads BIGINT NOT NULL, amount DECIMAL(20,6) NOT NULL)');

/** Does what an event says, unless that was done before, or the event is a test of the webhook, which is made up. */
async function handle(event: Event): Promise<void> {
  if ('test' in event.data) {
    return;
  }
  const tx = await db.getConnection();
  try {
    await tx.beginTransaction();
    await tx.execute('INSERT INTO handled_events (event_id) VALUES (?)', [event.id]);
    if (event.type === 'lead.sold.v1') { // others are taken, and nothing is done: types may be added
      const { partner_id, payout } = event.data;
      await tx.execute(
        `INSERT INTO earnings (partner_id, leads, amount) VALUES (?, 1, ?)
         ON DUPLICATE KEY UPDATE leads = leads + 1, amount = amount + VALUES(amount)`,
        [partner_id, payout.toFixed(6)], // added as decimals: floats would not add up
      );
    }
    await tx.commit();
    console.log('counted', event.type, event.subject);
  } catch (error) {
    await tx.rollback();
    if ((error as { code?: string }).code !== 'ER_DUP_ENTRY') {
      throw error;
    }
  } finally {
    tx.release();
  }
}

createServer(async (request, response) => {
  try {
    const parts: Buffer[] = [];
    for await (const part of request) {
      parts.push(part as Buffer);
    }
    const message = await verifyWebhook(secrets, request.headers, Buffer.concat(parts));
    await handle(message.event());
    response.writeHead(204).end();
  } catch (error) {
    console.error(String(error));
    response.writeHead(error instanceof WebhookError ? 400 : 500).end(); // after 500 it is sent again
  }
}).listen(Number(port), host);
