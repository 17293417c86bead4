"use strict";
// The scripts of data/: a page from disk can neither fetch nor import, but it can load a script and drop it again.
const shards = (() => {
  const MOST_KEPT = 256;
  const kept = new Map(), waiting = new Map();

  window.explorer = {
    hold(name, text) {
      const given = waiting.get(name);
      waiting.delete(name);
      if (given) given(JSON.parse(text));
    },
  };

  // Resolves to what a script holds; those used last are kept.
  function load(name) {
    const held = kept.get(name) ?? start(name);
    kept.delete(name);
    kept.set(name, held);
    if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
    return held;
  }

  function start(name) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      const fail = () => {
        waiting.delete(name);
        kept.delete(name);
        reject(new Error(`data/${name}.js cannot be read: the page needs the whole folder that was written with it.`));
      };
      waiting.set(name, resolve);
      script.src = `data/${name}.js`;
      script.onerror = () => { script.remove(); fail(); };
      script.onload = () => { script.remove(); if (waiting.has(name)) fail(); };
      document.head.append(script);
    });
  }

  // Whole numbers from 0, 1, 2 or 4 bytes each.
  function numbers({ width, base64 }) {
    const raw = atob(base64), bytes = new Uint8Array(raw.length);
    for (let at = 0; at < raw.length; at++) bytes[at] = raw.charCodeAt(at);
    return width === 1 ? bytes : width === 2 ? new Uint16Array(bytes.buffer) : new Uint32Array(bytes.buffer);
  }

  return { load, numbers };
})();
