// Forms are sent once, errors get the focus, and uploads show how far they are.
import { announce, note } from "./announce";

export function startForms(): void {
  focusError(document);
  document.addEventListener("submit", (e) => {
    const form = e.target as HTMLFormElement;
    if (e.defaultPrevented || form.method === "dialog") return;
    // Not at once: a disabled button would not be sent with the form.
    setTimeout(() => setBusy(form, true));
  });
  // Back from the next page: the browser shows the form as it was left.
  addEventListener("pageshow", (e) => {
    if (e.persisted) for (const form of document.forms) setBusy(form, false);
  });
  // A field with data-submit sends its form when it changes: filters.
  document.addEventListener("change", (e) => {
    const field = e.target as HTMLElement;
    if (field.matches("[data-submit]")) field.closest("form")?.requestSubmit();
  });
  document.addEventListener("click", (e) => {
    const button = (e.target as HTMLElement).closest<HTMLElement>("[data-copy]");
    if (!button) return;
    void navigator.clipboard?.writeText(button.dataset.copy ?? "").then(() => {
      announce("Copied.");
      button.dataset.copied = "";
      setTimeout(() => delete button.dataset.copied, 2000);
    });
  });
  uploads();
}

function setBusy(form: HTMLFormElement, busy: boolean): void {
  for (const button of form.querySelectorAll<HTMLButtonElement>("button:not([type=button])")) button.disabled = busy;
}

/** Puts the focus on what has to be corrected. */
function focusError(root: ParentNode): void {
  const invalid = root.querySelector<HTMLElement>("[data-form-error], [aria-invalid=true]");
  invalid?.focus();
}

function uploads(): void {
  const body = document.body;
  body.addEventListener("htmx:xhr:progress", (e) => {
    const { loaded, total } = (e as CustomEvent<{ loaded: number; total: number }>).detail;
    const bar = (e.target as HTMLElement).querySelector<HTMLProgressElement>("progress");
    if (!bar || !total) return;
    bar.hidden = false;
    bar.max = total;
    bar.value = loaded;
    if (loaded === total) announce("The file was sent. It is being read.");
  });
  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
    body.addEventListener(name, (e) => {
      const form = (e.target as HTMLElement).closest("form");
      if (form) setBusy(form, false);
      if (form || name === "htmx:responseError") note("That did not work. Try again; if it stays so, reload the page.");
    });
  }
  body.addEventListener("htmx:afterSettle", (e) => {
    const settled = e.target as HTMLElement;
    if (settled.matches("form") || settled.querySelector("[data-form-error]")) focusError(settled.parentElement ?? document);
  });
}
