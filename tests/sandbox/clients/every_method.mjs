// Calls every method that the vendor's Node client has, against the address in argv, and prints
// as JSON what came of each: [name, {"done": answer}] or [name, {"failed": status, "body": …}].
import { TrackClient } from "customerio-node";

const [address] = process.argv.slice(2);
const told = { url: `${address}/api/v1`, timeout: 5000, retry: { maxRetries: 0 } };
const cio = new TrackClient("sandbox", "sandbox", told);
const stranger = new TrackClient("sandbox", "wrong", told);
const person = (action, id, more = {}) => ({
  type: "person",
  action,
  identifiers: { id },
  ...more,
});

const AWKWARD = "a/b c@ü?#%";
const calls = [
  ["getAccountRegion", () => cio.getAccountRegion()],
  ["identify", () => cio.identify(AWKWARD, { name: "Zoë", born: new Date(0), score: NaN })],
  ["identify", () => cio.identify(5)],
  ["identify", () => cio.identify("1", { email: "one@example.com", anonymous_id: "v" })],
  ["track", () => cio.track(AWKWARD, { name: "bought", data: { price: 2.5 }, timestamp: 1600000000 })],
  ["trackAnonymous", () => cio.trackAnonymous("v", { name: "looked", data: { at: "shoes" } })],
  ["trackAnonymous", () => cio.trackAnonymous("", { name: "invited", data: { recipient: "a@b.co" } })],
  ["trackPageView", () => cio.trackPageView("1", "/home")],
  ["trackPush", () => cio.trackPush({ delivery_id: "d1", event: "opened", device_id: "t", timestamp: 1600000000 })],
  ["addDevice", () => cio.addDevice("1", "t/ü", "ios", { last_used: 1600000000, primary: true })],
  ["addDevice", () => cio.addDevice("1", "gone/ü", "android")],
  ["deleteDevice", () => cio.deleteDevice("1", "gone/ü")],
  ["identify", () => cio.identify("gone")],
  ["destroy", () => cio.destroy("gone")],
  ["suppress", () => cio.suppress("blocked")],
  ["identify", () => cio.identify("blocked")],
  ["suppress", () => cio.suppress("freed")],
  ["unsuppress", () => cio.unsuppress("freed")],
  ["identify", () => cio.identify("freed")],
  ["identify", () => cio.identify("two@example.com", { seats: 2 })],
  ["mergeCustomers", () => cio.mergeCustomers("id", "1", "email", "two@example.com")],
  ["addCustomersToSegment", () => cio.addCustomersToSegment(7, ["1", 5, "freed"])],
  ["removeCustomersFromSegment", () => cio.removeCustomersFromSegment(7, ["one@example.com"], "email")],
  ["submitForm", () => cio.submitForm("contact", { email: "form@example.com", food: "pizza" })],
  ["reportMetric", () => cio.reportMetric({ delivery_id: "d2", metric: "clicked", href: "x" })],
  ["unsubscribe", () => cio.unsubscribe("d/3")],
  ["entity", () => cio.entity(person("identify", "entity", { attributes: { plan: "pro" } }))],
  ["batch", () => cio.batch([person("identify", "batch"), person("greet", "batch")])],
  ["identify", () => cio.identify("1", { id: "2", token: "x".repeat(1001) })],
  ["getAccountRegion", () => stranger.getAccountRegion()],
];

const came = [];
for (const [name, call] of calls) {
  try {
    came.push([name, { done: await call() }]);
  } catch (error) {
    came.push([name, { failed: error.statusCode ?? String(error), body: error.body }]);
  }
}
const methods = Object.getOwnPropertyNames(TrackClient.prototype).filter((n) => n !== "constructor");
console.log(JSON.stringify({ methods, came }));
