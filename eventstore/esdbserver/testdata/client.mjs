// What the official Node client sees of a server: run by TestNodeClient with
// the server's address; ends with code 0 if all is as it must be.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import {
  EventStoreDBClient, jsonEvent, WrongExpectedVersionError, AccessDeniedError, StreamNotFoundError,
  NO_STREAM, ANY, START, END, FORWARDS, BACKWARDS, streamNameFilter,
} from "@eventstore/db-client";

const client = EventStoreDBClient.connectionString(process.argv[2]);
const event = (n) => jsonEvent({ id: randomUUID(), type: "Noted", data: { n } });
const collect = async (read) => {
  const got = [];
  for await (const { event } of read) got.push(event);
  return got;
};

const first = [event(0), event(1)];
const stored = await client.appendToStream("notes", first, { expectedRevision: NO_STREAM });
assert.equal(stored.success, true);
assert.equal(stored.nextExpectedRevision, 1n);
const again = await client.appendToStream("notes", first, { expectedRevision: NO_STREAM });
assert.deepEqual(again.position, stored.position);
await client.appendToStream("notes", [event(2)], { expectedRevision: 1n });
const free = event(3);
const placed = await client.appendToStream("notes", free, { expectedRevision: ANY });
const twice = await client.appendToStream("notes", free, { expectedRevision: ANY });
assert.deepEqual(twice.position, placed.position);
await assert.rejects(client.appendToStream("notes", [event(9)], { expectedRevision: 0n }), (e) => {
  assert(e instanceof WrongExpectedVersionError, String(e));
  assert.equal(e.actualVersion, 3n);
  return true;
});
await assert.rejects(client.appendToStream("$notes", [event(9)]), AccessDeniedError);
// Credentials of its own make it a single append.
await client.appendToStream("notes", Array.from({ length: 200 }, (_, i) => event(4 + i)), {
  expectedRevision: 3n, credentials: { username: "admin", password: "changeit" },
});

const forwards = await collect(client.readStream("notes", { direction: FORWARDS, fromRevision: START }));
assert.deepEqual(forwards.map((e) => e.data.n), Array.from({ length: 204 }, (_, i) => i));
const backwards = await collect(client.readStream("notes", { direction: BACKWARDS, fromRevision: END, maxCount: 3 }));
assert.deepEqual(backwards.map((e) => e.data.n), [203, 202, 201]);
await assert.rejects(collect(client.readStream("nothing")), StreamNotFoundError);
const all = await collect(client.readAll({ fromPosition: START }));
assert.equal(all.length, 204);
assert(Math.abs(Date.now() - new Date(all[0].created).getTime()) < 3600_000, "created " + all[0].created);
await assert.rejects(client.deleteStream("notes"), AccessDeniedError);
await assert.rejects(client.tombstoneStream("notes"), AccessDeniedError);

const live = client.subscribeToAll({ fromPosition: START, filter: streamNameFilter({ prefixes: ["notes"] }) });
let n = 0;
const done = new Promise((resolve, reject) => {
  live.on("error", reject);
  live.on("data", () => { if (++n === 205) resolve(); });
  live.on("caughtUp", () => client.appendToStream("notes", event(204), { expectedRevision: 203n }).catch(reject));
});
await done;
await live.unsubscribe();
await client.dispose();
console.log("ok");
