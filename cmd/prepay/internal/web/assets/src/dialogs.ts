// Dialogs, menus and the navigation of small screens.

export function startDialogs(): void {
  document.addEventListener("click", (e) => {
    const target = e.target as HTMLElement;
    const opener = target.closest<HTMLElement>("[data-dialog]");
    if (opener) {
      e.preventDefault();
      (document.getElementById(opener.dataset.dialog ?? "") as HTMLDialogElement | null)?.showModal();
      return;
    }
    if (target.closest("[data-dialog-close]")) {
      e.preventDefault();
      target.closest("dialog")?.close();
      return;
    }
    // A click beside a dialog closes it; one beside an open menu closes that.
    if (target instanceof HTMLDialogElement && target.open) target.close();
    for (const menu of document.querySelectorAll<HTMLDetailsElement>("details[data-menu][open]")) {
      if (!menu.contains(target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (e) => {
    if (e.key !== "Escape") return;
    const menu = (e.target as HTMLElement).closest<HTMLDetailsElement>("details[data-menu][open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary")?.focus();
  });
  // A form that came back with errors inside a dialog opens the dialog again.
  const failed = document.querySelector("dialog [data-form-error]")?.closest("dialog");
  if (failed && !failed.open) failed.showModal();
}
