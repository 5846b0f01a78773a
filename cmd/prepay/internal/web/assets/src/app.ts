// What every page loads. The pages work without it, but for charts, dialogs and
// live updates.
import htmx from "htmx.org";
import { startDialogs } from "./dialogs";
import { startForms } from "./forms";
import { startFragments } from "./fragments";
import { startLive } from "./live";
import { startReplay } from "./replay";
import { startTheme } from "./theme";

Object.assign(htmx.config, {
  allowEval: false,
  includeIndicatorStyles: false,
  allowScriptTags: false,
  historyCacheSize: 0,
  selfRequestsOnly: true,
  timeout: 30_000,
  responseHandling: [
    { code: "204", swap: false },
    { code: "[23]..", swap: true },
    { code: "422", swap: true },
    { code: "[45]..", swap: false, error: true },
  ],
});

startTheme();
startDialogs();
startForms();
startFragments();
startReplay();
startLive();

// Charts are a chunk of their own: most pages have none.
async function charts(root: ParentNode): Promise<void> {
  if (root.querySelector("[data-chart]")) (await import("./charts")).drawCharts(root);
}
void charts(document);
document.body.addEventListener("htmx:afterSettle", (e) => void charts((e.target as HTMLElement).parentElement ?? document));
