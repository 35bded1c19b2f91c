
export default live({
  begin: () => ({ runs: new Map() }),
  fold(data, message) {
    for (const run of message.runs ?? []) data.runs.set(run.id, run);
    while (data.runs.size > SHARED.runs) data.runs.delete(data.runs.keys().next().value);
  },
  draw(view) {
    const head = element("div", "luajobs-head");
    const bars = element("div", "luajobs-bars");
    bars.setAttribute("aria-hidden", "true"); // the list below says the same
    head.append(element("strong", "", "Runs"), bars);
    const list = element("ol", "luajobs-scroll luajobs-runs");
    list.tabIndex = 0;
    list.setAttribute("aria-label", "Runs of the selected job, newest first");
    const empty = element("div", "luajobs-empty dim", "Not yet run.");
    view.el.append(head, empty, list);
    let items = []; // [run, the text that the passing of time changes]

    function timed(run, node) {
      const now = view.now();
      if (run.retry) put(node, `retry in ${countdown(run.retry - now)}`);
      else if (run.ended === null) put(node, `for ${length(now - run.begun)}`);
      else put(node, [run.took, age(now - run.ended)].filter(Boolean).join(" · "));
    }

    function update() {
      const runs = [...view.data.runs.values()];
      items = [];
      list.replaceChildren(...runs.toReversed().map((run) => {
        const item = element("li");
        const time = element("span");
        const extra = [
          run.cause === "schedule" ? "" : run.cause,
          run.attempts > 1 ? `${run.attempts} attempts` : "",
          run.late ? `${run.late} late` : "",
        ].filter(Boolean).join(", ");
        item.append(element("span", `luajobs-state ${tone(run.sign)}`, `${run.sign} ${run.status}`),
          element("span", "dim", clock(run.begun)), time, element("span", "dim", extra));
        if (run.progress) item.append(element("div", "live", run.progress));
        if (run.error) item.append(element("div", "luajobs-error bad", run.error));
        timed(run, time);
        items.push([run, time]);
        return item;
      }));
      empty.hidden = runs.length > 0;
      list.hidden = runs.length === 0;
      draw(runs);
    }

    // One bar a run, oldest first; its height is how long it took, on a scale of logarithms.
    function draw(runs) {
      bars.replaceChildren(...runs.map((run) => {
        const bar = element("i", tone(run.sign));
        const ms = run.ms ?? view.now() - run.begun;
        bar.style.height = `${Math.round(4 + 14 * Math.min(1, Math.log10(1 + Math.max(0, ms)) / 5))}px`;
        bar.title = `${run.status}, ${run.took || "running"}`;
        return bar;
      }));
    }

    return { update, tick: () => items.forEach(([run, node]) => timed(run, node)) };
  },
});
