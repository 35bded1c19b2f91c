
export default live({
  begin: () => ({ job: null, lines: [] }),
  fold(data, message) {
    if ("job" in message) data.job = message.job;
    const last = data.lines.at(-1)?.[0] ?? 0;
    for (const line of message.lines ?? []) if (line[0] > last) data.lines.push(line);
    if (data.lines.length > SHARED.lines) data.lines.splice(0, data.lines.length - SHARED.lines);
  },
  draw(view) {
    const head = element("div", "luajobs-head");
    const title = element("strong");
    const follow = element("button", "luajobs-button", "Pause");
    follow.type = "button";
    head.append(title, follow);
    const box = element("div", "luajobs-scroll luajobs-log");
    box.tabIndex = 0;
    box.setAttribute("role", "log");
    box.setAttribute("aria-label", "Log of the selected job");
    const empty = element("div", "dim", "Nothing logged yet: print(…) and job.log.info(…) write here.");
    const lines = element("div");
    box.append(empty, lines);
    view.el.append(head, box);

    let following = true;
    let shown = 0; // the seq of the newest line on the page
    let waiting = 0; // lines that came while paused

    function button() {
      put(follow, following ? "Pause" : waiting ? `Follow (${waiting} new)` : "Follow");
      follow.setAttribute("aria-pressed", String(!following));
    }
    follow.addEventListener("click", () => {
      following = !following;
      if (following) append();
      button();
    });

    function append() {
      // At the tail it keeps to the tail; who scrolled up is left in peace.
      const tail = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
      const fresh = document.createDocumentFragment();
      for (const [seq, at, level, text] of view.data.lines) {
        if (seq <= shown) continue;
        const line = element("div", `luajobs-line ${level}`);
        line.append(element("time", "dim", clock(at)), element("span", "luajobs-level", level),
          element("span", "luajobs-text", text));
        fresh.append(line);
        shown = seq;
      }
      lines.append(fresh);
      while (lines.childElementCount > SHARED.lines) lines.firstElementChild.remove();
      empty.hidden = lines.childElementCount > 0;
      waiting = 0;
      if (tail) box.scrollTop = box.scrollHeight;
    }

    return {
      update(message) {
        put(title, view.data.job ? `Log of ${view.data.job}` : "Log");
        if (message === null) {
          lines.replaceChildren();
          shown = 0;
          append();
          box.scrollTop = box.scrollHeight;
          requestAnimationFrame(() => { box.scrollTop = box.scrollHeight; });
        } else if (following) {
          append();
        } else {
          waiting += message.lines?.length ?? 0;
        }
        button();
      },
    };
  },
});
