// Cards: a picture with its caption, what the caption's facts say drawn over it. Texts of a release are only ever text.
const cards = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const QUADRANTS = ["upper-left", "upper-right", "lower-left", "lower-right"];
  const SMALL = 160;

  // An element with its class, texts and elements in it.
  function make(name, style, ...content) {
    const element = document.createElement(name);
    if (style) element.className = style;
    element.append(...content);
    return element;
  }

  function shape(name, values) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(values)) element.setAttribute(key, value);
    return element;
  }

  // The lines of the zones that are stated, and the boxes, in thousandths of both sides.
  function lines(card) {
    const svg = shape("svg", { viewBox: "0 0 1000 1000", preserveAspectRatio: "none" });
    const zones = new Set(card.marks.map(([zone]) => zone));
    if (QUADRANTS.some(zone => zones.has(zone))) {
      svg.append(shape("path", { d: "M500 0V1000M0 500H1000", class: "zone" }));
    }
    if (["center", "outside", "middle"].some(zone => zones.has(zone))) {
      svg.append(shape("rect", { x: 250, y: 250, width: 500, height: 500, class: "zone" }));
    }
    for (const [label, x, y, width, height] of card.boxes) {
      const box = shape("rect", { x, y, width, height, class: "box" });
      const title = document.createElementNS(SVG, "title");
      title.textContent = label;
      box.append(title);
      svg.append(box);
    }
    return svg;
  }

  // What is said of each zone, where it lies.
  function chips(card) {
    const places = new Map();
    for (const [zone, text] of card.marks) {
      const place = zone === "middle" ? "center" : zone;
      if (!places.has(place)) places.set(place, []);
      places.get(place).push(text);
    }
    return [...places].map(([place, texts]) => {
      const room = place === "whole" || place === "center" ? 3 : 2, most = texts.length > room ? room - 1 : room;
      const shown = texts.slice(0, most).map(text => make("span", "chip", text));
      if (texts.length > most) shown.push(make("span", "chip", `${texts.length - most} more`));
      return make("div", `place ${place}`, ...shown);
    });
  }

  const MISSING = {
    withheld: ["Picture withheld", "its licence does not let it be passed on"],
    unreadable: ["No picture", "the file in the release cannot be read"],
  };

  // The picture in a square frame, or why there is none.
  function frame(card, address) {
    if (!address) {
      const [what, why] = MISSING[card.missing];
      return make("div", "frame none", make("span", "", what), make("small", "", why));
    }
    const image = make("img", card.width <= SMALL ? "sharp" : "");
    image.src = address;
    image.alt = "";
    image.width = card.width;
    image.height = card.height;
    const facts = make("div", "facts-over", lines(card), ...chips(card));
    facts.setAttribute("aria-hidden", "true");
    const picture = make("div", card.width >= card.height ? "picture" : "picture upright", image, facts);
    picture.style.aspectRatio = `${card.width} / ${card.height}`;
    return make("div", "frame", picture);
  }

  // A text with the words that the search found marked.
  function marked(text, isFound) {
    const parts = [];
    let from = 0;
    for (const match of text.matchAll(/[\p{L}\p{N}]+/gu)) {
      if (!words.split(match[0]).some(isFound)) continue;
      parts.push(text.slice(from, match.index), make("mark", "", match[0]));
      from = match.index + match[0].length;
    }
    return [...parts, text.slice(from)];
  }

  function fill(link, card, isFound, cosine) {
    const about = [card.corpus, card.split, card.method];
    if (cosine !== undefined) about.unshift(`similarity ${(cosine / 1000).toFixed(2)}`);
    const said = make("p", "said", ...marked(card.caption, isFound));
    said.dir = "auto";
    link.replaceChildren(
      frame(card, card.thumbnail),
      said,
      make("p", "about", about.join(" · ")),
      make("p", "about id", card.id),
    );
    link.classList.remove("empty");
  }

  return { make, frame, fill, marked };
})();
