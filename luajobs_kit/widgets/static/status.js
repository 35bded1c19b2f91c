
// Three heartbeats and a bit without a word: whatever is shown is not live any more.
const SILENCE = 10000; // ms

// A notebook's own shortcuts are plain letters: x cuts the cell, d d deletes it. They act on what
// rises to the document, so the panel lets no plain key rise, wherever in it the key was pressed.
// The browser goes on to do what it does: type, tab, scroll, press a button. Keys with Ctrl, Meta
// or Alt (save, run the cell) are the notebook's, as everywhere.
function keepKeys(root) {
  if (root.dataset.keepsKeys) return; // another view of this panel's head has seen to it
  root.dataset.keepsKeys = "yes";
  root.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey || event.altKey)) event.stopPropagation();
  });
  // A click beside the controls is a click on the panel, and not on the notebook's cell.
  root.tabIndex = -1;

  // A control that is switched off, hidden or taken away loses the focus to nobody, and the next
  // key would be the notebook's: the panel itself takes it over.
  let held = null; // the element of the panel that had the focus last, until it is given away
  const usable = (node) => node.isConnected && !node.disabled && node.getClientRects().length > 0;
  const look = () => {
    const nobody = document.activeElement === null || document.activeElement === document.body;
    if (held && nobody && !usable(held)) root.focus({ preventScroll: true });
  };
  root.addEventListener("focusin", (event) => { held = event.target; });
  root.addEventListener("focusout", (event) => {
    if (event.relatedTarget !== null) held = null;
    else setTimeout(() => { if (held === event.target && usable(held)) held = null; else look(); });
  });
  new MutationObserver(() => { if (held && !usable(held)) setTimeout(look); }).observe(root, {
    subtree: true, childList: true, attributeFilter: ["disabled", "style", "class", "hidden"],
  });
}

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

    // The head is drawn before it stands in the panel.
    requestAnimationFrame(function seek() {
      const root = view.el.closest(".luajobs-panel");
      if (root) keepKeys(root);
      else if (view.store.views.size) requestAnimationFrame(seek);
    });

    function tick() {
      const { data, store } = view;
      const silent = Date.now() - store.heard;
      // Where the front end knows that the kernel is gone, it marks its widgets at once.
      const stale = silent > SILENCE || view.el.closest(".jupyter-widgets-disconnected") !== null;
      view.el.closest(".luajobs-panel")?.classList.toggle("luajobs-stale", stale);
      const heard = silent < 1000 ? "just now" : age(silent);
      const link = stale ? "gone" : data.link ?? "connecting";
      const [sign, kind, words] = SHARED.links[link];
      const more = { gone: `${heard}. Run the cell again.`, live: heard }[link] ?? data.why ?? "";
      const joined = [words, more].filter(Boolean).join(link === "live" ? ", " : " ");
      put(beat, `${sign} ${joined}`);
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
