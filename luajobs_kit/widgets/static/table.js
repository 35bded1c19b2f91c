
const WIDTHS = ["7em", "21%", "9%", "", "12.5em", "13em"];

export default live({
  begin: () => ({ jobs: new Map(), selected: null, leftOut: 0 }),
  fold(data, message) {
    for (const job of message.jobs ?? []) data.jobs.set(job.id, job);
    for (const id of message.gone ?? []) data.jobs.delete(id);
    if ("selected" in message) data.selected = message.selected;
    if ("leftOut" in message) data.leftOut = message.leftOut;
  },
  draw(view) {
    const box = element("div", "luajobs-scroll luajobs-jobs");
    const table = element("table", "luajobs-table");
    table.setAttribute("role", "grid");
    table.setAttribute("aria-label", "Jobs");
    for (const width of WIDTHS) {
      const column = element("col");
      column.style.width = width;
      table.append(column);
    }
    const head = table.createTHead().insertRow();
    for (const name of SHARED.columns) {
      const cell = element("th", "", name);
      cell.scope = "col";
      head.append(cell);
    }
    const body = table.createTBody();
    const empty = element("div", "luajobs-empty dim",
      "No jobs yet. “New job…” makes one; so does Jobs.create(…) in a cell.");
    const rest = element("div", "luajobs-empty dim");
    box.append(table, empty, rest);
    view.el.append(box);
    const rows = new Map(); // job id → its <tr>

    function choose(id) {
      if (id === view.data.selected) return;
      view.data.selected = id; // at once; the kernel says the same a moment later
      mark();
      view.send({ select: id });
    }

    body.addEventListener("click", (event) => {
      const row = event.target.closest("tr");
      if (row) choose(row.dataset.id);
    });
    body.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return; // the notebook's
      const row = event.target.closest("tr");
      const to = {
        ArrowDown: row?.nextElementSibling, ArrowUp: row?.previousElementSibling,
        Home: body.firstElementChild, End: body.lastElementChild, Enter: row, " ": row,
      }[event.key];
      if (to === undefined) return;
      event.preventDefault(); // the page would scroll
      if (!to) return;
      to.focus();
      choose(to.dataset.id);
    });

    function mark() {
      const chosen = rows.has(view.data.selected) ? view.data.selected : body.firstElementChild?.dataset.id;
      for (const [id, row] of rows) {
        row.setAttribute("aria-selected", String(id === view.data.selected));
        row.tabIndex = id === chosen ? 0 : -1;
      }
    }

    function fill(row, job) {
      const [status, name, user, schedule] = row.cells;
      put(status, `${job.sign} ${job.status}`);
      status.className = tone(job.sign);
      status.title = job.note;
      put(name, job.name);
      name.title = job.id;
      put(user, job.user || "—");
      put(schedule, job.once ? `once, ${clock(job.once)}` : job.schedule);
      schedule.title = schedule.textContent;
      timed(row, job);
    }

    function timed(row, job) {
      const now = view.now();
      const next = row.cells[4], last = row.cells[5];
      next.title = job.next === null ? job.note : "";
      if (job.next === null) {
        put(next, job.note || "—");
        next.className = job.note ? "warn" : "dim";
      } else if (job.next <= now) {
        put(next, "due");
        next.className = "live";
      } else {
        put(next, `${countdown(job.next - now)} · ${clock(job.next)}`);
        next.className = job.next - now < 11000 ? "live" : "";
      }
      const run = job.last;
      if (!run) {
        put(last, "not yet run");
        last.className = "dim";
        return;
      }
      if (run.ended === null) {
        put(last, run.retry ? `↻ retry in ${countdown(run.retry - now)}`
          : `${run.sign} ${run.done || run.status} ${length(now - run.begun)}`);
      } else {
        put(last, `${run.sign} ${run.status} · ${age(now - run.ended)}`);
      }
      last.className = run.retry ? "warn" : tone(run.sign);
      last.title = [last.textContent, run.progress, run.took, run.error].filter(Boolean).join(" · ");
    }

    function place(job) {
      let row = rows.get(job.id);
      if (!row) {
        row = element("tr");
        row.dataset.id = job.id;
        for (const _ of SHARED.columns) row.append(element("td"));
        rows.set(job.id, row);
        body.prepend(row); // the newest job comes first
      }
      fill(row, job);
    }

    return {
      update(message) {
        const { data } = view;
        if (message === null) {
          body.replaceChildren();
          rows.clear();
          for (const job of data.jobs.values()) place(job);
        } else {
          for (const job of message.jobs ?? []) place(job);
          for (const id of message.gone ?? []) {
            rows.get(id)?.remove();
            rows.delete(id);
          }
        }
        mark();
        table.hidden = rows.size === 0;
        empty.hidden = rows.size > 0;
        put(rest, `${data.leftOut} older jobs are not shown; Jobs.get_all(include_dynamic=True) lists all.`);
        rest.hidden = !data.leftOut;
      },
      tick() {
        for (const [id, row] of rows) timed(row, view.data.jobs.get(id));
      },
    };
  },
});
