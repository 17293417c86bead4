"use strict";
// What the browser keeps of a rater, who may rate in several tabs at once: of each place, what was rated last.
const kept = (() => {
  // What an earlier visit or another tab left; null where there is nothing that fits.
  function read(key, places, isRating) {
    let before = null;
    try {
      before = JSON.parse(localStorage.getItem(key));
    } catch {
      return null;
    }
    if (!before || !Array.isArray(before.ratings) || before.ratings.length !== places) return null;
    return before.ratings.every(isRating) ? before : null;
  }

  // Takes into `state` what was rated later than its own; returns whether something of its own is later still.
  function merge(state, before) {
    if (!before) return false;
    const times = Array.isArray(before.changed) ? before.changed : [];
    let ahead = false;
    state.changed.forEach((own, at) => {
      const time = Number(times[at]) || 0;
      if (time > own) {
        state.ratings[at] = before.ratings[at];
        state.changed[at] = time;
      }
      ahead = ahead || own > time;
    });
    return ahead;
  }

  // Makes a rating the latest of its place, also where the clock was set back.
  function change(state, at, rating) {
    state.ratings[at] = rating;
    state.changed[at] = Math.max(Date.now(), state.changed[at] + 1);
  }

  return { read, merge, change };
})();
