// Live updates: the server says that something changed, and the parts of the
// page that show it fetch themselves again (hx-trigger="live:account from:body").
// A page in the background has no connection: a browser allows few per server.
// htmx's own extension can't let go of one, so this does it.

const firstPause = 1_000; // ms
const longestPause = 60_000; // ms

export function startLive(): void {
  const url = document.body.dataset.live;
  if (!url) return;
  let source: EventSource | undefined;
  let timer = 0;
  let pause = firstPause;
  let missed = false;

  const say = (name: string) => document.body.dispatchEvent(new CustomEvent(`live:${name}`));
  const state = (s: string) => (document.body.dataset.liveState = s);
  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = undefined;
  };
  const open = () => {
    close();
    source = new EventSource(url);
    source.onopen = () => {
      pause = firstPause;
      state("on");
      if (missed) for (const name of ["account", "accounts", "months", "quarantine", "verification"]) say(name);
      missed = false;
    };
    source.onerror = () => {
      close();
      missed = true;
      state("off");
      // Not all pages at the same instant.
      timer = window.setTimeout(open, pause * (0.5 + Math.random()));
      pause = Math.min(pause * 2, longestPause);
    };
    source.addEventListener("changed", (e) => say((e as MessageEvent<string>).data));
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      close();
      missed = true;
      state("paused");
    } else {
      open();
    }
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", (e) => e.persisted && open());
  if (!document.hidden) open();
}
