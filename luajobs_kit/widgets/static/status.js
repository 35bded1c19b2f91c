
// Three heartbeats and a bit without a word: whatever is shown is not live any more.
const SILENCE = 10000; // ms

export default live({
  begin: () => ({}),
  fold: (data, message) => Object.assign(data, message),
  draw(view) {
    const line = element("div", "luajobs-status");
    const title = element("strong", "luajobs-title", "Jobs");
    const beat = element("span", "luajobs-beat");
    const facts = element("span", "luajobs-facts dim");
    line.append(title, beat, facts);
    const note = element("div", "luajobs-note");
    note.setAttribute("role", "status");
    view.el.append(line, note);

    function tick() {
      const { data, store } = view;
      const silent = Date.now() - store.heard;
      // Where the front end knows that the kernel is gone, it marks its widgets at once.
      const stale = silent > SILENCE || view.el.closest(".jupyter-widgets-disconnected") !== null;
      view.el.closest(".luajobs-panel")?.classList.toggle("luajobs-stale", stale);
      const heard = silent < 1000 ? "just now" : age(silent);
      let sign = "●", words, kind = "good";
      if (stale) {
        [sign, kind] = ["✗", "bad"];
        words = `not live any more: the kernel was last heard ${heard}. Run the cell again.`;
      } else if (data.link === "live") {
        words = `connected, ${heard}`;
      } else if (data.link === "reconnecting") {
        [sign, kind, words] = ["↻", "warn", `reconnecting… ${data.why ?? ""}`];
      } else if (data.link === "stopped") {
        [sign, kind, words] = ["○", "warn", data.why];
      } else if (data.link === "silent") {
        [sign, kind, words] = ["…", "warn", "the engine does not answer just now"];
      } else {
        [sign, kind, words] = ["…", "warn", "connecting…"];
      }
      put(beat, `${sign} ${words}`);
      beat.className = `luajobs-beat ${kind}`;
    }

    function update() {
      const { data } = view;
      const counts = data.jobs === null || data.jobs === undefined ? ""
        : `${data.active} of ${data.jobs} active, ${data.running} running`;
      put(facts, [counts, data.place].filter(Boolean).join(" · "));
      facts.title = data.stays ?? "";
      put(note, data.note?.text ?? "");
      note.className = `luajobs-note ${data.note?.tone ?? ""}`;
      note.hidden = !data.note?.text;
      tick();
    }
    return { update, tick };
  },
});
