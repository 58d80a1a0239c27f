// Stands at the end of a copy of a page, in a window of one width and one colour, and tells what is wrong with how it looks.
(() => {
  const LEAST_PX = 10;
  const LEAST_CONTRAST = 4.5;
  const wrong = [];
  const kinds = new Map();
  // Some of each kind: the same mistake is often made everywhere.
  const say = (what) => {
    const kind = what.split(" ").slice(0, 2).join(" ").replace(/[\d.]+/g, "");
    kinds.set(kind, (kinds.get(kind) || 0) + 1);
    if (kinds.get(kind) <= 3) wrong.push(what);
  };
  const short = (text) => text.trim().replace(/\s+/g, " ").slice(0, 40);
  const asked = new URLSearchParams(location.search);
  if (asked.has("switch")) document.getElementById(asked.get("switch")).checked = true;
  const first = document.querySelector("#stack .answer");
  if (asked.has("answers") && first && first.getBoundingClientRect().bottom > innerHeight) say("the first screen is not the answer");
  document.querySelectorAll("details").forEach((details) => (details.open = true));

  // Nothing is wider than the window, but what scrolls in a box of its own.
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth) {
    const wide = [...document.querySelectorAll("body *")].find(
      (it) => !it.closest(".scroll, pre, svg") && it.getBoundingClientRect().right > innerWidth + 1);
    say(`scrolls sideways, ${root.scrollWidth} of ${innerWidth}: ${wide ? wide.outerHTML.slice(0, 90) : "?"}`);
  }

  // Every answer is there, in its order, with words, a plot and a table.
  const answers = (asked.get("answers") || "").split(",").filter((id) => id);
  let above = -1;
  for (const id of answers) {
    const section = document.getElementById(id);
    if (!section) { say(`no section ${id}`); continue; }
    const top = section.getBoundingClientRect().top;
    if (top <= above) say(`${id} is not in its order`);
    above = top;
    if (short((section.querySelector(".answer") || { textContent: "" }).textContent).length < 20) say(`${id}: no answer`);
    const plot = [...section.querySelectorAll("svg")].find((svg) => svg.getBoundingClientRect().height > 40);
    if (!plot) say(`${id}: no plot`);
    if (section.querySelectorAll("table tr").length < 2) say(`${id}: no table`);
  }

  // Colours.
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const part = [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
  };
  const behind = (it) => {
    for (; it; it = it.parentElement) {
      const back = rgb(getComputedStyle(it).backgroundColor);
      if (back[3] === 255) return back;
    }
    return [255, 255, 255, 255];
  };
  const contrast = (a, b) => {
    const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };

  // Text: large enough, and of another colour than what it stands on.
  const seen = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let texts = 0;
  while (walker.nextNode()) {
    const node = walker.currentNode, it = node.parentElement;
    if (!node.data.trim() || !it || it.closest("script, style, title")) continue;
    texts += 1;
    const style = getComputedStyle(it);
    const svg = it.closest("svg");
    // Some text stands upright.
    const scale = svg ? Math.hypot(it.getScreenCTM().a, it.getScreenCTM().b) : 1;
    const px = parseFloat(style.fontSize) * scale;
    if (px < LEAST_PX) say(`text of ${px.toFixed(1)} px: ${short(node.data)}`);
    const colour = svg ? style.fill : style.color;
    const name = `${colour} ${getComputedStyle(svg ? svg.parentElement : it).backgroundColor}`;
    if (!seen.has(name)) seen.set(name, contrast(rgb(colour), behind(svg ? svg.parentElement : it)));
    if (seen.get(name) < LEAST_CONTRAST) say(`contrast ${seen.get(name).toFixed(1)}: ${short(node.data)}`);
  }
  if (texts < 100) say(`only ${texts} texts`);

  // Text that lies on other text.
  const box = (it) => {
    const range = document.createRange();
    range.selectNodeContents(it);
    return { it, box: it.closest("svg") ? it.getBoundingClientRect() : range.getBoundingClientRect() };
  };
  const crossing = (boxes) => {
    boxes = boxes.filter(({ box }) => box.width > 0 && box.height > 0).sort((a, b) => a.box.top - b.box.top);
    boxes.forEach((one, n) => {
      for (const other of boxes.slice(n + 1)) {
        if (other.box.top > one.box.bottom - 2) break;
        const wide = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
        const high = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
        if (wide > 1.5 && high > 2.5) say(`overlap: ${short(one.it.textContent)} / ${short(other.it.textContent)}`);
      }
    });
  };
  crossing([...document.querySelectorAll("h1, h2, h3, p, figcaption, summary, th, td, li, nav a, label, legend")].map(box));
  for (const svg of document.querySelectorAll("svg")) {
    const inside = svg.getBoundingClientRect();
    const boxes = [...svg.querySelectorAll("text")].map(box);
    crossing(boxes);
    for (const { it, box } of boxes) {
      if (box.left < inside.left - 1 || box.right > inside.right + 1 || box.bottom > inside.bottom + 1 || box.top < inside.top - 1)
        say(`runs out of its plot: ${short(it.textContent)}`);
    }
    // A stand-in colour that no style has replaced.
    for (const shape of svg.querySelectorAll("[fill], [stroke]")) {
      const { fill, stroke } = getComputedStyle(shape);
      const raw = [fill, stroke].map((colour) => (colour.match(/\d+/g) || []).map(Number));
      if (raw.some(([r, g, b]) => (r === g && g === b && r > 0 && r < 12) || (r === 20 && g === 0 && b < 16)))
        say(`a colour that no style knows: ${shape.outerHTML.slice(0, 60)}`);
    }
  }
  const back = getComputedStyle(document.body).backgroundColor;
  parent.postMessage({ window: location.search, width: innerWidth, height: root.scrollHeight, back, texts, wrong }, "*");
})();
