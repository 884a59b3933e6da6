'use strict';
// Keeps the page up to date: replaces what changed, counts ages, and says so when it no longer can.
(() => {
  const stream = document.getElementById('stream');
  const news = document.getElementById('news');
  let page = document.getElementById('page');
  let ahead = Date.now() - page.dataset.now * 1000; // by how much the clock of the reader is ahead of that of the service, in ms
  let heard = Date.now();
  let lost = false;
  let over = false; // whether the drain delay has passed, so that a new stream only ends

  const age = (s) => s < 60 ? s + ' s'
    : s < 3600 ? Math.floor(s / 60) + ' min'
    : s < 86400 ? Math.floor(s / 3600) + ' h ' + Math.floor(s % 3600 / 60) + ' min'
    : Math.floor(s / 86400) + ' d ' + Math.floor(s % 86400 / 3600) + ' h';

  // Changes only what differs, so that the focus, a selection and open folds stay. What has an id is
  // moved, such as the row of a check.
  const morph = (old, now) => {
    if (old.nodeType === 3) {
      if (old.data !== now.data) old.data = now.data;
      return;
    }
    for (const {name} of [...old.attributes]) {
      if (name !== 'open' && !now.hasAttribute(name)) old.removeAttribute(name);
    }
    for (const {name, value} of now.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    const to = [...now.childNodes];
    const ids = new Set(to.map((node) => node.id));
    for (const node of [...old.childNodes]) if (node.id && !ids.has(node.id)) node.remove();
    to.forEach((node, i) => {
      const at = old.childNodes[i] ?? null;
      const kept = node.id && document.getElementById(node.id);
      if (kept && kept.parentNode === old) {
        if (kept !== at) old.insertBefore(kept, at);
        morph(kept, node);
      } else if (at && !at.id && at.nodeName === node.nodeName) {
        morph(at, node);
      } else {
        old.insertBefore(node, at);
      }
    });
    while (old.childNodes.length > to.length) old.lastChild.remove();
  };

  const say = (shape, text) => {
    stream.className = shape;
    if (stream.textContent !== text) stream.textContent = text;
  };

  const live = () => {
    heard = Date.now();
    lost = false;
    say('live', 'Live');
  };

  const lose = (what) => {
    if (lost) return;
    lost = true;
    const since = new Date(heard - ahead).toISOString().slice(11, 19);
    const text = what + ' since ' + since + ' UTC. What you see is from then.';
    say('lost', text);
    news.textContent = text;
  };

  const show = (html) => {
    const next = new DOMParser().parseFromString(html, 'text/html').getElementById('page');
    if (!next || next.dataset.build !== page.dataset.build) return location.reload();
    const focused = document.activeElement && document.activeElement.id;
    if (lost || page.dataset.sentence !== next.dataset.sentence) news.textContent = next.dataset.sentence;
    ahead = Date.now() - next.dataset.now * 1000;
    morph(page, next);
    page = document.getElementById('page');
    document.title = page.dataset.title;
    const again = focused && document.activeElement.id !== focused && document.getElementById(focused);
    if (again) again.focus({preventScroll: true});
    live();
  };

  const open = () => {
    const source = new EventSource('events');
    let held = null;
    const hear = (data) => {
      // After a drain the first state of a stream is followed by its end, which is no news; anything
      // else comes from another process.
      if (over && held === null) {
        held = data;
        return;
      }
      const state = data ?? held;
      over = false;
      held = null;
      if (state === null) live(); else show(state);
    };
    source.addEventListener('state', (event) => hear(event.data));
    source.addEventListener('alive', () => hear(null));
    source.addEventListener('end', () => {
      source.close();
      over = true;
      lose('The drain is over, no live updates');
      setTimeout(open, 5000);
    });
    source.addEventListener('error', () => {
      held = null;
      lose('Live updates lost');
      // A browser tries again by itself, unless it was refused.
      if (source.readyState === 2) setTimeout(open, 5000);
    });
  };

  setInterval(() => {
    if (Date.now() - heard > 12000) lose('Live updates lost');
    if (lost) return; // an age would claim that nothing has changed since
    const now = Math.floor((Date.now() - ahead) / 1000);
    for (const each of page.querySelectorAll('[data-since]')) {
      const text = age(Math.max(0, now - each.dataset.since));
      if (each.textContent !== text) each.textContent = text;
    }
  }, 1000);
  open();
})();
