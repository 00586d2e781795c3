"use strict";
// Shows one item at a time; every answer is kept in the browser at once, and leaves it only in the file that the person saves.
(() => {
  const sheet = JSON.parse(document.getElementById("items").textContent);
  const place = `bench-annotate:${sheet.run}:${sheet.annotator}`;
  const by = (id) => document.getElementById(id);
  let kept = {};
  let at = 0;
  let canKeep = true;

  try {
    kept = JSON.parse(localStorage.getItem(place) || "{}") || {};
  } catch {
    canKeep = false;
  }

  const keep = () => {
    try {
      localStorage.setItem(place, JSON.stringify(kept));
    } catch {
      canKeep = false;
    }
    show_progress();
  };
  const answered = (item, question) => (kept[item.item_id] || {})[question.id] || {};
  const isDone = (item) => item.questions.every((question) => question.kind === "overall" || answered(item, question).label);
  const put = (item, question, change) => {
    const of = (kept[item.item_id] = kept[item.item_id] || {});
    of[question.id] = { label: "", note: "", ...of[question.id], ...change };
    keep();
  };

  const made = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  const options = (question) => {
    if (!question.scale) return [["yes", "yes"], ["no", "no"], ["unsure", "unsure"]];
    const [low, high] = question.scale;
    const anchors = new Map(question.anchors || []);
    return Array.from({ length: high - low + 1 }, (_, k) => [String(low + k), anchors.has(low + k) ? `${low + k}: ${anchors.get(low + k)}` : String(low + k)]);
  };

  const asked = (item, question) => {
    const words = { expect: "Does the answer fulfil this?", forbid: "Does the answer do this (it should not)?", question: "", overall: "" };
    const said = (question.said || []).map(([label, n]) => `${label} × ${n}`).join(", ");
    const field = made("fieldset", {}, made("legend", { textContent: question.text }));
    if (words[question.kind]) field.append(made("p", { className: "muted", textContent: words[question.kind] }));
    if (said) field.append(made("p", { className: "muted", textContent: `Said so far: ${said}` }));
    const wide = question.scale && question.scale[1] - question.scale[0] > 10;
    if (wide) {
      const [low, high] = question.scale;
      const input = made("input", { type: "number", min: low, max: high, step: "any", value: answered(item, question).label || "" });
      input.setAttribute("aria-label", `${question.text} (${low} to ${high})`);
      input.addEventListener("input", () => put(item, question, { label: input.checkValidity() ? input.value : "" }));
      field.append(input, made("span", { className: "muted", textContent: ` ${low} to ${high}` }));
    } else {
      for (const [value, label] of options(question)) {
        const radio = made("input", { type: "radio", name: question.id, value, checked: answered(item, question).label === value });
        radio.addEventListener("change", () => put(item, question, { label: value }));
        field.append(made("label", {}, radio, label));
      }
    }
    const note = made("input", { type: "text", className: "note", placeholder: "Note (may be left empty)", maxLength: 2000, value: answered(item, question).note || "" });
    note.setAttribute("aria-label", `Note on: ${question.text}`);
    note.addEventListener("input", () => put(item, question, { note: note.value }));
    field.append(note);
    return field;
  };

  const show_progress = () => {
    const done = sheet.items.filter(isDone).length;
    by("progress").value = done;
    by("count").textContent = `${done} of ${sheet.items.length} graded`;
    by("count").className = done === sheet.items.length ? "done" : "muted";
    by("warning").hidden = canKeep;
  };

  const show = () => {
    const item = sheet.items[at];
    by("place").textContent = `Answer ${at + 1} of ${sheet.items.length}`;
    by("task").textContent = item.task;
    by("reference").textContent = item.reference || "";
    by("with-reference").hidden = !item.reference;
    by("answer").textContent = item.answer || "(an empty answer)";
    by("questions").replaceChildren(...item.questions.map((question) => asked(item, question)));
    by("back").disabled = at === 0;
    by("next").disabled = at === sheet.items.length - 1;
    show_progress();
    window.scrollTo(0, 0);
  };

  const move = (to) => {
    at = Math.max(0, Math.min(sheet.items.length - 1, to));
    show();
  };

  const save = () => {
    const answers = sheet.items.flatMap((item) =>
      item.questions.filter((question) => answered(item, question).label).map((question) => ({ item: item.item_id, question: question.id, drawn: item.drawn || "random", ...answered(item, question) })));
    const text = JSON.stringify({ format: "bench-annotations", version: 1, run: sheet.run, annotator: sheet.annotator, answers }, null, 1);
    const link = made("a", { href: URL.createObjectURL(new Blob([text], { type: "application/json" })), download: `answers-${sheet.annotator}.json` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  by("back").addEventListener("click", () => move(at - 1));
  by("next").addEventListener("click", () => move(at + 1));
  by("open").addEventListener("click", () => move(Math.max(0, sheet.items.findIndex((item) => !isDone(item)))));
  by("save").addEventListener("click", save);
  document.addEventListener("keydown", (event) => {
    if (event.target.type === "text" || event.target.type === "number" || event.ctrlKey || event.metaKey || event.altKey) return;
    const value = { y: "yes", n: "no", u: "unsure" }[event.key];
    const open = value && sheet.items[at].questions.find((question) => !question.scale && !answered(sheet.items[at], question).label);
    if (open) {
      put(sheet.items[at], open, { label: value });
      show();
    } else if (event.key === "j") move(at + 1);
    else if (event.key === "k") move(at - 1);
  });
  by("progress").max = sheet.items.length;
  move(Math.max(0, sheet.items.findIndex((item) => !isDone(item))));
})();
