"use strict";
// The audit page: shows one image after the other, keeps what is rated, saves it as a file and loads it again.
(() => {
  const byId = id => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const scales = data.scales;
  const places = data.showings.map(([image_id, showing]) => ({ image_id, showing }));
  const state = { rater: "", ratings: [], changed: [], at: 0, active: 0, unsaved: false, kept: true };

  const empty = () => Object.fromEntries([...scales.map(name => [name, null]), ["comment", ""]]);
  const isComplete = rating => scales.every(name => rating[name] !== null);
  const isGiven = rating => rating.comment !== "" || scales.some(name => rating[name] !== null);
  const isScale = value => value === null || (Number.isInteger(value) && value >= 1 && value <= 5);
  const isRating = rating => rating !== null && typeof rating === "object" &&
    scales.every(name => isScale(rating[name])) && typeof rating.comment === "string";

  function tell(text, wrong = false) {
    byId("told").textContent = text;
    byId("told").classList.toggle("wrong", wrong);
  }

  // Kept by the browser, for this candidate, sample and rater; a browser may refuse.
  const key = () => `sartext-audit ${data.candidate_sha256} ${JSON.stringify(data.sample)} ${state.rater}`;

  const held = () => kept.read(key(), places.length, isRating);

  function keep() {
    state.unsaved = true;
    kept.merge(state, held());
    try {
      localStorage.setItem(key(), JSON.stringify({ ratings: state.ratings, changed: state.changed, at: state.at }));
      state.kept = true;
    } catch {
      state.kept = false;
    }
    byId("lost").hidden = state.kept;
  }

  function restore() {
    state.ratings = places.map(empty);
    state.changed = places.map(() => -1);
    const before = held();
    kept.merge(state, before);
    state.at = Math.min(Math.max(Number(before && before.at) || 0, 0), places.length - 1);
  }

  function asFile() {
    const ratings = places.map((place, at) => ({ ...place, ...state.ratings[at] }));
    return {
      form: data.form, candidate_sha256: data.candidate_sha256, sample: data.sample, rater: state.rater,
      ratings: ratings.filter(isGiven),
    };
  }

  function save() {
    const content = new Blob([JSON.stringify(asFile(), null, 1) + "\n"], { type: "application/json" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(content);
    link.download = `audit-${data.candidate_sha256.slice(0, 8)}-${state.rater}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    state.unsaved = false;
    tell(`Saved ${asFile().ratings.length} ratings as ${link.download}.`);
  }

  function problemOf(file) {
    if (!file || file.form !== data.form || !Array.isArray(file.ratings)) return "This is no file of ratings.";
    if (file.candidate_sha256 !== data.candidate_sha256) return "These ratings are of another candidate.";
    const same = Object.keys(data.sample).every(name => file.sample && file.sample[name] === data.sample[name]);
    if (!same) return "These ratings are of another sample of this candidate.";
    if (!new RegExp(`^(?:${byId("rater").pattern})$`).test(file.rater)) return "The pseudonym in the file is none.";
    const known = new Set(places.map(place => JSON.stringify([place.image_id, place.showing])));
    const fits = rating => isRating(rating) && known.has(JSON.stringify([rating.image_id, rating.showing]));
    return file.ratings.every(fits) ? "" : "A rating in the file is out of range, or of an image that is not here.";
  }

  async function load(chosen) {
    let file = null;
    try {
      file = JSON.parse(await chosen.text());
    } catch {
      tell("The file cannot be read: it is no JSON, or cut off.", true);
      return;
    }
    const problem = problemOf(file);
    if (problem) {
      tell(problem, true);
      return;
    }
    state.rater = file.rater;
    restore();
    const names = Object.keys(empty());
    const placed = ({ image_id, showing }) => JSON.stringify([image_id, showing]);
    const loaded = new Map(file.ratings.filter(isGiven).map(rating => [placed(rating), rating]));
    const found = places.map(place => loaded.get(placed(place)));
    const differs = (rating, at) => rating && isGiven(state.ratings[at]) &&
      names.some(name => rating[name] !== state.ratings[at][name]);
    const differing = found.filter(differs).length;
    const replace = differing > 0 && await isFileChosen(differing);
    found.forEach((rating, at) => {
      if (!rating || (differs(rating, at) && !replace)) return;
      kept.change(state, at, Object.fromEntries(names.map(name => [name, rating[name]])));
    });
    begin();
    const outcome = `; ${differing} that differ ${replace ? "are now those of the file" : "stay as this browser has them"}`;
    tell(`Loaded ${loaded.size - (replace ? 0 : differing)} ratings of ${state.rater}${differing ? outcome : ""}.`);
  }

  // Asks before anything is written over; Escape keeps what the browser has.
  function isFileChosen(differing) {
    const dialog = byId("differing");
    byId("differing-asked").textContent = `For ${differing} of the captions, this browser keeps other ratings of ` +
      `${state.rater} than the file holds. Which ones count? The others of the file are loaded either way.`;
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise(answer => {
      dialog.addEventListener("close", () => answer(dialog.returnValue === "file"), { once: true });
    });
  }

  function begin() {
    keep();
    byId("start").hidden = true;
    for (const id of ["desk", "where", "save"]) byId(id).hidden = false;
    const next = firstOpen();
    show(next === -1 ? state.at : next);
  }

  const firstOpen = () => state.ratings.findIndex(rating => !isComplete(rating));

  function draw(tag, attributes) {
    const shape = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
    byId("boxes").append(shape);
  }

  function element(tag, text) {
    const made = document.createElement(tag);
    made.textContent = text;
    return made;
  }

  function showAnnotation(image) {
    const shown = byId("annotated").getAttribute("aria-pressed") === "true";
    byId("annotation").hidden = !shown;
    byId("boxes").replaceChildren();
    byId("mask").hidden = !shown || !image.mask;
    if (image.mask) byId("mask").src = image.mask;
    if (!shown) return;
    if (image.zones) {
      draw("line", { class: "zone", x1: 0.5, x2: 0.5, y1: 0, y2: 1 });
      draw("line", { class: "zone", x1: 0, x2: 1, y1: 0.5, y2: 0.5 });
    }
    if (image.legend.length) draw("rect", { class: "zone", x: 0.25, y: 0.25, width: 0.5, height: 0.5 });
    for (const [colour, left, top, right, bottom] of image.boxes) {
      const place = { x: left, y: top, width: right - left, height: bottom - top };
      draw("rect", { class: "halo", ...place });
      draw("rect", { class: "box", stroke: colour, ...place });
    }
    const legend = element("ul", "");
    legend.className = "legend";
    for (const [label, colour, amount] of image.legend) {
      const entry = element("li", "");
      const swatch = element("i", "");
      swatch.style.background = colour;
      entry.append(swatch, `${label}: ${amount}`);
      legend.append(entry);
    }
    byId("annotation").replaceChildren(
      element("h3", image.legend.length ? "What is annotated" : "Nothing is annotated"), legend,
      ...(image.legend.length ? [element("p", "Dashed: the center is the middle half of width and height.")] : []),
      element("h3", "What the caption was made from"), element("p", image.facts.join("; ")),
    );
  }

  function showRating() {
    const rating = state.ratings[state.at];
    for (const name of scales) {
      for (const choice of byId(name).querySelectorAll("input")) choice.checked = Number(choice.value) === rating[name];
    }
    byId("comment").value = rating.comment;
    const complete = state.ratings.filter(isComplete).length;
    byId("count").textContent = `${complete} of ${places.length} complete`;
    byId("progress").value = complete;
    scales.forEach((name, number) => byId(name).classList.toggle("active", number === state.active));
  }

  function show(at) {
    state.at = at;
    const image = data.images[places[at].image_id];
    const open = scales.findIndex(name => state.ratings[at][name] === null);
    state.active = open === -1 ? scales.length : open;
    byId("title").textContent = `Image ${at + 1} of ${places.length}`;
    byId("caption").textContent = image.caption;
    byId("picture").src = image.picture;
    byId("picture").alt = `SAR image ${at + 1}, ${image.width} by ${image.height} pixels`;
    byId("frame").classList.toggle("small", Math.max(image.width, image.height) <= 256);
    byId("frame").style.aspectRatio = `${image.width} / ${image.height}`;
    byId("previous").disabled = at === 0;
    showAnnotation(image);
    showRating();
    keep();
    byId("title").focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }

  function rate(name, value) {
    kept.change(state, state.at, { ...state.ratings[state.at], [name]: value });
    keep();
    showRating();
  }

  function move(step) {
    const at = state.at + step;
    if (at >= 0 && at < places.length) {
      tell("");
      show(at);
    } else if (step > 0) {
      const open = state.ratings.filter(rating => !isComplete(rating)).length;
      tell(open ? `This is the last image; ${open} are not complete. Save what you have.` : "All is rated. Save it.");
      byId("save").focus();
    }
  }

  function rateActive(value) {
    if (state.active >= scales.length) state.active = 0;
    const name = scales[state.active];
    state.active += 1;
    rate(name, value);
    const next = scales[state.active];
    const target = next ? byId(next).querySelector("input:checked") || byId(next).querySelector("input") : byId("next");
    target.focus({ preventScroll: true });
  }

  function clear() {
    kept.change(state, state.at, empty());
    show(state.at);
  }

  function toggleAnnotation() {
    const button = byId("annotated");
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    showAnnotation(data.images[places[state.at].image_id]);
  }

  const keys = {
    n: () => move(1), p: () => move(-1), a: toggleAnnotation, c: () => byId("comment").focus(), 0: clear, s: save,
  };

  document.addEventListener("keydown", event => {
    if (byId("desk").hidden || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.id === "comment") {
      if (event.key === "Escape") byId("next").focus();
      return;
    }
    if (!byId("shortcuts").checked) return;
    const name = event.key.toLowerCase();
    if (/^[1-5]$/.test(name)) rateActive(Number(name));
    else if (Object.hasOwn(keys, name)) keys[name]();
    else return;
    event.preventDefault();
  });

  scales.forEach((name, number) => {
    byId(name).addEventListener("change", event => rate(name, Number(event.target.value)));
    byId(name).addEventListener("focusin", () => {
      state.active = number;
      showRating();
    });
  });
  byId("comment").addEventListener("input", event => {
    kept.change(state, state.at, { ...state.ratings[state.at], comment: event.target.value });
    keep();
  });
  byId("begin").addEventListener("submit", event => {
    event.preventDefault();
    state.rater = byId("rater").value;
    restore();
    const given = state.ratings.filter(isGiven).length;
    begin();
    tell(given ? `${given} ratings were kept on this machine.` : "");
  });
  byId("load").addEventListener("click", () => byId("file").click());
  byId("file").addEventListener("change", event => event.target.files.length && load(event.target.files[0]));
  byId("annotated").addEventListener("click", toggleAnnotation);
  byId("previous").addEventListener("click", () => move(-1));
  byId("next").addEventListener("click", () => move(1));
  byId("open").addEventListener("click", () => (firstOpen() === -1 ? tell("Every image is complete.") : show(firstOpen())));
  byId("clear").addEventListener("click", clear);
  byId("save").addEventListener("click", save);
  window.addEventListener("storage", event => {
    if (byId("desk").hidden || event.key !== key()) return;
    if (kept.merge(state, held())) keep(); // both tabs wrote at once
    showRating();
  });
  window.addEventListener("beforeunload", event => {
    if (state.unsaved && !state.kept) event.preventDefault();
  });
})();
