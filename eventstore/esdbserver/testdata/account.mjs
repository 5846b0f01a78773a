// What a program of its own, written in Node, makes of the ledger's accounts:
// run by TestNodeClientReplaysAccounts with the server's address. It follows
// $all for the accounts' streams while more is appended, says "live" when it
// has caught up, and is told by its standard input where the streams end and
// what the balances are. Then it reads each stream anew and checks that both
// ways saw the same, without a gap, and that the events add up.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { EventStoreDBClient, START, FORWARDS, BACKWARDS, END, streamNameFilter } from "@eventstore/db-client";

const prefix = "account-";
// Amounts are exact decimals: counted here in units of 10^-scale.
const scale = 12;
const units = (text) => {
  const [, sign, whole, fraction = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  assert(fraction.length <= scale, text);
  const n = BigInt(whole + fraction.padEnd(scale, "0"));
  return sign ? -n : n;
};
// By how much an event changes the balance.
const effect = ({ type, data }) => {
  switch (type) {
    case "AccountOpened": return units(data.carried_over);
    case "ConversationCharged": return -units(data.amount);
    case "RechargeSucceeded": return units(data.amount);
    case "ChargeCorrected": return units(data.amount);
    default: return 0n;
  }
};

const client = EventStoreDBClient.connectionString(process.argv[2]);
const followed = new Map(); // events by stream
let last; // the position of the event before
let wake = () => {};
const live = client.subscribeToAll({ fromPosition: START, filter: streamNameFilter({ prefixes: [prefix] }) });
const failed = new Promise((_, reject) => live.on("error", reject));
live.on("data", ({ event }) => {
  try {
    assert(event.streamId.startsWith(prefix), event.streamId);
    const events = followed.get(event.streamId) ?? [];
    assert.equal(event.revision, BigInt(events.length), `${event.streamId} has a gap`);
    assert(last === undefined || event.position.commit > last, "positions must rise");
    last = event.position.commit;
    events.push(event);
    followed.set(event.streamId, events);
    wake();
  } catch (err) {
    live.emit("error", err);
  }
});
const told = once(createInterface({ input: process.stdin }), "line");
await Promise.race([once(live, "caughtUp"), failed]);
console.log("live");

const [line] = await Promise.race([told, failed]);
const want = JSON.parse(line);
for (const { stream, revision, balance } of want) {
  while ((followed.get(stream)?.length ?? 0) <= revision) {
    await Promise.race([new Promise((resolve) => { wake = resolve; }), failed]);
  }
  const read = [];
  for await (const { event } of client.readStream(stream, { direction: FORWARDS, fromRevision: START })) {
    assert.equal(event.revision, BigInt(read.length), `${stream} has a gap`);
    assert.match(event.metadata.recorded_at, /^\d{4}-.*Z$/);
    read.push(event);
  }
  assert.equal(read.length, revision + 1);
  assert.deepEqual(read.map(({ id, type, data, metadata }) => ({ id, type, data, metadata })),
    followed.get(stream).map(({ id, type, data, metadata }) => ({ id, type, data, metadata })));
  const back = [];
  for await (const { event } of client.readStream(stream, { direction: BACKWARDS, fromRevision: END })) back.push(event.id);
  assert.deepEqual(back.reverse(), read.map(({ id }) => id));
  assert.equal(read.reduce((sum, e) => sum + effect(e), 0n), units(balance), `balance of ${stream}`);
}
assert.equal(followed.size, want.length);
await live.unsubscribe();
await client.dispose();
process.stdin.destroy();
console.log("ok");
