// What every view of the panel shares. One store a model, begun from its snapshot and
// brought up to date by numbered messages; every view of the model draws from the store.
// SHARED, what Python and the browser have in common, stands before this (anywidgets.py).
// Text of jobs reaches the page by textContent alone.

function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

// Changing a text that is the same already would cost a layout and a reader's selection.
function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// Rounded up: a countdown that shows 0 for a second looks stuck.
function countdown(ms) {
  return length(ms + 999);
}

function length(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${two(s % 60)}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h ${two(Math.floor((s % 3600) / 60))}m`;
  return `${Math.floor(s / 86400)}d ${Math.floor((s % 86400) / 3600)}h`;
}

function age(ms) {
  const s = Math.floor(ms / 1000);
  if (s >= 86400) return `${Math.floor(s / 86400)}d ago`;
  if (s >= 3600) return `${Math.floor(s / 3600)}h ago`;
  if (s >= 60) return `${Math.floor(s / 60)}m ago`;
  return s > 0 ? `${s}s ago` : "now";
}

function clock(at, now = Date.now()) {
  const when = new Date(at);
  const time = when.toLocaleTimeString([], { hourCycle: "h23" });
  const today = when.toDateString() === new Date(now).toDateString();
  if (today) return time;
  const days = Math.abs(at - now) / 86400000;
  if (days < 6) return `${when.toLocaleDateString([], { weekday: "short" })} ${time.slice(0, 5)}`;
  const year = days > 300 ? { year: "numeric" } : {};
  return when.toLocaleDateString([], { day: "numeric", month: "short", ...year });
}

// A panel's own tone classes: good, bad, warn, live, dim.
function tone(sign) {
  return SHARED.tones[sign] ?? "dim";
}

// begin() makes a view's empty data; fold(data, message) brings a message in;
// draw({el, data, send, now}) builds a view and returns {update(message|null), tick()}.
function live({ begin, fold, draw }) {
  return () => {
    const store = { n: -1, heard: 0, skew: 0, data: begin(), views: new Set() };
    const now = () => Date.now() + store.skew;

    function take(message, model) {
      if (typeof message?.n !== "number") return;
      if (message.all === undefined && message.n <= store.n) return;
      store.skew = message.now - Date.now();
      const missed = message.all === undefined && message.n > store.n + 1;
      store.n = message.n;
      store.heard = Date.now();
      if (message.all !== undefined) {
        store.data = begin();
        fold(store.data, message.all);
      } else {
        fold(store.data, message);
      }
      for (const view of store.views) view.update(message.all === undefined ? message : null);
      if (missed) model.send({ ask: "all", n: -1 });
    }

    return {
      initialize({ model }) {
        const begun = model.get("snapshot");
        take(begun, model);
        // A snapshot may be old: saved with the notebook, by a kernel long gone.
        if (begun?.now) store.heard = Math.min(Date.now(), begun.now);
        const onMessage = (message) => take(message, model);
        model.on("msg:custom", onMessage);
        // What was sent between the snapshot and this moment is lost.
        model.send({ ask: "all", n: store.n });
        return () => model.off("msg:custom", onMessage);
      },
      render({ model, el }) {
        const drawn = draw({
          el, now, store, send: (content) => model.send(content),
          get data() { return store.data; },
        });
        store.views.add(drawn);
        drawn.update(null);
        const timer = drawn.tick ? setInterval(drawn.tick, 1000) : null;
        return () => {
          store.views.delete(drawn);
          clearInterval(timer);
        };
      },
    };
  };
}
