// All that is known of one image: the picture, what is stated and proven, its story, images alike, every column.
const record = (() => {
  const { make } = cards;
  const byId = id => document.getElementById(id);

  function list(rows) {
    return make("dl", "facts", ...rows.flatMap(([name, text]) => [make("dt", "", name), make("dd", text === null ? "none" : "", text ?? "null")]));
  }

  function section(title, ...content) {
    return make("section", "", make("h3", "", title), ...content);
  }

  // Only an address of the web becomes a link; anything else stays text.
  function address(text) {
    if (!/^https?:\/\//i.test(text)) return text;
    const link = make("a", "", text);
    link.href = text;
    link.rel = "noopener noreferrer";
    return link;
  }

  function stated(statements) {
    if (!statements.length) return make("p", "soft", "Nothing that could be checked.");
    const scored = statements.some(([, score]) => score !== null);
    const head = make("tr", "", ...["Statement", "Proven by", ...(scored ? ["Score"] : [])].map(text => {
      const cell = make("th", text === "Score" ? "" : "text", text);
      cell.scope = "col";
      return cell;
    }));
    const rows = statements.map(([text, score, by]) => make("tr", "", make("td", "text", text), make("td", "text", by),
      ...(scored ? [make("td", "", score === null ? "" : score.toFixed(3))] : [])));
    return make("div", "scroll", make("table", "", make("thead", "", head), make("tbody", "", ...rows)));
  }

  function terms(pairs) {
    const rows = pairs.filter(([name]) => !["pairs", "images"].includes(name));
    return make("dl", "facts", ...rows.flatMap(([name, text]) => [
      make("dt", "", name.replaceAll("_", " ")), make("dd", "", name === "source_url" ? address(text) : text),
    ]));
  }

  async function alike(similar, hash, size) {
    const items = await Promise.all(similar.map(async ([row, cosine]) => {
      const card = (await shards.load(`cards/${Math.floor(row / size)}`))[row % size];
      const link = make("a", "card");
      cards.fill(link, card, () => false, cosine);
      link.href = hash(card.id);
      return make("li", "", link);
    }));
    return make("ul", "cards strip-of-cards", ...items);
  }

  // Fills the section of one image; `size` is how many rows a script holds, `hash` the address of an image by its id.
  async function show(row, size, model, hash) {
    const name = Math.floor(row / size);
    const [ofCards, ofRecords, corpora] = await Promise.all([`cards/${name}`, `records/${name}`, "corpora"].map(shards.load));
    const card = ofCards[row % size], known = ofRecords[row % size];
    const gate = new Map(corpora.gate_rows).get(card.corpus) ?? [];
    const ofCorpus = new Map(corpora.terms).get(card.corpus) ?? [];
    const detailed = new Map(known.columns).get("caption_detailed");
    byId("image-title").textContent = card.id;
    byId("image-picture").replaceChildren(cards.frame(card, known.picture ?? card.thumbnail));
    const columns = make("details", "", make("summary", "", `All ${known.columns.length} columns`), list(known.columns));
    const caption = make("p", "caption", card.caption);
    caption.dir = "auto";
    byId("image-text").replaceChildren(
      caption,
      ...(detailed && detailed !== card.caption ? [make("p", "soft", `In detail: ${detailed}`)] : []),
      section("What it states, and what proves it", stated(known.statements)),
      section("Its story", list([...known.story, ["gate", corpora.gate]])),
      section("Licence and source", terms(ofCorpus)),
      ...(gate.length ? [make("details", "", make("summary", "", `What the gate says of ${card.corpus} (${gate.length})`), list(gate))] : []),
      columns,
    );
    const near = byId("image-alike");
    near.hidden = !known.similar.length;
    byId("image-near").replaceChildren();
    if (known.similar.length) byId("image-near").append(await alike(known.similar, hash, size));
    byId("image-model").textContent = model.slice(0, 12);
    return card;
  }

  return { show };
})();
