// A client that was generated from /openapi.yaml does what an integrator does first: it sets a seller up, sells a lead and reads
// the events. openapi.ts beside it is generated.
import createClient from 'openapi-fetch';
import type { components, paths } from './openapi.js';

declare const process: { env: Record<string, string | undefined> };

function client(key: string) {
  return createClient<paths, 'application/json'>({ baseUrl: process.env['LEADMILL_URL'] ?? '', headers: { Authorization: `Bearer ${key}` } });
}

function got<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (answer.data === undefined) {
    throw new Error(`${answer.response.url} answers ${answer.response.status}: ${JSON.stringify(answer.error)}`);
  }
  return answer.data;
}

function expect(what: string, is: unknown, want: unknown) {
  if (JSON.stringify(is) !== JSON.stringify(want)) {
    throw new Error(`${what} is ${JSON.stringify(is)}, want ${JSON.stringify(want)}`);
  }
}

const admin = client(process.env['LEADMILL_KEY'] ?? '');
const seller = got(await admin.POST('/v1/sellers', { body: { name: 'TypeScript', code: 'TYPESCR1', currency: 'USD' } })).data;
const program = client(seller.api_key.key);

// Ids are numbers or strings.
const partner = got(await program.POST('/v1/partners', { body: { email: 'partner@example.com', id: 123456789, key: 'ref_1' } })).data;
expect('the partner', partner.id, '123456789');
const twice = await program.POST('/v1/partners', { body: { email: 'partner@example.com' } });
expect('what is wrong', [twice.response.status, twice.error?.code, twice.error?.errors?.['email']], [422, 'validation_failed', ['Email already exists']]);

got(await program.POST('/v1/customers', { body: { key: 'customer_1', email: 'customer@example.com', partner: { id: 123456789 } } }));
got(await program.POST('/v1/customers', { body: { key: 'customer_2', partner: { key: 'ref_1' }, tags: ['new'] } }));
const brought = got(await program.GET('/v1/customers', { params: { query: { 'partner[key]': 'ref_1', limit: 1 } } }));
expect('the customers', brought.data.map((c) => c.key), ['customer_2']);
const none = got(await program.GET('/v1/customers', { params: { query: { 'partner[key]': 'nobody' } } }));
expect("nobody's customers", none.data, []);

const campaign = got(
  await program.POST('/v1/campaigns', {
    body: { name: 'Auto', category: 'Auto Insurance', price_shown: 'sale', supplier_payout: { type: 'percent', value: 70 } },
  }),
).data;
const buyer = got(await program.POST('/v1/buyers', { body: { name: 'Best Insurance', credit_limit: 1234567.89 } })).data;
expect('the credit limit', buyer.credit_limit, 1234567.89);
got(
  await program.POST('/v1/campaigns/{id}/contracts', {
    params: { path: { id: campaign.id } },
    body: { buyer_id: buyer.id, price: 45.1, caps: [{ window: 'day', leads: 5 }] },
  }),
);
const key = got(await program.POST('/v1/api-keys', { body: { scope: 'supplier', partner: { id: partner.id } } })).data;

const lead: components['schemas']['SupplierLeadInput'] = {
  seller: 'TYPESCR1', category: 'auto insurance', firstName: 'John', lastName: 'Doe', phone: '555-123-4567', state: 'Texas', external_id: 17,
};
const supplier = client(key.key);
const sold = got(await supplier.POST('/api/leads', { body: lead }));
expect('the lead', [sold.success, sold.status, sold.price, sold.buyer_ids], [true, 'sold', 45.1, [buyer.id]]);
const wrong = await supplier.POST('/api/leads', { body: { ...lead, state: 'ZZ', external_id: 18 } });
expect('a wrong state', [wrong.response.status, wrong.error?.code, wrong.error?.fields], [400, 'invalid_field', ['state']]);

const types = 'partner.created.v1,customer.created.v1,lead.sold.v1';
const page = got(await program.GET('/v1/events', { params: { query: { types, min: 4, wait: 20 } } }));
expect('the events', page.data.map((e) => e.type), ['partner.created.v1', 'customer.created.v1', 'customer.created.v1', 'lead.sold.v1']);
expect('the lead of the last', page.data[3]?.data['lead_id'], sold.lead_id);
const more = got(await program.GET('/v1/events', { params: { query: { after: page.next, log_id: page.log_id } } }));
expect('what comes after', more.data, []);
console.log('sold', sold.lead_id);
