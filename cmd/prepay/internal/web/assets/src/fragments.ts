// Parts of a page that are fetched again: what the user opened stays open, and
// what changed is read out.
import { announce } from "./announce";

export function startFragments(): void {
  const said = new Map<string, string>();
  for (const part of document.querySelectorAll<HTMLElement>("[data-announce][id]")) said.set(part.id, part.dataset.announce ?? "");
  let open = new Set<string>();
  document.body.addEventListener("htmx:beforeSwap", (e) => {
    const part = e.target as HTMLElement;
    open = new Set([...part.querySelectorAll<HTMLDetailsElement>("details[id][open]")].map((d) => d.id));
  });
  document.body.addEventListener("htmx:afterSettle", (e) => {
    const target = e.target as HTMLElement;
    const part = (target.id && document.getElementById(target.id)) || target;
    for (const details of part.querySelectorAll<HTMLDetailsElement>("details[id]")) {
      if (open.has(details.id)) details.open = true;
    }
    const text = part.dataset.announce;
    if (!text || said.get(part.id) === text) return;
    said.set(part.id, text);
    announce(text);
  });
}
