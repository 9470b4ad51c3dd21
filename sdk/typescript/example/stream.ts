// Prints each lead as it is sold, from the stream of server-sent events. The client comes back with the id of the last event, so that none is missed and
// none comes twice while it runs; to keep that through its own end, store the id with what the event did.
//
//   LEADMILL_URL, LEADMILL_KEY   the server and a key of the scope events
//   node stream.js 10            ends after so many events, from the first that there is; else it goes on, with what happens from now on
import type { Event } from '@leadmill/sdk';
import { EventSource } from 'eventsource';

let left = Number(process.argv[2] ?? Infinity);
const address = `${process.env['LEADMILL_URL']}/v1/events/stream?types=lead.sold.v1${Number.isFinite(left) ? '&after=0' : ''}`;
const stream = new EventSource(address, {
  fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, Authorization: `Bearer ${process.env['LEADMILL_KEY']}` } }),
});
stream.onmessage = ({ data, lastEventId }) => {
  if (left-- <= 0) {
    return; // they came with the last one
  }
  const { lead_id, partner_id, payout } = (JSON.parse(data) as Event<'lead.sold.v1'>).data;
  console.log(lastEventId, lead_id, 'earned', partner_id, payout);
  if (left <= 0) {
    stream.close();
  }
};
stream.onerror = ({ code, message }) => {
  if (stream.readyState === stream.CLOSED) {
    console.error(code, message); // the key, the filter or the position is wrong: it does not come back
    process.exitCode = 1;
  }
};
