// Sums up what suppliers earn, in sold.json, until it is interrupted. LEADMILL_URL and LEADMILL_KEY, a program key, say where.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { Leadmill, type Cursor } from '@leadmill/sdk';

const leadmill = new Leadmill({
  url: process.env['LEADMILL_URL'] ?? '',
  key: process.env['LEADMILL_KEY'] ?? '',
  onRetry: ({ method, path, error, pause }) => console.error(`${method} ${path}: ${String(error)}; again in ${pause} ms`),
});

// What the events did, and how far they were read: they are stored together, so that each event counts once.
interface Ledger {
  cursor: Cursor;
  earned: Record<string, number[]>;
}

function load(): Ledger {
  try {
    return JSON.parse(readFileSync('sold.json', 'utf8')) as Ledger;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw error;
    }
    return { cursor: '', earned: {} };
  }
}

const ledger = load();
for await (const { event, cursor } of leadmill.events(ledger.cursor, { types: ['lead.sold.v1'] })) {
  const { lead_id, partner_id, payout } = event.data;
  (ledger.earned[partner_id] ??= []).push(payout);
  ledger.cursor = cursor;
  writeFileSync('sold.json.new', JSON.stringify(ledger));
  renameSync('sold.json.new', 'sold.json');
  console.log(lead_id, 'earned', partner_id, payout);
}
