// The region that screen readers read out, and the notes that people see.

/** Reads a text out to users of screen readers. */
export function announce(text: string): void {
  const region = document.getElementById("announcer");
  if (region) region.textContent = text;
}

/** Shows a note at the page's end until it is dismissed or replaced. */
export function note(text: string): void {
  const place = document.getElementById("notes");
  if (!place) return;
  const box = document.createElement("div");
  box.className = "note";
  const words = document.createElement("p");
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "button quiet";
  close.textContent = "Dismiss";
  close.addEventListener("click", () => box.remove());
  box.append(words, close);
  place.replaceChildren(box);
}
