// The slider of a replay: it asks the server for the state after an event. What
// is asked while it still moves is not asked at all.
import htmx from "htmx.org";

const settle = 120; // ms

export function startReplay(): void {
  let timer = 0;
  document.addEventListener("input", (e) => {
    const slider = e.target as HTMLInputElement;
    const place = slider.dataset.replay;
    if (!place) return;
    const output = document.getElementById(slider.dataset.output ?? "");
    if (output) output.textContent = slider.value;
    clearTimeout(timer);
    timer = window.setTimeout(() => {
      const url = new URL(slider.dataset.url ?? location.href, location.href);
      url.searchParams.set("revision", slider.value);
      void htmx.ajax("get", url.pathname + url.search, { target: place, select: place, swap: "outerHTML", source: slider });
      history.replaceState(history.state, "", url.pathname + url.search);
    }, settle);
  });
}
