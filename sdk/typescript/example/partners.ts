// Lists all partners, with a program key.
import { Leadmill } from '@leadmill/sdk';

const leadmill = new Leadmill({ url: process.env['LEADMILL_URL'] ?? '', key: process.env['LEADMILL_KEY'] ?? '' });

for await (const partner of leadmill.each('/v1/partners', { query: { limit: 100 } })) {
  console.log(partner.id, partner.email, partner.status);
}
