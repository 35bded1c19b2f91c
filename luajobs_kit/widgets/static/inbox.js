
const KEPT = 50; // messages

export default live({
  begin: () => ({ messages: new Map() }),
  fold(data, message) {
    for (const one of message.messages ?? []) data.messages.set(one.id, one);
    while (data.messages.size > KEPT) data.messages.delete(data.messages.keys().next().value);
  },
  draw(view) {
    const head = element("div", "luajobs-head");
    const title = element("strong");
    head.append(title);
    const list = element("ol", "luajobs-scroll luajobs-inbox");
    list.tabIndex = 0;
    list.setAttribute("aria-label", "Messages, newest first");
    const empty = element("div", "luajobs-empty dim", "No messages yet: await user.send(…) in a job writes one.");
    view.el.append(head, empty, list);
    let times = [];

    return {
      update() {
        const messages = [...view.data.messages.values()].reverse();
        put(title, messages.length ? `Inbox (${messages.length})` : "Inbox");
        times = [];
        list.replaceChildren(...messages.map((message) => {
          const item = element("li");
          const when = element("span", "dim", age(view.now() - message.at));
          times.push([message.at, when]);
          const to = element("span", "luajobs-to", `to ${message.user}`);
          const from = element("span", "dim", message.job ? `from ${message.job}` : "");
          item.append(element("div", "luajobs-text", message.text), to, from, when);
          return item;
        }));
        empty.hidden = messages.length > 0;
        list.hidden = messages.length === 0;
      },
      tick: () => times.forEach(([at, node]) => put(node, age(view.now() - at))),
    };
  },
});
