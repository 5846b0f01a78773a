// Light or dark: what the system says, until the user chooses. The choice is in
// a cookie, so that the server sends the right page and nothing flashes.
import { announce } from "./announce";

const year = 365 * 24 * 60 * 60; // s

function isDark(): boolean {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

export function startTheme(): void {
  document.addEventListener("submit", (e) => {
    const form = e.target as HTMLFormElement;
    if (!form.matches("[data-theme-switch]")) return;
    e.preventDefault();
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    document.cookie = `prepay_theme=${theme}; path=/; max-age=${year}; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
    announce(theme === "dark" ? "Dark colours." : "Light colours.");
    document.dispatchEvent(new CustomEvent("theme"));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.dispatchEvent(new CustomEvent("theme")));
}
