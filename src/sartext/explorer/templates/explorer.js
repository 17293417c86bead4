// The page: what is asked stands in its address, so that every view and every image can be linked to.
(() => {
  const PAGE = 48, SHOWN = 10, SUGGESTED = 8;
  const byId = id => document.getElementById(id);
  const { make } = cards;
  const data = JSON.parse(byId("data").textContent);
  const state = { query: "", order: "mixed", page: 0, id: "", sentence: -1, rows: new Uint32Array(0), cosines: null };
  let facets = [], sentences = null, drawn = 0, isFound = () => false, from = "", typing = 0;

  // The address: #q=…&corpus=…&id=…
  function hash(changes = {}) {
    const view = { ...state, ...changes }, parts = new URLSearchParams();
    if (view.query) parts.set("q", view.query);
    if (view.sentence >= 0) parts.set("sentence", sentences.sentences[view.sentence]);
    for (const facet of facets) for (const code of facet.chosen) parts.append(facet.name, facet.values[code]);
    if (view.order !== "mixed") parts.set("order", view.order);
    if (view.page) parts.set("page", view.page + 1);
    if (view.id) parts.set("id", view.id);
    return `#${parts}`;
  }

  async function read() {
    const parts = new URLSearchParams(location.hash.slice(1));
    state.query = parts.get("q") ?? "";
    state.order = [...byId("order").options].some(option => option.value === parts.get("order")) ? parts.get("order") : "mixed";
    state.page = Math.max(0, (Number.parseInt(parts.get("page"), 10) || 1) - 1);
    state.id = parts.get("id") ?? "";
    for (const facet of facets) {
      facet.chosen = new Set(parts.getAll(facet.name).map(value => facet.values.indexOf(value)).filter(code => code >= 0));
    }
    if (parts.has("sentence") && data.sentences) await readSentences();
    state.sentence = sentences ? sentences.sentences.indexOf(parts.get("sentence")) : -1;
    byId("order").value = state.order;
    if (byId("query").value !== state.query) byId("query").value = state.query;
  }

  function go(changes) {
    Object.assign(state, changes);
    const address = hash({ id: "" });
    if (address !== location.hash && !(address === "#" && !location.hash)) history.pushState(null, "", address);
    return find();
  }

  // Finds the rows and shows them; a later call overtakes one that waits for the words.
  async function find() {
    const turn = ++typing;
    if (state.query) {
      if (!words.isReady()) byId("count").textContent = "Reading the captions …";
      await words.load(data.word_shards);
      if (turn !== typing) return;
    }
    const found = words.find(state.query);
    isFound = words.isFound(words.parse(state.query));
    const given = state.sentence >= 0 ? rowsOf(state.sentence) : null;
    state.cosines = given && given.cosines;
    const result = filters.apply(given ? given.rows : filters.order(state.order), found);
    state.rows = result.rows;
    const count = state.rows.length;
    state.page = Math.min(state.page, Math.max(0, Math.ceil(count / PAGE) - 1));
    const of = count === data.rows ? "" : ` of ${data.rows.toLocaleString("en")}`;
    byId("count").textContent = `${count.toLocaleString("en")}${of} image${count === 1 && !of ? "" : "s"}`;
    byId("nothing").hidden = count > 0;
    byId("asked").hidden = state.sentence < 0;
    byId("asked-sentence").textContent = state.sentence < 0 ? "" : sentences.sentences[state.sentence];
    byId("order").disabled = state.sentence >= 0;
    byId("clear").hidden = !(state.query || state.sentence >= 0 || facets.some(facet => facet.chosen.size));
    drawFacets(result.counts);
    document.body.dataset.found = String(count);
    if (!state.id) await drawPage();
  }

  function rowsOf(sentence) {
    const first = sentence * sentences.found, last = first + sentences.found;
    const rows = sentences.numbers.subarray(first, last);
    return { rows, cosines: new Map(Array.from(rows, (row, at) => [row, sentences.cosines[first + at]])) };
  }

  // Facets: the values that leave most images first, those that are chosen always.
  function drawFacets(counts) {
    facets.forEach((facet, at) => {
      const ordered = facet.values.map((_, code) => code);
      if (!facet.ordered) ordered.sort((one, other) => counts[at][other] - counts[at][one] || one - other);
      const useful = ordered.filter(code => counts[at][code] || facet.chosen.has(code));
      const shown = useful.filter((code, place) => facet.all || place < SHOWN || facet.chosen.has(code));
      const focused = document.activeElement?.dataset?.code;
      const inside = facet.list.contains(document.activeElement);
      facet.list.replaceChildren(...shown.map(code => choice(facet, code, counts[at][code])));
      if (inside && focused !== undefined) facet.list.querySelector(`[data-code="${focused}"]`)?.focus();
      facet.more.hidden = useful.length <= SHOWN;
      facet.more.textContent = facet.all ? "Show fewer" : `Show all ${useful.length.toLocaleString("en")}`;
      facet.more.setAttribute("aria-expanded", String(Boolean(facet.all)));
    });
  }

  function choice(facet, code, count) {
    const box = make("input");
    box.type = "checkbox";
    box.checked = facet.chosen.has(code);
    box.dataset.code = code;
    box.addEventListener("change", () => {
      if (box.checked) facet.chosen.add(code); else facet.chosen.delete(code);
      go({ page: 0 });
    });
    const label = make("label", count ? "choice" : "choice empty", box, make("span", "value", facet.values[code]),
      make("span", "number", count.toLocaleString("en")));
    return make("li", "", label);
  }

  function setUpFacets() {
    for (const facet of facets) {
      facet.list = make("ul", "choices");
      facet.more = make("button", "more");
      facet.more.type = "button";
      facet.ordered = data.ordered.includes(facet.name);
      facet.more.addEventListener("click", () => { facet.all = !facet.all; find(); });
      byId("facets").append(make("fieldset", "", make("legend", "", facet.title), facet.list, facet.more));
    }
  }

  // A page of cards: empty ones at once, filled as their scripts arrive.
  async function drawPage() {
    const turn = ++drawn, first = state.page * PAGE;
    const rows = Array.from(state.rows.subarray(first, first + PAGE));
    const links = rows.map(() => make("a", "card empty"));
    byId("cards").replaceChildren(...links.map(link => make("li", "", link)));
    const pages = Math.max(1, Math.ceil(state.rows.length / PAGE));
    byId("page").textContent = `Page ${(state.page + 1).toLocaleString("en")} of ${pages.toLocaleString("en")}`;
    byId("pages").hidden = pages === 1;
    byId("previous").disabled = state.page === 0;
    byId("next").disabled = state.page === pages - 1;
    await Promise.all(rows.map(async (row, at) => {
      const card = (await shards.load(`cards/${Math.floor(row / data.shard)}`))[row % data.shard];
      if (turn !== drawn) return;
      cards.fill(links[at], card, isFound, state.cosines?.get(row));
      links[at].href = hash({ id: card.id });
    }));
    document.body.dataset.drawn = String(turn === drawn ? turn : drawn);
  }

  // One image in place of the results.
  async function open() {
    await words.load(data.word_shards);
    const row = words.rowOf(state.id);
    byId("unknown").hidden = row >= 0;
    byId("image").hidden = row < 0;
    byId("results").hidden = true;
    byId("back").href = hash({ id: "" });
    if (row < 0) {
      byId("unknown-id").textContent = state.id;
      return;
    }
    const at = state.rows.indexOf(row);
    await Promise.all([["before", at - 1], ["after", at + 1]].map(async ([name, place]) => {
      const link = byId(name), there = at >= 0 && place >= 0 && place < state.rows.length;
      link.hidden = !there;
      if (there) link.href = hash({ id: words.idOf(state.rows[place]), page: Math.floor(place / PAGE) });
    }));
    await record.show(row, data.shard, data.model, id => hash({ id }));
    document.title = `${state.id} – ${data.title}`;
    byId("image-title").focus({ preventScroll: true });
    window.scrollTo(0, 0);
    from = state.id;
  }

  function close() {
    byId("image").hidden = byId("unknown").hidden = true;
    byId("results").hidden = false;
    document.title = data.title;
  }

  // Back from an image, the focus is on its card.
  function refocus() {
    if (!from) return;
    [...byId("cards").querySelectorAll("a")].find(link => new URLSearchParams(link.hash.slice(1)).get("id") === from)?.focus();
    from = "";
  }

  async function show() {
    try {
      await read();
      if (!state.id) close();
      await find();
      if (state.id) await open(); else refocus();
      document.body.dataset.ready = "yes";
    } catch (error) {
      fail(error);
    }
  }

  function fail(error) {
    byId("failed").hidden = false;
    byId("failed").textContent = error.message;
  }

  // Sentences: the page has no text model; it offers the sentences that the model has read beforehand.
  async function readSentences() {
    sentences ??= await shards.load("sentences");
    sentences.numbers ??= shards.numbers(sentences.rows);
  }

  async function suggest() {
    await readSentences();
    const sought = words.split(byId("sentence").value);
    const ranked = sentences.sentences.map((text, at) => {
      const held = words.split(text);
      const same = sought.filter(word => held.some(each => each.startsWith(word))).length;
      return [same / Math.sqrt(held.length + 1), at];
    }).filter(([score]) => score > 0 || !sought.length).sort(([one, a], [other, b]) => other - one || a - b);
    byId("suggested").replaceChildren(...ranked.slice(0, SUGGESTED).map(([, at]) => {
      const button = make("button", "suggestion", sentences.sentences[at]);
      button.type = "button";
      button.addEventListener("click", () => { byId("meaning").open = false; go({ sentence: at, page: 0 }); });
      return make("li", "", button);
    }));
    byId("none-suggested").hidden = ranked.length > 0;
  }

  function listen() {
    byId("search").addEventListener("submit", event => { event.preventDefault(); go({ query: byId("query").value, page: 0 }); });
    byId("query").addEventListener("input", () => {
      state.query = byId("query").value;
      state.page = 0;
      history.replaceState(null, "", hash({ id: "" }));
      find().catch(fail);
    });
    byId("query").addEventListener("focus", () => words.load(data.word_shards).catch(fail), { once: true });
    byId("order").addEventListener("change", () => go({ order: byId("order").value, page: 0 }));
    for (const [name, step] of [["previous", -1], ["next", 1]]) {
      byId(name).addEventListener("click", async () => {
        await go({ page: state.page + step });
        byId("results").scrollIntoView();
      });
    }
    byId("clear").addEventListener("click", () => {
      for (const facet of facets) facet.chosen.clear();
      byId("query").value = "";
      go({ query: "", sentence: -1, page: 0 });
    });
    for (const name of ["facts", "facts-large"]) {
      byId(name).addEventListener("change", event => document.body.classList.toggle(`with-${name}`, event.target.checked));
    }
    if (data.sentences) {
      byId("sentence").addEventListener("input", () => suggest().catch(fail));
      byId("meaning").addEventListener("toggle", () => suggest().catch(fail));
      byId("forget").addEventListener("click", () => go({ sentence: -1, page: 0 }));
    }
    byId("to-about").addEventListener("click", () => {
      byId("about-title").tabIndex = -1;
      byId("about-title").focus();
    });
    document.addEventListener("keydown", event => {
      if (event.key === "Escape" && state.id) location.hash = hash({ id: "" });
    });
    window.addEventListener("hashchange", show);
  }

  async function begin() {
    const narrow = matchMedia("(max-width: 900px)"), fold = () => { byId("filters").open = !narrow.matches; };
    narrow.addEventListener("change", fold);
    fold();
    facets = await filters.load();
    setUpFacets();
    listen();
    await show();
  }

  begin().catch(fail);
})();
