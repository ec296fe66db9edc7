// The little of a browser's document that the PlantUML engine asks for, written for otakit.
//
// Builds a tree of elements, measures text from a table of its own (so a picture does not depend on the
// fonts of a machine), writes the tree as SVG, and keeps a list of what the engine tried to reach. There is
// no file, network or clock in here. `otakitRender` at the end is what Python calls.
"use strict";
(function (world) {
  // Advance widths in 1/1000 em of an Arial-like face, code points 32 to 126, regular and bold.
  const REGULAR = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722,
    778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556,
    278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260,
    334, 584,
  ];
  const BOLD = [
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722, 611, 833, 722,
    778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556, 333, 556, 611, 556, 611, 556,
    333, 611, 611, 278, 278, 556, 278, 889, 611, 611, 611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389, 280,
    389, 584,
  ];
  // Ranges that take no room (combining marks, joiners) and that take a whole em (East Asian, emoji).
  const NOTHING = [[0x300, 0x36f], [0x483, 0x489], [0x591, 0x5bd], [0x610, 0x61a], [0x64b, 0x65f], [0x1ab0, 0x1aff],
    [0x1dc0, 0x1dff], [0x200b, 0x200f], [0x202a, 0x202e], [0x2060, 0x2064], [0x20d0, 0x20ff], [0xfe00, 0xfe0f],
    [0xfe20, 0xfe2f], [0xfeff, 0xfeff], [0xe0100, 0xe01ef]];
  const WHOLE = [[0x1100, 0x115f], [0x2190, 0x21ff], [0x2460, 0x27bf], [0x2900, 0x297f], [0x2b00, 0x2bff],
    [0x2e80, 0x303e], [0x3041, 0xa4cf], [0xac00, 0xd7a3], [0xf900, 0xfaff], [0xfe30, 0xfe6f], [0xff00, 0xff60],
    [0xffe0, 0xffe6], [0x1f000, 0x1faff], [0x20000, 0x3fffd]];
  // What lies between ASCII and the rest and is common in our texts.
  const OTHERS = {0xa0: 278, 0xb0: 400, 0xb1: 549, 0xb5: 576, 0xb7: 333, 0xd7: 584, 0xf7: 549, 0x2013: 556,
    0x2014: 1000, 0x2018: 222, 0x2019: 222, 0x201c: 333, 0x201d: 333, 0x2022: 350, 0x2026: 1000, 0x2212: 584};

  const within = (code, ranges) => ranges.some(([first, last]) => first <= code && code <= last);
  // wide text: any letter for which a sans family of the Latin kind has no glyph
  const isWide = (text) => /[\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff00-\uffef\u{20000}-\u{3fffd}]/u.test(text);

  function advance(code, bold, mono) {
    if (within(code, NOTHING) || code < 32) return 0;
    if (within(code, WHOLE)) return 1000;
    if (mono) return 600;
    if (code < 127) return (bold ? BOLD : REGULAR)[code - 32];
    return OTHERS[code] || (bold ? 611 : 580);
  }

  function widthOf(text, size, bold, mono) {
    let sum = 0;
    for (const letter of text) sum += advance(letter.codePointAt(0), bold, mono);
    return (sum * size) / 1000;
  }

  const isBold = (weight) => /bold|[6-9]00/.test(String(weight || ""));
  const isMono = (family) => /mono|courier|consol/i.test(String(family || ""));

  // ---- the tree -----------------------------------------------------------------------------------------
  class Element {
    constructor(tag) {
      this.tagName = tag;
      this.nodeName = tag;
      this.nodeType = 1;
      this.attributes = new Map();
      this.childNodes = [];
      this.style = {};
      this.ownerDocument = world.document;
    }
    setAttribute(name, value) { this.attributes.set(String(name), String(value)); }
    setAttributeNS(_, name, value) { this.setAttribute(name, value); }
    getAttribute(name) { return this.attributes.has(name) ? this.attributes.get(name) : null; }
    hasAttribute(name) { return this.attributes.has(name); }
    removeAttribute(name) { this.attributes.delete(name); }
    appendChild(child) { this.childNodes.push(child); if (child && typeof child === "object") child.parentNode = this; return child; }
    insertBefore(child, before) {
      const at = this.childNodes.indexOf(before);
      this.childNodes.splice(at < 0 ? this.childNodes.length : at, 0, child);
      child.parentNode = this;
      return child;
    }
    removeChild(child) { this.childNodes = this.childNodes.filter((one) => one !== child); return child; }
    remove() { if (this.parentNode) this.parentNode.removeChild(this); }
    hasChildNodes() { return this.childNodes.length > 0; }
    get firstChild() { return this.childNodes[0] || null; }
    get lastChild() { return this.childNodes[this.childNodes.length - 1] || null; }
    get children() { return this.childNodes.filter((one) => one.nodeType === 1); }
    get textContent() { return this.childNodes.map((one) => (one.nodeType === 1 ? one.textContent : one.text || "")).join(""); }
    set textContent(text) { this.childNodes = [{nodeType: 3, text: String(text)}]; }
    getBBox() {
      const size = parseFloat(this.getAttribute("font-size")) || 12;
      const width = widthOf(this.textContent, size, isBold(this.getAttribute("font-weight")), isMono(this.getAttribute("font-family")));
      return {x: 0, y: -0.8 * size, width: width, height: 1.2 * size};
    }
    getContext() { return new Measure(); }
    toDataURL() { return "data:,"; }
  }

  class Measure {
    constructor() { this.font = ""; }
    measureText(text) {
      const found = /^(.*?)([\d.]+)px (.*)$/.exec(this.font) || [0, "", "12", ""];
      const size = parseFloat(found[2]);
      return {
        width: widthOf(String(text), size, isBold(found[1]), isMono(found[3])),
        actualBoundingBoxAscent: 0.92 * size, actualBoundingBoxDescent: 0.24 * size,
        fontBoundingBoxAscent: 0.92 * size, fontBoundingBoxDescent: 0.24 * size,
      };
    }
    createImageData(width, height) { return {width: width, height: height, data: new Uint8ClampedArray(width * height * 4)}; }
    putImageData() {}
  }

  // ---- what the engine may not reach, and the parts that it loads by itself ------------------------------
  let asked = [];
  const parts = {};  // "openiconic.js" or "themes.js" → a function that brings it
  const base = (address) => String(address).split(/[\\/]/).pop();

  function insertScript(script) {
    const name = base(script.src);
    if (parts[name]) {
      parts[name]();
      if (script.onload) world.setTimeout(script.onload, 0);
    } else {
      asked.push(name);
      if (script.onerror) world.setTimeout(script.onerror, 0);
    }
    return script;
  }

  world.XMLHttpRequest = class {
    open(_, address) { asked.push(String(address)); }
    setRequestHeader() {}
    send() { this.readyState = 4; this.status = 404; if (this.onreadystatechange) this.onreadystatechange(); }
    abort() {}
    getAllResponseHeaders() { return ""; }
    getResponseHeader() { return null; }
  };

  // ---- timers: a queue that is drained after each call, so that a render is one evaluation ---------------
  let queue = [];
  world.setTimeout = (task) => { queue.push(task); return queue.length; };
  world.clearTimeout = () => {};
  function drain() {
    while (queue.length) queue.shift()();
  }

  world.window = world;
  world.self = world;
  const silent = () => {};
  world.console = {log: silent, info: silent, warn: silent, error: silent, debug: silent};
  world.document = {
    createElementNS: (_, tag) => new Element(tag),
    createElement: (tag) => new Element(tag),
    createTextNode: (text) => ({nodeType: 3, text: String(text)}),
    createComment: (text) => ({nodeType: 8, text: String(text)}),
    createProcessingInstruction: () => ({nodeType: 7}),
    getElementById: () => null,
    importNode: (node) => node,
  };
  world.document.head = new Element("head");
  world.document.head.appendChild = insertScript;
  world.document.body = new Element("body");
  world.DOMParser = class {
    parseFromString() { return {documentElement: null}; }
  };

  // ---- the tree as SVG ----------------------------------------------------------------------------------
  const escape = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const quote = (text) => escape(text).replace(/"/g, "&quot;").replace(/\n/g, "&#10;");
  const CHINESE = "'Noto Sans CJK SC','PingFang SC','Microsoft YaHei','WenQuanYi Zen Hei','Heiti SC',sans-serif";
  let texts = [];
  let banners = [];  // advice that the engine would draw into the picture

  function familyOf(family, text) {
    if (isMono(family)) return "monospace";  // "monospaced" is Java's name; browsers and resvg do not know it
    if (/^sans-?serif$/i.test(family || "")) return isWide(text) ? CHINESE : null;  // null: the root's
    return family;
  }

  function textAttributes(element) {
    const text = element.textContent, held = element.attributes;
    const size = parseFloat(held.get("font-size")) || 12, family = held.get("font-family");
    texts.push([held.get("fill") || "", text]);
    const own = familyOf(family, text);
    if (own) held.set("font-family", own); else held.delete("font-family");
    if (text.trim() && !held.has("textLength")) {
      const width = widthOf(text, size, isBold(held.get("font-weight")), isMono(family));
      if (width > 0) {
        held.set("lengthAdjust", "spacing");
        held.set("textLength", String(Math.round(width * 10000) / 10000));
      }
    }
  }

  function attributeText(name, value, prefix) {
    if (name === "id") value = prefix + value;
    else if (name === "href" || name === "xlink:href") value = value.startsWith("#") ? "#" + prefix + value.slice(1) : value;
    else if (value.includes("url(#")) value = value.replace(/url\(#/g, "url(#" + prefix);
    return " " + name + '="' + quote(value) + '"';
  }

  function write(node, prefix, out) {
    if (node.nodeType === 3) { out.push(escape(node.text)); return; }
    if (node.nodeType !== 1) return;  // a comment, or the processing instruction that repeats the source
    if (node.tagName === "text") textAttributes(node);
    out.push("<" + node.tagName);
    for (const [name, value] of node.attributes) out.push(attributeText(name, value, prefix));
    if (!node.childNodes.length) { out.push("/>"); return; }
    out.push(">");
    for (const child of node.childNodes) write(child, prefix, out);
    out.push("</" + node.tagName + ">");
  }

  // "Please use ...": a yellow box at the top left corner and small text in it; the words become warnings
  function withoutBanner(group) {
    const box = group.childNodes[0];
    if (!box || box.tagName !== "rect" || box.getAttribute("fill") !== "#FFFFCC" || box.getAttribute("stroke") !== "#FFDD88") return;
    const bottom = parseFloat(box.getAttribute("y")) + parseFloat(box.getAttribute("height"));
    const inside = (node) => node === box || (node.tagName === "text" && parseFloat(node.getAttribute("y")) <= bottom);
    banners.push(group.childNodes.filter((node) => node !== box && inside(node)).map((node) => node.textContent).join(" "));
    group.childNodes = group.childNodes.filter((node) => !inside(node));
  }

  let root = null;
  world.XMLSerializer = class {
    serializeToString(node) { root = node; return "done"; }
  };

  // ---- what Python calls --------------------------------------------------------------------------------
  world.otakitPart = (name, bring) => { parts[name] = bring; };
  world.otakitRender = function (lines, prefix) {
    asked = []; texts = []; banners = []; queue = []; root = null;
    let failure = null;
    world.otakitEngine(lines, () => {}, (reason) => { failure = String(reason); }, {maxSvgSize: 0});
    drain();
    const out = [];
    if (root) {
      for (const group of root.children) if (group.tagName === "g") withoutBanner(group);
      write(root, prefix, out);
    }
    const answer = {svg: out.join(""), texts: texts, asked: asked, failure: failure, banners: banners};
    root = null;
    return answer;
  };
  world.otakitWidth = widthOf;
})(globalThis);
