// Sells a lead to a seller, with a supplier key, and says what was wrong when it is refused: node sell.js ACME1234.
import { Leadmill, LeadmillError } from '@leadmill/sdk';

const leadmill = new Leadmill({ url: process.env['LEADMILL_URL'] ?? '', key: process.env['LEADMILL_KEY'] ?? '' });

try {
  // If the connection fails the lead is sent again, and sold once.
  const lead = await leadmill.post('/api/leads', {
    body: { seller: process.argv[2] ?? '', category: 'Auto Insurance', firstName: 'John', lastName: 'Doe', phone: '604-785-3794', state: 'TX' },
  });
  console.log(lead.lead_id, lead.status);
} catch (error) {
  if (!(error instanceof LeadmillError)) {
    throw error;
  }
  console.error(error.code, error.requestId, error.fields);
  process.exitCode = 1;
}
