// Follows the feed and sums up in a MySQL database of its own what partners earn. How far it read is stored in the transaction that also does what the
// events say, so that each event counts exactly once, whatever kills this program, the database or Leadmill, and whenever.
//
//   LEADMILL_URL, LEADMILL_KEY   the server and a key of the scope events
//   MYSQL_URL                    such as mysql://crm:secret@127.0.0.1:3306/crm
//   node mysql.js 10             ends after so many events; else it goes on
//
// It ends at the first error that does not pass by itself; whatever started it starts it again.
import { Leadmill, LogChangedError, type Cursor, type EventBatch } from '@leadmill/sdk';
import { createConnection, type ResultSetHeader, type RowDataPacket } from 'mysql2/promise';

const enough = Number(process.argv[2] ?? Infinity);
const leadmill = new Leadmill({ url: process.env['LEADMILL_URL'] ?? '', key: process.env['LEADMILL_KEY'] ?? '' });
const db = await createConnection(process.env['MYSQL_URL'] ?? '');

// The position of this program, beside those of others in the same database.
const consumer = 'earnings';
await db.query('CREATE TABLE IF NOT EXISTS leadmill_positions (consumer VARCHAR(64) PRIMARY KEY, position VARCHAR(128) NOT NULL)');
await db.query('CREATE TABLE IF NOT EXISTS earnings (partner_id VARCHAR(64) PRIMARY KEY, leads BIGINT NOT NULL, amount DECIMAL(20,6) NOT NULL)');
await db.query("INSERT IGNORE INTO leadmill_positions (consumer, position) VALUES (?, '')", [consumer]); // before the first event

/** Does what the events of a page say and moves the position, both or neither. */
async function handle(from: Cursor, page: EventBatch<'lead.sold.v1'>): Promise<void> {
  await db.beginTransaction();
  // First of all: who moves the position from where this program read it holds its row. A second one that was started by mistake waits here, and then
  // finds that it is elsewhere.
  const [moved] = await db.execute<ResultSetHeader>('UPDATE leadmill_positions SET position = ? WHERE consumer = ? AND position = ?', [page.next, consumer, from]);
  if (moved.affectedRows !== 1) {
    throw new Error(`another ${consumer} is running: the position is not ${from} any more`);
  }
  for (const { event } of page.events) {
    const { partner_id, payout } = event.data;
    await db.execute(
      `INSERT INTO earnings (partner_id, leads, amount) VALUES (?, 1, ?)
       ON DUPLICATE KEY UPDATE leads = leads + 1, amount = amount + VALUES(amount)`,
      [partner_id, payout.toFixed(6)], // added as decimals: floats would not add up
    );
  }
  await db.commit();
  for (const { event } of page.events) {
    console.log('counted', event.type, event.subject);
  }
}

try {
  const [[row]] = await db.query<RowDataPacket[]>('SELECT position FROM leadmill_positions WHERE consumer = ?', [consumer]);
  let at = String(row?.['position']);
  console.log('reads on after', JSON.stringify(at));
  let handled = 0;
  for await (const page of leadmill.eventBatches(at, { types: ['lead.sold.v1'] })) {
    await handle(at, page);
    at = page.next;
    handled += page.events.length;
    if (handled >= enough) {
      break;
    }
  }
} catch (error) {
  if (error instanceof LogChangedError) {
    // The database of Leadmill was restored. What was counted may not have happened: nobody but you can tell what to do about it.
    console.error('See docs/events.md, "When the log is another".');
  }
  console.error(String(error));
  process.exitCode = 1;
} finally {
  db.destroy(); // a transaction that was not committed did not happen
}
